package admin

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

const (
	// heartbeat is how often a silent stream sends a comment, to find out that
	// the reader is gone and to keep middle boxes from thinking so.
	heartbeat = 15 * time.Second
	// writePatience is how long one write of a stream may take.
	writePatience = 10 * time.Second
)

// events streams changes until the client or the server goes.
func (h *Handler) events(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	s := &stream{w: w, control: http.NewResponseController(w), seen: make(map[string]Backend)}
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for {
		changed := h.Registry.Changed() // before the look, so that nothing is missed
		if s.differences(h.Registry) != nil {
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-changed:
		case <-beat.C:
			if s.write(": alive\n\n") != nil || s.flush() != nil {
				return
			}
		}
	}
}

// stream is one reader of events and what it has been told.
type stream struct {
	w       http.ResponseWriter
	control *http.ResponseController
	seen    map[string]Backend
}

// differences writes an event for each backend that is not as the reader has
// seen it.
func (s *stream) differences(registry Registry) error {
	here := make(map[string]bool)
	for _, b := range registry.Backends() {
		now := describe(b)
		here[now.Name] = true
		last, known := s.seen[now.Name]
		s.seen[now.Name] = now
		last.Sessions = now.Sessions // not a change of the backend
		if known && last == now {
			continue
		}
		if err := s.event(Event{Backend: now}); err != nil {
			return err
		}
	}
	for name, last := range s.seen {
		if here[name] {
			continue
		}
		delete(s.seen, name)
		if err := s.event(Event{Backend: last, Removed: true}); err != nil {
			return err
		}
	}
	return s.flush()
}

func (s *stream) event(e Event) error {
	data, err := json.Marshal(e)
	if err != nil {
		return err
	}
	return s.write(fmt.Sprintf("event: backend\ndata: %s\n\n", data))
}

func (s *stream) write(text string) error {
	// The server's write timeout is for answers that end. A writer without
	// deadlines (a test's) has nothing to extend.
	_ = s.control.SetWriteDeadline(time.Now().Add(writePatience))
	_, err := s.w.Write([]byte(text))
	return err
}

func (s *stream) flush() error { return s.control.Flush() }

package admin

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"segue/cmd/internal/admin/history"
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
	ticks, err := wantsTicks(r.URL.RawQuery)
	if err != nil || ticks && h.History == nil {
		refuse(w, http.StatusBadRequest, "the query "+quote(r.URL.RawQuery)+" is none; write it as in ?ticks=true")
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	s := &stream{w: w, control: http.NewResponseController(w), seen: make(map[string]Backend)}
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	var next <-chan struct{} // nil: never
	if ticks {
		_, s.told = h.Audit.After(0)
	}
	for {
		changed := h.Registry.Changed() // before the look, so that nothing is missed
		if s.differences(h.Registry) != nil {
			return
		}
		if ticks {
			var last history.Tick
			if last, next = h.History.Latest(); s.tick(r.Context(), h, last) != nil {
				return
			}
		}
		select {
		case <-r.Context().Done():
			return
		case <-changed:
		case <-next:
		case <-beat.C:
			if s.write(": alive\n\n") != nil || s.flush() != nil {
				return
			}
		}
	}
}

// wantsTicks reads the query.
func wantsTicks(raw string) (bool, error) {
	query, err := url.ParseQuery(raw)
	if err != nil {
		return false, err
	}
	return strconv.ParseBool(cmp.Or(query.Get("ticks"), "false"))
}

// stream is one reader of events and what it has been told.
type stream struct {
	w       http.ResponseWriter
	control *http.ResponseController
	seen    map[string]Backend
	ticked  uint64 // number of the last tick
	told    uint64 // of the changes that there have been
}

// tick writes what the last second has brought, once. A reader who was slow is not told of the seconds before: it finds a number left out.
func (s *stream) tick(ctx context.Context, h *Handler, last history.Tick) error {
	if last.Number == s.ticked {
		return nil
	}
	s.ticked = last.Number
	all := Status{Paused: h.Pauser.Paused()}
	if h.Others() > 0 {
		h.addStatus(ctx, &all)
	}
	all.Sessions = last.Total.Sessions // those of others are in it, but for those that have not told
	unknown := h.unknown()
	for _, o := range all.Others {
		if slices.Contains(unknown, o.PID) {
			all.Sessions += o.Sessions
		}
	}
	last.Total.Sessions = all.Sessions
	t := Tick{Tick: last, Summary: h.summary(time.Now(), &all), Paused: all.Paused}
	t.Changes, s.told = h.Audit.After(s.told)
	if err := s.event("tick", t); err != nil {
		return err
	}
	return s.flush()
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
		if err := s.event("backend", Event{Backend: now}); err != nil {
			return err
		}
	}
	for name, last := range s.seen {
		if here[name] {
			continue
		}
		delete(s.seen, name)
		if err := s.event("backend", Event{Backend: last, Removed: true}); err != nil {
			return err
		}
	}
	return s.flush()
}

func (s *stream) event(kind string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return s.write(fmt.Sprintf("event: %s\ndata: %s\n\n", kind, data))
}

func (s *stream) write(text string) error {
	// The server's write timeout is for answers that end. A writer without
	// deadlines (a test's) has nothing to extend.
	_ = s.control.SetWriteDeadline(time.Now().Add(writePatience))
	_, err := s.w.Write([]byte(text))
	return err
}

func (s *stream) flush() error { return s.control.Flush() }

package admin

import (
	"context"
	"net/http"
	"slices"
	"time"

	"segue/cmd/internal/admin/history"
)

// Successors ask a Segue that has been taken over from for its history once, and then every second for what it has counted: what becomes of the clients
// that it still has is part of theirs.

// addCounted adds what the Segue that has taken over may ask. It is for that one alone, which takes the last answer for all that there will be.
func (h *Handler) addCounted(mux *http.ServeMux) {
	mux.HandleFunc("GET /api/v1/counted", h.counted)
}

// counted answers what this process has counted.
func (h *Handler) counted(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, h.History.Counted())
	h.mu.Lock()
	defer h.mu.Unlock()
	h.askedAt = time.Now()
	if h.asked != nil {
		close(h.asked)
		h.asked = nil
	}
}

// Farewell has the Segue that has taken over hear of what this one has counted last, if it asks for that: it is called when the last session has ended,
// and returns when the answer is on its way, or nobody has come for it.
func (h *Handler) Farewell(ctx context.Context) {
	const most = 2 * recordEvery
	h.mu.Lock()
	expected := !h.askedAt.IsZero() && time.Since(h.askedAt) < most
	h.mu.Unlock()
	if !expected {
		return
	}
	h.History.Observe(time.Now(), h.look())
	asked := make(chan struct{})
	h.mu.Lock()
	h.asked = asked
	h.mu.Unlock()
	select {
	case <-asked:
	case <-ctx.Done():
	case <-time.After(most):
	}
}

func (c *Client) counted(ctx context.Context) (history.Counted, error) {
	return get[history.Counted](ctx, c, "/api/v1/counted")
}

// inheritTimeout is how long that may take: the eight hours of many backends are many megabytes.
const inheritTimeout = 8 * time.Second

// inherit has History and Audit begin with what the Segue knows that this one has taken over from.
func (h *Handler) inherit(ctx context.Context) {
	type known struct {
		all, latest History
		counted     history.Counted
		measured    bool
	}
	answers := askOthersFor(ctx, h, inheritTimeout, func(ctx context.Context, c *Client) (k known, err error) {
		if k.all, err = c.History(ctx, history.Longest, history.MostSamples); err != nil {
			return k, err
		}
		if k.latest, err = c.History(ctx, history.Finest, history.MostFine); err != nil {
			return k, err
		}
		counted, bad := c.counted(ctx) // an older one has no such thing, and yet a history
		k.counted, k.measured = counted, bad == nil
		return k, nil
	})
	for _, of := range slices.Backward(answers) { // the one that has been taken over from last knows of those before it
		if of.err != nil { // it may be an older one, which has none
			h.log().Warn("what has been before the takeover is missing in the history", "pid", of.PID, "cause", of.err)
			continue
		}
		h.History.Inherit(of.value.all.Extract, of.value.latest.Extract)
		h.Audit.Inherit(of.value.all.Changes)
		if of.value.measured {
			h.History.Measure(of.PID, of.value.counted)
		}
	}
}

// lookAtOthers is what the Segues have counted that this one has taken over from. It notes those that do not tell.
func (h *Handler) lookAtOthers(ctx context.Context) map[int32]*history.Counted {
	ctx, cancel := context.WithTimeout(ctx, recordEvery/2) // the next look is due soon
	defer cancel()
	var all map[int32]*history.Counted
	var unknown []int32
	for _, of := range askOthers(ctx, h, func(ctx context.Context, c *Client) (history.Counted, error) { return c.counted(ctx) }) {
		if all == nil {
			all = map[int32]*history.Counted{}
		}
		all[of.PID] = nil
		if of.err != nil {
			unknown = append(unknown, of.PID)
			continue
		}
		all[of.PID] = &of.value
	}
	h.mu.Lock()
	h.silent = unknown
	h.mu.Unlock()
	return all
}

// unknown are the processes that have not told what they have counted.
func (h *Handler) unknown() []int32 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.silent)
}

package admin

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"slices"
	"sync"
	"syscall"
	"time"

	"segue/backend"
	proxy "segue/proxy"
	"segue/proxy/ledger"
)

// Other is a Segue that has been taken over from and goes on for the sessions that it has. Who asks this one is told of both.
type Other struct {
	PID    int32  `json:"pid"`
	Socket string `json:"socket"` // where it answers its successors
}

// other is one with the means to ask it.
type other struct {
	Other
	client *Client
}

// relayTimeout is how long another Segue may take to answer. Longer than that nobody waits for it: it may have been stopped.
const relayTimeout = time.Second

// Process is how another Segue is, as in Status.
type Process struct {
	PID      int32     `json:"pid"`
	Version  string    `json:"version,omitempty"`
	Started  time.Time `json:"started,omitzero"`
	State    State     `json:"state,omitempty"`
	Sessions int       `json:"sessions"`
	Loads    int       `json:"loads,omitempty"`
	// Failures are its part of the sums.
	Failures []ledger.Count `json:"failures,omitempty"`
	// Error tells why nothing is known of it, but that it is there.
	Error string `json:"error,omitempty"`
}

// Adopt has others be asked and told whatever this Segue is.
func (h *Handler) Adopt(others []Other) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, o := range others {
		h.others = append(h.others, &other{o, newSocketClient(o.Socket, h.DialOther)})
	}
}

// Others is how many there may be.
func (h *Handler) Others() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.others)
}

// forget drops one that has ended.
func (h *Handler) forget(gone *other) {
	h.mu.Lock()
	h.others = slices.DeleteFunc(h.others, func(o *other) bool { return o == gone })
	h.mu.Unlock()
	gone.client.Close()
	if h.Ended != nil {
		h.Ended(gone.Other)
	}
}

// told is what another Segue answers.
type told[T any] struct {
	Other
	value T
	err   error
}

// askOthers asks all of them at once, in no more than relayTimeout. Those that have ended are not among the answers.
func askOthers[T any](ctx context.Context, h *Handler, ask func(ctx context.Context, c *Client) (T, error)) []told[T] {
	return askOthersFor(ctx, h, relayTimeout, ask)
}

// askOthersFor is askOthers with a time of its own.
func askOthersFor[T any](ctx context.Context, h *Handler, most time.Duration, ask func(ctx context.Context, c *Client) (T, error)) []told[T] {
	h.mu.Lock()
	others := slices.Clone(h.others)
	h.mu.Unlock()
	if len(others) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	answers := make([]told[T], len(others))
	var all sync.WaitGroup
	for i, o := range others {
		all.Go(func() {
			v, err := ask(ctx, o.client)
			answers[i] = told[T]{o.Other, v, err}
		})
	}
	all.Wait()
	kept := answers[:0]
	for i, a := range answers {
		if errors.Is(a.err, syscall.ECONNREFUSED) || errors.Is(a.err, fs.ErrNotExist) {
			h.forget(others[i])
			continue
		}
		kept = append(kept, a)
	}
	return kept
}

// tellOthers has them do what this Segue has done. One that does not answer is logged: it is shown as such, too.
func (h *Handler) tellOthers(ctx context.Context, what string, tell func(ctx context.Context, c *Client) error) {
	for _, a := range askOthers(ctx, h, func(ctx context.Context, c *Client) (struct{}, error) { return struct{}{}, tell(ctx, c) }) {
		if _, answered := errors.AsType[*Error](a.err); a.err != nil && !answered { // it may have no such backend, or no pause
			h.log().Warn("the Segue that was taken over from could not be told", "pid", a.PID, "what", what, "cause", a.err)
		}
	}
}

// addSessions adds theirs.
func (h *Handler) addSessions(ctx context.Context, list []Session) []Session {
	for _, a := range askOthers(ctx, h, func(ctx context.Context, c *Client) ([]Session, error) { return c.Sessions(ctx) }) {
		for _, s := range a.value {
			s.Process = a.PID
			list = append(list, s)
		}
	}
	slices.SortFunc(list, func(a, b Session) int { return cmp.Or(cmp.Compare(a.Process, b.Process), cmp.Compare(a.ID, b.ID)) })
	return list
}

// addLoads adds theirs, the oldest first.
func (h *Handler) addLoads(ctx context.Context, list []Load) []Load {
	for _, a := range askOthers(ctx, h, func(ctx context.Context, c *Client) ([]Load, error) { return c.Loads(ctx) }) {
		for _, l := range a.value {
			l.Process = a.PID
			list = append(list, l)
		}
	}
	slices.SortStableFunc(list, func(a, b Load) int { return a.Since.Compare(b.Since) })
	return list
}

// addCounts adds their sessions to those of the backends that have the same name.
func (h *Handler) addCounts(ctx context.Context, list []Backend) {
	for _, a := range askOthers(ctx, h, func(ctx context.Context, c *Client) ([]Backend, error) { return c.Backends(ctx) }) {
		for _, theirs := range a.value {
			if i := slices.IndexFunc(list, func(b Backend) bool { return b.Name == theirs.Name }); i >= 0 {
				list[i].Sessions += theirs.Sessions
			}
		}
	}
}

// addStatus adds what they are, and what is theirs in the sums.
func (h *Handler) addStatus(ctx context.Context, s *Status) {
	for _, a := range askOthers(ctx, h, func(ctx context.Context, c *Client) (Status, error) { return c.Status(ctx) }) {
		p := Process{PID: a.PID, Version: a.value.Version, Started: a.value.Started, State: a.value.State, Sessions: a.value.Sessions, Loads: a.value.Loads, Failures: a.value.Failures}
		if a.err != nil {
			p = Process{PID: a.PID, Error: a.err.Error()}
		}
		s.Others = append(s.Others, p)
		s.Sessions += p.Sessions
		s.Loads += p.Loads
		s.Paused = addPause(s.Paused, a.value.Paused)
		s.Failures = addFailures(s.Failures, a.value.Failures)
	}
}

// addPause is one pause of two Segues.
func addPause(ours, theirs *proxy.Pause) *proxy.Pause {
	if ours == nil || theirs == nil {
		return cmp.Or(ours, theirs)
	}
	sum := *ours
	sum.Held += theirs.Held
	sum.Busy += theirs.Busy
	if theirs.Since.Before(sum.Since) {
		sum.Since = theirs.Since
	}
	return &sum
}

// addFailures adds counts of the same kind and action.
func addFailures(ours, theirs []ledger.Count) []ledger.Count {
	sum := slices.Clone(ours)
	for _, c := range theirs {
		i := slices.IndexFunc(sum, func(s ledger.Count) bool { return s.Kind == c.Kind && s.Action == c.Action })
		if i < 0 {
			sum = append(sum, c)
			continue
		}
		sum[i].Count += c.Count
	}
	return sum
}

// addIncidents adds theirs, the latest first.
func (h *Handler) addIncidents(ctx context.Context, f *ledger.Failures) {
	for _, a := range askOthers(ctx, h, func(ctx context.Context, c *Client) (ledger.Failures, error) { return c.Failures(ctx) }) {
		f.Counts = addFailures(f.Counts, a.value.Counts)
		for into, more := range map[*[]ledger.Incident][]ledger.Incident{&f.Seen: a.value.Seen, &f.Hidden: a.value.Hidden} {
			*into = append(slices.Clone(*into), more...)
			slices.SortStableFunc(*into, func(a, b ledger.Incident) int { return b.Time.Compare(a.Time) })
		}
	}
}

// tellAdmin has them do it too.
func (h *Handler) tellAdmin(ctx context.Context, name string, to backend.Admin) {
	h.tellOthers(ctx, to.String()+" "+name, func(ctx context.Context, c *Client) error {
		_, err := c.SetAdmin(ctx, name, to, true)
		return err
	})
}

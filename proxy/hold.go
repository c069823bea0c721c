package proxy

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"segue/backend"
	"segue/proxy/wire"
)

// Hold says what becomes of statements while no backend could run them. The zero value of each field means its default.
type Hold struct {
	// Timeout is the longest that a statement waits for a usable backend. Negative: it does not wait.
	Timeout time.Duration
	// Statements is how many may wait at the same time. One that came in a buffer of 256 KB counts as sixteen of the usual 16 KB.
	Statements int
	// DryRun: nothing waits, but what would have is counted.
	DryRun bool
}

// The defaults of Hold.
const (
	DefaultHoldTimeout    = 10 * time.Second
	DefaultHoldStatements = 10_000
)

func (h Hold) timeout() time.Duration {
	switch {
	case h.Timeout == 0:
		return DefaultHoldTimeout
	case h.Timeout < 0:
		return 0
	}
	return h.Timeout
}

func (h Hold) statements() int64 {
	if h.Statements <= 0 {
		return DefaultHoldStatements
	}
	return int64(h.Statements)
}

// The values of segue_hold_duration_seconds{result}: what a wait came to.
const (
	heldSent    = "sent"    // a backend was found
	heldTimeout = "timeout" // hold.timeout was over
	heldFull    = "full"    // hold.statements waited already
	heldDryRun  = "dry_run" // it would have been held
	heldGone    = "gone"    // the client, or the session, went
)

// holding is who waits for a backend, or for the operator, with a statement.
type holding struct {
	units atomic.Int64 // of Hold.Statements

	mu      sync.Mutex       // guards what follows
	waiting map[*session]int // how many of its statements: one that has come, and one that is to be run again
}

// add notes a statement, and returns how many wait with it.
func (h *holding) add(s *session, units int64) int64 {
	all := h.units.Add(units)
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.waiting == nil {
		h.waiting = map[*session]int{}
	}
	h.waiting[s]++
	return all
}

func (h *holding) remove(s *session, units int64) {
	h.units.Add(-units)
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.waiting[s]--; h.waiting[s] == 0 {
		delete(h.waiting, s)
	}
}

func (h *holding) list() []*session {
	h.mu.Lock()
	defer h.mu.Unlock()
	list := make([]*session, 0, len(h.waiting))
	for s := range h.waiting {
		list = append(list, s)
	}
	return list
}

// wait is the wait of the client's pump with a statement. The session's mu guards it.
type wait struct {
	since   int64 // as Server.elapsed; 0: nobody waits
	units   int64 // of Hold.Statements
	excess  bool  // when it came, as many as may waited already
	late    bool  // hold.timeout is over
	held    bool  // for a backend, or for the operator, not for a move alone
	starved bool  // for a backend
	seq     uint8 // the statement's sequence id
}

// between reports whether the session stands on no backend, or is about to leave its own.
func (s *session) between() bool {
	st := s.current()
	return st == Moving || st == Holding && (s.away.lost || s.away.electing)
}

// paused reports whether the operator wants the session's next statement to wait. What has been begun may end.
func (s *session) paused() bool {
	if !s.server.paused.Load() {
		return false
	}
	st := s.current()
	return (st == Idle || st == Holding) && s.track.Outstanding() == 0 && !s.track.MidCommand()
}

// waits reports whether a statement that comes now has to wait.
func (s *session) waits() bool { return s.between() || s.paused() }

// awaitTurn waits, with the bytes b of the client's at hand, until the session stands on a backend that takes statements. Where that takes
// too long, it returns what the client gets in place of an answer to the next of them.
func (s *session) awaitTurn(b []byte) (refusal *wire.Err) {
	for s.end == Open && refusal == nil && (s.waits() || s.track.OwnOutstanding()) {
		if isQuit(b) && !s.track.OwnOutstanding() {
			if s.between() { // there is nobody to move for
				s.endLocked(ClientQuit, nil)
				s.interrupt()
			}
			break
		}
		if s.beginWait(b) {
			continue // whoever ends a wait from here on sees this one, and whoever did so just before is seen
		}
		if refusal = s.overdue(b); refusal == nil {
			s.turn.Wait()
		}
	}
	s.endWait(refusal)
	return refusal
}

// beginWait notes that a statement waits, and reports whether it has not done so before.
func (s *session) beginWait(b []byte) (first bool) {
	w := &s.away.wait
	if first = w.since == 0; first {
		*w = wait{since: s.server.elapsed(), units: int64(max(1, cap(b)/smallBuffer))}
		if len(b) >= wire.HeaderLen {
			w.seq = b[wire.HeaderLen-1]
		}
		w.excess = s.server.holding.add(s, w.units) > s.server.options().Hold.statements()
		if p := s.away.pass; p != nil {
			s.server.gate.hurry(p, w.since)
		}
	}
	if s.current() == Idle && s.paused() {
		s.enter(Holding)
	}
	if s.current() == Holding {
		w.held, w.starved = true, w.starved || s.away.lost
	}
	return first
}

// endWait notes that it no longer does.
func (s *session) endWait(refusal *wire.Err) {
	w := &s.away.wait
	if s.current() == Holding && !s.between() {
		s.enter(Idle)
	}
	if w.since == 0 {
		return
	}
	was := *w
	*w = wait{}
	s.server.holding.remove(s, was.units)
	if refusal != nil || !was.held {
		return
	}
	result, took := heldSent, time.Duration(s.server.elapsed()-was.since)
	switch {
	case s.end != Open:
		result = heldGone
	case was.starved:
		s.server.ledger.hidden(s, kindNoBackend, actionHeld, "", fmt.Errorf("the statement waited for %s", took.Round(time.Millisecond)))
	}
	s.server.metrics.hold.WithLabelValues(result).Observe(took.Seconds())
}

// overdue is what the client gets because its statement must not wait any longer, or at all; nil if it may.
func (s *session) overdue(b []byte) *wire.Err {
	w, opts := &s.away.wait, s.server.options()
	if !w.held || s.away.again != nil { // the one before it is to be told first
		return nil
	}
	if len(b) > wire.HeaderLen && wire.Command(b[wire.HeaderLen]).Silent() { // that gets no answer, but must not be in the way of others
		if since := max(s.away.at, s.server.resumed.Load()); s.away.lost && s.server.elapsed()-since >= int64(opts.Hold.timeout()) {
			return clientError("long data was not sent: no backend could take it within hold.timeout")
		}
		return nil
	}
	result, why := "", ""
	switch {
	case w.late:
		result, why = heldTimeout, fmt.Sprintf("no backend could take it within hold.timeout %s", opts.Hold.timeout())
	case w.excess:
		result, why = heldFull, fmt.Sprintf("%d others wait for a backend already (hold.statements)", opts.Hold.statements())
	case opts.Hold.DryRun && s.away.lost && !s.server.usable(): // with a backend that is back the session is about to be on it
		result, why = heldDryRun, "no backend can take it, and hold.dry_run is set"
	default:
		return nil
	}
	s.server.metrics.hold.WithLabelValues(result).Observe(time.Duration(s.server.elapsed() - w.since).Seconds())
	var cause error = s.server.registry.Unusable()
	if s.server.paused.Load() {
		cause = errPaused
	}
	s.server.ledger.seen(s, lostHold, cause)
	return errPacket(codeServerUnavailable, "the statement was not sent: "+why+": "+cause.Error())
}

// tire looks at a session that waits with a statement: it has had to for long enough, or its client has left.
func (s *session) tire(now int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := &s.away.wait
	if s.end != Open {
		return
	}
	if s.current() == Moving && s.away.pass != nil && s.server.gate.isShut() { // it was open when the session came there
		s.enter(Holding)
		s.turn.Broadcast()
	}
	if s.client.hungUp() {
		s.endLocked(ClientGone, nil)
		s.interrupt()
		s.turn.Broadcast()
		return
	}
	if s.server.paused.Load() || !s.away.lost {
		return
	}
	hold := s.server.options().Hold
	long := int64(hold.timeout())
	resumed := s.server.resumed.Load()
	if w.since != 0 && now-max(w.since, resumed) >= long {
		w.late = true
		s.turn.Broadcast()
	}
	if p := s.away.pass; p != nil && s.away.again != nil && s.current() == Holding && (hold.DryRun || now-max(s.away.at, resumed) >= long) {
		s.server.gate.giveUp(p)
	}
}

// interrupt makes a move end that is of no use any more: that of a session that is over.
func (s *session) interrupt() {
	if s.away.next != nil {
		_ = s.away.next.SetDeadline(past)
	}
	if s.away.pass != nil {
		s.server.gate.giveUp(s.away.pass)
	}
}

// hold looks after those who wait for a backend. Server.tend calls it.
func (s *Server) hold() {
	now := s.elapsed()
	if until := s.pausedUntil.Load(); until != 0 && now >= until && s.resume(now) {
		s.log.Warn("resumed by itself: the pause had lasted for as long as it was meant to at most")
	}
	for _, c := range s.holding.list() {
		c.tire(now)
	}
	if !s.paused.Load() {
		s.gate.try()
	}
}

// shutGate shuts the gate while no backend could take a session, and opens it when one can.
func (s *Server) shutGate() {
	s.pausing.Lock() // so that who looked first does not have the last word
	defer s.pausing.Unlock()
	s.gate.set(s.paused.Load() || !s.usable())
}

// usable reports whether a session may find a place on some backend.
func (s *Server) usable() bool {
	for _, b := range s.registry.Backends() {
		if st := b.Status(); st.Health != backend.Down && st.Admin == backend.Ready && !st.Removed {
			return true
		}
	}
	return false
}

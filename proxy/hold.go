package proxy

import (
	"fmt"
	"time"

	"segue/backend/wire"
	"segue/proxy/ledger"
	"segue/proxy/plan"
)

// Hold says what becomes of statements while no backend could run them. The zero value of each field means its default.
type Hold struct {
	// Timeout is the longest that a statement waits for a usable backend. Negative: it does not wait.
	Timeout time.Duration
	// Statements is how many may wait at the same time. One of 256 KB counts as sixteen of the usual 16 KB.
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

// held reports whether the operator wants the session's next statement to wait. What has been begun may end.
func (s *session) held() bool {
	return s.w.paused && (s.state == Idle || s.state == Holding) && s.errand == nil
}

// wait has the command wait until the session stands on a backend that takes statements. Where that takes too long it is
// answered at once. It returns how many bytes have been dealt with.
func (c command) wait() (n int, forward bool) {
	s, b := c.s, c.b
	if w := s.w; !s.stmt.waits() {
		s.stmt.begin(w.now(), b)
		s.stmt.excess = w.server.waiting.Add(s.stmt.size) > w.server.options().Hold.statements()
		w.waiters.add(s)
		switch e := s.errand.(type) {
		case *departure:
			e.hasten()
		case *detached:
			s.after(alarmErrand, 0)
		}
	}
	if s.state == Idle && s.held() {
		s.enter(Holding)
	}
	s.noteHeld()
	f := c.waitedFacts()
	action := plan.Waited(&f)
	if action == plan.GoOn {
		return 0, false
	}
	return c.refuse(c.tooLong(action)), false
}

// awaitsAnswer reports whether a statement waits that is to be answered, as COM_STMT_CLOSE is not.
func (s *session) awaitsAnswer() bool { return s.stmt.waits() && !commandOf(s.client.rest).Silent() }

// noteHeld notes what the statement that waits is waiting for, and when it is to be told, as is the one before it that is to be run again.
func (s *session) noteHeld() {
	st := &s.stmt
	if s.state != Holding || st.came == 0 && st.phase != again {
		return
	}
	d, lost := s.errand.(*departure)
	lost = lost && d.lost
	if st.came != 0 {
		st.held, st.starved = true, st.starved || lost
	}
	if !lost || s.w.paused {
		return
	}
	s.due.clear(alarmHold)
	if st.came != 0 && !st.late {
		s.by(alarmHold, s.w.server.heldUntil(st.came))
	}
	if at := d.tires(); at != 0 && (!s.due.set(alarmHold) || at < s.due.at(alarmHold)) {
		s.by(alarmHold, at)
	}
}

// heldUntil is when one that has waited since then has waited for long enough.
func (s *Server) heldUntil(since int64) int64 {
	return max(since, s.resumed.Load()) + int64(s.options().Hold.timeout())
}

// waitedFacts gathers what plan.Waited goes by.
func (c command) waitedFacts() plan.WaitedFacts {
	s := c.s
	hold := s.w.server.options().Hold
	d, lost := s.errand.(*departure)
	lost = lost && d.lost
	f := plan.WaitedFacts{
		Held: s.stmt.held, Behind: s.stmt.again(), Silent: commandOf(c.b).Silent(), Late: s.stmt.late, Excess: s.stmt.excess,
		DryRun: hold.DryRun && lost && !s.w.server.usable(), // with a backend that is back the session is about to be on it
	}
	if f.Silent && lost {
		f.Expired = s.w.now() >= s.w.server.heldUntil(d.at)
	}
	return f
}

// tooLong is what the client gets because its statement must not wait any longer, or at all.
func (c command) tooLong(action plan.WaitedAction) *wire.Err {
	s := c.s
	opts := s.w.server.options()
	result, why := "", ""
	switch action {
	case plan.RefuseLongData:
		return clientError("long data was not sent: no backend could take it within hold.timeout")
	case plan.RefuseLate:
		result, why = heldTimeout, fmt.Sprintf("no backend could take it within hold.timeout %s", opts.Hold.timeout())
	case plan.RefuseExcess:
		result, why = heldFull, fmt.Sprintf("%d others wait for a backend already (hold.statements)", opts.Hold.statements())
	default:
		result, why = heldDryRun, "no backend can take it, and hold.dry_run is set"
	}
	s.w.server.metrics.hold.WithLabelValues(result).Observe(time.Duration(s.w.now() - s.stmt.came).Seconds())
	var cause error = s.w.server.registry.Unusable()
	if s.w.paused {
		cause = errPaused
	}
	s.seen(ledger.LostHold, cause)
	return errPacket(codeServerUnavailable, "the statement was not sent: "+why+": "+cause.Error())
}

// tire is called when the statement that waits may have waited for long enough.
func (s *session) tire() {
	if s.end != Open {
		return
	}
	if d, ok := s.errand.(*departure); ok {
		d.tire()
	}
	if s.stmt.waits() && !s.w.paused && s.w.now() >= s.w.server.heldUntil(s.stmt.came) {
		s.stmt.late = true
		s.client.again()
	}
	s.noteHeld()
}

// endWait notes that a statement waits no longer. refusal is what it has been answered.
func (s *session) endWait(refusal *wire.Err) {
	if s.state == Holding && s.errand == nil {
		s.enter(Idle)
	}
	st := &s.stmt
	if st.came == 0 {
		return
	}
	took, held, starved := time.Duration(s.w.now()-st.came), st.held, st.starved
	s.w.server.waiting.Add(-st.size)
	s.w.waiters.remove(s)
	st.came = 0
	s.due.clear(alarmHold)
	if refusal != nil || !held {
		return
	}
	result := heldSent
	switch {
	case s.end != Open:
		result = heldGone
	case starved:
		s.hidden(ledger.NoBackend, ledger.Held, "", fmt.Errorf("the statement waited for %s", took.Round(time.Millisecond)))
	}
	s.w.server.metrics.hold.WithLabelValues(result).Observe(took.Seconds())
}

package proxy

import (
	"slices"
	"time"

	"segue/backend"
	"segue/backend/client"
	"segue/proxy/gate"
	"segue/proxy/ledger"
)

// departure takes a session from its backend to another one: it is rebuilt there, and its client's statements wait meanwhile. It is all or
// nothing: while the old backend serves, a session of which something could not be rebuilt stays there.
type departure struct {
	s       *session
	to      *backend.Backend // the only one that is wanted; nil: any
	refused bool             // the backend has refused a statement, which is to be run again
	lost    bool             // the backend has gone
	loss    error            // … as which it showed
	told    bool             // … and the client has been told, or is owed it
	rested  bool             // … for the session had been idle for as long as it may: the backend is as good as any
	unlike  []string         // … and the session is not what it was in these
	warned  bool             // the statement before may have left warnings
	at      int64            // when the backend was lost; as Server.elapsed
	began   int64

	step     step
	said     client.Hello // who the client was when Segue logged in ahead
	slot     bool         // it has passed the gate, and must leave
	swaps    bool         // … and the narrow one
	stood    bool         // it has been logged in ahead, and could have gone since it was last looked at, but for that
	pass     *gate.Pass   // its place there
	came     int64        // when it came there
	deadline int64        // when the search is given up; 0: that is not running yet
	pause    time.Duration
	asks     *question
	like     *likeness
	bag      *luggage
	lease    *backend.Lease
	call     *call
	replay   *replay
	views    *viewCheck
	search   search
}

// step is what a departure waits for.
type step uint8

const (
	atGate   step = iota // to be let through
	asking               // for what only the old backend knows
	visiting             // another one
	resting              // to try again
	ahead                // for a login on another one, while the session's statements go on
	ready                // … and for the session's turn, between two statements
)

// luggage is what a session takes along.
type luggage struct {
	keeps
	like *likeness
	ext  uint32
	lost bool // its backend has gone: it goes on without a database that is there no more
	late bool // its database may not be there yet
	// fewer: a prepared statement that a server does not prepare again is left behind. What it is executed for is then answered by the server's error.
	fewer  bool
	locked bool // one was kept waiting by somebody's lock
}

// search is what has come of looking for a backend so far.
type search struct {
	tried    []*backend.Backend
	failures trail
	refusers []*backend.Backend // that will not have this client
	refused  error              // what one of them said
}

// start begins to move.
func (d *departure) start(s *session) {
	now := s.w.now()
	d.s, d.began, d.at, d.pause = s, now, max(now, 1), minPause
	s.errand, s.notice.shift = d, nil
	s.due.clear(alarmLinger)
	s.due.clear(alarmBoundary)
	s.notice.leaveQueue()
	s.useUnseen()
	if s.state != Moving {
		s.enter(Moving)
	}
	s.client.listen()
	if s.back != nil && !d.rested && !slices.Contains(d.search.tried, s.backend()) {
		d.search.tried = append(d.search.tried, s.backend())
	}
	switch {
	case d.lost:
		d.packLost()
	case d.slot:
		d.deadline = now + int64(moveTimeout)
		d.askOld()
	default:
		d.deadline = now + int64(moveTimeout)
		d.s.by(alarmErrand, d.deadline)
		d.enterGate()
	}
}

// enterGate waits for the session's turn to move, in state Holding while no backend could take any.
func (d *departure) enterGate() {
	s := d.s
	since := int64(gate.Unhurried)
	switch {
	case !d.lost:
		since = s.w.now()
	case s.stmt.again():
		since = d.at
	case s.stmt.waits():
		since = s.stmt.came
	}
	if d.lost {
		s.due.clear(alarmErrand) // it was the last visit's: there is nowhere to stay
	}
	d.step, d.came = atGate, s.w.now()
	d.pass = s.w.server.gate.Enter(since, func() { s.post(d.settled) })
	d.look()
}

// look lets the state follow the gate's, while the session waits there; and a search that rests go on.
func (d *departure) look() {
	s := d.s
	switch {
	case d.step == resting:
		s.after(alarmErrand, 0)
	case d.step == atGate && d.lost && d.pass != nil && !d.pass.Passed() && s.state == Moving && s.w.server.gate.IsShut():
		s.enter(Holding)
		s.noteHeld()
		s.client.again() // some statements are not to wait for a backend
	}
}

// settled is called when the wait at the gate is over.
func (d *departure) settled() {
	s, p := d.s, d.pass
	if s.errand != errand(d) || d.step != atGate || p == nil || !p.Passed() {
		return
	}
	d.pass, d.slot = nil, true
	if s.state == Holding {
		s.enter(Moving)
	}
	if !d.lost {
		d.askOld()
		return
	}
	budget := int64(s.w.server.options().connectBudget())
	if now := s.w.now(); d.deadline == 0 {
		d.deadline = now + budget
	} else {
		d.deadline += now - d.came
	}
	d.visitLost()
}

// hasten says that a statement waits.
func (d *departure) hasten() {
	if d.pass != nil && d.s.stmt.waits() {
		d.s.w.server.gate.Hurry(d.pass, d.s.stmt.came)
	}
}

// tires is when the statement that is to be run again has waited for a backend for long enough; 0: none waits for one.
func (d *departure) tires() int64 {
	s := d.s
	switch {
	case s.state != Holding || !s.stmt.again() || !d.lost || s.w.paused:
		return 0
	case s.w.server.options().Hold.DryRun:
		return 1
	}
	return s.w.server.heldUntil(d.at)
}

// tire gives that statement up, if it is time.
func (d *departure) tire() {
	if at := d.tires(); at != 0 && d.s.w.now() >= at {
		d.giveUpAgain()
	}
}

// giveUpAgain tells the client of a statement that was to be run again, and waits on.
func (d *departure) giveUpAgain() {
	s := d.s
	cause := s.w.server.registry.Unusable()
	if s.stmt.refusal != nil { // the backend has not run it, and has told why
		s.seen(ledger.LostHold, cause)
		s.refuseAgain()
	} else {
		within := " within hold.timeout"
		if s.w.server.options().Hold.DryRun {
			within = ", and hold.dry_run is set"
		}
		seq := s.stmt.answerSeq() - 1
		s.stmt.forget(s.w)
		s.seen(ledger.LostStatement, cause)
		d.told = true
		s.client.reply(seq, clientError("the statement, which only reads, was cut off, and no backend could take it"+within+": "+cause.Error()))
	}
	s.client.again()
}

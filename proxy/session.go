package proxy

import (
	"sync/atomic"

	"segue/backend"
	"segue/proxy/track"
)

// session is one client connection and what serves it. It belongs to one worker, whose loop alone touches it: who wants something of it from
// elsewhere posts that to the worker. See the package documentation for its life.
type session struct {
	w     *worker                // whose it is; nobody else reads that
	owner atomic.Pointer[worker] // the same, for who has a message for it
	id    uint32
	limit uint32 // for how many seconds a server has said that it lets it be idle; 0: none has been asked
	places
	state  State
	end    End   // how it ended, or is ending: once it is not Open, nothing that the client sends is sent on
	severe bool  // … and its connections have been cut
	late   int32 // how many statements have come behind its end, to which no answer comes: see unsent
	since  int64 // when it entered its state; as Server.elapsed
	turned int64 // when an answer ended last, likewise: see Answered
	past   past
	cause  error // of end

	client front
	back   *link // nil while it stands on no backend
	track  track.State
	who    identity

	errand errand    // what it is about; nil: nothing but its client's statements
	stmt   statement // the one that waits, runs, or is to be run again
	owed   *owed     // what its client is still to be told, nil: nothing
	notice notice    // to leave its backend
	kills  *kills    // … or to end
	unused int64     // since when its client has said nothing, of one that Segue has used itself since then; 0: it has not. As Server.elapsed
	asked  int64     // its backend is not asked again before for what it alone knows; as Server.elapsed
	due    *alarms   // when it is to look at something; nil: at no time
}

// places are where a session stands in the lists of its worker.
type places struct {
	all      int32     // of all sessions
	on       int32     // … of those of its backend; -1: it has none
	waits    int32     // … of those with a statement that waits
	curious  bool      // it is in the list of those whose backends are to be asked something
	transfer *transfer // its way to another worker; nil: it has made none
}

// past is what has become of a session so far, as it is shown.
type past struct {
	opened  int64 // as Server.elapsed
	pinned  int64 // since when it is pinned, over all of its statements; 0: it is not
	threads threads
}

// enter is the only writer of the state. It panics on a transition that is not in the table: that is a bug of ours, which
// the session does not survive.
func (s *session) enter(to State) {
	if !next[s.state].has(to) {
		panic("proxy: session: " + s.state.String() + " → " + to.String())
	}
	s.state, s.since = to, s.w.now()
	switch {
	case to == Busy:
		s.unused = 0
	case to == Idle:
		s.past.pinned = 0
	case to == Pinned && s.past.pinned == 0:
		s.past.pinned = s.since
	}
}

// follow brings the state in line with what the tracker knows.
func (s *session) follow() {
	to := Busy
	switch {
	case s.track.Opaque() != 0:
		to = Opaque
	case !s.track.Idle():
	case s.track.Pinned() != "":
		to = Pinned
	default:
		to = Idle
	}
	if s.state != to {
		s.enter(to)
	}
}

// endAs notes how the session ends; the first reason stands.
func (s *session) endAs(end End, cause error) {
	if s.end == Open {
		s.end, s.cause = end, cause
	}
}

// dropErrand has the session be about nothing any more.
func (s *session) dropErrand() {
	s.notice.leaveQueue()
	if e := s.errand; e != nil {
		e.abort()
		s.errand = nil
	}
}

// commanding reports whether the session is in its command phase.
func (s *session) commanding() bool { return s.state >= Idle }

// between reports whether the session cannot send a statement: it stands on no backend, is about to leave its own, or Segue itself has
// something to ask there.
func (s *session) between() bool {
	return s.errand != nil || s.track.OwnOutstanding()
}

// free reports whether the session may end, or move: nothing is under way on its backend. One that has to leave it, and could be logged in elsewhere but not be
// rebuilt there, stays: what pins it may end, or the session by itself; at the latest it ends with drain.timeout.
func (s *session) free() bool {
	if i := s.notice.intent; s.state == Pinned && i != nil && i.end == Drained && s.ties().CanMove() {
		return false
	}
	return s.state == Idle || s.state == Pinned && s.track.Lasting()
}

// backendName is the name of the session's backend, or empty; of one that is Detached that of the one that it stood on last.
func (s *session) backendName() string {
	if b := s.backend(); b != nil {
		return b.Name()
	}
	return ""
}

// backend is the session's, the one that it has lost last included; nil if it has none yet.
func (s *session) backend() *backend.Backend {
	if s.back == nil {
		return nil
	}
	return s.back.backend
}

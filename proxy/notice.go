package proxy

import (
	"time"

	"segue/backend"
	"segue/proxy/gate"
)

// drain is the intent to end sessions at their next statement boundary. It is the same for all sessions of a backend or,
// when Segue itself is stopping, for all there are. Once made it does not change.
type drain struct {
	end      End
	cause    error
	deadline time.Time // when those still there are cut
	// optional: only sessions that can move are meant. The backend looks down, which what they have open of it may outlive.
	optional bool
}

// notice is what a session has been told about leaving its backend.
type notice struct {
	intent *drain           // its backend, or Segue itself, is leaving
	shift  *backend.Backend // has more room
	tries  *tries           // nil: it has not tried, or has moved since
}

// tries is what has come of a session's trying to leave its backend.
type tries struct {
	place   *gate.Pass // its place in a queue of those that are to move; nil: it has none
	queue   *gate.Gate // … which one
	ahead   *departure // for which it is logged in elsewhere, while its statements go on; nil: it is not
	restive bool       // a login ahead was in vain: it stood between two statements too rarely. The next move is made in one go
	retry   int64      // it does not try to move before; as Server.elapsed
	stuckBy *Options   // while these hold no backend will have it: it stays, and ends with its backend
	unlike  []string   // what was not as it had been in the session that was rebuilt last, which is why it stays
	probed  *drain     // under which it has been given time behind a SELECT 1
}

// given reports whether there is any.
func (n *notice) given() bool { return n.intent != nil || n.shift != nil }

// wants reports whether the session is to go to another backend, if it can.
func (n *notice) wants() bool { return n.shift != nil || n.intent != nil && n.intent.end == Drained }

// ends reports whether it is to end, where it cannot.
func (n *notice) ends() bool { return n.intent != nil && !n.intent.optional }

// tried is where it is noted what comes of trying.
func (n *notice) tried() *tries {
	if n.tries == nil {
		n.tries = &tries{}
	}
	return n.tries
}

// place is that in the queue of those that are to move; nil: it has none.
func (n *notice) place() *gate.Pass {
	if n.tries == nil {
		return nil
	}
	return n.tries.place
}

// retry is when it may try to move, as Server.elapsed; 0: at any time.
func (n *notice) retry() int64 {
	if n.tries == nil {
		return 0
	}
	return n.tries.retry
}

// stuck reports whether no backend will have it while the options are o.
func (n *notice) stuck(o *Options) bool { return n.tries != nil && n.tries.stuckBy == o }

// unlike is what was not as it had been in the session that was rebuilt last, which is why it stays.
func (n *notice) unlike() []string {
	if n.tries == nil {
		return nil
	}
	return n.tries.unlike
}

// ahead is for which it is logged in elsewhere, while its statements go on; nil: it is not.
func (n *notice) ahead() *departure {
	if n.tries == nil {
		return nil
	}
	return n.tries.ahead
}

// leavePlace gives up the session's place in a queue.
func (n *notice) leavePlace() {
	p := n.place()
	if p == nil {
		return
	}
	n.tries.place = nil
	n.tries.queue.GiveUp(p)
	if p.Passed() {
		n.tries.queue.Leave()
	}
}

// leaveQueue gives up the session's place among those that are to move, and what has been logged in for it.
func (n *notice) leaveQueue() {
	n.leavePlace()
	n.dropAhead()
}

// dropAhead gives up what has been logged in ahead.
func (n *notice) dropAhead() {
	if d := n.ahead(); d != nil {
		d.abort()
		n.tries.ahead = nil
	}
}

// lent reports whether the client has heard that its connection works: by a ping or, which counts once under each drain as somebody may do nothing
// else, by a statement such as SELECT 1.
func (n *notice) lent(pinged, probed bool) bool {
	if pinged {
		return true
	}
	if !probed || n.tried().probed == n.intent {
		return false
	}
	n.tries.probed = n.intent
	return true
}

// linger is how long an idle session is still given. Where a backend leaves, that is spread over the second half of drainLinger, so that
// their clients do not all come back at one moment. Where Segue stops, nothing more can be done for clients than to be gone soon: how
// long a session has been silent already counts.
//
// A client that has just heard that its connection works gets more time in either case.
func (n *notice) linger(w *worker, silent time.Duration, pinged bool) time.Duration {
	linger := max(stopLinger, drainLinger-silent)
	if n.intent.end != Shutdown {
		linger = w.jitter(drainLinger)
	}
	if pinged {
		linger = max(linger, pingLinger-silent)
	}
	return linger
}

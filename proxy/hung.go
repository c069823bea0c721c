package proxy

import (
	"errors"
	"slices"
	"syscall"
	"time"

	"segue/backend"
)

// What becomes of the sessions of a backend that is down without having closed their connections: it hangs, is cut off, or has
// gone without a word. Or it is only the probing that fails, so that each of these takes from a session no more than it has to:
//
//   - one that is idle moves at once. What only its old backend knows, and a move cannot do without, keeps it there until that speaks;
//   - a statement that only reads, and has not run for long, is run again elsewhere;
//   - all other statements are given up as those of a backend that has closed the connection, once the backend has been down, and
//     its MySQL port silent, for drain.hang_timeout. A slow statement on a backend that lives is never given up.

var errHung = errors.New("backend is down and does not answer")

// lostBy says by what a backend was lost, for an error text.
func lostBy(err error) string {
	if errors.Is(err, errHung) || errors.Is(err, syscall.ETIMEDOUT) || errors.Is(err, syscall.EHOSTUNREACH) {
		return "stopped answering"
	}
	return "closed the connection"
}

// mute reports whether a backend is down and has said nothing since.
func mute(b *backend.Backend) bool {
	st := b.Status()
	return st.Health == backend.Down && !b.LastSpoke().After(st.Since)
}

// hung reports whether a backend that stands so and has spoken last at that moment is given up, after so long.
func hung(st backend.Status, spoke time.Time, after time.Duration, now time.Time) bool {
	last := st.Since
	if spoke.After(last) {
		last = spoke
	}
	return st.Health == backend.Down && now.Sub(last) >= after
}

// hung reports whether a backend is given up, there being another one.
func (s *session) hung(b *backend.Backend) bool {
	return s.elsewhere() && hung(b.Status(), b.LastSpoke(), s.server.options().hangTimeout(), time.Now())
}

// leaveBehind has each session on a backend that is down do what is to be done, and returns when to look again.
func (s *Server) leaveBehind(v view, now time.Time) time.Time {
	for _, c := range v.sessions {
		c.hurry(v.backend)
		c.lookUp(v.backend)
	}
	return now.Add(hangEvery)
}

// hangEvery is how often the sessions that are left on a backend that is down are looked at.
const hangEvery = 250 * time.Millisecond

// lookUp has the down pump see whether what it waits for is to be given up.
func (s *session) lookUp(b *backend.Backend) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.end == Open && s.pumping.Load() > 0 && s.lease.Backend() == b && s.current() != Moving && s.awaits() {
		s.wakeLocked(0)
	}
}

// awaits reports whether the client waits for the backend to answer.
func (s *session) awaits() bool {
	return s.current() != Opaque && (s.track.Outstanding() > 0 || s.track.OwnOutstanding() && s.away.wait.since != 0)
}

// forsaken reports whether the answer that the client waits for is to be given up.
func (s *session) forsaken() bool {
	b := s.lease.Backend()
	if !s.awaits() || b.Status().Health != backend.Down {
		return false
	}
	if s.hung(b) {
		return true
	}
	young := s.server.elapsed()-s.since.Load() < int64(s.server.options().hangTimeout())
	return young && mute(b) && s.elsewhere() && s.rebuildable() && !s.needsOld() && s.onlyReads()
}

// onlyReads reports whether the statement that runs may be run again.
func (s *session) onlyReads() bool {
	b := s.kept.statement()
	if b == nil || s.track.Outstanding() != 1 || s.track.MidCommand() || s.track.Answered() || s.track.Pinned() != "" ||
		!s.server.options().Replay.allow(s.away.replays, s.atWork()) {
		return false
	}
	s.head.restore(b)
	look := s.track.Look(b)
	return look.Whole && look.Len == len(b) && (look.ReadOnly || harmless(look.Command))
}

// needsOld reports whether the session cannot be rebuilt without asking its backend.
func (s *session) needsOld() bool {
	return !s.hasCredential() || slices.ContainsFunc(s.track.Unresolved(), func(x string) bool { return x != "LAST_INSERT_ID()" })
}

// deserts begins a move ahead of a command, if the backend is down: the command is not sent there.
func (s *session) deserts() bool {
	b := s.lease.Backend()
	switch {
	case b.Status().Health != backend.Down:
		return false
	case s.hung(b) && s.outlives():
		s.departLost(errHung)
	case s.wantsAway() && (!s.needsOld() || !mute(b)) && s.server.elapsed() >= s.away.after:
		s.away.lost = false
		s.enter(Moving) // it waits for its slot there
	default:
		return false
	}
	_ = s.back.SetReadDeadline(past) // the down pump takes it from here
	return true
}

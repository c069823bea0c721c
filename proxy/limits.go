package proxy

import (
	"fmt"
	"math"
	"syscall"

	"segue/backend"
)

// spareDescriptors are kept from sessions: for probes, the admin API, moves, which hold a third one, and who is turned away.
const spareDescriptors = 256

// sessionsFor is how many sessions there may be with so many file descriptors. Each has two.
func sessionsFor(descriptors uint64) int {
	spare := min(spareDescriptors, descriptors/4)
	return max(1, int(min((descriptors-spare)/2, math.MaxInt32)))
}

// mayOpen is how many files the process may have open. The Go runtime has raised the soft limit to the hard one at its start.
func mayOpen() uint64 {
	var r syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &r) != nil {
		return 1024 // what a shell gives
	}
	return uint64(r.Cur) //nolint:unconvert // it is signed on some systems
}

// limit is how many sessions there may be at a time.
type limit struct {
	sessions    int
	descriptors uint64 // that this is all they are enough for; 0: the operator has said so
}

// newLimit follows the operator as far as the descriptors go: beyond those a client would be accepted and then find no backend.
func newLimit(asked int, descriptors uint64) *limit {
	if most := sessionsFor(descriptors); asked <= 0 || asked > most {
		return &limit{most, descriptors}
	}
	return &limit{asked, 0}
}

// reached is what a client hears that has come too late.
func (l *limit) reached() error {
	if l.descriptors == 0 {
		return fmt.Errorf("too many sessions (limits.sessions %d); raise it, or let applications keep fewer connections", l.sessions)
	}
	return fmt.Errorf("too many sessions (%d, all that %d file descriptors are enough for); raise LimitNOFILE (ulimit -n), or let applications keep fewer connections",
		l.sessions, l.descriptors)
}

// limitSessions puts the limit of o in force. Sessions beyond a lower one stay.
func (s *Server) limitSessions(o *Options) {
	l := newLimit(o.MaxSessions, mayOpen())
	if before := s.limit.Swap(l); o.MaxSessions > l.sessions && (before == nil || *before != *l) {
		s.log.Warn("fewer sessions than limits.sessions are possible: raise LimitNOFILE (ulimit -n)", "sessions", l.sessions,
			"cause", fmt.Sprintf("segue may open %d files, and a session needs two", l.descriptors))
	}
}

// AdminConnections is how many connections to the admin API the descriptors are enough for that are kept from sessions, beside what else those
// are for.
func (s *Server) AdminConnections() int { return adminConnections(mayOpen()) }

func adminConnections(descriptors uint64) int {
	return max(2, int(min(spareDescriptors, descriptors/4))/4)
}

// MaxSessions is how many sessions there may be at a time.
func (s *Server) MaxSessions() int { return s.limit.Load().sessions }

// full is the error for a client for which there is no room, or nil.
func (s *Server) full() error {
	s.mu.Lock()
	n := len(s.ids)
	s.mu.Unlock()
	if l := s.limit.Load(); n >= l.sessions {
		return l.reached()
	}
	return nil
}

// acceptCause is what keeps clients from being accepted, with the remedy.
func acceptCause(err error) string {
	if lack := backend.Lack(err); lack != "" {
		return lack
	}
	return err.Error()
}

// MostSessions is how many sessions a process that is started as this one was can have at a time, and the number of files that it may open, on which that depends.
func MostSessions() (sessions int, descriptors uint64) {
	descriptors = mayOpen()
	return sessionsFor(descriptors), descriptors
}

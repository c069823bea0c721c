package proxy

import (
	"errors"

	"segue/backend"
)

// silentAfter is how long a client must have waited for a backend to be worth a doubt.
const silentAfter = int64(tendEvery) * 4 / 5

var errSilence = errors.New("clients wait, and nobody is answered")

// tellSilence tells of the backends without a health URL for which clients wait and which have answered nobody meanwhile: a hang shows
// nowhere else.
func (s *Server) tellSilence() {
	if s.OnSilence == nil {
		return
	}
	for _, b := range s.silent(s.elapsed()) {
		s.OnSilence(b, errSilence)
	}
}

func (s *Server) silent(now int64) (list []*backend.Backend) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for b, f := range s.byBack {
		if b.Status().HealthURL == "" && f.silent(now) {
			list = append(list, b)
		}
	}
	return list
}

// silent goes by the sessions' states alone, which cost nothing to read.
func (f *fold) silent(now int64) bool {
	waits := false
	for c := range f.sessions {
		age := now - c.since.Load()
		switch c.current() {
		case Dialing, Busy:
			waits = waits || age >= silentAfter
		case Idle, Pinned, Authenticating:
			if age < silentAfter {
				return false // it has just been answered
			}
		default:
		}
	}
	return waits
}

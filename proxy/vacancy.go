package proxy

import "time"

// Vacancy tells whether any client is connected.
type Vacancy struct {
	Clients int             // that are, in whatever phase
	Since   time.Time       // the last one left; zero: there was none yet. While there are clients it means nothing
	Changed <-chan struct{} // closed when the last client has left or, if there is none, one has come
}

// Vacancy is the one of this moment.
func (s *Server) Vacancy() Vacancy {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.vacancy == nil {
		s.vacancy = make(chan struct{})
	}
	return Vacancy{len(s.ids), s.vacant, s.vacancy}
}

// tellVacancy is called when there is a first client, or none any more. It needs s.mu.
func (s *Server) tellVacancy() {
	if s.vacancy != nil {
		close(s.vacancy)
		s.vacancy = nil
	}
}

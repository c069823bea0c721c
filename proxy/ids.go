package proxy

// LastID is the id that a session has been given last.
func (s *Server) LastID() uint32 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lastID
}

// ContinueIDs has the ids of sessions to come follow this one, which another process has given: no two sessions of the two have the same, and a
// KILL that is meant for one there finds none here.
func (s *Server) ContinueIDs(last uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lastID = last
}

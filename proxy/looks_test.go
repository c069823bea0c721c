package proxy

// More looks at what belongs to a loop: see inspect_test.go.

// knowsAll reports whether there is nothing that only the session's backend knows.
func (s *session) knowsAll() (does bool) {
	s.within(func() { does = !s.track.Asking() })
	return does
}

// midCommand reports whether a command has come in part.
func (s *session) midCommand() (is bool) {
	s.within(func() { is = s.track.MidCommand() })
	return is
}

// toldToStop reports whether the session knows that Segue itself is stopping.
func (s *session) toldToStop() (is bool) {
	s.within(func() { is = s.notice.intent != nil && s.notice.intent.end == Shutdown })
	return is
}

// awaitsLeader reports whether anything is left of a wait for a leader.
func (s *session) awaitsLeader() (does bool) {
	s.within(func() { does = s.stmt.electing || s.stmt.refusal != nil })
	return does
}

// isAsked reports whether the backend owes Segue itself an answer.
func (s *session) isAsked() (is bool) {
	s.within(func() { is = s.track.OwnOutstanding() })
	return is
}

// atGate reports whether the session waits for its turn to move.
func (s *session) atGate() (is bool) {
	s.within(func() {
		d, moving := s.errand.(*departure)
		is = moving && d.step == atGate && d.pass != nil
	})
	return is
}

// sabotage makes the session panic as soon as its client sends something.
func (s *session) sabotage() { s.within(func() { s.client.reading = true }) }

// control lends the descriptor of the client's connection.
func (s *session) control(f func(fd int)) {
	s.within(func() { _ = s.client.Control(func(fd uintptr) { f(int(fd)) }) })
}

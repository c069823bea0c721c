package track

import "segue/backend/wire"

// Own registers a command of Segue's own, COM_PING, that is about to be written to the backend while the session is not busy. Server
// stops at the end of its answer, which is to be swallowed.
func (s *State) Own(c wire.Command) {
	if s.queue.n == 0 && s.opaque == Readable && c.Followable() && !c.Silent() {
		s.x.Begin(c, false)
		s.queue.push(pending{command: c, own: true})
	}
}

// OwnOutstanding reports whether what the backend sends next belongs to the answer to a command of Segue's own.
func (s *State) OwnOutstanding() bool { return s.queue.n > 0 && s.queue.front().own }

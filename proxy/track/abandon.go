package track

import "segue/backend/wire"

// Abandon gives up the commands that are outstanding: the backend that owed their answers has gone, and the client has been told or
// sends them again.
func (s *State) Abandon() {
	if s.unjudged != nil && s.unjudged.runs { // none of them has run that is still to be judged
		s.unjudged = nil
	}
	s.final, s.answered = wire.More, false
	if s.traffic == nil {
		return
	}
	for s.queue.n > 0 {
		s.queue.pop()
	}
	s.server = wire.Framer{}
	s.okPacket, s.restored, s.facts = nil, nil, nil
	s.rest()
}

// EachOutstanding calls f with each of the client's commands that have not been answered in full, the oldest first.
func (s *State) EachOutstanding(f func(c wire.Command)) {
	for i := range uint32(s.unanswered()) {
		if e := s.queue.at(i); !e.own {
			f(e.command)
		}
	}
}

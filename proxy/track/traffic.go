package track

import "segue/backend/wire"

// traffic is what a State knows of commands, answers and packets that are on their way. It is most of what there is to be known of a session, and
// there is none between two statements: those that are at rest have lent it to others.
type traffic struct {
	client wire.Framer
	server wire.Framer
	queue  queue

	text    scanner // of the COM_QUERY or COM_STMT_PREPARE that is arriving
	reading reading
	queued  bool   // the command that arrived last is in the queue: it is not a silent one
	newest  uint32 // which of the commands queued was the last COM_STMT_PREPARE, counted from 1; 0: there was none

	collected []byte // of a command that comes in several chunks
	okPacket  []byte // … of an OK_Packet
	restored  []text // variables that were set for the statement alone that has run
	facts     []op   // what the server has said of its own accord of the session, in the response that is passing
}

// over reports whether nothing is on its way any more.
func (t *traffic) over() bool { return t.queue.n == 0 && t.client.AtStart() && t.server.AtStart() }

// travel notes that something is about to be on its way.
func (s *State) travel() {
	if s.traffic == nil {
		s.traffic = s.memory.lend()
	}
}

// rest gives up what is known of that, if it is over, and what holds nothing any more.
func (s *State) rest() {
	t := s.traffic
	if t == nil || !s.Idle() {
		return
	}
	s.traffic = nil
	s.memory.giveBack(t)
	if h := s.held; h != nil && h.empty() {
		s.held = nil
	}
}

// unanswered is how many commands have not been answered, Segue's own included.
func (s *State) unanswered() int {
	if s.traffic == nil {
		return 0
	}
	return int(s.queue.n)
}

func (m *Memory) lend() *traffic {
	if m != nil {
		if t, ok := m.traffic.Get().(*traffic); ok {
			return t
		}
	}
	return new(traffic)
}

func (m *Memory) giveBack(t *traffic) {
	if m != nil {
		*t = traffic{}
		m.traffic.Put(t)
	}
}

package track

import (
	"encoding/binary"

	"segue/backend/wire"
)

// Own registers a command of Segue's own, COM_PING or COM_STMT_RESET, that is about to be written to the backend while the session is not busy. Server
// stops at the end of its answer, which is to be swallowed.
func (s *State) Own(c wire.Command) {
	if s.unanswered() == 0 && s.opaque == Readable && c.Followable() && !c.Silent() {
		s.travel()
		s.x.Begin(c, false)
		s.queue.push(pending{command: c, own: true})
	}
}

// OwnOutstanding reports whether what the backend sends next belongs to the answer to a command of Segue's own.
func (s *State) OwnOutstanding() bool { return s.unanswered() > 0 && s.queue.front().own }

// Unsend is for a COM_STMT_EXECUTE at the head of chunk that Segue answers itself: parameter data that have been sent ahead of it would be added to those of the
// next one. It gives the COM_STMT_RESET that is to be written at once, by which the server forgets them; nil: there are none. What is answered is Segue's own.
func (s *State) Unsend(chunk []byte) []byte {
	if len(chunk) < idEnd || wire.Command(chunk[wire.HeaderLen]) != wire.ComStmtExecute || s.unanswered() > 0 || s.opaque != Readable {
		return nil
	}
	id := binary.LittleEndian.Uint32(chunk[idEnd-4:])
	_, sent := s.longData[id]
	if _, some := s.longData[lastPrepared]; !sent && !some {
		return nil
	}
	s.longData.remove(id)
	s.cursors.remove(id)
	if st := s.statement(id); st != nil {
		id = st.server
	}
	s.Own(wire.ComStmtReset)
	packet, _ := wire.AppendPacket(nil, 0, binary.LittleEndian.AppendUint32([]byte{byte(wire.ComStmtReset)}, id))
	return packet
}

// ChangesUser reports whether the answer that the client waits for next is that to a COM_CHANGE_USER.
func (s *State) ChangesUser() bool {
	return s.unanswered() > 0 && s.queue.front().command == wire.ComChangeUser
}

package track

import (
	"encoding/binary"

	"segue/backend/wire"
)

// idEnd is where the id of a prepared statement ends in a packet: header, command, four bytes.
const idEnd = wire.HeaderLen + 5

// rewriting is what becomes of a command on a prepared statement once the session has moved.
type rewriting struct {
	wait   bool   // more of the packet must be seen first
	id     bool   // write server in place of the client's id
	server uint32 //
	at     int    // if not 0: insert types here, behind the flag that says so
	types  []byte
}

// rewrite tells what becomes of the command that chunk begins with.
func (s *State) rewrite(chunk []byte) (r rewriting) {
	if len(chunk) < wire.HeaderLen {
		return rewriting{wait: true}
	}
	n, _ := wire.DecodeHeader(chunk)
	switch {
	case n < 5:
		return rewriting{}
	case len(chunk) == wire.HeaderLen:
		return rewriting{wait: true}
	}
	c := wire.Command(chunk[wire.HeaderLen])
	switch c {
	case wire.ComStmtExecute, wire.ComStmtBulkExecute, wire.ComStmtReset, wire.ComStmtClose, wire.ComStmtSendLongData, wire.ComStmtFetch:
	default:
		return rewriting{}
	}
	if len(chunk) < idEnd {
		return rewriting{wait: true}
	}
	id := binary.LittleEndian.Uint32(chunk[idEnd-4:])
	if id == lastPrepared {
		return rewriting{}
	}
	st := s.statement(id)
	if st == nil {
		return rewriting{id: true, server: nowhere} // the backend may know another statement by this id
	}
	r = rewriting{id: true, server: st.server}
	switch {
	case st.taught:
	case c == wire.ComStmtExecute:
		s.teach(&r, st, chunk[wire.HeaderLen:], n)
	case c == wire.ComStmtBulkExecute:
		const typesFollow = 128
		if len(chunk) < idEnd+2 && n >= 7 {
			return rewriting{wait: true}
		}
		if n < 7 || binary.LittleEndian.Uint16(chunk[idEnd:])&typesFollow == 0 {
			r.server = nowhere
		}
	}
	return r
}

// teach makes an execution that relies on types which the client told another backend bring them along. If they cannot be inserted the
// backend is made to answer with an ERR_Packet: without types it would take the values for something else.
func (s *State) teach(r *rewriting, st *prepared, body []byte, length int) {
	whole := len(body) >= length
	if whole {
		body = body[:length]
	}
	flag, n, ok := s.parameters(st, body)
	switch {
	case !ok && !whole && length > typesAt:
		*r = rewriting{wait: true}
	case !ok, n == 0, body[flag] != 0:
	case len(st.types) == 0: // this execution would have failed on any backend
	case n != int(st.bound), length+len(st.types) >= wire.MaxPayload:
		r.server = nowhere
	default:
		r.at, r.types = wire.HeaderLen+flag+1, st.types
	}
}

// apply changes the packet at the head of chunk.
func (r *rewriting) apply(chunk []byte) {
	if r.id {
		binary.LittleEndian.PutUint32(chunk[idEnd-4:], r.server)
	}
	if r.at > 0 {
		n, seq := wire.DecodeHeader(chunk)
		wire.AppendHeader(chunk[:0], n+len(r.types), seq)
		chunk[r.at-1] = 1
	}
}

// rewriteClient is Client for a command of a session that has moved, which chunk begins with. It returns how many bytes it has taken.
func (s *State) rewriteClient(chunk []byte) (n int, wait bool, insert []byte) {
	r := s.rewrite(chunk)
	if r.wait {
		return 0, true, nil
	}
	taken := chunk
	if r.at > 0 {
		taken = chunk[:r.at]
		if st := s.statement(binary.LittleEndian.Uint32(chunk[idEnd-4:])); st != nil {
			st.taught = true
		}
	}
	var p wire.Packet
	n, ok := s.client.Next(taken, &p)
	if ok {
		s.clientPacket(&p)
		s.packetPassed()
	}
	r.apply(chunk)
	return n, false, r.types
}

// rewriteServer tells what becomes of the first packet of the answer to COM_STMT_PREPARE, which chunk begins with, once the session
// has moved: wait if its id is not whole, otherwise the client's id if it is a COM_STMT_PREPARE_OK.
func (s *State) rewriteServer(chunk []byte) (wait, ok bool, client uint32) {
	switch {
	case len(chunk) < wire.HeaderLen+1:
		return true, false, 0
	case chunk[wire.HeaderLen] != 0:
		return false, false, 0
	case len(chunk) < idEnd:
		return true, false, 0
	}
	if n, _ := wire.DecodeHeader(chunk); n < 9 {
		return false, false, 0
	}
	return false, true, s.held.fresh(binary.LittleEndian.Uint32(chunk[idEnd-4:]))
}

// renames reports whether the next packet of the server's may be a COM_STMT_PREPARE_OK whose id the client is to know as another.
func (s *State) renames() bool {
	return s.held != nil && s.held.virtual && s.queue.n > 0 && s.x.AtPrepareOK() && s.server.AtStart()
}

package track

import (
	"encoding/binary"

	"segue/backend/wire"
)

// Client observes bytes that the client has sent, and returns how many of them are to be sent on now. If insert is not empty
// it is to be sent on behind those, and Client to be called again with the rest. Otherwise the rest is the head of a packet
// that names a prepared statement, and is to be shown again in front of what follows it: at most [MaxHead] bytes.
//
// Once the session has moved, Client writes the backend's ids of prepared statements into the chunk, and inserts the types of
// parameters that the client bound on a backend before. The rest is always empty in a session that has never moved.
func (s *State) Client(chunk []byte) (n int, insert []byte) {
	all := len(chunk)
	s.travel()
	defer s.rest()
	for len(chunk) > 0 && s.opaque == Readable {
		if s.client.InPayload() {
			n := s.client.Skip(chunk)
			s.body(chunk[:n])
			chunk = chunk[n:]
			s.packetPassed()
			continue
		}
		if s.held != nil && s.held.virtual && s.mode == commands && s.client.AtStart() {
			n, wait, insert := s.rewriteClient(chunk)
			if chunk = chunk[n:]; wait || len(insert) > 0 {
				return all - len(chunk), insert
			}
			continue
		}
		var p wire.Packet
		n, ok := s.client.Next(chunk, &p)
		chunk = chunk[n:]
		if !ok {
			continue
		}
		s.clientPacket(&p)
		s.packetPassed()
	}
	return all, nil
}

// MaxHead is the most that Client leaves to be shown again: a COM_STMT_EXECUTE up to the flag behind the NULL bitmap.
const MaxHead = wire.HeaderLen + 10 + (1<<16+7)/8 + 1

// clientPacket takes the header and head of a packet of the client's.
func (s *State) clientPacket(p *wire.Packet) {
	switch {
	case s.mode == fileData, s.mode == authData && p.Seq != 0:
		if s.mode == fileData && p.Len == 0 && !p.Continues {
			s.mode = commands
		}
		if s.queue.n > 0 {
			s.queue.front().seq = p.Seq
		}
	case p.Continues:
		s.body(p.Body)
		if s.queued && s.queue.n > 0 {
			s.queue.back().seq = p.Seq
		}
	case p.Len == 0:
		s.opaque = UnknownCommand
	default:
		s.command(p)
	}
}

// command takes the beginning of a command.
func (s *State) command(p *wire.Packet) {
	c := wire.Command(p.Body[0])
	if c == wire.ComMulti || s.queue.n > 0 && !s.queue.back().command.Followable() && !c.Silent() {
		s.opaque = UnknownCommand // it has several answers; or whose comes next cannot be told: a server may have none for what it does not know
		return
	}
	if s.queued = !c.Silent(); s.queued {
		e := pending{command: c, statement: statementID(p.Body), seq: p.Seq, next: nextOf(c), cursor: wire.AsksCursor(p.Body)}
		if s.queue.n == 0 {
			s.begin(&e)
		}
		if !s.queue.push(e) {
			s.opaque = TooDeep
			return
		}
	}
	switch c {
	case wire.ComQuery:
		s.queue.back().begin = s.isBegin(p.Body, p.Len)
		s.scan(p, p.Body[1:])
	case wire.ComStmtPrepare:
		s.newest = s.queue.total
		s.scan(p, p.Body[1:])
	case wire.ComInitDB, wire.ComDropDB, wire.ComChangeUser:
		s.scan(p, p.Body[1:])
	case wire.ComSetOption:
		if len(p.Body) >= 3 {
			s.queue.back().statement = uint32(binary.LittleEndian.Uint16(p.Body[1:]))
		}
	case wire.ComQuit:
		s.quit = true
	case wire.ComStmtExecute, wire.ComStmtBulkExecute:
		s.executing(p)
		s.queue.back().long = len(s.longData) > 0
		s.longData.remove(statementID(p.Body))
	case wire.ComStmtReset:
		s.longData.remove(statementID(p.Body))
	case wire.ComStmtClose:
		s.closeStatement(statementID(p.Body))
	case wire.ComStmtSendLongData:
		s.sentLongData(statementID(p.Body))
		if s.answersLongData {
			s.opaque = LongDataSent
		}
	}
}

// statementID reads the id of a command on a prepared statement. Of other commands it is of no meaning.
func statementID(body []byte) uint32 {
	if len(body) < 5 {
		return 0
	}
	return binary.LittleEndian.Uint32(body[1:])
}

// leads reports whether text begins with prefix, in either case.
func leads(text []byte, prefix string) bool {
	if len(text) < len(prefix) {
		return false
	}
	for i := range len(prefix) {
		if (text[i]^prefix[i])&^0x20 != 0 {
			return false
		}
	}
	return true
}

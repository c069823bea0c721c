package track

import (
	"encoding/binary"

	"segue/proxy/wire"
)

// Client observes bytes that the client has sent, and returns how many of them are to be sent on now. If insert is not empty
// it is to be sent on behind those, and Client to be called again with the rest. Otherwise the rest is the head of a packet
// that names a prepared statement, and is to be shown again in front of what follows it: at most [MaxHead] bytes.
//
// Once the session has moved, Client writes the backend's ids of prepared statements into the chunk, and inserts the types of
// parameters that the client bound on a backend before. The rest is always empty in a session that has never moved.
func (s *State) Client(chunk []byte) (n int, insert []byte) {
	all := len(chunk)
	for len(chunk) > 0 && s.opaque == Readable {
		if s.client.InPayload() {
			n := s.client.Skip(chunk)
			s.body(chunk[:n])
			chunk = chunk[n:]
			s.packetPassed()
			continue
		}
		p, n, ok := s.client.Next(chunk)
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

// body takes more bytes of the command that is arriving.
func (s *State) body(b []byte) {
	if s.scanning {
		s.text.feed(b)
	}
}

// packetPassed notes the effect of a statement's text once all of it has passed.
func (s *State) packetPassed() {
	if s.scanning && s.client.AtStart() {
		s.scanning = false
		s.textPassed(s.text.finish())
	}
}

// textPassed notes the effect of the newest command's text. The command may have been answered already.
func (s *State) textPassed(e effect) {
	if s.queue.n == 0 {
		return
	}
	newest := s.queue.back()
	if newest.command == wire.ComStmtPrepare {
		s.prepared |= e & loads // its words take effect when it is executed, and servers that prepare more than SELECT set flags
		return
	}
	newest.effect = e
}

// command takes the beginning of a command.
func (s *State) command(p *wire.Packet) {
	c := wire.Command(p.Body[0])
	if !c.Followable() {
		s.opaque = UnknownCommand
		return
	}
	if s.queued = !c.Silent(); s.queued {
		if s.queue.n == 0 {
			s.begin(c)
		}
		if !s.queue.push(pending{command: c, statement: statementID(p.Body), seq: p.Seq}) {
			s.opaque = TooDeep
			return
		}
	}
	switch c {
	case wire.ComQuery:
		s.queue.back().prelude = isPrelude(p.Body[1:])
		s.scan(p, s.attrs)
	case wire.ComStmtPrepare:
		s.scan(p, false)
	case wire.ComQuit:
		s.quit = true
	case wire.ComStmtExecute, wire.ComStmtBulkExecute:
		s.queue.back().effect = s.prepared
		s.longData.remove(statementID(p.Body))
	case wire.ComStmtReset:
		s.longData.remove(statementID(p.Body))
	case wire.ComStmtClose:
		s.cursors.remove(statementID(p.Body))
		s.longData.remove(statementID(p.Body))
	case wire.ComStmtSendLongData:
		s.longData.add(statementID(p.Body))
		if s.answersLongData {
			s.opaque = LongDataSent
		}
	}
}

// scan reads the text of a command, which may stand behind attributes, or begins to if it goes on beyond this chunk.
func (s *State) scan(p *wire.Packet, attrs bool) {
	text := p.Body[1:]
	if attrs {
		// No attribute: parameter_count 0, parameter_set_count 1. With attributes a binary block precedes the text; the
		// server that takes them sets status flags, so that nothing hangs on the words but LOAD.
		if len(text) < 2 || text[0] != 0 {
			s.queue.back().effect = loads
			return
		}
		text = text[2:]
	}
	if !s.client.InPayload() && p.Len < wire.MaxPayload {
		s.textPassed(s.text.scanWhole(text))
		return
	}
	s.text.feed(text)
	s.scanning = true
}

// statementID reads the id of a command on a prepared statement. Of other commands it is of no meaning.
func statementID(body []byte) uint32 {
	if len(body) < 5 {
		return 0
	}
	return binary.LittleEndian.Uint32(body[1:])
}

// isPrelude reports whether a text begins as what drivers send ahead of the statement that they are about: SET, SELECT @@…. A
// StarRocks FE that is leaving closes no session behind those either (SqlUtils.isPreQuerySQL).
func isPrelude(text []byte) bool {
	return leads(text, "SET ") || leads(text, "SELECT @@")
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

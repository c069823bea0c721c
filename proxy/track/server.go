package track

import (
	"encoding/binary"

	"segue/backend/wire"
)

// begin starts following the response to e.
func (s *State) begin(e *pending) {
	s.x.Begin(e.command, e.cursor)
	s.answered, s.before, s.recent, s.warning = false, s.recent, false, false
}

// Server observes bytes that the backend has sent, and returns how many of them are to be forwarded now, and as what: all of them, or those up
// to the end of the answer to a command of Segue's own (then the rest is to be given to Server again), or, fewer than 9 bytes
// missing, those in front of a COM_STMT_PREPARE_OK whose id is not whole yet: then the rest is to be shown again in front of
// what follows it. Once the session has moved, Server writes the client's ids into the chunk. In a session with a witness (witness.go) the rest may be a
// packet that has not come whole, and forward is less than those n bytes.
func (s *State) Server(chunk []byte) (n int, forward []byte) { return s.ServerTo(nil, chunk) }

// Listener hears of the client's commands whose answers have ended. Those that have none it does not hear of.
type Listener interface {
	Answered(c wire.Command, ok bool) // ok: by no ERR_Packet
}

// ServerTo is [State.Server], and tells l, which may be nil, of each answer that ends in the chunk.
func (s *State) ServerTo(l Listener, chunk []byte) (n int, forward []byte) {
	s.travel()
	defer s.rest()
	if !s.witness {
		n = s.serve(chunk, nil, l)
		return n, chunk[:n]
	}
	var k joined
	n = s.serve(chunk, &k, l)
	return n, k.close(chunk[:n])
}

// serve is ServerTo; k is given what is to be taken out, and is nil where the client gets all.
func (s *State) serve(chunk []byte, k *joined, l Listener) int {
	start, all := chunk, len(chunk)
	own := s.OwnOutstanding()
	for len(chunk) > 0 && s.opaque == Readable {
		if s.server.InPayload() {
			n := s.server.Skip(chunk)
			s.serverBody(chunk[:n])
			chunk = chunk[n:]
			if s.responsePassed(l); own && !s.OwnOutstanding() {
				return all - len(chunk)
			}
			continue
		}
		if s.queue.n > 0 && s.x.InRows() {
			if n := s.server.SkipRows(chunk); n > 0 {
				chunk = chunk[n:]
				continue
			}
		}
		wait, rename, id := false, false, uint32(0)
		if s.renames() {
			if wait, rename, id = s.rewriteServer(chunk); wait {
				return all - len(chunk)
			}
		}
		told := wire.TellsNothing
		if k != nil {
			if told, wait = s.tells(chunk); wait {
				return all - len(chunk)
			}
		}
		var p wire.Packet
		n, ok := s.server.Next(chunk, &p)
		if ok {
			s.serverPacket(&p)
		}
		if told != wire.TellsNothing {
			k.without(start, all-len(chunk), p.Len, told)
		}
		if rename {
			binary.LittleEndian.PutUint32(chunk[idEnd-4:], id)
		}
		if chunk = chunk[n:]; !ok {
			continue
		}
		if s.responsePassed(l); own && !s.OwnOutstanding() {
			return all - len(chunk)
		}
	}
	return all
}

// serverPacket takes the header and head of a packet of the server's.
func (s *State) serverPacket(p *wire.Packet) {
	if p.Continues {
		return
	}
	if s.queue.n == 0 {
		// A server may say why it is about to hang up: ERR 1927, 4031. Anything else belongs to no command.
		if s.failed = wire.IsErr(p.Body); !s.failed {
			s.opaque = Unsolicited
		}
		return
	}
	s.answered = true
	atOK, atPrepareOK, rows := s.x.AtOK(), s.x.AtPrepareOK(), s.x.InRows()
	step := s.x.Server(*p)
	s.said(p, step, atOK, rows)
	if atPrepareOK && step != wire.Lost && p.Body[0] == 0 {
		s.statementPrepared(s.queue.front(), p.Body)
	}
	switch step {
	case wire.Done, wire.Failed:
		s.final = step
	case wire.ClientFile:
		s.fileRequest()
	case wire.ClientAuth:
		s.mode = authData
	case wire.Lost:
		if s.opaque = UnknownAnswer; !s.queue.front().command.Followable() {
			s.opaque = UnknownCommand
		}
	case wire.More:
	}
}

// fileRequest takes a LOCAL INFILE request.
func (s *State) fileRequest() {
	switch {
	case s.queue.front().effect&loads == 0:
		s.unasked = true
	case s.queue.n > 1 || !s.client.AtStart():
		s.opaque = UnknownAnswer // commands behind this one: the server will take them for the file
	default:
		s.mode = fileData
	}
}

// responsePassed ends the oldest exchange once the last packet of its response has passed.
func (s *State) responsePassed(l Listener) {
	if s.final == wire.More || !s.server.AtStart() {
		return
	}
	step := s.final
	s.final = wire.More
	e := s.queue.pop()
	if s.mode == authData {
		s.mode = commands
	}
	if e.own {
		if len(s.facts) > 0 { // a server tells with its next OK_Packet what there was no room for before
			s.applyFacts(nil)
		}
	} else {
		s.failed = step == wire.Failed
		s.denied = s.failed && e.command == wire.ComChangeUser
		if s.next = e.next; s.failed {
			s.next = nextUnknown
		}
		s.ended(e, step == wire.Done)
		if l != nil {
			l.Answered(e.command, step == wire.Done)
		}
	}
	if s.queue.n > 0 {
		s.begin(s.queue.front())
	} else if s.defines {
		s.defined()
	}
}

// ended notes what an exchange leaves behind.
func (s *State) ended(e pending, ok bool) {
	wasOpen := s.txn.open()
	s.stirs(&e)
	if !ok {
		s.txn.failed(s.x.Status, e.effect)
	} else if e.command != wire.ComStatistics && e.command != wire.ComStmtPrepare {
		s.txn.ok(s.x.Status, e.effect)
		if h := s.held; h != nil {
			h.strayed = false
			if h.pins&pinNextTransaction != 0 && s.txn.used(e.effect) {
				h.pins &^= pinNextTransaction
			}
			if s.txn.flagged || s.txn.autocommit || e.effect&(begins|ends) != 0 { // it is part of a transaction now, or gone
				h.pins &^= pinSavepoint
			}
		}
	}
	s.began(&e, ok, wasOpen)
	s.leaves(&e, ok)
	switch e.command {
	case wire.ComStmtExecute:
		s.cursors.remove(e.statement)
		if ok && e.cursor && s.x.Status&(wire.StatusCursorExists|wire.StatusLastRowSent) == wire.StatusCursorExists {
			s.cursors.add(e.statement)
		}
	case wire.ComStmtFetch:
		if !ok || s.x.Status.Has(wire.StatusLastRowSent) {
			s.cursors.remove(e.statement)
		}
	case wire.ComStmtReset:
		s.cursors.remove(e.statement)
	default:
		if ok {
			s.commandDone(&e)
		}
	}
}

// runs reports whether a command does away with what the statement before it has left behind. The others have nothing to leave in its place: a ping, or
// COM_STMT_PREPARE.
func runs(c wire.Command) bool {
	switch c {
	case wire.ComQuery, wire.ComStmtExecute, wire.ComStmtBulkExecute, wire.ComChangeUser, wire.ComResetConnection:
		return true
	default:
		return false
	}
}

// leaves notes what the text of an exchange leaves in the session.
func (s *State) leaves(e *pending, ok bool) {
	s.recent = s.recent || !ok || e.effect&counts != 0 || s.before && (e.effect&diagnoses != 0 || !runs(e.command))
	if ok || e.effect&several != 0 {
		s.wrote = s.wrote || e.effect&writes != 0
	}
	if v := e.verdict; v != nil && v.prepare != nil {
		s.typed(v.prepare.verdict, !ok)
	}
	if v := e.verdict; v != nil && len(v.ops) > 0 {
		if ok {
			s.apply(v)
		} else {
			s.failedText(v, e.effect&several != 0)
		}
	}
	if len(s.facts) > 0 {
		s.applyFacts(e.believed())
	}
	s.restored = nil
	if s.held == nil || !s.held.strayed {
		s.flagged()
	}
	s.renew(e, ok)
}

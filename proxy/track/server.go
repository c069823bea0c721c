package track

import "segue/proxy/wire"

// begin starts following the response to c.
func (s *State) begin(c wire.Command) {
	s.x.Begin(c)
	s.answered = false
}

// Server observes bytes that the backend has sent, and returns how many of them are to be forwarded now: all of them, or those up
// to the end of the answer to a command of Segue's own (then the rest is to be given to Server again), or, fewer than 9 bytes
// missing, those in front of a COM_STMT_PREPARE_OK whose id is not whole yet: then the rest is to be shown again in front of
// what follows it. Once the session has moved, Server writes the client's ids into the chunk.
func (s *State) Server(chunk []byte) int {
	all := len(chunk)
	for len(chunk) > 0 && s.opaque == Readable {
		if s.server.InPayload() {
			chunk = chunk[s.server.Skip(chunk):]
			s.responsePassed()
			continue
		}
		if s.queue.n > 0 && s.x.InRows() {
			if n := s.server.SkipRows(chunk); n > 0 {
				chunk = chunk[n:]
				continue
			}
		}
		p, n, ok := s.server.Next(chunk)
		chunk = chunk[n:]
		if !ok {
			continue
		}
		s.serverPacket(&p)
		s.responsePassed()
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
	switch step := s.x.Server(*p); step {
	case wire.Done, wire.Failed:
		s.final = step
	case wire.ClientFile:
		s.fileRequest()
	case wire.ClientAuth:
		s.mode = authData
	case wire.Lost:
		s.opaque = UnknownAnswer
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
func (s *State) responsePassed() {
	if s.final == wire.More || !s.server.AtStart() {
		return
	}
	step := s.final
	s.final = wire.More
	e := s.queue.pop()
	if s.mode == authData {
		s.mode = commands
	}
	s.failed = step == wire.Failed
	s.midway = (e.command == wire.ComStmtPrepare || e.prelude) && !s.failed
	s.ended(e, step == wire.Done)
	if s.queue.n > 0 {
		s.begin(s.queue.front().command)
	}
}

// ended notes what an exchange leaves behind.
func (s *State) ended(e pending, ok bool) {
	if !ok {
		s.txn.failed(e.effect)
	} else if e.command != wire.ComStatistics && e.command != wire.ComStmtPrepare {
		s.txn.ok(s.x.Status, e.effect)
	}
	switch e.command {
	case wire.ComStmtExecute:
		s.cursors.remove(e.statement)
		if ok && s.x.Status&(wire.StatusCursorExists|wire.StatusLastRowSent) == wire.StatusCursorExists {
			s.cursors.add(e.statement)
		}
	case wire.ComStmtFetch:
		if !ok || s.x.Status.Has(wire.StatusLastRowSent) {
			s.cursors.remove(e.statement)
		}
	case wire.ComStmtReset:
		s.cursors.remove(e.statement)
	case wire.ComChangeUser:
		if ok {
			s.cursors, s.longData, s.prepared = nil, nil, 0
			s.txn.reset()
		}
	case wire.ComResetConnection:
		if ok {
			s.cursors, s.longData, s.prepared = nil, nil, 0
		}
	}
}

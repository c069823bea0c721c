package track

import (
	"bytes"
	"encoding/binary"

	"segue/proxy/wire"
)

// State is what Segue knows of one session in its command phase: which exchanges are outstanding, whether a
// transaction is open, what else ties it to its backend. It is fed the bytes of both directions as they
// pass, client bytes before they are sent on, server bytes before they are forwarded, and holds none of
// them. It allocates only for clients that pipeline deeply or keep cursors open.
//
// A State is not safe for concurrent use: the session's mutex guards it.
type State struct {
	client   wire.Framer
	server   wire.Framer
	x        wire.Exchange
	queue    queue
	mode     clientMode
	opaque   Opacity
	final    wire.Step // the last packet of the response is passing: what it comes to
	answered bool      // some byte of the response to the oldest outstanding command has passed
	lastSeq  uint8     // sequence id of the last packet the client sent
	unasked  bool      // the server asked for a local file that no statement had mentioned
	quit     bool      // the client sent COM_QUIT
	attrs    bool      // CLIENT_QUERY_ATTRIBUTES: a header stands before the text of a COM_QUERY

	text     scanner // of the COM_QUERY that is arriving
	scanning bool

	txn      transaction
	cursors  []uint32 // statement ids of open cursors
	longData bool     // COM_STMT_SEND_LONG_DATA without its COM_STMT_EXECUTE
}

// clientMode says what the client's packets are.
type clientMode uint8

const (
	commands clientMode = iota
	fileData            // after a LOCAL INFILE request, up to an empty packet
	authData            // after an AuthSwitchRequest within COM_CHANGE_USER
)

// Opacity says why the bytes of a session can no longer be read; zero while they can.
type Opacity uint8

// The reasons for a session to become Opaque.
const (
	Readable      Opacity = iota
	UnknownAnswer         // a response of a shape that the command cannot have
	UnknownCommand
	Unsolicited  // the server spoke without being asked
	TooDeep      // more commands pipelined than are kept count of
	LongDataSent // COM_STMT_SEND_LONG_DATA to a server that may answer it
)

var opacityNames = [...]string{"", "unknown_answer", "unknown_command", "unsolicited", "pipeline", "long_data"}

// String gives the reason as it appears in logs.
func (o Opacity) String() string { return opacityNames[o] }

// Options are what a State must know of the connection.
type Options struct {
	Capabilities    wire.Capability // agreed by both sides
	ExtCapabilities uint32          // MariaDB's, agreed by both sides
	// AnswersLongData says that the server may answer COM_STMT_SEND_LONG_DATA, which has no answer by the manual: StarRocks
	// sends an ERR_Packet (ConnectProcessor.dispatch). Which command the client will take it for cannot be known.
	AnswersLongData bool
}

// New returns the State of a session that has just been authenticated; status comes from its OK_Packet.
func New(o Options, status wire.Status) State {
	s := State{attrs: o.Capabilities.Has(wire.ClientQueryAttributes)}
	s.queue.answersLongData = o.AnswersLongData
	s.x.Negotiate(o.Capabilities, o.ExtCapabilities)
	s.x.Status = status
	s.txn.ok(status, 0)
	return s
}

// Idle reports whether no command is outstanding and both directions stand between two packets: the one
// point where a session may be ended, or moved, without cutting anything.
func (s *State) Idle() bool {
	return s.queue.n == 0 && s.opaque == Readable && s.mode == commands && s.client.AtStart() && s.server.AtStart()
}

// Pinned names what ties the session to its backend between two statements, or is empty.
func (s *State) Pinned() string {
	switch {
	case s.txn.open():
		return PinTransaction
	case len(s.cursors) > 0:
		return PinCursor
	case s.longData:
		return PinLongData
	}
	return ""
}

// The reasons for which a session is pinned, a closed list.
const (
	PinTransaction = "transaction"
	PinCursor      = "cursor"
	PinLongData    = "long_data"
)

// Opaque gives the reason why the session can no longer be read, or Readable.
func (s *State) Opaque() Opacity { return s.opaque }

// Quit reports whether the client has said COM_QUIT.
func (s *State) Quit() bool { return s.quit }

// UnaskedInfile reports that the server asked for a file of the client's although no statement of the
// client's could have led to it (CVE-2020-11579 and its like). The session is to be ended before the request is
// forwarded.
func (s *State) UnaskedInfile() bool { return s.unasked }

// Answered reports whether some of the response to the oldest outstanding command has passed, so that Segue can
// put no ERR_Packet of its own in its place.
func (s *State) Answered() bool { return s.answered || !s.server.AtStart() }

// Outstanding reports how many commands have not been answered in full.
func (s *State) Outstanding() int { return int(s.queue.n) }

// NextSeq is the sequence id of the first packet of an answer to the client's last packet.
func (s *State) NextSeq() uint8 { return s.lastSeq + 1 }

// Client observes bytes that the client has sent and that are about to be sent on.
func (s *State) Client(chunk []byte) {
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
		s.lastSeq = p.Seq
		s.clientPacket(p)
		s.packetPassed()
	}
}

// clientPacket takes the header and head of a packet of the client's.
func (s *State) clientPacket(p wire.Packet) {
	switch {
	case p.Continues:
		s.body(p.Body)
	case s.mode == fileData:
		if p.Len == 0 {
			s.mode = commands
		}
	case s.mode == authData && p.Seq != 0:
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
		s.queue.setLast(s.text.finish())
	}
}

// command takes the beginning of a command.
func (s *State) command(p wire.Packet) {
	c := wire.Command(p.Body[0])
	if !c.Followable() {
		s.opaque = UnknownCommand
		return
	}
	e := pending{command: c}
	switch c {
	case wire.ComQuery:
		e.effect = s.query(p)
	case wire.ComQuit:
		s.quit = true
	case wire.ComStmtExecute, wire.ComStmtFetch, wire.ComStmtReset, wire.ComStmtBulkExecute:
		e.statement = statementID(p.Body)
	case wire.ComStmtClose:
		s.closeCursor(statementID(p.Body))
		s.longData = false
	case wire.ComStmtSendLongData:
		s.longData = true
		if s.queue.answersLongData {
			s.opaque = LongDataSent
		}
	}
	if c.Silent() {
		return
	}
	if s.queue.n == 0 {
		s.begin(c)
	}
	if !s.queue.push(e) {
		s.opaque = TooDeep
	}
}

// query reads the text of a COM_QUERY, or begins to if it goes on beyond this chunk.
func (s *State) query(p wire.Packet) effect {
	text := p.Body[1:]
	if s.attrs {
		// No attribute: parameter_count 0, parameter_set_count 1. With attributes a binary block precedes the text; the
		// server that takes them sets status flags, so that nothing hangs on the words but LOAD.
		if len(text) < 2 || text[0] != 0 {
			return loads
		}
		text = text[2:]
	}
	if !s.client.InPayload() && p.Len < wire.MaxPayload {
		return s.text.scanWhole(text)
	}
	s.text.feed(text)
	s.scanning = true
	return 0
}

func statementID(body []byte) uint32 {
	if len(body) < 5 {
		return 0
	}
	return binary.LittleEndian.Uint32(body[1:])
}

// begin starts following the response to c.
func (s *State) begin(c wire.Command) {
	s.x.Begin(c)
	s.answered = false
}

// Server observes bytes that the backend has sent and that are about to be forwarded.
func (s *State) Server(chunk []byte) {
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
		s.serverPacket(p)
		s.responsePassed()
	}
}

// serverPacket takes the header and head of a packet of the server's.
func (s *State) serverPacket(p wire.Packet) {
	if p.Continues {
		return
	}
	if s.queue.n == 0 {
		// A server may say why it is about to hang up: ERR 1927, 4031. Anything else belongs to no command.
		if len(p.Body) == 0 || !wire.IsErr(p.Body) {
			s.opaque = Unsolicited
		}
		return
	}
	s.answered = true
	switch step := s.x.Server(p); step {
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
		s.longData = false
		s.closeCursor(e.statement)
		if ok && s.x.Status&(wire.StatusCursorExists|wire.StatusLastRowSent) == wire.StatusCursorExists {
			s.cursors = append(s.cursors, e.statement)
		}
	case wire.ComStmtFetch:
		if !ok || s.x.Status.Has(wire.StatusLastRowSent) {
			s.closeCursor(e.statement)
		}
	case wire.ComStmtReset:
		s.longData = false
		s.closeCursor(e.statement)
	case wire.ComChangeUser:
		if ok {
			s.cursors, s.longData = nil, false
			s.txn.reset()
		}
	case wire.ComResetConnection:
		if ok {
			s.cursors, s.longData = nil, false
		}
	}
}

func (s *State) closeCursor(id uint32) {
	for i, c := range s.cursors {
		if c == id {
			s.cursors = append(s.cursors[:i], s.cursors[i+1:]...)
			return
		}
	}
}

// holdsSemicolon reports whether a semicolon stands anywhere but at the end of text.
func holdsSemicolon(text []byte) bool {
	at := bytes.IndexByte(text, ';')
	return at >= 0 && at < len(text)-1
}

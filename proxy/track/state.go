package track

import (
	"unique"

	"segue/backend/wire"
)

// State is what Segue knows of one session in its command phase: which exchanges are outstanding, whether a
// transaction is open, what else ties it to its backend. It is fed the bytes of both directions as they
// pass, client bytes before they are sent on, server bytes before they are forwarded, and holds none of
// them. It allocates only for clients that pipeline deeply or keep cursors open.
//
// A State is not safe for concurrent use: it belongs to its session.
type State struct {
	*traffic // nil: nothing is on its way

	x        wire.Exchange
	mode     clientMode
	opaque   Opacity
	final    wire.Step // the last packet of the response is passing: what it comes to
	answered bool      // some byte of the response to the oldest outstanding command has passed
	failed   bool      // the last response that ended was an ERR_Packet
	denied   bool      // … to a COM_CHANGE_USER
	next     next      // … was a good one: what the client is likely to do
	unasked  bool      // the server asked for a local file that no statement had mentioned
	quit     bool      // the client sent COM_QUIT
	attrs    bool      // CLIENT_QUERY_ATTRIBUTES: a header stands before the text of a COM_QUERY

	answersLongData bool // see Options

	insertID insertID
	dialect  Dialect
	ansi     knowledge // "…" is a name, by sql_mode: of servers whose flags do not tell
	slash    knowledge // … and a backslash is a character
	unicode  bool      // character_set_client is one in which a letter beyond ASCII is never white space
	version  uint32    // see Options
	origin   uint32    // that of the server that the session began on
	recent   bool      // see Recent
	before   bool      // … of the command before the one that is being answered
	warning  bool      // the answer that is passing tells of warnings
	missing  leavings  // what was left behind on another connection, and has not been left anew
	warned   bool      // some statement has left warnings or an error, and none that opens a table has succeeded since
	wrote    bool
	tracks   bool   // CLIENT_SESSION_TRACK
	witness  bool   // … and the client does not know
	multi    bool   // CLIENT_MULTI_STATEMENTS
	charset  uint16 // see Collation
	caps     wire.Capability
	user     text
	database text // that of the login, or of the last USE
	held     *held
	memory   *Memory

	quotes   bool // the session's ANSI_QUOTES, by the flags, but for those of a statement that has had a sql_mode of its own
	slashes  bool // … its NO_BACKSLASH_ESCAPES
	txn      transaction
	suspect  bool         // see Suspect
	defines  bool         // a statement that runs may define a program
	fired    bool         // see Fired
	cursors  statementIDs // those whose cursor is open
	longData statementIDs // those with a COM_STMT_SEND_LONG_DATA that no COM_STMT_EXECUTE has used
	stirred  bool         // see Stirred
	hinted   bool         // see Hinted
	prepared effect       // loads, once a statement has been prepared that may ask for a file
	catalog  *Catalog     // of the server's programs; nil: it has none that matter
	unjudged *digest      // see Unjudged
}

// statementIDs is a set of ids of prepared statements, small as a rule. Its methods are kept out of their callers, whose
// frames lie on the stack of a pump: an idle session's is as large as it ever had to be.
type statementIDs map[uint32]struct{}

//go:noinline
func (s *statementIDs) add(id uint32) {
	if *s == nil {
		*s = statementIDs{}
	}
	(*s)[id] = struct{}{}
}

func (s statementIDs) remove(id uint32) { delete(s, id) }

// insertID says what is known of LAST_INSERT_ID().
type insertID uint8

const (
	noID   insertID = iota // it is what a new session's is, or a setting
	askID                  // the server knows
	lostID                 // it has been forgone
)

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
	Dialect   Dialect
	Version   uint32 // of the server, as DialectOf and TiDBVersion give it
	User      string // that the session was logged in as
	Database  string // that the session was logged in with
	Collation uint16 // that the client has named in its HandshakeResponse41: some character sets cannot be read

	Memory  *Memory  // counts what sessions keep
	Catalog *Catalog // of the server's programs; nil: there are none, or they do nothing to a session

	Capabilities    wire.Capability // agreed by both sides, and with Witness CLIENT_SESSION_TRACK
	Witness         bool            // CLIENT_SESSION_TRACK is Segue's alone: the client gets nothing of what it brings
	ExtCapabilities uint32          // MariaDB's, agreed by both sides
	// AnswersLongData says that the server may answer COM_STMT_SEND_LONG_DATA, which has no answer by the manual: StarRocks
	// sends an ERR_Packet (ConnectProcessor.dispatch). Which command the client will take it for cannot be known.
	AnswersLongData bool
}

// New returns the State of a session that has just been authenticated; status comes from its OK_Packet.
func New(o Options, status wire.Status) State {
	s := State{attrs: o.Capabilities.Has(wire.ClientQueryAttributes), answersLongData: o.AnswersLongData}
	s.x.Negotiate(o.Capabilities, o.ExtCapabilities)
	s.x.Status = status
	s.flagged()
	s.txn.ok(status, 0)
	s.dialect, s.version = o.Dialect, o.Version
	s.caps, s.tracks = o.Capabilities, o.Capabilities.Has(wire.ClientSessionTrack)
	s.witness = o.Witness
	s.memory, s.catalog = o.Memory, o.Catalog
	s.multi = o.Capabilities.Has(wire.ClientMultiStatements)
	s.charset = o.Collation
	s.begun()
	s.user = unique.Make(o.User)
	if o.Database != "" {
		s.database = unique.Make(o.Database)
	}
	if unsafeCollation(o.Collation) && !o.Dialect.fe() {
		s.held = &held{pins: pinCharacterSet, memory: s.memory}
	}
	return s
}

// begun notes what is known of the rules of a session that has just begun. What sql_mode it has begun with a server without flags does not tell.
func (s *State) begun() {
	if s.ansi, s.slash = unknown, unknown; s.dialect.fe() {
		s.ansi, s.slash = off, off
	}
	s.unicode = isUnicode(s.charset)
	s.origin = s.version
	s.stirred, s.hinted, s.suspect, s.fired, s.unjudged = false, false, false, false, nil
}

// isUnicode reports the collations of utf8mb4, utf8mb3, ascii and binary.
func isUnicode(c uint16) bool {
	switch {
	case c == 33, c == 45, c == 46, c == 63, c == 11, c == 65, c == 76, c == 83, c >= 192 && c <= 215, c >= 223 && c <= 247, c >= 255 && c <= 323:
		return true
	}
	return false
}

// Idle reports whether no command is outstanding and both directions stand between two packets: the one
// point where a session may be ended, or moved, without cutting anything.
func (s *State) Idle() bool {
	return s.opaque == Readable && s.mode == commands && (s.traffic == nil || s.over())
}

// Recent reports whether the client may still ask for what the last statement has left behind: warnings or an error, FOUND_ROWS()
// after SQL_CALC_FOUND_ROWS, ROW_COUNT(). It is no pin: it ends with the next statement.
func (s *State) Recent() bool { return s.recent }

// User is the user of the last COM_CHANGE_USER, or the one of Options.
func (s *State) User() string {
	if s.user == (unique.Handle[string]{}) {
		return ""
	}
	return s.user.Value()
}

// Collation is the id that the client named in its last COM_CHANGE_USER, or the one of Options: what its sessions begin with.
func (s *State) Collation() uint16 { return s.charset }

// Pinned names what ties the session to its backend between two statements, or is empty.
func (s *State) Pinned() string {
	switch {
	case s.txn.open():
		return PinTransaction
	case len(s.cursors) > 0:
		return PinCursor
	case len(s.longData) > 0:
		return PinLongData
	case s.held != nil:
		return s.held.pinned()
	}
	return ""
}

// Opaque gives the reason why the session can no longer be read, or Readable.
func (s *State) Opaque() Opacity { return s.opaque }

// Quit reports whether the client has said COM_QUIT.
func (s *State) Quit() bool { return s.quit }

// UnaskedInfile reports that the server asked for a file of the client's although no statement of the
// client's could have led to it (CVE-2020-11579 and its like). The session is to be ended before the request is
// forwarded.
func (s *State) UnaskedInfile() bool { return s.unasked }

// Answered reports whether some of the response to the oldest outstanding command has passed, or may have, so that Segue
// can put no ERR_Packet of its own in its place.
func (s *State) Answered() bool {
	if s.OwnOutstanding() {
		return s.opaque != Readable
	}
	return s.answered || s.opaque != Readable || s.traffic != nil && !s.server.AtStart()
}

// Endable reports whether the answer to the only command outstanding has begun, and an ERR_Packet may end it here: between two rows.
func (s *State) Endable() bool {
	return s.opaque == Readable && s.unanswered() == 1 && !s.queue.front().own && s.mode == commands && s.x.Endable() && s.server.AtStart()
}

// MidAnswer reports whether the server has begun an answer, or may have, and not ended it.
func (s *State) MidAnswer() bool {
	return s.opaque != Readable || s.traffic != nil && (!s.server.AtStart() || s.queue.n > 0 && s.answered)
}

// MidCommand reports whether the client has begun a command and not ended it.
func (s *State) MidCommand() bool { return s.traffic != nil && !s.client.AtStart() }

// AtNextCommand reports whether the next byte of the client's begins a command, those that run notwithstanding.
func (s *State) AtNextCommand() bool {
	return s.opaque == Readable && s.mode == commands && !s.MidCommand()
}

// AtCommand is AtNextCommand while none runs.
func (s *State) AtCommand() bool {
	return s.Outstanding() == 0 && !s.MidCommand() && s.opaque == Readable
}

// RestOfCommand returns how many bytes at the head of chunk, the client's next, still belong to the command that it has begun: all of them where it is not
// known what they are.
func (s *State) RestOfCommand(chunk []byte) int {
	if s.opaque != Readable || s.mode != commands {
		return len(chunk)
	}
	if s.traffic == nil {
		return 0
	}
	return s.client.Rest(chunk)
}

// Failed reports whether the last that the server said was an ERR_Packet.
func (s *State) Failed() bool { return s.failed }

// Denied reports whether the last that the server said was that it does not let in the user of a COM_CHANGE_USER: MySQL and TiDB end the connection behind
// that, and MariaDB goes on with the user before.
func (s *State) Denied() bool { return s.denied }

// Outstanding reports how many commands have not been answered in full.
func (s *State) Outstanding() int {
	if s.OwnOutstanding() {
		return s.unanswered() - 1
	}
	return s.unanswered()
}

// NextSeq is the sequence id with which an answer to the oldest outstanding command begins or, where it is Endable, goes on.
func (s *State) NextSeq() uint8 {
	if s.Outstanding() == 0 {
		return 0
	}
	if s.Endable() {
		return s.server.Seq() + 1
	}
	if s.OwnOutstanding() {
		return s.queue.at(1).seq + 1
	}
	return s.queue.front().seq + 1
}

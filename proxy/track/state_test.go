package track

import (
	"bytes"
	"testing"

	"segue/backend/wire"
	"segue/backend/wire/wiretest"
)

// talk is one turn of a conversation: packets of one side, written as payloads, first sequence id given.
type talk struct {
	server  bool
	seq     uint8
	packets [][]byte
}

func say(payloads ...[]byte) talk    { return talk{false, 0, payloads} }
func answer(payloads ...[]byte) talk { return talk{true, 1, payloads} }
func from(seq uint8, t talk) talk    { t.seq = seq; return t }

func (t talk) bytes() (b []byte) {
	seq := t.seq
	for _, p := range t.packets {
		if !t.server && t.seq == 0 {
			seq = 0 // commands each begin anew
		}
		b, seq = wire.AppendPacket(b, seq, p)
	}
	return b
}

func command(c wire.Command, rest string) []byte { return append([]byte{byte(c)}, rest...) }
func query(text string) []byte                   { return command(wire.ComQuery, text) }

// known are talks behind one that prepares statement 1.
func knownStatement(talks ...talk) []talk {
	return append([]talk{say(command(wire.ComStmtPrepare, "SELECT ?")), answer(prepareOK(1, 1), def, eof)}, talks...)
}

// statement is a command on a prepared statement. An execution asks for a cursor.
func statement(c wire.Command, id byte) []byte { return []byte{byte(c), id, 0, 0, 0, 1, 1, 0, 0, 0} }

var (
	ok       = []byte{0, 0, 0, 2, 0, 0, 0}
	okFE     = []byte{0, 0, 0, 0, 0, 0, 0} // a StarRocks FE sets no flag
	okTrans  = []byte{0, 0, 0, 3, 0, 0, 0}
	okOff    = []byte{0, 0, 0, 0, 0, 0, 0} // autocommit off, no transaction yet
	failure  = append([]byte{0xff, 0x28, 0x04}, "#42000no"...)
	def      = append([]byte("\x03def"), make([]byte, 30)...)
	eof      = []byte{0xfe, 0, 0, 2, 0}
	eofOpen  = []byte{0xfe, 0, 0, 0x42, 0}
	eofLast  = []byte{0xfe, 0, 0, 0xc2, 0}
	row      = []byte{1, '7'}
	infile   = append([]byte{0xfb}, "/tmp/x"...)
	authSwap = append([]byte{0xfe}, "mysql_native_password\x0012345678901234567890\x00"...)
)

// after tells where a session stands.
type after struct {
	idle   bool
	pinned string
	opaque Opacity
}

var conversations = []struct {
	name  string
	opts  Options
	talks []talk
	want  after
}{
	{"a statement runs", Options{}, []talk{say(query("SELECT 1"))}, after{}},
	{"answered", Options{}, []talk{say(query("SELECT 1")), answer([]byte{1}, def, eof, row, eof)}, after{idle: true}},
	{"half answered", Options{}, []talk{say(query("SELECT 1")), answer([]byte{1}, def, eof, row)}, after{}},
	{"failed", Options{}, []talk{say(query("SELEC")), answer(failure)}, after{idle: true}},
	{"pipelined, one answered", Options{}, []talk{say(query("SELECT a"), query("SELECT b")), answer(ok)}, after{}},
	{"pipelined, both answered", Options{}, []talk{say(query("SELECT a"), query("SELECT b"), query("SELECT c")), answer(ok), answer(failure), answer(ok)}, after{idle: true}},
	{"silent commands", Options{}, []talk{say(statement(wire.ComStmtClose, 1))}, after{idle: true}},
	{"transaction by flags", Options{}, []talk{say(query("BEGIN")), answer(okTrans)}, after{true, PinTransaction, 0}},
	{"commit by flags", Options{}, []talk{say(query("BEGIN")), answer(okTrans), say(query("COMMIT")), answer(ok)}, after{idle: true}},
	{"implicit commit by flags", Options{}, []talk{say(query("BEGIN")), answer(okTrans), say(query("CREATE TABLE t (a INT)")), answer(ok)}, after{idle: true}},
	{"error in a transaction", Options{}, []talk{say(query("BEGIN")), answer(okTrans), say(query("SELECT x")), answer(failure)}, after{true, PinTransaction, 0}},
	{
		"error with autocommit off",
		Options{},
		[]talk{say(query("SELECT a FROM t")), answer(okTrans), say(query("COMMIT")), answer(okOff), say(query("INSERT")), answer(failure)},
		after{true, PinTransaction, 0},
	},
	{"autocommit off alone", Options{}, []talk{say(query("SET AUTOCOMMIT = 0")), answer(okOff)}, after{idle: true}},
	{"transaction by words", Options{}, []talk{say(query("BEGIN")), answer(okFE)}, after{true, PinTransaction, 0}},
	{"commit by words", Options{}, []talk{say(query("BEGIN")), answer(okFE), say(query("INSERT")), answer(okFE), say(query("COMMIT")), answer(okFE)}, after{idle: true}},
	{"commit fails", Options{}, []talk{say(query("BEGIN")), answer(okFE), say(query("COMMIT")), answer(failure)}, after{true, PinTransaction, 0}},
	{"rollback fails", Options{}, []talk{say(query("BEGIN")), answer(okFE), say(query("ROLLBACK")), answer(failure)}, after{idle: true}},
	{"begin fails", Options{}, []talk{say(query("BEGIN")), answer(failure)}, after{idle: true}},
	{"begin among others fails", Options{}, []talk{say(query("BEGIN; INSERT")), answer([]byte{0, 0, 0, 8, 0, 0, 0}, failure)}, after{true, PinTransaction, 0}},
	{"cursor", Options{}, []talk{say(statement(wire.ComStmtExecute, 1)), answer([]byte{1}, def, eofOpen)}, after{true, PinCursor, 0}},
	{"cursor of the statement's own", Options{}, []talk{say(execute(1, false)), answer([]byte{1}, def, eofOpen, row, eofOpen)}, after{true, "", 0}},
	{"cursor of the statement's own, behind one", Options{}, knownStatement(say(statement(wire.ComStmtExecute, 1)), answer([]byte{1}, def, eofOpen), say(execute(1, false)), answer([]byte{1}, def, eofOpen, row, eofOpen)), after{true, "", 0}},
	{"cursor read to its end", Options{}, []talk{
		say(statement(wire.ComStmtExecute, 1)), answer([]byte{1}, def, eofOpen),
		say(statement(wire.ComStmtFetch, 1)), answer(row, eofLast),
	}, after{idle: true}},
	{"two cursors, one closed", Options{}, []talk{
		say(statement(wire.ComStmtExecute, 1)), answer([]byte{1}, def, eofOpen),
		say(statement(wire.ComStmtExecute, 2)), answer([]byte{1}, def, eofOpen), say(statement(wire.ComStmtClose, 1)),
	}, after{true, PinCursor, 0}},
	{"two cursors closed", Options{}, []talk{
		say(statement(wire.ComStmtExecute, 1)), answer([]byte{1}, def, eofOpen),
		say(statement(wire.ComStmtExecute, 2)), answer([]byte{1}, def, eofOpen), say(statement(wire.ComStmtClose, 2), statement(wire.ComStmtClose, 1)),
	}, after{idle: true}},
	{"cursor reset", Options{}, []talk{
		say(statement(wire.ComStmtExecute, 1)), answer([]byte{1}, def, eofOpen),
		say(statement(wire.ComStmtReset, 1)), answer(ok),
	}, after{idle: true}},
	{"long data", Options{}, knownStatement(say(statement(wire.ComStmtSendLongData, 1))), after{true, PinLongData, 0}},
	{"long data used", Options{}, knownStatement(say(statement(wire.ComStmtSendLongData, 1), statement(wire.ComStmtExecute, 1)), answer(ok)), after{idle: true}},
	{
		"long data of another statement used",
		Options{},
		knownStatement(say(statement(wire.ComStmtSendLongData, 1), statement(wire.ComStmtExecute, 2)), answer(ok)),
		after{true, PinLongData, 0},
	},
	{"long data of another statement closed", Options{}, knownStatement(say(statement(wire.ComStmtSendLongData, 1), statement(wire.ComStmtClose, 2))), after{true, PinLongData, 0}},
	{"long data closed", Options{}, knownStatement(say(statement(wire.ComStmtSendLongData, 1), statement(wire.ComStmtClose, 1))), after{idle: true}},
	{"long data reset", Options{}, knownStatement(say(statement(wire.ComStmtSendLongData, 1), statement(wire.ComStmtReset, 1)), answer(ok)), after{idle: true}},
	{"long data for the next execution", Options{}, knownStatement(
		say(statement(wire.ComStmtSendLongData, 1), statement(wire.ComStmtExecute, 1), statement(wire.ComStmtSendLongData, 1)),
		answer(ok),
	), after{true, PinLongData, 0}},
	{"long data and a new session", Options{}, knownStatement(say(statement(wire.ComStmtSendLongData, 1), command(wire.ComResetConnection, "")), answer(ok)), after{idle: true}},
	{"cursor and a new session", Options{}, []talk{
		say(statement(wire.ComStmtExecute, 1)), answer([]byte{1}, def, eofOpen),
		say(command(wire.ComResetConnection, "")), answer(ok),
	}, after{idle: true}},
	{"cursor, and a fetch that fails", Options{}, []talk{
		say(statement(wire.ComStmtExecute, 1)), answer([]byte{1}, def, eofOpen),
		say(statement(wire.ComStmtFetch, 1)), answer(failure),
	}, after{idle: true}},
	{"cursor opened again", Options{}, []talk{
		say(statement(wire.ComStmtExecute, 1)), answer([]byte{1}, def, eofOpen),
		say(statement(wire.ComStmtExecute, 1)), answer([]byte{1}, def, eof, eof),
	}, after{idle: true}},
	{"prepared, though its text begins a transaction", Options{}, []talk{say(command(wire.ComStmtPrepare, "BEGIN")), answer([]byte{0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})}, after{idle: true}},
	{"prepared, behind a report of progress", Options{}, []talk{
		say(command(wire.ComStmtPrepare, "SELECT 1")), answer([]byte{0xff, 0xff, 0xff, 1, 1}, prepareOK(9, 0)),
	}, after{idle: true}},
	{"a statement of a transaction is prepared", Options{}, []talk{
		say(query("BEGIN")), answer(okTrans),
		say(command(wire.ComStmtPrepare, "SELECT 1")), answer([]byte{0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}),
	}, after{true, PinTransaction, 0}},
	{"transaction by flags, read of", Options{}, []talk{say(query("SELECT")), answer([]byte{1}, def, eof, row, []byte{0xfe, 0, 0, 1, 0})}, after{true, PinTransaction, 0}},
	{
		"reset keeps a transaction told by words",
		Options{},
		[]talk{say(query("BEGIN")), answer(okFE), say(command(wire.ComResetConnection, "")), answer(okFE)},
		after{true, PinTransaction, 0},
	}, // a StarRocks FE resets variables alone
	{"flags overrule words", Options{}, []talk{say(query("BEGIN")), answer(okTrans), say(query("COMMIT")), answer(ok), say(query("BEGIN")), answer(ok)}, after{idle: true}},
	{"empty packet for a command", Options{}, []talk{say(nil)}, after{opaque: UnknownCommand}},
	{"COM_QUIT", Options{}, []talk{say(command(wire.ComQuit, "")), answer(ok)}, after{}},
	{"long data to an FE", Options{AnswersLongData: true}, knownStatement(say(statement(wire.ComStmtSendLongData, 1))), after{false, PinLongData, LongDataSent}},
	{"infile: the client sends", Options{}, []talk{say(query("LOAD DATA LOCAL")), answer(infile), from(2, say([]byte("1\n")))}, after{}},
	{"infile: file sent", Options{}, []talk{say(query("LOAD DATA LOCAL")), answer(infile), from(2, say([]byte("1\n"), nil))}, after{}},
	{"infile: answered", Options{}, []talk{say(query("LOAD DATA LOCAL")), answer(infile), from(2, say([]byte{byte(wire.ComQuit)}, nil)), from(4, answer(ok))}, after{idle: true}},
	{"infile: answered too early", Options{}, []talk{say(query("LOAD DATA LOCAL")), answer(infile), from(2, say([]byte("1\n"))), from(3, answer(failure))}, after{}},
	{"infile: answered too early, then finished", Options{}, []talk{
		say(query("LOAD DATA LOCAL")), answer(infile), from(2, say([]byte("1\n"))),
		from(3, answer(failure)), from(3, say([]byte("2\n"), nil)),
	}, after{idle: true}},
	{"infile: and the next statement", Options{}, []talk{
		say(query("LOAD DATA LOCAL")), answer(infile), from(2, say(nil)), from(3, answer(failure)),
		say(query("SELECT")), answer(ok),
	}, after{idle: true}},
	{"infile: commands behind it", Options{}, []talk{say(query("LOAD DATA LOCAL"), query("SELECT 1")), answer(infile)}, after{opaque: UnknownAnswer}},
	{"change user", Options{User: "u"}, []talk{say(command(wire.ComChangeUser, "u\x00\x00\x00")), answer(authSwap), from(2, say(make([]byte, 20))), from(3, answer(ok))}, after{idle: true}},
	{"change user: answer awaited", Options{User: "u"}, []talk{say(command(wire.ComChangeUser, "u\x00\x00\x00")), answer(authSwap), from(2, say(make([]byte, 20)))}, after{}},
	{"change user, then a statement", Options{User: "u"}, []talk{
		say(command(wire.ComChangeUser, "u\x00\x00\x00")), answer(authSwap), from(2, say([]byte{3, 1, 2})),
		from(3, answer(ok)), say(query("SELECT 1")), answer(ok),
	}, after{idle: true}},
	{"change user ends a transaction", Options{User: "u"}, []talk{say(query("BEGIN")), answer(okFE), say(command(wire.ComChangeUser, "u\x00\x00\x00")), answer(okFE)}, after{idle: true}},
	{"unknown command", Options{}, []talk{say([]byte{0x7f})}, after{}},
	{"unknown command, refused", Options{}, []talk{say([]byte{0x7f}), answer(failure)}, after{idle: true}},
	{"unknown command, refused behind a statement", Options{}, []talk{say(query("BEGIN"), []byte{0x7f}), answer(okTrans), answer(failure)}, after{true, PinTransaction, 0}},
	{"unknown command, refused, and a statement", Options{}, []talk{say([]byte{0x7f}), answer(failure), say(query("SELECT 1"))}, after{}},
	{"unknown command, granted", Options{}, []talk{say([]byte{0x7f}), answer(ok)}, after{opaque: UnknownCommand}},
	{"unknown command, answered by rows", Options{}, []talk{say([]byte{0x7f}), answer([]byte{1}, def, eof, row, eof)}, after{opaque: UnknownCommand}},
	{"unknown command, and one that is known", Options{}, []talk{say([]byte{0x7f}, command(wire.ComPing, "")), answer(failure)}, after{opaque: UnknownCommand}},
	{"two unknown commands", Options{}, []talk{say([]byte{0x7f}, []byte{0x7e})}, after{opaque: UnknownCommand}},
	{"commands in one packet", Options{}, []talk{say([]byte{0xfe}), answer(failure)}, after{opaque: UnknownCommand}},
	{"replication", Options{}, []talk{say(command(wire.ComBinlogDump, "\x04\x00")), answer(make([]byte, 20), make([]byte, 30))}, after{opaque: UnknownCommand}},
	{"replication, refused", Options{}, []talk{say(command(wire.ComBinlogDump, "\x04\x00")), answer(failure)}, after{idle: true}},
	{"unknown answer", Options{}, []talk{say(command(wire.ComPing, "")), answer(row)}, after{opaque: UnknownAnswer}},
	{"spoken unasked", Options{}, []talk{answer(ok)}, after{opaque: Unsolicited}},
	{"a farewell", Options{}, []talk{from(0, answer(failure))}, after{idle: true}},
	{"query attributes", Options{Capabilities: wire.ClientQueryAttributes}, []talk{say(query("\x00\x01BEGIN")), answer(okFE)}, after{true, PinTransaction, 0}},
	{"statistics keep the flags", Options{}, []talk{say(query("BEGIN")), answer(okTrans), say(command(wire.ComStatistics, "")), answer([]byte("Uptime: 1"))}, after{true, PinTransaction, 0}},
}

func run(c Options, talks []talk, size int) *State {
	s := New(c, 0)
	for _, turn := range talks {
		b := turn.bytes()
		for len(b) > 0 {
			n := min(size, len(b))
			if turn.server {
				s.Server(b[:n])
			} else {
				s.Client(b[:n])
			}
			b = b[n:]
		}
	}
	return &s
}

func TestStateFollowsConversations(t *testing.T) {
	for _, c := range conversations {
		t.Run(c.name, func(t *testing.T) {
			for _, size := range []int{1 << 20, 1, 2, 3, 5, 7, 11} {
				s := run(c.opts, c.talks, size)
				if got := (after{s.Idle(), s.Pinned(), s.Opaque()}); got != c.want {
					t.Fatalf("in pieces of %d: %+v, want %+v", size, got, c.want)
				}
			}
		})
	}
}

// A statement larger than any buffer is scanned as it passes.
func TestStateScansLongStatements(t *testing.T) {
	text := "BEGIN; INSERT INTO t VALUES ('" + string(bytes.Repeat([]byte("x;COMMIT;"), wire.MaxPayload/9+10)) + "')"
	s := run(Options{}, []talk{say(query(text)), answer(okFE)}, 16<<10)
	if !s.Idle() || s.Pinned() != PinTransaction {
		t.Errorf("idle %v, pinned %q, want idle and pinned by its transaction", s.Idle(), s.Pinned())
	}
}

func TestBug14_ServerAsksForAFileUnasked(t *testing.T) {
	s := run(Options{}, []talk{say(query("SELECT 1")), answer(infile)}, 1<<20)
	if !s.UnaskedInfile() {
		t.Error("the request went unnoticed")
	}
	if s = run(Options{}, []talk{say(statement(wire.ComStmtExecute, 1)), answer(infile)}, 1<<20); !s.UnaskedInfile() {
		t.Error("the request in answer to COM_STMT_EXECUTE went unnoticed")
	}
}

// Each way in which MariaDB lets a client load its own file.
func TestBug14_ServerAsksForAFileThatTheClientMeant(t *testing.T) {
	prepare := func(text string) talk { return say(command(wire.ComStmtPrepare, text)) }
	prepared := answer([]byte{0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})
	for name, talks := range map[string][]talk{
		"text":              {say(query("LOAD DATA LOCAL INFILE 'x' INTO TABLE t"))},
		"SET STATEMENT":     {say(query("SET STATEMENT max_statement_time=1 FOR LOAD DATA LOCAL INFILE 'x' INTO TABLE t"))},
		"EXECUTE IMMEDIATE": {say(query("EXECUTE IMMEDIATE 'LOAD DATA LOCAL INFILE …'"))},
		"EXECUTE":           {say(query("PREPARE s FROM 'LOAD DATA …'")), answer(ok), say(query("EXECUTE s"))},
		"prepared":          {prepare("LOAD DATA LOCAL INFILE 'x' INTO TABLE t"), prepared, say(statement(wire.ComStmtExecute, 9))},
		"prepared ahead":    {say(command(wire.ComStmtPrepare, "LOAD DATA LOCAL"), statement(wire.ComStmtExecute, 0xff)), prepared},
		"attributes":        {say(query("\x01\x01…"))},
	} {
		o := Options{}
		if name == "attributes" {
			o.Capabilities = wire.ClientQueryAttributes
		}
		for _, size := range []int{1 << 20, 3} {
			if s := run(o, append(talks, answer(infile)), size); s.UnaskedInfile() || s.Opaque() != Readable {
				t.Errorf("%s, in pieces of %d: unasked %v, opaque %q", name, size, s.UnaskedInfile(), s.Opaque())
			}
		}
	}
}

func TestBug14_FileDataIsNotTakenForCommands(t *testing.T) {
	file := [][]byte{}
	for range 300 { // the sequence id wraps: data packets with id 0 are still data
		file = append(file, []byte{byte(wire.ComQuit)})
	}
	s := run(Options{}, []talk{say(query("LOAD DATA LOCAL")), answer(infile), from(2, say(append(file, nil)...)), answer(ok)}, 64)
	if !s.Idle() || s.Quit() {
		t.Errorf("idle %v, quit %v after LOAD DATA LOCAL", s.Idle(), s.Quit())
	}
}

func TestBug8_IdleAgainAfterAnError(t *testing.T) {
	s := run(Options{}, []talk{say(query("SELECT x")), answer([]byte{1}, def, eof, row, failure)}, 1<<20)
	if !s.Idle() || s.Pinned() != "" {
		t.Errorf("idle %v, pinned %q after an ERR amid rows", s.Idle(), s.Pinned())
	}
}

func TestBug17_CommandsWithoutAnswer(t *testing.T) {
	s := run(Options{}, []talk{
		say(statement(wire.ComStmtClose, 1), query("SELECT a"), statement(wire.ComStmtClose, 2), statement(wire.ComStmtSendLongData, 3), query("SELECT b")),
		answer(ok), answer(ok),
	}, 1<<20)
	if !s.Idle() {
		t.Error("not idle: a silent command is waited for")
	}
}

func TestAnsweredTellsWhetherAnErrorFits(t *testing.T) {
	s := run(Options{}, []talk{say(query("SELECT 1"))}, 1<<20)
	if s.Answered() || s.NextSeq() != 1 {
		t.Errorf("answered %v, next sequence id %d, want false, 1", s.Answered(), s.NextSeq())
	}
	s.Server([]byte{1, 0})
	if !s.Answered() {
		t.Error("half a header has passed, and an ERR_Packet is said to fit")
	}
}

func TestPipelineIsBounded(t *testing.T) {
	s := New(Options{}, 0)
	ping := say(command(wire.ComPing, "")).bytes()
	for range maxPending {
		s.Client(ping)
	}
	if s.Opaque() != Readable || s.Outstanding() != maxPending {
		t.Fatalf("opaque %v with %d outstanding", s.Opaque(), s.Outstanding())
	}
	s.Client(ping)
	if s.Opaque() != TooDeep {
		t.Error("more commands than are counted, and still said to be readable")
	}
}

func TestQueueKeepsOrderAndGivesBackItsRoom(t *testing.T) {
	var q queue
	for round := range 5 {
		for i := range 10 * (round + 1) {
			if !q.push(pending{statement: uint32(i)}) {
				t.Fatal("no room")
			}
			if i%3 == 2 {
				q.pop()
				q.push(pending{statement: 1 << 30})
			}
		}
		for q.n > 0 {
			q.pop()
		}
		if q.more != nil {
			t.Fatal("an empty queue keeps its room")
		}
	}
	for i := range uint32(100) {
		q.push(pending{statement: i})
	}
	for i := range uint32(100) {
		if got := q.pop().statement; got != i {
			t.Fatalf("popped %d, want %d", got, i)
		}
	}
}

// FuzzState feeds both directions arbitrary bytes: no panic, and what is pinned or idle stays within its meaning.
func FuzzState(f *testing.F) {
	for _, c := range conversations {
		var b []byte
		for _, turn := range c.talks {
			p := turn.bytes()
			for len(p) > 0 {
				n := min(len(p), 127)
				side := byte(0)
				if turn.server {
					side = 0x80
				}
				b = append(append(b, side|byte(n)), p[:n]...)
				p = p[n:]
			}
		}
		f.Add(b, c.opts.AnswersLongData, uint32(c.opts.Capabilities))
	}
	chunks := func(side byte, p []byte) (b []byte) {
		for ; len(p) > 0 && len(b) < 4096; p = p[min(len(p), 127):] {
			b = append(append(b, side|byte(min(len(p), 127))), p[:min(len(p), 127)]...)
		}
		return b
	}
	answers := wiretest.Hostile(f, wiretest.Server, wiretest.Answer)
	for i, s := range wiretest.Hostile(f, wiretest.Client, wiretest.Command) {
		f.Add(append(chunks(0, s.Append(nil, 0)), chunks(0x80, answers[i%len(answers)].Append(nil, 1))...), i%2 == 0, uint32(wire.ClientProtocol41))
	}
	f.Fuzz(func(t *testing.T, b []byte, answers bool, caps uint32) {
		s := New(Options{Capabilities: wire.Capability(caps), ExtCapabilities: caps >> 3, AnswersLongData: answers}, 0)
		for len(b) > 0 {
			server, n := b[0]&0x80 != 0, int(b[0]&0x7f)
			b = b[1:]
			n = min(n, len(b))
			opaque := s.Opaque()
			if server {
				s.Server(b[:n])
			} else {
				s.Client(b[:n])
			}
			b = b[n:]
			if opaque != Readable && s.Opaque() != opaque {
				t.Fatalf("opaque for %v, then for %v", opaque, s.Opaque())
			}
			if s.Idle() {
				s.Look(b)
				s.Replay()
				if ids := []uint32{uint32(n), 3}; n%5 == 0 {
					s.Moved(Options{Capabilities: wire.Capability(caps)}, 0, ids)
				}
			}
			if s.Idle() && (s.Outstanding() > 0 || s.Opaque() != Readable) {
				t.Fatal("idle with a command outstanding, or opaque")
			}
		}
	})
}

// BenchmarkState is the tracker's part in one small statement and its answer of one row.
func BenchmarkState(b *testing.B) {
	s := New(Options{Capabilities: wire.ClientProtocol41}, 2)
	q := say(query("SELECT c FROM sbtest1 WHERE id=5012")).bytes()
	a := answer([]byte{1}, def, eof, append([]byte{120}, make([]byte, 120)...), eof).bytes()
	b.ReportAllocs()
	for b.Loop() {
		s.Client(q)
		s.Server(a)
		if !s.Idle() {
			b.Fatal("not idle")
		}
	}
}

// bugs.md 15: an ERR_Packet in place of an answer carries the sequence id that the client expects.
func TestBug15_SequenceIDOfAnAnswer(t *testing.T) {
	s := run(Options{}, []talk{say(query("SELECT a"), query("SELECT b")), say(query("'" + string(make([]byte, wire.MaxPayload)))), say(statement(wire.ComStmtClose, 1))}, 1<<20)
	if s.NextSeq() != 1 {
		t.Errorf("%d for the first of three, want 1", s.NextSeq())
	}
	s.Server(answer(ok).bytes())
	s.Server(answer(ok).bytes())
	if s.NextSeq() != 2 {
		t.Errorf("%d for a command of two packets, want 2", s.NextSeq())
	}
	s = run(Options{}, []talk{say(query("LOAD DATA LOCAL")), answer(infile), from(2, say([]byte("1\n"), []byte("2\n"), nil))}, 7)
	if s.NextSeq() != 5 {
		t.Errorf("%d behind a file of three packets, want 5", s.NextSeq())
	}
	s = run(Options{}, []talk{say(command(wire.ComChangeUser, "u\x00\x00\x00")), answer(authSwap), from(2, say(make([]byte, 20)))}, 7)
	if s.NextSeq() != 3 {
		t.Errorf("%d behind the answer to an AuthSwitchRequest, want 3", s.NextSeq())
	}
}

func TestNothingFitsIntoWhatCannotBeRead(t *testing.T) {
	s := run(Options{AnswersLongData: true}, []talk{say(query("SELECT 1"), statement(wire.ComStmtSendLongData, 1))}, 1<<20)
	if s.Outstanding() != 1 || !s.Answered() {
		t.Errorf("%d outstanding, answered %v: an ERR_Packet is said to fit into an opaque stream", s.Outstanding(), s.Answered())
	}
}

func TestFailedTellsTheLastAnswer(t *testing.T) {
	for _, c := range []struct {
		name  string
		talks []talk
		want  bool
	}{
		{"ok", []talk{say(query("SELECT a")), answer(ok)}, false},
		{"error", []talk{say(query("SELECT a")), answer(failure)}, true},
		{"error amid rows", []talk{say(query("SELECT a")), answer([]byte{1}, def, eof, row, failure)}, true},
		{"error, then ok", []talk{say(query("SELECT a"), query("SELECT b")), answer(failure), answer(ok)}, false},
		{"farewell", []talk{from(0, answer(failure))}, true},
	} {
		if s := run(Options{}, c.talks, 3); s.Failed() != c.want {
			t.Errorf("%s: %v, want %v", c.name, s.Failed(), c.want)
		}
	}
}

// A server that does not let in the user of a COM_CHANGE_USER may end the connection: until something else has been answered there is no session to go on.
func TestDenied(t *testing.T) {
	s := run(Options{}, []talk{say(command(wire.ComChangeUser, "u\x00\x00\x00")), answer(failure)}, 1<<20)
	if !s.Denied() {
		t.Error("a COM_CHANGE_USER was refused")
	}
	for _, next := range [...][]byte{ok, failure} {
		s := run(Options{}, []talk{say(command(wire.ComChangeUser, "u\x00\x00\x00")), answer(failure), say(query("SELECT 1")), answer(next)}, 1<<20)
		if s.Denied() {
			t.Error("something else was answered since")
		}
	}
}

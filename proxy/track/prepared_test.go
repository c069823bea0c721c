package track

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"strings"
	"testing"

	"segue/backend/wire"
)

// byID is a command on the statement with this id.
func byID(c wire.Command, id uint32) []byte {
	return append(binary.LittleEndian.AppendUint32([]byte{byte(c)}, id), 0, 1, 0, 0, 0)
}

// preparedAs is a COM_STMT_PREPARE_OK without definitions.
func preparedAs(id uint32) []byte {
	return append(binary.LittleEndian.AppendUint32([]byte{0}, id), 0, 0, 0, 0, 0, 0, 0)
}

// Whatever id a backend gives once the session has moved, the client gets one that it can name the statement by.
func TestAnyIDOfABackendAfterAMove(t *testing.T) {
	for _, server := range []uint32{0, 1, 5, 7, math.MaxInt32, nowhere - 1, nowhere, nowhere + 1, lastPrepared} {
		for _, closed := range []bool{true, false} {
			t.Run(fmt.Sprintf("%#x %v", server, closed), func(t *testing.T) {
				s := movedSession(t)
				if closed {
					s.Client(say(statement(wire.ComStmtClose, 5), statement(wire.ComStmtClose, 7)).bytes())
				}
				s.Client(say(command(wire.ComStmtPrepare, "SELECT 3")).bytes())
				b := answer(preparedAs(server)).bytes()
				if n, _ := s.Server(b); n != len(b) || s.Opaque() != Readable {
					t.Fatalf("%d of %d bytes, %v", n, len(b), s.Opaque())
				}
				id := binary.LittleEndian.Uint32(b[wire.HeaderLen+1:])
				if id >= nowhere || !closed && (id == 5 || id == 7) {
					t.Fatalf("the client is to know it by %#x", id)
				}
				b = say(byID(wire.ComStmtExecute, id)).bytes()
				s.Client(b)
				if got := binary.LittleEndian.Uint32(b[wire.HeaderLen+1:]); got != server {
					t.Errorf("executed as %#x", got)
				}
			})
		}
	}
}

// Each id that is taken is passed over once, though the backend gives always the same.
func TestIDsAreFoundWithoutASearch(t *testing.T) {
	s := movedSession(t)
	given := map[uint32]bool{5: true, 7: true}
	for range 1000 {
		s.Client(say(command(wire.ComStmtPrepare, "SELECT 3")).bytes())
		b := answer(preparedAs(nowhere - 1)).bytes()
		s.Server(b)
		id := binary.LittleEndian.Uint32(b[wire.HeaderLen+1:])
		if given[id] {
			t.Fatalf("%#x is given twice", id)
		}
		given[id] = true
		if next := s.held.given + 1; !s.held.free(next) {
			t.Fatalf("with %d statements, the id behind the last is taken", len(given))
		}
	}
}

// A client may name any number of statements that its backend does not know. Nothing is kept of them, here nor there.
func TestLongDataOfUnknownStatementsIsKeptNowhere(t *testing.T) {
	s := run(Options{}, knownStatement(say(command(wire.ComStmtPrepare, "SELECT ??")), answer(failure)), 1<<20)
	for id := uint32(2); id < 10_000; id++ {
		s.Client(say(byID(wire.ComStmtSendLongData, id)).bytes())
	}
	if s.Pinned() != "" || len(s.longData) != 0 || !s.Idle() {
		t.Errorf("pinned %q, %d kept", s.Pinned(), len(s.longData))
	}
	for range 10_000 {
		s.Client(say(byID(wire.ComStmtSendLongData, 1), byID(wire.ComStmtSendLongData, lastPrepared)).bytes())
	}
	if s.Pinned() != PinLongData || len(s.longData) != 2 {
		t.Errorf("pinned %q, %d kept", s.Pinned(), len(s.longData))
	}
}

// While a statement is being prepared its id is not known yet: a client that guesses it has the data kept by the server.
func TestLongDataForAStatementThatIsBeingPrepared(t *testing.T) {
	s := run(Options{}, []talk{
		say(command(wire.ComStmtPrepare, "SELECT ?"), byID(wire.ComStmtSendLongData, 1), byID(wire.ComStmtSendLongData, 2)),
		answer(prepareOK(1, 1), def, eof),
	}, 1<<20)
	if s.Pinned() != PinLongData || len(s.longData) != 1 {
		t.Errorf("pinned %q, %d kept", s.Pinned(), len(s.longData))
	}
}

// Of any number of statements no more is kept than of other things, as long as the client's ids are the backend's own.
func TestPreparedStatementsAreBounded(t *testing.T) {
	s := New(Options{Memory: NewMemory(freeHeld)}, 2)
	for id := uint32(1); id <= 20_000; id++ {
		s.Client(say(command(wire.ComStmtPrepare, fmt.Sprintf("SELECT %d", id))).bytes())
		s.Server(answer(preparedAs(id)).bytes())
	}
	if n := len(s.held.stmts); n > maxPrepared || s.Pinned() != PinTooLarge {
		t.Errorf("%d statements kept, pinned %q", n, s.Pinned())
	}
	s.Client(say(byID(wire.ComStmtSendLongData, 20_000)).bytes()) // one that is not kept, and that the server knows
	if s.Pinned() != PinLongData {
		t.Errorf("pinned %q", s.Pinned())
	}
	s.Client(say(command(wire.ComResetConnection, "")).bytes())
	s.Server(answer(ok).bytes())
	if s.Pinned() != "" || s.held != nil {
		t.Errorf("pinned %q by a new session", s.Pinned())
	}
}

// The pin ends once what was too much has gone: statements closed or deallocated, in whatever order, locks and tables given up.
func TestOverfullEnds(t *testing.T) {
	long := strings.Repeat("x", 60_000)
	prepare := func(s *State, id uint32, text string) {
		s.Client(say(command(wire.ComStmtPrepare, text)).bytes())
		s.Server(answer(preparedAs(id)).bytes())
	}
	run := func(s *State, text string) {
		s.Client(say(query(text)).bytes())
		s.Server(answer(ok).bytes())
	}
	shut := func(s *State, id uint32) { s.Client(say(byID(wire.ComStmtClose, id)).bytes()) }
	for name, c := range map[string]struct{ fill, empty func(s *State, i uint32) }{
		"prepared": {
			func(s *State, i uint32) { prepare(s, i, fmt.Sprintf("SELECT %d, '%s'", i, long)) },
			func(s *State, i uint32) { shut(s, i) },
		},
		"prepared, closed from the last": {
			func(s *State, i uint32) { prepare(s, i, fmt.Sprintf("SELECT %d, '%s'", i, long)) },
			func(s *State, i uint32) { shut(s, 401-i) },
		},
		"executed": {
			func(s *State, i uint32) {
				prepare(s, i, fmt.Sprintf("SELECT %d, '%s'", i, long))
				s.Client(say(byID(wire.ComStmtExecute, i)).bytes())
				s.Server(answer(ok).bytes())
			},
			func(s *State, i uint32) { shut(s, i) },
		},
		"PREPARE": {
			func(s *State, i uint32) { run(s, fmt.Sprintf("PREPARE s%d FROM 'SELECT \"%s\"'", i, long)) },
			func(s *State, i uint32) { run(s, fmt.Sprintf("DEALLOCATE PREPARE s%d", i)) },
		},
	} {
		memory := NewMemory(256 << 10)
		s := New(Options{Memory: memory}, 2)
		for i := uint32(1); i <= 400; i++ {
			if c.fill(&s, i); s.held.size > 2*256<<10+400*preparedSize || memory.Used() != int64(s.held.size) {
				t.Fatalf("%s: %d bytes are held after %d", name, s.held.size, i)
			}
		}
		if pin := s.Pinned(); pin != PinTooLarge && pin != PinPrepareText {
			t.Errorf("%s: pinned %q", name, pin)
		}
		for i := uint32(1); i <= 400; i++ {
			c.empty(&s, i)
		}
		if s.Pinned() != "" || s.held != nil || memory.Used() != 0 {
			t.Errorf("%s: pinned %q with %d bytes after all have gone", name, s.Pinned(), memory.Used())
		}
	}
}

// What a statement does whose text is not kept is not forgotten.
func TestOverfullStatementLeavesSomething(t *testing.T) {
	s := New(Options{Memory: NewMemory(256 << 10)}, 2)
	for id := uint32(1); id <= 6; id++ {
		s.Client(say(command(wire.ComStmtPrepare, fmt.Sprintf("SELECT '%s'", strings.Repeat("x", 60_000)))).bytes())
		s.Server(answer(preparedAs(id)).bytes())
	}
	s.Client(say(command(wire.ComStmtPrepare, "SET @a = 1")).bytes())
	s.Server(answer(preparedAs(7)).bytes())
	s.Client(say(byID(wire.ComStmtExecute, 7)).bytes())
	s.Server(answer(ok).bytes())
	for id := uint32(1); id <= 7; id++ {
		s.Client(say(byID(wire.ComStmtClose, id)).bytes())
	}
	if s.Pinned() != PinTooLarge {
		t.Errorf("pinned %q, though @a is set and nobody knows", s.Pinned())
	}
}

// Locks that come and go take no room.
func TestLocksThatCameAndWent(t *testing.T) {
	s := New(Options{}, 2)
	for range 1000 {
		for _, text := range []string{"DO GET_LOCK('" + strings.Repeat("l", 60) + "', 1)", "DO RELEASE_LOCK('" + strings.Repeat("l", 60) + "')"} {
			s.Client(say(query(text)).bytes())
			s.Server(answer(ok).bytes())
		}
	}
	if s.Pinned() != "" || s.held != nil {
		t.Errorf("pinned %q, holds %+v", s.Pinned(), s.held)
	}
}

// The statement that MariaDB's clients name as the one prepared last is found without a look at all that is outstanding.
func TestStatementPreparedLastAmongMany(t *testing.T) {
	s := New(Options{}, 2)
	s.Client(say(query("SELECT 1"), command(wire.ComStmtPrepare, "SET @a=1"), command(wire.ComStmtPrepare, "SET @b=?")).bytes())
	for range 10 {
		s.Client(say(byID(wire.ComStmtExecute, lastPrepared), query("SELECT 1")).bytes())
		if e := s.preparing(); e != s.queue.at(2) || s.queue.at(s.queue.n-2).verdict != e.verdict.prepare.verdict {
			t.Fatalf("with %d outstanding it is taken for another", s.queue.n)
		}
	}
	s.Server(answer(ok).bytes())
	s.Server(answer(preparedAs(1)).bytes())
	s.Server(answer(preparedAs(2)).bytes())
	if s.preparing() != nil {
		t.Error("what has been answered is still being prepared")
	}
}

// What has been sent ahead of an execution that is answered without its server is taken back.
func TestUnsend(t *testing.T) {
	data := func(id byte) talk { return say(statement(wire.ComStmtSendLongData, id)) }
	prepare := []talk{say(command(wire.ComStmtPrepare, "SELECT ?")), answer(prepareOK(7, 1), def, eof)}
	for name, c := range map[string]struct {
		talks   []talk
		command []byte
		want    uint32 // the id of the statement that is reset; 0: none is
	}{
		"data":                   {[]talk{data(7)}, execute(7, true), 7},
		"none":                   {nil, execute(7, true), 0},
		"another's":              {[]talk{data(7)}, execute(8, true), 0},
		"used":                   {[]talk{data(7), say(execute(7, true)), answer(ok)}, execute(7, true), 0},
		"taken back by itself":   {[]talk{data(7), say(statement(wire.ComStmtReset, 7)), answer(ok)}, execute(7, true), 0},
		"a text":                 {[]talk{data(7)}, query("SELECT 1 FROM t"), 0},
		"of a statement unknown": {[]talk{say(command(wire.ComStmtPrepare, "SELECT ?")), data(8), answer(prepareOK(8, 1), def, eof)}, execute(8, true), 8},
		"while another one runs": {[]talk{data(7), say(query("SELECT 1"))}, execute(7, true), 0},
	} {
		s := run(mariadb, append(prepare[:2:2], c.talks...), 1<<20)
		pinned := s.Pinned()
		got := s.Unsend(say(c.command).bytes())
		if c.want == 0 {
			if got != nil || s.Pinned() != pinned {
				t.Errorf("%s: %x", name, got)
			}
			continue
		}
		if want := say(binary.LittleEndian.AppendUint32([]byte{byte(wire.ComStmtReset)}, c.want)).bytes(); !bytes.Equal(got, want) || !s.OwnOutstanding() {
			t.Errorf("%s: %x, want %x", name, got, want)
		}
		if n, _ := s.Server(answer(ok).bytes()); n == 0 || s.OwnOutstanding() || !s.Idle() {
			t.Errorf("%s: the answer is not taken", name)
		}
	}
	s := run(mariadb, prepare, 1<<20)
	s.Moved(mariadb, 2, []uint32{3})
	s.Client(data(7).bytes())
	if got := s.Unsend(say(execute(7, true)).bytes()); len(got) != 9 || got[5] != 3 || s.Pinned() != "" {
		t.Errorf("of a session that has moved: %x, pinned %q", got, s.Pinned())
	}
}

package track

import (
	"encoding/binary"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"segue/backend/wire"
)

// session runs statements that succeed.
func session(o Options, texts ...string) *State {
	var talks []talk
	for _, text := range texts {
		talks = append(talks, say(query(text)), answer(ok))
	}
	return run(o, talks, 1<<20)
}

func TestReplay(t *testing.T) {
	for _, c := range []struct {
		name  string
		o     Options
		texts []string
		db    string
		want  []string
	}{
		{"nothing", Options{Database: "d"}, []string{"SELECT 1"}, "d", nil},
		{"one SET", Options{}, []string{"SET a=1", "SET @b=2, SESSION c=ON", "SET NAMES utf8mb4"}, "", []string{"SET a=1, @b=2, c=ON, NAMES utf8mb4"}},
		{"the last wins", Options{}, []string{"SET a=1", "SET b=1", "SET @@session.A=2"}, "", []string{"SET b=1, a=2"}},
		{"comments are left out", Options{}, []string{"SET /* 1 */ a = /*!40101 2 */ -- x"}, "", []string{"SET a=2"}},
		{"database", Options{Database: "d"}, []string{"USE e"}, "e", nil},
		{"dropped database", Options{Database: "d"}, []string{"DROP DATABASE IF EXISTS d"}, "", nil},
		{"role first", Options{Database: "d"}, []string{"SET a=1", "SET ROLE r", "USE e"}, "d", []string{"SET ROLE r", "USE `e`", "SET a=1"}},
		{"catalog", Options{Dialect: StarRocks, Database: "d"}, []string{"SET CATALOG c", "USE e"}, "d", []string{"SET CATALOG c", "USE `e`"}},
		{"catalog and database at once", Options{Dialect: StarRocks, Database: "d"}, []string{"SET CATALOG c", "USE x.y"}, "d", []string{"USE `x`.`y`"}},
		{"database of the catalog in which one is", Options{Dialect: StarRocks, Database: "d"}, []string{"USE c.x", "USE y"}, "c.y", nil},
		{"of the login's catalog", Options{Dialect: StarRocks, Database: "c.d"}, []string{"USE y"}, "c.y", nil},
		{"of the catalog that came with one", Options{Dialect: StarRocks, Database: "d"}, []string{"SET CATALOG c", "USE x.y", "USE z"}, "x.z", nil},
		{"of a catalog, behind a role", Options{Dialect: StarRocks, Database: "c.d"}, []string{"SET ROLE r", "USE z"}, "c.d", []string{"SET ROLE r", "USE `c`.`z`"}},
		{"which is gone", Options{Dialect: StarRocks, Database: "c.d"}, []string{"DROP DATABASE d"}, "", nil},
		{"and by its whole name", Options{Dialect: StarRocks, Database: "c.d"}, []string{"DROP DATABASE c.d"}, "", nil},
		{"another one's of that name", Options{Dialect: StarRocks, Database: "d"}, []string{"DROP DATABASE c.d"}, "d", nil},
		{"a database with a dot elsewhere", Options{Dialect: MySQL, Database: "c.d"}, []string{"USE y"}, "y", nil},
		{"isolation", Options{}, []string{"SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED", "SET a=1"}, "", []string{"SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED", "SET a=1"}},
		{"relative", Options{}, []string{"SET sql_mode='A'", "SET sql_mode=CONCAT(@@sql_mode, ',B')"}, "", []string{"SET sql_mode='A'", "SET sql_mode=CONCAT(@@sql_mode, ',B')"}},
		{"relative alone", Options{}, []string{"SET a=1,sql_mode=CONCAT(@@sql_mode,',B')"}, "", []string{"SET a=1, sql_mode=CONCAT(@@sql_mode,',B')"}},
		{
			"switches",
			Options{},
			[]string{"SET optimizer_switch='mrr=on'", "SET @@session.Optimizer_Switch='rowid_filter=off'", "SET optimizer_trace='enabled=off'", "SET optimizer_trace='one_line=on'"},
			"",
			[]string{"SET optimizer_switch='mrr=on'", "SET optimizer_switch='rowid_filter=off', optimizer_trace='enabled=off'", "SET optimizer_trace='one_line=on'"},
		},
		{"all switches", Options{}, []string{"SET optimizer_switch='mrr=on'", "SET optimizer_switch=DEFAULT", "SET optimizer_trace='one_line=on'", "SET optimizer_trace=0"}, "", []string{"SET optimizer_switch=DEFAULT, optimizer_trace=0"}},
		{"delicate behind modes", Options{}, []string{"SET NAMES utf8mb4", "SET @a='ü'"}, "", []string{"SET NAMES utf8mb4", "SET @a='ü'"}},
		{"prepared text", Options{}, []string{"SET a=1", "PREPARE s FROM 'SELECT ?'", "PREPARE r FROM 'SELECT 2'", "DROP PREPARE r"}, "", []string{"SET a=1", "PREPARE s FROM 'SELECT ?'"}},
		{"executed text", Options{}, []string{"PREPARE s FROM 'SET @a=''x'''", "EXECUTE s", "DEALLOCATE PREPARE s"}, "", []string{"SET @a='x'"}},
		{"execute as", Options{Dialect: StarRocks}, []string{"SET ROLE r", "EXECUTE AS u WITH NO REVERT"}, "", []string{"EXECUTE AS u WITH NO REVERT"}},
		{"not the body of a function", Options{}, []string{"CREATE FUNCTION f() RETURNS INT RETURN @a"}, "", nil},
		{"a comment is none", Options{}, []string{"SELECT 1--1; SET @b=2", "SELECT 1 -- x; SET @a=1\n"}, "", []string{"SET @b=2"}},
		{"strings", Options{}, []string{`SET @a='it''s; SET @b=1', @c="\"@d:=1"`}, "", []string{`SET @a='it''s; SET @b=1', @c="\"@d:=1"`}},
	} {
		s := session(c.o, c.texts...)
		r := s.Replay()
		if s.Pinned() != "" || r.Database != c.db || !reflect.DeepEqual(r.Statements, c.want) {
			t.Errorf("%s: pinned %q, database %q, %q\nwant %q, %q", c.name, s.Pinned(), r.Database, r.Statements, c.db, c.want)
		}
	}
}

func TestResolvedValuesComeLast(t *testing.T) {
	s := session(Options{}, "SET @a=NOW()", "SET b=@a", "SET @c=1", "SELECT LAST_INSERT_ID(7)")
	if got := s.Unresolved(); !slices.Equal(got, []string{"@a", "@@session.b", "LAST_INSERT_ID()"}) {
		t.Fatalf("unresolved: %q", got)
	}
	s.Resolved([]string{"'x'", "5", "7"})
	if got := s.Replay().Statements; !slices.Equal(got, []string{"SET @c=1, @a='x', b=5, last_insert_id=7"}) || len(s.Unresolved()) > 0 {
		t.Errorf("%q", got)
	}
}

// A PREPARE that fails has deallocated the statement that had its name.
func TestFailedPrepareLeavesNoStatement(t *testing.T) {
	s := run(Options{}, []talk{
		say(query("PREPARE s FROM 'SELECT 1'")), answer(ok), say(query("PREPARE r FROM 'SELECT 2'")), answer(ok), say(query("PREPARE S FROM 'SELECT * FROM nowhere'")), answer(failure),
	}, 1<<20)
	if got := s.Replay(); !slices.Equal(got.Statements, []string{"PREPARE r FROM 'SELECT 2'"}) || got.Values-got.Texts != 1 || s.Pinned() != "" {
		t.Errorf("%q, pinned by %q", got.Statements, s.Pinned())
	}
}

func TestForgoneInsertIDIsAskedFor(t *testing.T) {
	s := run(Options{}, []talk{say(query("INSERT INTO t VALUES (1)")), answer([]byte{0, 1, 9, 2, 0, 0, 0})}, 1<<20)
	ask := say(query("SELECT LAST_INSERT_ID()")).bytes()
	if s.Look(ask).Asks || !s.Recent() || !s.Replay().Wrote {
		t.Errorf("asks %v, recent %v, wrote %v", s.Look(ask).Asks, s.Recent(), s.Replay().Wrote)
	}
	if !s.Forgo() || !s.Look(ask).Asks {
		t.Error("not rebuilt, or a question for what is lost is not noticed")
	}
	s.Moved(Options{}, 2, nil)
	s.Client(say(query("INSERT INTO t VALUES (1)")).bytes())
	s.Server(answer([]byte{0, 1, 10, 2, 0, 0, 0}).bytes())
	if s.Look(ask).Asks {
		t.Error("a new id is known, and said to be lost")
	}
}

func prepareOK(id byte, params byte) []byte { return []byte{0, id, 0, 0, 0, 0, 0, params, 0, 0, 0, 0} }

// execute is a COM_STMT_EXECUTE with one parameter.
func execute(id byte, types bool) []byte {
	b := []byte{byte(wire.ComStmtExecute), id, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0}
	if types {
		b[11] = 1
		b = append(b, 0x08, 0)
	}
	return append(b, 1, 2, 3, 4, 5, 6, 7, 8)
}

// relay passes bytes through f in pieces, showing again what is not taken.
func relay(t *testing.T, b []byte, size int, f func([]byte) (int, []byte)) (out []byte) {
	t.Helper()
	var rest []byte
	for len(b) > 0 {
		k := min(size, len(b))
		chunk := append(rest, b[:k]...)
		b = b[k:]
		for {
			n, insert := f(chunk)
			out = append(append(out, chunk[:n]...), insert...)
			chunk = chunk[n:]
			if len(insert) == 0 {
				break
			}
		}
		if rest = slices.Clone(chunk); len(rest) > MaxHead {
			t.Fatalf("%d bytes are to be shown again", len(rest))
		}
	}
	if len(rest) > 0 {
		t.Fatalf("%d bytes left over", len(rest))
	}
	return out
}

func movedSession(t *testing.T) *State {
	t.Helper()
	s := run(Options{}, []talk{
		say(command(wire.ComStmtPrepare, "SELECT ?")), answer(prepareOK(5, 1), def, eof),
		say(execute(5, true)), answer(ok),
		say(command(wire.ComStmtPrepare, "SELECT 2")), answer(prepareOK(7, 0)),
	}, 3)
	if r := s.Replay(); len(r.Prepared) != 2 || r.Prepared[0] != (Prepared{"SELECT ?", 1}) || r.Prepared[1].Text != "SELECT 2" {
		t.Fatalf("%+v", r.Prepared)
	}
	s.Moved(Options{}, 2, []uint32{7, 70})
	return s
}

func TestIDsOfPreparedStatementsAfterAMove(t *testing.T) {
	for size := 1; size < 100; size++ {
		s := movedSession(t)
		client := func(b []byte) (int, []byte) { return s.Client(b) }
		server := func(b []byte) (int, []byte) { n, _ := s.Server(b); return n, nil }
		got := relay(t, say(execute(5, false)).bytes(), size, client)
		if want := say(execute(7, true)).bytes(); !slices.Equal(got, want) {
			t.Fatalf("pieces of %d: types are not brought along:\n%x, want\n%x", size, got, want)
		}
		relay(t, answer(ok).bytes(), size, server)
		got = relay(t, say(execute(5, false), statement(wire.ComStmtClose, 5), execute(5, true)).bytes(), size, client)
		lost := execute(0, true)
		binary.LittleEndian.PutUint32(lost[1:], nowhere)
		if want := say(execute(7, false), statement(wire.ComStmtClose, 7), lost).bytes(); !slices.Equal(got, want) {
			t.Fatalf("pieces of %d:\n%x, want\n%x", size, got, want)
		}
		relay(t, answer(ok).bytes(), size, server)
		relay(t, answer(failure).bytes(), size, server)
		relay(t, say(command(wire.ComStmtPrepare, "SELECT 3")).bytes(), size, client)
		if got := relay(t, answer(prepareOK(7, 0)).bytes(), size, server); !slices.Equal(got, answer(prepareOK(8, 0)).bytes()) {
			t.Fatalf("pieces of %d: %x, want an id that the client does not know yet", size, got)
		}
		got = relay(t, say(statement(wire.ComStmtReset, 8)).bytes(), size, client)
		if want := say(statement(wire.ComStmtReset, 7)).bytes(); !slices.Equal(got, want) || s.Opaque() != Readable {
			t.Fatalf("pieces of %d: %x, want %x", size, got, want)
		}
	}
}

func TestPreparedUnderAnotherDatabasePins(t *testing.T) {
	s := run(Options{Database: "d"}, []talk{
		say(command(wire.ComStmtPrepare, "SELECT 1")), answer(prepareOK(5, 0)), say(query("USE e")), answer(ok),
	}, 1<<20)
	if s.Pinned() != PinPrepared {
		t.Errorf("pinned %q", s.Pinned())
	}
	s.Client(append(say(query("USE d")).bytes(), 0, 0))
	s.Server(answer(ok).bytes())
	if s.Pinned() != "" {
		t.Errorf("pinned %q, back in its database", s.Pinned())
	}
}

func TestDropped(t *testing.T) {
	s := session(Options{}, "CREATE TEMPORARY TABLE t (a INT)", "SET a=1")
	if got, more := s.Dropped(); got != PinTemporaryTable || !more || s.Pinned() != "" || len(s.Replay().Statements) != 1 {
		t.Errorf("dropped %q, pinned %q", got, s.Pinned())
	}
	s = session(Options{}, "CREATE TEMPORARY TABLE t (a INT)", "LOCK TABLES t READ", "FLUSH TABLES WITH READ LOCK", "SELECT GET_LOCK('a',0)")
	if got, _ := s.Dropped(); got != "temporary_table and user_lock and lock_tables" {
		t.Errorf("dropped %q", got)
	}
	for text, want := range map[string]string{"CALL p()": "effects of procedures", "EXECUTE s": "effects of texts that were executed", "EXECUTE s; CALL p()": "effects of texts that were executed and effects of procedures"} {
		s = session(mariadb, "SET @x=5", text)
		if got, more := s.Dropped(); got != want || !more || s.Pinned() != "" || !slices.Equal(s.Replay().Statements, []string{"SET @x=5"}) {
			t.Errorf("%s: dropped %q, pinned %q, rebuilt by %q", text, got, s.Pinned(), s.Replay().Statements)
		}
	}
	s = session(Options{}, "FROBNICATE")
	if got, more := s.Dropped(); got != "" || more || s.Pinned() != PinUnknown {
		t.Errorf("dropped %q, pinned %q", got, s.Pinned())
	}
	s = run(latin, []talk{say(query("SET NAMES utf8mb4")), answer(ok), say(query("SET NAMES latin1; SELECT nothing")), answer(failure)}, 1<<20)
	if got, _ := s.Dropped(); got != "effects of statements of which another one failed" || s.Pinned() != "" || s.unicode {
		t.Errorf("dropped %q, pinned %q, unicode %v", got, s.Pinned(), s.unicode)
	}
	s = session(mariadb, "SET NAMES latin1", "SET character_set_client=@x, @y=1")
	s.held.pins = 0
	if got, _ := s.Dropped(); got != "values of character_set_client" || s.unicode || s.rules().doubts&doubtGaps == 0 {
		t.Errorf("dropped %q: the client's character set is not the one that it is rebuilt with", got)
	}
	s = session(mariadb, "SET NAMES 'utf8mb4' COLLATE utf8mb4_bin", "SET sql_mode=@x")
	if got, _ := s.Dropped(); got != "values of sql_mode" || !s.unicode {
		t.Errorf("dropped %q: the client's character set is forgotten", got)
	}
	s = session(mysql8, "BEGIN", "SET @k='a', @x=@k+1", "SET sql_mode=f()", "SELECT LAST_INSERT_ID(4)")
	if got, more := s.Dropped(); got != "transaction and values of @x, sql_mode, @k" || !more || s.Pinned() != "" || s.Asking() || s.rules().doubts&doubtAnsi == 0 {
		t.Errorf("dropped %q, pinned %q, rebuilt by %+v", got, s.Pinned(), s.Replay())
	}
	s = run(mysql8, []talk{
		say(query("PREPARE s FROM 'SELECT a FROM t'")), answer(ok), say(command(wire.ComStmtPrepare, "SELECT 1")), answer(prepareOK(5, 0)), say(query("USE e")), answer(ok),
		say(query("PREPARE r FROM 'SELECT 2'")), answer(ok),
	}, 1<<20)
	if s.Pinned() != PinPrepareText {
		t.Errorf("prepared in another database: pinned %q", s.Pinned())
	}
	if got, _ := s.Dropped(); got != "prepared statements" || s.Pinned() != "" || !slices.Equal(s.Replay().Statements, []string{"PREPARE r FROM 'SELECT 2'"}) || len(s.Replay().Prepared) > 0 {
		t.Errorf("dropped %q, pinned %q, rebuilt by %+v", got, s.Pinned(), s.Replay())
	}
	s = session(mysql8, "PREPARE s FROM 'SELECT a FROM t'", "USE e", "USE d")
	if s.Pinned() != PinPrepareText {
		t.Errorf("there is no way back to no database: pinned %q", s.Pinned())
	}
	s = session(Options{Dialect: MySQL, Database: "d"}, "PREPARE s FROM 'SELECT a FROM t'", "USE e", "USE d")
	if s.Pinned() != "" {
		t.Errorf("back in its database: pinned %q", s.Pinned())
	}
	s = session(mysql8, "SET @k=1, @x=f()")
	if got, _ := s.Dropped(); got != "values of @x" || !slices.Equal(s.Replay().Statements, []string{"SET @k=1"}) {
		t.Errorf("dropped %q, rebuilt by %q", got, s.Replay().Statements)
	}
}

func TestOwnCommand(t *testing.T) {
	for size := 1; size < 40; size++ {
		s := session(Options{}, "SET a=1")
		s.Own(wire.ComPing)
		s.Client(say(query("SELECT 1")).bytes())
		if !s.OwnOutstanding() || s.Outstanding() != 1 || s.Answered() || s.NextSeq() != 1 {
			t.Fatalf("own %v, outstanding %d, answered %v", s.OwnOutstanding(), s.Outstanding(), s.Answered())
		}
		own, theirs := 0, 0
		b := append(answer(ok).bytes(), answer([]byte{1}, def, eof, row, eof).bytes()...)
		for len(b) > 0 {
			was := s.OwnOutstanding()
			n, _ := s.Server(b[:min(size, len(b))])
			if b = b[n:]; was {
				own += n
			} else {
				theirs += n
			}
		}
		if own != len(answer(ok).bytes()) || !s.Idle() {
			t.Fatalf("pieces of %d: %d and %d bytes, idle %v", size, own, theirs, s.Idle())
		}
	}
}

func TestResets(t *testing.T) {
	talks := []talk{say(query("SET @a=1, b=2")), answer(okFE), say(query("USE d")), answer(okFE), say(command(wire.ComResetConnection, "")), answer(okFE)}
	if r := run(Options{}, talks, 5).Replay(); r.Database != "d" || len(r.Statements) > 0 {
		t.Errorf("%+v", r)
	}
	if r := run(Options{Dialect: StarRocks}, talks, 5).Replay(); r.Database != "d" || !slices.Equal(r.Statements, []string{"SET @a=1"}) {
		t.Errorf("%+v", r)
	}
	s := run(Options{User: "u", Database: "d"}, []talk{say(command(wire.ComChangeUser, "v\x00\x00e\x00")), answer(ok)}, 5)
	if s.Pinned() != PinUser || s.User() != "v" || s.Replay().Database != "e" {
		t.Errorf("pinned %q, user %q, %+v", s.Pinned(), s.User(), s.Replay())
	}
	s = run(Options{}, []talk{say(command(wire.ComSetOption, "\x00\x00")), answer(eof), say(command(wire.ComInitDB, "x")), answer(ok)}, 5)
	if s.Pinned() != PinOption || s.Replay().Database != "x" {
		t.Errorf("pinned %q, %+v", s.Pinned(), s.Replay())
	}
}

func TestSessionTrack(t *testing.T) {
	state := wire.AppendLenencString(append([]byte{}, 0), wire.AppendLenencString(wire.AppendLenencString(nil, "time_zone"), "+02:00"))
	state = wire.AppendLenencString(append(state, 1), wire.AppendLenencString(nil, "e"))
	okState := (&wire.OK{Status: wire.StatusSessionStateChanged | wire.StatusAutocommit, SessionState: state}).Append(nil, wire.ClientProtocol41|wire.ClientSessionTrack)
	o := Options{Capabilities: wire.ClientProtocol41 | wire.ClientSessionTrack, Database: "d"}
	for _, size := range []int{1 << 20, 1, 9, 30} {
		s := run(o, []talk{say(query("SET time_zone=@x")), answer(okState)}, size)
		if r := s.Replay(); len(s.Unresolved()) > 0 || r.Database != "e" || !slices.Equal(r.Statements, []string{"SET time_zone='+02:00'"}) {
			t.Errorf("in pieces of %d: %+v, unresolved %q", size, r, s.Unresolved())
		}
	}
}

func TestPartlyFailed(t *testing.T) {
	more := []byte{0, 0, 0, 8, 0, 0, 0}
	s := run(Options{}, []talk{say(query("SET @a=1; SET @b=2; SELEC")), answer(more, more, failure)}, 7)
	if s.Pinned() != PinUnknown { // SELEC is none that is known
		t.Errorf("pinned %q", s.Pinned())
	}
	s = run(Options{}, []talk{say(query("SET @a=1; SELECT x")), answer(more, failure)}, 7)
	if s.Pinned() != "" || !slices.Equal(s.Unresolved(), []string{"@a"}) {
		t.Errorf("pinned %q, unresolved %q", s.Pinned(), s.Unresolved())
	}
	s = run(Options{}, []talk{say(query("USE d; SELECT x")), answer(more, failure)}, 7)
	if s.Pinned() != PinPartly {
		t.Errorf("pinned %q", s.Pinned())
	}
}

func TestBounds(t *testing.T) {
	s := New(Options{}, 2)
	feed := func(text string) {
		s.Client(say(query(text)).bytes())
		s.Server(answer(ok).bytes())
	}
	for i := range 100 {
		feed(fmt.Sprintf("SET @a%d='%s'", i%3, strings.Repeat("x", 10000)))
	}
	if s.Pinned() != "" {
		t.Fatalf("pinned %q by few values set many times", s.Pinned())
	}
	for i := range maxHeld / 61_000 {
		feed(fmt.Sprintf("SET @a%d='%s'", i, strings.Repeat("x", 60_000)))
	}
	if r := s.Replay(); s.Pinned() != "" || len(r.Statements) < maxHeld/maxSet-2 {
		t.Errorf("pinned %q, rebuilt by %d statements", s.Pinned(), len(r.Statements))
	}
	for i := range 20 {
		feed(fmt.Sprintf("SET @b%d='%s'", i, strings.Repeat("x", 60_000)))
	}
	if s.Pinned() != PinTooLarge {
		t.Errorf("pinned %q by 32 MB of values", s.Pinned())
	}
	s = New(Options{}, 2)
	feed("INSERT INTO t VALUES ('" + strings.Repeat("@", 70000) + "')")
	if s.Pinned() != "" {
		t.Errorf("pinned %q by a long INSERT", s.Pinned())
	}
	feed("SET @a='" + strings.Repeat("x", 70000) + "'")
	if s.Pinned() != PinTooLarge {
		t.Errorf("pinned %q by a long SET", s.Pinned())
	}
}

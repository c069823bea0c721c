package track

import (
	"testing"

	"segue/backend/wire"
)

func TestMidwayBetweenPrepareAndExecute(t *testing.T) {
	prepareOK := []byte{0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
	prepare := []talk{say(command(wire.ComStmtPrepare, "SELECT 1")), answer(prepareOK)}
	for _, c := range []struct {
		name  string
		talks []talk
		want  bool
	}{
		{"prepared", prepare, true},
		{"prepared and executed", append(prepare[:2:2], say(statement(wire.ComStmtExecute, 1)), answer(ok)), false},
		{"not prepared", []talk{say(command(wire.ComStmtPrepare, "SELEC")), answer(failure)}, false},
		{"a driver's SET", []talk{say(query("set autocommit=1")), answer(ok)}, true},
		{"a driver's question", []talk{say(query("SELECT @@max_allowed_packet")), answer(ok)}, true},
		{"a statement", []talk{say(query("SELECT 1")), answer(ok)}, false},
	} {
		if s := run(Options{}, c.talks, 1<<20); s.Midway() != c.want || !s.Idle() {
			t.Errorf("%s: midway %v, idle %v, want %v, true", c.name, s.Midway(), s.Idle(), c.want)
		}
	}
}

func TestWhatPoolsAskAheadOfAStatement(t *testing.T) {
	no := nextUnknown
	for text, want := range map[string]next{
		"": nextUse, ";": nextUse, "/* ping */": nextUse, " -- x": nextUse, "# x": nextUse,
		"SELECT 1": nextMaybeUse, "/* ping */ SELECT 1": nextMaybeUse, "select 1;": nextMaybeUse, "SELECT 'x' FROM dual": nextMaybeUse, "do 1": nextMaybeUse, "(SELECT 1)": no,
		"SELECT @@version": nextOwn, "SET a=1": nextOwn,
		"SELECT a": no, "SELECT 2": no, "SELECT 1.5": no, "SELECT `x`": no, "SELECT 1, 2": no, "SELECT 1 FROM t": no, "SELECT 1; SELECT 2": no, "/*! SET a=1 */": no, "DO SLEEP(1)": no, "'": no, "/* ": no, "\x00": no, "KILL 1": no,
	} {
		if s := run(Options{}, []talk{say(query(text)), answer(ok)}, 1<<20); s.next != want {
			t.Errorf("%q: %v, want %v", text, s.next, want)
		}
		if s := run(Options{}, []talk{say(query(text)), answer(failure)}, 1<<20); s.next != no {
			t.Errorf("%q failed: %v", text, s.next)
		}
		s := New(Options{}, 2)
		if l := s.Look(say(query(text)).bytes()); l.Ping != (want == nextUse) {
			t.Errorf("%q: ping %v", text, l.Ping)
		}
	}
	for c, want := range map[wire.Command]next{
		wire.ComPing: nextUse, wire.ComResetConnection: nextUse, wire.ComChangeUser: nextUse, wire.ComStatistics: nextUse,
		wire.ComSetOption: nextOwn, wire.ComInitDB: no, wire.ComStmtExecute: no,
	} {
		if got := nextOf(c); got != want {
			t.Errorf("%v: %v, want %v", c, got, want)
		}
	}
}

package track

import (
	"bytes"
	"testing"

	"segue/backend/wire"
)

// check runs a conversation whole and in pieces.
func check(t *testing.T, name string, o Options, want after, talks ...talk) {
	t.Helper()
	for _, size := range []int{1 << 20, 16<<10 + 1} {
		s := run(o, talks, size)
		if got := (after{s.Idle(), s.Pinned(), s.Opaque()}); got != want {
			t.Errorf("%s, in pieces of %d: %+v, want %+v", name, size, got, want)
		}
	}
}

// bugs.md 4: COM_CHANGE_USER ends all that the session held.
func TestBug4_ChangeUserForgetsWhatWasHeld(t *testing.T) {
	held := []talk{
		say(query("BEGIN")), answer(okFE),
		say(statement(wire.ComStmtExecute, 1)), answer([]byte{1}, def, eofOpen),
		say(statement(wire.ComStmtSendLongData, 2)),
	}
	check(t, "held", Options{}, after{true, PinTransaction, 0}, held...)
	check(t, "changed", Options{User: "u"}, after{idle: true}, append(held, say(command(wire.ComChangeUser, "u\x00\x00\x00")), answer(ok))...)
	s := run(Options{}, []talk{
		say(command(wire.ComStmtPrepare, "LOAD DATA LOCAL")), answer([]byte{0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}),
		say(command(wire.ComChangeUser, "u\x00\x00\x00")), answer(ok), say(statement(wire.ComStmtExecute, 9)), answer(infile),
	}, 1<<20)
	if !s.UnaskedInfile() {
		t.Error("a statement that another user prepared lets the server ask for a file")
	}
}

// bugs.md 8: an error, or the OK behind a LOCAL INFILE with its other sequence id, and the session is idle again.
func TestBug8_IdleAgainAfterALocalInfile(t *testing.T) {
	file := from(2, say([]byte("1\n"), []byte("2\n"), nil))
	check(t, "loaded", Options{}, after{idle: true}, say(query("LOAD DATA LOCAL")), answer(infile), file, from(5, answer(ok)))
	check(t, "failed", Options{}, after{idle: true}, say(query("LOAD DATA LOCAL")), answer(infile), file, from(5, answer(failure)))
}

// bugs.md 9: with autocommit off the first statement opens a transaction, though nobody said BEGIN.
func TestBug9_AutocommitOffPins(t *testing.T) {
	check(t, "a read", Options{}, after{true, PinTransaction, 0}, say(query("SET autocommit=0")), answer(okOff),
		say(query("SELECT a FROM t")), answer([]byte{1}, def, []byte{0xfe, 0, 0, 1, 0}, row, []byte{0xfe, 0, 0, 1, 0}))
	check(t, "a write that fails", Options{}, after{true, PinTransaction, 0}, say(query("SELECT a FROM t")), answer(okTrans),
		say(query("ROLLBACK")), answer(okOff), say(query("INSERT")), answer(failure))
}

// bugs.md 12: a cell of 16 MiB or more begins with 0xfe as well, and ends nothing, neither with EOF_Packets nor without; nor
// does a short row that does.
func TestBug12_LongCellsEndNothing(t *testing.T) {
	cell := append([]byte{0xfe, 0, 0, 0, 1, 0, 0, 0, 0}, make([]byte, 1<<24)...)
	okEOF := []byte{0xfe, 0, 0, 2, 0, 0, 0}
	dep := Options{Capabilities: wire.ClientDeprecateEOF}
	check(t, "running", Options{}, after{}, say(query("SELECT x")), answer([]byte{1}, def, eof, cell))
	check(t, "ended", Options{}, after{idle: true}, say(query("SELECT x")), answer([]byte{1}, def, eof, cell, row, cell, eof))
	check(t, "running without EOF", dep, after{}, say(query("SELECT x")), answer([]byte{1}, def, cell))
	check(t, "ended without EOF", dep, after{idle: true}, say(query("SELECT x")), answer([]byte{1}, def, cell, row, cell, okEOF))
	check(t, "EOF where there is none", dep, after{idle: true}, say(query("SELECT x")), answer([]byte{1}, def, row, eof))
}

// bugs.md 13: payloads around the length of a full packet.
func TestBug13_PayloadsAroundAFullPacket(t *testing.T) {
	for _, n := range []int{wire.MaxPayload - 1, wire.MaxPayload, wire.MaxPayload + 1} {
		text := bytes.Repeat([]byte{' '}, n-1)
		text[0] = '\''
		copy(text[n-8:], "';BEGIN")
		if s := run(Options{}, []talk{say(query(string(text))), answer(okFE)}, 16<<10); !s.Idle() || s.Pinned() != PinTransaction {
			t.Errorf("a statement of %d bytes: idle %v, pinned %q", n, s.Idle(), s.Pinned())
		}
		check(t, "row", Options{}, after{idle: true}, say(query("SELECT x")), answer([]byte{1}, def, eof, append([]byte{0xfd}, make([]byte, n-1)...), eof))
	}
}

// bugs.md 17: what made proxies wait for ever.
func TestBug17_NothingIsWaitedFor(t *testing.T) {
	more := []byte{0, 0, 0, 8, 0, 0, 0}
	check(t, "multi-statement that fails half-way", Options{}, after{idle: true}, say(query("SELECT a;SELECT b;SELECT c")), answer(more, failure))
	check(t, "result that fails half-way", Options{}, after{idle: true}, say(query("SELECT a;SELECT b")), answer([]byte{1}, def, eof, row, []byte{0xfe, 0, 0, 8, 0}, []byte{1}, def, eof, failure))
	open := answer([]byte{1}, def, eofOpen)
	check(t, "two cursors", Options{}, after{idle: true}, say(statement(wire.ComStmtExecute, 1)), open, say(statement(wire.ComStmtExecute, 2)), open,
		say(statement(wire.ComStmtFetch, 1)), answer(row, eofLast), say(statement(wire.ComStmtFetch, 2)), answer(row, eofLast))
}

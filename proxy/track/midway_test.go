package track

import (
	"testing"

	"segue/proxy/wire"
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

func TestCompressedIsOpaqueFromTheStart(t *testing.T) {
	for _, c := range []wire.Capability{wire.ClientCompress, wire.ClientZstdCompressionAlgorithm} {
		s := run(Options{Capabilities: c}, []talk{say(query("SELECT 1")), answer(ok)}, 1<<20)
		if s.Opaque() != Compressed || s.Idle() {
			t.Errorf("capability %#x: %v, idle %v, want compressed and never idle", c, s.Opaque(), s.Idle())
		}
	}
}

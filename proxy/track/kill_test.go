package track

import (
	"bytes"
	"encoding/binary"
	"testing"

	"segue/backend/wire"
)

// one reads a KILL whose victim is named.
func one(s *State, packet []byte) (Kill, bool) {
	k, form := s.Kill(packet)
	return k, form == OneKill
}

func TestKill(t *testing.T) {
	type is struct {
		id          uint64
		query, self bool
	}
	for text, want := range map[string]*is{
		"KILL 5": {id: 5}, "kill query 5": {id: 5, query: true}, "Kill Connection 5;": {id: 5}, "KILL\n\tQUERY\r\n7 ; ": {id: 7, query: true},
		"/* ping */ KILL QUERY 5": {id: 5, query: true}, "-- x\nKILL 5": {id: 5}, "# x\nKILL 5 # y": {id: 5}, "KILL/**/QUERY/* 4 */5": {id: 5, query: true},
		"KILL HARD 5": {id: 5}, "KILL SOFT CONNECTION 5": {id: 5}, "KILL HARD QUERY 5": {id: 5, query: true}, "KILL TIDB QUERY 5": {id: 5, query: true},
		"KILL 18446744073709551615": {id: 1<<64 - 1}, "KILL 007": {id: 7}, ";KILL 5": {id: 5},
		"KILL CONNECTION_ID()": {self: true}, "KILL QUERY connection_id( )": {query: true, self: true},
		"/*!40000 KILL 5 */": {id: 5},

		"KILL USER bob": nil, "KILL QUERY ID 5": nil, "KILL QUERY USER 'bob'@'%'": nil, "KILL QUERY '7b1c'": nil, "KILL \"5\"": nil, "KILL": nil, "KILL QUERY": nil,
		"KILL @x": nil, "KILL 5+1": nil, "KILL -5": nil, "KILL 5.0": nil, "KILL 0x5": nil, "KILL 5x": nil, "KILL 5 6": nil, "KILL 18446744073709551616": nil,
		"KILL 5; KILL 6": nil, "SELECT 1; KILL 5": nil, "KILL 5 /* x": nil, "KILL `5`": nil, "KILLER 5": nil, "/*!99999 KILL 5 */": nil, "KILL 5 /*!99999 6 */": nil,
		"KILL HARD SOFT 5": nil, "KILL CONNECTION_ID": nil, "KILL CONNECTION_ID(1)": nil, "KILL QUERY CONNECTION 5": nil, "(KILL 5)": nil, "": nil,
	} {
		s := New(Options{}, 2)
		packet := say(query(text)).bytes()
		k, ok := one(&s, packet)
		switch {
		case ok != (want != nil):
			t.Errorf("%q: %+v, %v", text, k, ok)
		case ok && (is{k.ID, k.Query, k.Self}) != *want:
			t.Errorf("%q: %+v, want %+v", text, k, *want)
		case ok && !s.MayKill(packet):
			t.Errorf("%q is not looked at", text)
		}
	}
}

func TestMayKill(t *testing.T) {
	s := New(Options{}, 2)
	for text, want := range map[string]bool{
		"SELECT 1": false, "KILL 1": true, "kILL 1": true, "KILLER": false, "KI": false, "/* a */ SELECT 1": false, "/* a */ kill 1": true, "  KILL 1": true,
		"(SELECT 1)": false, "": false, "KILL 1" + string(bytes.Repeat([]byte{' '}, MaxKill)): true, "SELECT 'KILL 1'": false, "SELECT 1; SELECT 'kill'": false, "SELECT 1; KILL 2": true,
	} {
		if got := s.MayKill(say(query(text)).bytes()); got != want {
			t.Errorf("%.20q: %v", text, got)
		}
	}
	// While more is to come, what may become a KILL is waited for.
	for part, want := range map[string]bool{"": true, "K": true, "KIL": true, "KILL": true, "KILL QUE": true, "/* a": true, "/* a */ ": true, "/* a */ K": true, "KX": false, "S": true, "SE": true, "/* a */ SEL": false, "/* a */ SELECT 1": false, "SELECT 1": false, "SELECT 1; ": true, "PREP": true, "SET": true} {
		chunk := say(query(part + " and the rest of it")).bytes()
		if got := s.MayKill(chunk[:wire.HeaderLen+1+len(part)]); got != want {
			t.Errorf("the beginning %q: %v", part, got)
		}
	}
	for name, packet := range map[string][]byte{"ping": command(wire.ComPing, ""), "prepare": command(wire.ComStmtPrepare, "SELECT 'KILL 5'"), "execute": execute(5, true)} {
		if s.MayKill(say(packet).bytes()) {
			t.Errorf("%s is taken for a KILL", name)
		}
	}
	attrs := New(Options{Capabilities: wire.ClientQueryAttributes}, 2)
	packet := say(command(wire.ComQuery, "\x00\x01KILL QUERY 5")).bytes()
	for n := wire.HeaderLen + 1; n < len(packet); n++ {
		if !attrs.MayKill(packet[:n]) {
			t.Errorf("with the header of query attributes it is not looked at after %d bytes", n)
		}
	}
	if k, ok := one(&attrs, packet); !ok || k.ID != 5 || !attrs.MayKill(packet) {
		t.Errorf("with the header of query attributes: %+v %v", k, ok)
	} else if got := k.With(packet, 77); !bytes.HasSuffix(got, []byte("\x03\x00\x01KILL QUERY 77")) {
		t.Errorf("with the header of query attributes: %q", got)
	}
	if k, _ := attrs.Kill(packet); !bytes.Equal(k.Plain(packet), say(query("KILL QUERY 5")).bytes()) {
		t.Errorf("without the header of query attributes: %q", k.Plain(packet))
	}
	if attrs.MayKill(say(command(wire.ComQuery, "\x01\x01SELECT skill FROM t")).bytes()) || !attrs.MayKill(say(command(wire.ComQuery, "\x01\x01KILL QUERY 5")).bytes()) {
		t.Error("a KILL behind attributes")
	}
}

func TestKillWith(t *testing.T) {
	s := New(Options{}, 2)
	for text, want := range map[string]string{
		"KILL 5": "KILL 4294967295", "/* 5 */ kill query 5 ;-- 5": "/* 5 */ kill query 4294967295 ;-- 5", "KILL CONNECTION_ID()": "KILL CONNECTION_ID()",
	} {
		packet := say(query(text)).bytes()
		packet[3] = 7 // the sequence id stays
		k, _ := s.Kill(packet)
		got := k.With(packet, 1<<32-1)
		if n, seq := wire.DecodeHeader(got); n != len(got)-wire.HeaderLen || seq != 7 || string(got[wire.HeaderLen+1:]) != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
	packet := say(command(wire.ComProcessKill, "\x05\x00\x00\x00")).bytes()
	k, ok := one(&s, packet)
	if got := k.With(packet, 0x01020304); !ok || k.ID != 5 || k.Query || !s.MayKill(packet) || !bytes.Equal(got[wire.HeaderLen:], []byte{12, 4, 3, 2, 1}) {
		t.Errorf("COM_PROCESS_KILL: %+v becomes %x", k, got)
	}
	if k, ok := one(&s, say(command(wire.ComProcessKill, "\x05\x00")).bytes()); ok {
		t.Errorf("half a COM_PROCESS_KILL is %+v", k)
	}
}

func TestKillAnswer(t *testing.T) {
	s := New(Options{}, 2)
	k, _ := s.Kill(say(query("KILL 2000000005")).bytes())
	for message, want := range map[string]string{
		"Unknown thread id: 5": "Unknown thread id: 2000000005", "You are not owner of thread 5": "You are not owner of thread 2000000005",
		"Unknown thread id: 55": "Unknown thread id: 55", "55 5 5": "55 2000000005 5", "no id": "no id", "": "",
	} {
		if got := k.Answer(message, 5); got != want {
			t.Errorf("%q becomes %q", message, got)
		}
	}
}

// FuzzKill: what is read as a KILL is read so again with another id in it, and all else in it stays.
func FuzzKill(f *testing.F) {
	for _, text := range []string{"KILL 5", "/* 5 */ kill query 5;", "KILL CONNECTION_ID()", "KILL QUERY '5'", "SELECT 5", "KILL USER a", "KILL'5'", "/*!40000 KILL 5*/"} {
		f.Add(text, uint8(0), uint16(2), uint32(7))
	}
	f.Fuzz(func(t *testing.T, text string, dialect uint8, status uint16, id uint32) {
		s := New(Options{Dialect: Dialect(dialect % 6)}, wire.Status(status))
		packet := say(query(text)).bytes()
		may := s.MayKill(packet)
		k, ok := one(&s, packet)
		if !ok {
			return
		}
		if !may && len(text) < MaxKill {
			t.Fatalf("%q is not looked at", text)
		}
		for n := wire.HeaderLen + 1; n < len(packet) && may; n++ {
			if !s.MayKill(packet[:n]) {
				t.Fatalf("%q is not looked at after %d bytes", text, n)
			}
		}
		again, ok := one(&s, k.With(packet, id))
		if !ok || again.Query != k.Query || again.Self != k.Self || !k.Self && again.ID != uint64(id) {
			t.Fatalf("%q: %+v becomes %+v", text, k, again)
		}
		if back := again.With(k.With(packet, id), uint32(k.ID)); k.Given == again.Given && k.end-k.at == len(k.Given) && !bytes.Equal(back, packet) {
			t.Fatalf("%q becomes %q", packet, back)
		}
		k.Answer(text, binary.LittleEndian.Uint32(packet))
	})
}

func BenchmarkMayKill(b *testing.B) {
	s := New(Options{}, 2)
	chunk := say(query("SELECT a, b FROM t WHERE id = 5")).bytes()
	for b.Loop() {
		if s.MayKill(chunk) {
			b.Fatal("taken for a KILL")
		}
	}
}

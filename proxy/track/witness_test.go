package track

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"segue/backend/wire"
)

// telling is an OK_Packet by which a server tells something of the session.
func telling(header byte, status wire.Status, info, state string) []byte {
	m := wire.OK{Header: header, Status: status | wire.StatusAutocommit | wire.StatusSessionStateChanged, Info: []byte(info), SessionState: []byte(state)}
	return m.Append(nil, wire.ClientProtocol41|wire.ClientSessionTrack)
}

func plain(header byte, status wire.Status, info string) []byte {
	m := wire.OK{Header: header, Status: status | wire.StatusAutocommit, Info: []byte(info)}
	return m.Append(nil, wire.ClientProtocol41|wire.ClientSessionTrack)
}

// variableState is what a server tells of a system variable.
func variableState(name, value string) string {
	pair := wire.AppendLenencString(wire.AppendLenencString(nil, name), value)
	return string(wire.AppendLenencString([]byte{trackSystemVariables}, pair))
}

// through is what a client gets of b, which comes in pieces.
func through(t *testing.T, s *State, b []byte, size int) (out []byte) {
	t.Helper()
	var rest []byte
	for len(b) > 0 {
		k := min(size, len(b))
		chunk := append(rest, b[:k]...)
		b = b[k:]
		for len(chunk) > 0 {
			own := s.OwnOutstanding()
			n, forward := s.Server(chunk)
			if !own {
				out = append(out, forward...)
			}
			if chunk = chunk[n:]; n == 0 {
				break
			}
		}
		rest = slices.Clone(chunk)
	}
	if len(rest) > 0 {
		t.Fatalf("%d bytes left over", len(rest))
	}
	return out
}

func eofWith(status wire.Status) []byte {
	return binary.LittleEndian.AppendUint16([]byte{0xfe, 0, 0}, uint16(status))
}

// witnessed are conversations with a server that tells, and what the client, which has not asked for it, hears.
var witnessed = []struct {
	name string
	caps wire.Capability
	says talk
	said [][]byte
	want [][]byte
}{
	{"nothing told", 0, say(query("SET @a=1")), [][]byte{ok}, [][]byte{ok}},
	{"OK", 0, say(query("SET @a=1")), [][]byte{telling(0, 0, "", variableState("time_zone", "x"))}, [][]byte{plain(0, 0, "")}},
	{"OK with a text", 0, say(query("PREPARE s FROM 'x'")), [][]byte{telling(0, 0, "Statement prepared", "\x02\x02\x011")}, [][]byte{plain(0, 0, "Statement prepared")}},
	{
		"several results", 0, say(query("SET @a=1; SELECT 1; SET @b=1")),
		[][]byte{telling(0, wire.StatusMoreResults, "", "\x02\x02\x011"), {1}, def, eofWith(0x4002), row, eofWith(0x400a), telling(0, 0, "x", "\x02\x02\x011")},
		[][]byte{plain(0, wire.StatusMoreResults, ""), {1}, def, eofWith(0x0002), row, eofWith(0x000a), plain(0, 0, "x")},
	},
	{
		"behind rows", wire.ClientDeprecateEOF, say(query("SELECT f()")),
		[][]byte{{1}, def, row, telling(0xfe, 0, "", variableState("time_zone", "x"))},
		[][]byte{{1}, def, row, plain(0xfe, 0, "")},
	},
	{"rows that look like an OK", 0, say(query("SELECT f()")), [][]byte{{1}, def, eof, telling(0, 0, "", "\x02\x02\x011"), eof}, [][]byte{{1}, def, eof, telling(0, 0, "", "\x02\x02\x011"), eof}},
	{"a definition that looks like one", 0, say(query("SELECT f()")), [][]byte{{1}, telling(0, 0, "", "\x02\x02\x011"), eof, eof}, [][]byte{{1}, telling(0, 0, "", "\x02\x02\x011"), eof, eof}},
	{"a text", 0, say(command(wire.ComStatistics, "")), [][]byte{telling(0, 0, "", "\x02\x02\x011")}, [][]byte{telling(0, 0, "", "\x02\x02\x011")}},
	{"a text of no bytes", 0, say(command(wire.ComStatistics, "")), [][]byte{{}}, [][]byte{{}}},
	{"a statement prepared", 0, say(command(wire.ComStmtPrepare, "SELECT ?")), [][]byte{prepareOK(5, 1), def, eofWith(0x4002)}, [][]byte{prepareOK(5, 1), def, eofWith(0x0002)}},
	{"fields", 0, say(command(wire.ComFieldList, "t\x00")), [][]byte{def, eofWith(0x4002)}, [][]byte{def, eofWith(0x0002)}},
	{"USE", 0, say(command(wire.ComInitDB, "d")), [][]byte{telling(0, 0, "", "\x01\x02\x01d")}, [][]byte{plain(0, 0, "")}},
	{"ERR", 0, say(query("SET x")), [][]byte{failure}, [][]byte{failure}},
	{"another user", 0, say(command(wire.ComChangeUser, "u\x00\x00d\x00")), [][]byte{telling(0, 0, "", "\x01\x02\x01d")}, [][]byte{plain(0, 0, "")}},
	{"malformed", 0, say(query("SET @a=1")), [][]byte{{0, 0, 0, 2, 0x40, 0, 0, 9}}, [][]byte{{0, 0, 0, 2, 0x40, 0, 0, 9}}},
}

func TestWitnessIsNotHeard(t *testing.T) {
	for _, c := range witnessed {
		for size := 1; size < 80; size++ {
			s := New(Options{Capabilities: wire.ClientProtocol41 | wire.ClientMultiStatements | wire.ClientSessionTrack | c.caps, Witness: true}, 2)
			for range 2 { // the second together with the first
				s.Client(c.says.bytes())
			}
			said, want := answer(c.said...).bytes(), answer(c.want...).bytes()
			got := through(t, &s, append(slices.Clone(said), said...), size)
			if want = append(slices.Clone(want), want...); !bytes.Equal(got, want) {
				t.Fatalf("%s, in pieces of %d: %x, want %x", c.name, size, got, want)
			}
			if s.Opaque() != Readable || !s.Idle() {
				t.Fatalf("%s, in pieces of %d: opaque %v, idle %v", c.name, size, s.Opaque(), s.Idle())
			}
		}
	}
}

// What the client has asked for is its own.
func TestWitnessOfTheClient(t *testing.T) {
	for _, c := range witnessed {
		s := New(Options{Capabilities: wire.ClientProtocol41 | wire.ClientMultiStatements | wire.ClientSessionTrack | c.caps}, 2)
		s.Client(c.says.bytes())
		said := answer(c.said...).bytes()
		if got := through(t, &s, slices.Clone(said), 1<<20); !bytes.Equal(got, said) {
			t.Errorf("%s: %x, want %x", c.name, got, said)
		}
	}
}

func TestWitnessOfOwnCommands(t *testing.T) {
	for size := 1; size < 40; size++ {
		s := New(Options{Capabilities: wire.ClientProtocol41 | wire.ClientSessionTrack, Witness: true}, 2)
		s.Own(wire.ComPing)
		s.Client(say(query("SET @a=1")).bytes())
		told := telling(0, 0, "", "\x02\x02\x011")
		if got := through(t, &s, append(answer(told).bytes(), answer(told).bytes()...), size); !bytes.Equal(got, answer(plain(0, 0, "")).bytes()) {
			t.Fatalf("in pieces of %d: %x", size, got)
		}
	}
}

func TestWitnessAllocatesNothing(t *testing.T) {
	s := New(Options{Capabilities: wire.ClientProtocol41 | wire.ClientSessionTrack, Witness: true, Memory: NewMemory(0)}, 2)
	q := say(query("SELECT a FROM t")).bytes()
	for _, a := range [][]byte{answer([]byte{1}, def, eof, row, eof).bytes(), answer(ok).bytes()} {
		if n := testing.AllocsPerRun(100, func() {
			s.Client(q)
			if _, forward := s.Server(a); len(forward) != len(a) {
				t.Fatal("something is missing")
			}
		}); n > 0 {
			t.Errorf("%v allocations", n)
		}
	}
}

// FuzzWitness: whatever the chunks, the client hears the same, in packets.
func FuzzWitness(f *testing.F) {
	for _, c := range witnessed {
		f.Add(answer(c.said...).bytes(), uint8(3), c.caps&wire.ClientDeprecateEOF != 0)
	}
	f.Fuzz(func(t *testing.T, said []byte, size uint8, deprecate bool) {
		o := Options{Capabilities: wire.ClientProtocol41 | wire.ClientSessionTrack, Witness: true}
		if deprecate {
			o.Capabilities |= wire.ClientDeprecateEOF
		}
		hear := func(size int) (out []byte, s State) {
			s = New(o, 2)
			for range 3 {
				s.Client(say(query("SELECT 1")).bytes())
			}
			var rest []byte
			for b := slices.Clone(said); len(b) > 0; {
				k := min(size, len(b))
				chunk := append(rest, b[:k]...)
				for b = b[k:]; len(chunk) > 0; {
					n, forward := s.Server(chunk)
					out = append(out, forward...)
					if chunk = chunk[n:]; n == 0 {
						break
					}
				}
				rest = slices.Clone(chunk)
			}
			return out, s
		}
		all, s := hear(len(said) + 1)
		if len(all) > len(said) {
			t.Fatalf("%d bytes of %d", len(all), len(said))
		}
		for _, k := range []int{1, 1 + int(size)} {
			pieces, p := hear(k)
			if s.Opaque() == Readable && (!bytes.Equal(pieces, all) || seen(&p) != seen(&s)) {
				t.Fatalf("%x: %x in one, %x in pieces of %d\n%s\n%s", said, all, pieces, k, seen(&s), seen(&p))
			}
		}
	})
}

// BenchmarkWitness is what a statement costs in the tracker, side by side without a witness and with one that has nothing to say, or something.
func BenchmarkWitness(b *testing.B) {
	told := telling(0, 0, "", variableState("time_zone", "+01:00"))
	for _, c := range []struct {
		name   string
		query  string
		answer []byte
	}{
		{"OK", "UPDATE t SET a=1", answer(ok).bytes()},
		{"row", "SELECT a FROM t WHERE b=1", answer([]byte{1}, def, eof, row, eof).bytes()},
		{"told", "SET time_zone='+01:00'", answer(ok).bytes()},
	} {
		for _, witness := range []bool{false, true} {
			name := c.name + "/without"
			o := Options{Dialect: MariaDB, Capabilities: wire.ClientProtocol41}
			if witness {
				name, o.Witness, o.Capabilities = c.name+"/with", true, o.Capabilities|wire.ClientSessionTrack
			}
			if c.name == "told" && witness {
				c.answer = answer(told).bytes()
			}
			b.Run(name, func(b *testing.B) {
				s := New(o, 2)
				q, in := say(query(c.query)).bytes(), make([]byte, len(c.answer))
				b.ReportAllocs()
				for b.Loop() {
					copy(in, c.answer)
					s.Client(q)
					s.Server(in)
				}
			})
		}
	}
}

// What a server tells in its answer to a command of Segue's own, as there was no room for it before, is believed.
func TestToldInAnAnswerToSegue(t *testing.T) {
	o := mariadb
	o.Capabilities |= wire.ClientSessionTrack
	s := run(o, []talk{
		say(command(wire.ComStmtPrepare, "SELECT ?")), answer(prepareOK(7, 1), def, eof), say(statement(wire.ComStmtSendLongData, 7)),
	}, 1<<20)
	if s.Unsend(say(execute(7, true)).bytes()) == nil {
		t.Fatal("nothing is taken back")
	}
	if n, _ := s.Server(answer(telling(0, 0, "", variableState("time_zone", "+03:00"))).bytes()); n == 0 || s.OwnOutstanding() {
		t.Fatal("the answer is not taken")
	}
	if got := s.Replay().Statements; !slices.ContainsFunc(got, func(text string) bool { return strings.Contains(text, "+03:00") }) {
		t.Errorf("the session takes along %q", got)
	}
}

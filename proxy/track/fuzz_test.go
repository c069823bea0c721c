package track

import (
	"fmt"
	"slices"
	"testing"

	"segue/backend/wire"
)

// FuzzLexer: tokens follow one another through the whole text, and judging it does not panic.
func FuzzLexer(f *testing.F) {
	for _, r := range Verdicts() {
		for _, text := range r.Examples {
			f.Add(text, uint8(0), uint16(2))
		}
	}
	for _, c := range statements {
		f.Add(c.text, uint8(2), uint16(wire.StatusAnsiQuotes|wire.StatusNoBackslashEscapes))
	}
	f.Fuzz(func(t *testing.T, text string, dialect uint8, status uint16) {
		d, st := Dialect(dialect%6), wire.Status(status)
		fresh := New(Options{Dialect: d}, st)
		l := newLexer([]byte(text), fresh.rules())
		at := 0
		for {
			tok := l.next()
			if tok.start < at || tok.end < tok.start || tok.end > len(text) || tok.kind != tokEnd && tok.end == tok.start {
				t.Fatalf("%q: token %+v behind %d", text, tok, at)
			}
			if at = tok.end; tok.kind == tokEnd {
				break
			}
		}
		if at != len(text) {
			t.Fatalf("%q: ends at %d", text, at)
		}
		_, v := judgeText([]byte(text), fresh.rules(), 0)
		if _, ok := ordinary([]byte(text)); ok && v != nil && !l.broken && !l.cut && l.met == 0 {
			t.Fatalf("%q is said to be ordinary, and leaves %+v", text, v.ops)
		}
		s := New(Options{Dialect: d}, st)
		s.Look(say(query(text)).bytes())
	})
}

// seen is what a session says of itself.
func seen(s *State) string {
	return fmt.Sprintf("%v %q %v %+v %q %v", s.Idle(), s.Pinned(), s.Opaque(), s.Replay(), s.Unresolved(), s.Recent())
}

// FuzzChunks: a State that is fed in pieces of any size says the same as one that is fed whole packets.
func FuzzChunks(f *testing.F) {
	for _, r := range Verdicts() {
		for _, text := range r.Examples {
			f.Add(text, "USE x", true, uint8(0), uint8(5))
			f.Add("SET NAMES utf8", text, false, uint8(2), uint8(1))
		}
	}
	f.Fuzz(func(t *testing.T, a, b string, fails bool, dialect, size uint8) {
		last := ok
		if fails {
			last = failure
		}
		talks := []talk{
			say(query(a)), answer(ok), say(command(wire.ComStmtPrepare, b)), answer(prepareOK(3, 1), def, eof), say(execute(3, true)), answer(last),
			say(query(b)), answer(last), say(command(wire.ComInitDB, a)), answer(ok), say(execute(3, false)), answer([]byte{1}, def, eof, row, eof),
		}
		o := Options{Dialect: Dialect(dialect % 6), Capabilities: wire.ClientProtocol41, Database: "d"}
		whole, cut := run(o, talks, 1<<20), run(o, talks, int(size)+1)
		if seen(whole) != seen(cut) {
			t.Fatalf("%q, %q:\nwhole %s\ncut   %s", a, b, seen(whole), seen(cut))
		}
	})
}

// FuzzRewriting: what becomes of commands on prepared statements does not depend on how their bytes come.
func FuzzRewriting(f *testing.F) {
	f.Add(say(execute(5, false), statement(wire.ComStmtReset, 7)).bytes(), uint8(3), uint32(0))
	f.Add(say(execute(5, true), query("SELECT 1")).bytes(), uint8(1), uint32(wire.ClientQueryAttributes))
	f.Add(say(statement(wire.ComStmtBulkExecute, 5), statement(wire.ComStmtSendLongData, 9)).bytes(), uint8(7), uint32(0))
	f.Fuzz(func(t *testing.T, b []byte, size uint8, caps uint32) {
		moved := func(size int) ([]byte, string) {
			s := movedSession(t)
			s.attrs = wire.Capability(caps).Has(wire.ClientQueryAttributes)
			var out, rest []byte
			for in := slices.Clone(b); len(in) > 0; {
				k := min(size, len(in))
				chunk := append(slices.Clone(rest), in[:k]...)
				in = in[k:]
				for {
					n, insert := s.Client(chunk)
					out = append(append(out, chunk[:n]...), insert...)
					if chunk = chunk[n:]; len(insert) == 0 {
						break
					}
				}
				if rest = chunk; len(rest) > MaxHead {
					t.Fatalf("%d bytes to be shown again", len(rest))
				}
			}
			return out, fmt.Sprint(s.Outstanding(), s.Opaque(), s.Pinned(), len(rest))
		}
		whole, says := moved(1 << 20)
		if cut, saysToo := moved(int(size) + 1); !slices.Equal(whole, cut) || says != saysToo {
			t.Fatalf("whole %x (%s)\ncut   %x (%s)", whole, says, cut, saysToo)
		}
	})
}

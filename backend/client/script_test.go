package client

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"segue/backend/wire"
)

const deprecate = serverCaps | wire.ClientDeprecateEOF

var (
	eofPacket = []byte{0xfe, 0, 0, 2, 0}
	okAsEOF   = []byte{0xfe, 0, 0, 2, 0, 0, 0}
)

func definition(name string) []byte {
	return (&wire.ColumnDefinition41{Catalog: "def", Name: name, Charset: 33, Type: wire.TypeVarString}).Append(nil, 0)
}

// answer frames the packets of one answer.
func answer(payloads ...[]byte) (b []byte) {
	seq := uint8(1)
	for _, p := range payloads {
		b, seq = wire.AppendPacket(b, seq, p)
	}
	return b
}

// values is a row; nil is NULL.
func values(list ...Value) (row []byte) {
	for _, v := range list {
		if v == nil {
			row = append(row, 0xfb)
			continue
		}
		row = wire.AppendLenencString(row, []byte(v))
	}
	return row
}

// play runs a script against what a server sends, in splits of that size, and returns what it has sent, and what is left of the stream.
func play(s *Script, stream []byte, size int) (sent, rest []byte, err error) {
	sent = s.Send(nil)
	for len(stream) > 0 && !s.Done() && s.Err() == nil {
		chunk := bytes.Clone(stream[:min(size, len(stream))])
		n, err := s.Feed(chunk)
		for i := range chunk {
			chunk[i] = 0xa5 // what is kept must not lie there
		}
		stream = stream[n:]
		if err != nil {
			return sent, stream, err
		}
		if n == 0 {
			break
		}
		sent = s.Send(sent)
	}
	return sent, stream, s.Err()
}

var sizes = []int{1, 2, 3, 5, 7, 29, 1 << 20}

func query(text string, t *Table) Command {
	return Command{Command: wire.ComQuery, Text: text, Take: t.Take}
}

// Answers of all shapes, in any splits.
func TestScript(t *testing.T) {
	long := bytes.Repeat([]byte("x"), 70_000)
	for _, caps := range []wire.Capability{serverCaps, deprecate, deprecate | wire.ClientQueryAttributes} {
		for _, oneByOne := range []bool{true, false} {
			for _, size := range sizes {
				table, none := new(Table), new(Table)
				var stmt, bare Prepared
				var stream []byte
				var behind, over []byte
				if caps.Has(wire.ClientDeprecateEOF) {
					over = okAsEOF
				} else {
					behind, over = eofPacket, eofPacket
				}
				packets := func(list ...[]byte) {
					list = append([][]byte{}, list...)
					kept := list[:0]
					for _, p := range list {
						if p != nil {
							kept = append(kept, p)
						}
					}
					stream = append(stream, answer(kept...)...)
				}
				packets(okPacket)
				packets([]byte{3}, definition("a"), definition("b"), definition("C"), behind, values(Value("1"), nil, Value{}), values(Value(long), Value("2"), nil), over)
				packets(okPacket)
				packets((&wire.StmtPrepareOK{StatementID: 7, NumParams: 2, NumColumns: 1}).Append(nil), definition("?"), definition("?"), behind, definition("x"), behind)
				packets((&wire.StmtPrepareOK{StatementID: 8}).Append(nil))
				packets(errPacket(1064, "no"))
				packets([]byte{1}, definition("not wanted"), behind, values(Value(long)), over)
				end := len(stream)
				packets([]byte("unasked"))
				s := NewScript(Terms{Capabilities: caps, OneByOne: oneByOne},
					Query("SET a = 1"), query("SELECT a, b, c", table), query("BEGIN", none), Command{Command: wire.ComStmtPrepare, Text: "SELECT ?, ?", Take: stmt.Take},
					Command{Command: wire.ComStmtClose, Text: "\x07\x00\x00\x00"},
					Command{Command: wire.ComStmtPrepare, Text: "SET @x = 1", Take: bare.Take}, Command{Command: wire.ComQuery, Text: "SYNC", Lenient: true}, Query("SELECT 1"))
				name := fmt.Sprintf("%x, one by one %v, splits of %d", uint32(caps), oneByOne, size)
				sent, rest, err := play(s, stream, size)
				if err != nil || !s.Done() || s.Outstanding() != 0 || !bytes.Equal(rest, stream[end:]) {
					t.Fatalf("%s: %v, done %v, %d outstanding, %d bytes left of %d", name, err, s.Done(), s.Outstanding(), len(rest), len(stream)-end)
				}
				if n, err := s.Feed(rest); n != 0 || err != nil || len(s.Send(nil)) > 0 {
					t.Errorf("%s: behind its end: %d, %v", name, n, err)
				}
				attrs := "\x03"
				if caps.Has(wire.ClientQueryAttributes) {
					attrs = "\x03\x00\x01"
				}
				if !bytes.HasPrefix(sent[wire.HeaderLen:], []byte(attrs+"SET a = 1")) || bytes.Count(sent, []byte("SELECT ?, ?")) != 1 || !bytes.Contains(sent, []byte("\x16SELECT ?, ?")) {
					t.Errorf("%s: sent %q", name, sent)
				}
				if stmt.StatementID != 7 || stmt.NumParams != 2 || bare.StatementID != 8 {
					t.Errorf("%s: prepared %+v, %+v", name, stmt, bare)
				}
				if len(table.Rows) != 2 || len(table.Columns) != 3 || len(none.Rows)+len(none.Columns) != 0 {
					t.Fatalf("%s: %+v", name, table)
				}
				if v := table.Rows[0][0]; string(v) != "1" {
					t.Errorf("%s: a is %q", name, v)
				}
				if v := table.Rows[0][1]; v != nil {
					t.Errorf("%s: NULL is %q", name, v)
				}
				if v := table.Rows[0][2]; v == nil || len(v) != 0 {
					t.Errorf("%s: an empty value is %v", name, v)
				}
				if v := table.Rows[1][0]; !bytes.Equal(v, long) {
					t.Errorf("%s: %d bytes", name, len(v))
				}
			}
		}
	}
}

// How scripts fail, and whether the connection can be used again.
func TestScriptFails(t *testing.T) {
	table := func() Command { return query("SELECT 1", &Table{}) }
	huge := func(first byte, n int) []byte { return append([]byte{first}, make([]byte, n)...) }
	more := []byte{0xfe, 0, 0, 10, 0}
	for _, c := range []struct {
		name        string
		commands    []Command
		stream      []byte
		kind        Kind
		want        string
		refused     int // the command that was, from 1
		outstanding int
	}{
		{"refused", []Command{Query("secret"), Query("b")}, append(answer(okPacket), answer(errPacket(1064, "near 'secret'"))...), 0, "command 2 of Segue's own was refused: ERROR 1064 (28000)", 2, 0},
		{"refused, more to come", []Command{Query("secret"), Query("b")}, answer(errPacket(1064, "near 'secret'")), 0, "ERROR 1064", 1, 1},
		{"refused amid rows", []Command{table()}, answer([]byte{1}, definition("a"), eofPacket, values(Value("1")), errPacket(1317, "interrupted")), 0, "ERROR 1317", 1, 0},
		{"a refusal of a megabyte", []Command{Query("a")}, answer(append(errPacket(1064, "no"), make([]byte, 1<<20)...)), 0, "ERROR 1064", 1, 0},
		{"ERR cut short", []Command{Query("a")}, answer([]byte{0xff, 1}), Malformed, "ERR", 0, 0},
		{"LOCAL INFILE", []Command{Query("a")}, answer([]byte{0xfb, '/'}), Malformed, "a shape that the command cannot have", 0, 1},
		{"change of user", []Command{{Command: wire.ComChangeUser}}, answer([]byte{0xfe}), Malformed, "a shape", 0, 1},
		{"empty packet", []Command{Query("a")}, answer(nil), Malformed, "a shape", 0, 1},
		{"two results", []Command{table()}, answer([]byte{1}, definition("a"), eofPacket, more, []byte{1}, definition("a"), eofPacket, eofPacket), Malformed, "more than one result", 0, 1},
		{"row cut short", []Command{table()}, answer([]byte{1}, definition("a"), eofPacket, []byte{9, 'x'}, eofPacket), Malformed, "row cut short in column 1", 0, 1},
		{"row too long", []Command{table()}, answer([]byte{1}, definition("a"), eofPacket, values(Value("a"), Value("b")), eofPacket), Malformed, "more columns", 0, 1},
		{"definition cut short", []Command{table()}, answer([]byte{1}, []byte("\x03def"), eofPacket, eofPacket), Malformed, "ColumnDefinition41", 0, 1},
		{"huge row", []Command{table()}, answer([]byte{1}, definition("a"), eofPacket, huge(0xfd, MaxAnswer), eofPacket), Malformed, "a packet of", 0, 1},
		{"many rows", []Command{table()}, answer(append([][]byte{{1}, definition("a"), eofPacket}, slicesOf(values(Value("")), MaxAnswer/40)...)...), Malformed, "a result of more than", 0, 1},
		{"end of two packets", []Command{Query("a")}, answer(append(okPacket, make([]byte, wire.MaxPayload)...)), Malformed, "a packet of 16777215 bytes", 0, 1},
		{"prepared with another shape", []Command{{Command: wire.ComStmtPrepare, Text: "SELECT 1", Take: new(Prepared).Take}}, answer([]byte{0, 1, 0}), Malformed, "a shape", 0, 1},
		{"no followable command", []Command{{Command: wire.ComBinlogDump}}, nil, Malformed, "COM_BINLOG_DUMP cannot be followed", 0, 0},
		{"COM_QUIT", []Command{{Command: wire.ComQuit}}, nil, Malformed, "COM_QUIT cannot be followed", 0, 0},
	} {
		for _, size := range sizes[3:] {
			for i := range c.commands { // collectors are for one run each
				if c.commands[i].Take != nil && c.commands[i].Command == wire.ComQuery {
					c.commands[i] = table()
				}
			}
			s := NewScript(Terms{Capabilities: serverCaps}, c.commands...)
			_, _, err := play(s, c.stream, size)
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "secret") || s.Done() {
				t.Errorf("%s, splits of %d: %v, want %s", c.name, size, err, c.want)
				continue
			}
			var refusal *Refusal
			var failed *Error
			if errors.As(err, &refusal) != (c.refused > 0) || refusal != nil && refusal.Index != c.refused-1 || refusal == nil && (!errors.As(err, &failed) || failed.Kind != c.kind) {
				t.Errorf("%s, splits of %d: %T %v", c.name, size, err, err)
			}
			if s.Outstanding() != c.outstanding {
				t.Errorf("%s, splits of %d: %d outstanding, want %d", c.name, size, s.Outstanding(), c.outstanding)
			}
			if refusal != nil && len(refusal.Said.Message) > maxErr {
				t.Errorf("%s: %d bytes are kept", c.name, len(refusal.Said.Message))
			}
			if cap(s.packet) > 2*MaxAnswer {
				t.Errorf("%s: %d bytes are held", c.name, cap(s.packet))
			}
		}
	}
}

func slicesOf(p []byte, n int) (list [][]byte) {
	for range n {
		list = append(list, p)
	}
	return list
}

// MariaDB reports progress by ERR_Packets that end nothing, anywhere; an answer of several results that nobody wants passes.
func TestScriptPassesOverWhatIsOfNoInterest(t *testing.T) {
	progress := append([]byte{0xff, 0xff, 0xff, 1, 1}, "\x00\x00\x00\x05stage"...)
	more := []byte{0, 0, 0, 10, 0, 0, 0}
	for _, size := range sizes {
		table := new(Table)
		s := NewScript(Terms{Capabilities: serverCaps}, query("SELECT 1", table), Query("SET a = 1; SELECT 1; SET b = 1"))
		stream := append(answer(progress, []byte{1}, definition("a"), eofPacket, progress, values(Value("1")), progress, eofPacket),
			answer(more, []byte{1}, definition("a"), eofPacket, values(Value("1")), []byte{0xfe, 0, 0, 10, 0}, okPacket)...)
		if _, _, err := play(s, stream, size); err != nil || !s.Done() || len(table.Rows) != 1 {
			t.Errorf("splits of %d: %v, %+v", size, err, table.Rows)
		}
	}
}

// What is sent ahead of its answers fits the buffers of a connection, whatever a session has prepared; a packet that is longer goes alone.
func TestScriptSendsNoMoreThanCanLieUnread(t *testing.T) {
	var commands []Command
	for range 300 {
		commands = append(commands, Command{Command: wire.ComStmtPrepare, Text: strings.Repeat("x", 1000)})
	}
	commands = append(commands, Query(strings.Repeat("y", 3*maxWindow)), Query(strings.Repeat("z", wire.MaxPayload)), Query("SET a = 1"))
	s := NewScript(Terms{Capabilities: serverCaps}, commands...)
	sends, most := 0, 0
	for !s.Done() {
		out := s.Send(nil)
		if len(out) > 0 {
			sends++
		}
		if len(out) < 3*maxWindow {
			most = max(most, len(out))
		}
		reply := answer((&wire.StmtPrepareOK{StatementID: 1}).Append(nil))
		if s.answered >= 300 {
			reply = answer(okPacket)
		}
		if _, err := s.Feed(reply); err != nil {
			t.Fatal(err)
		}
	}
	if most > maxWindow || most < maxWindow/2 || sends < 10 {
		t.Errorf("%d bytes at a time, in %d pieces", most, sends)
	}
	one := NewScript(Terms{Capabilities: serverCaps, OneByOne: true}, commands...)
	if out := one.Send(nil); len(out) != wire.HeaderLen+1001 || len(one.Send(nil)) != 0 {
		t.Errorf("%d bytes at a time to a server that wants one command at a time", len(out))
	}
	eager := commands[1]
	eager.Eager = true
	two := NewScript(Terms{Capabilities: serverCaps, OneByOne: true}, commands[0], eager, commands[2])
	if out := two.Send(nil); len(out) != 2*(wire.HeaderLen+1001) || len(two.Send(nil)) != 0 {
		t.Errorf("%d bytes at a time where the second command goes together with the first", len(out))
	}
}

// TestTableGivesRowsAway: one that keeps no rows takes more than it could keep.
func TestTableGivesRowsAway(t *testing.T) {
	definition := append([]byte("\x03def\x00\x00\x00\x01a\x00\x0c"), make([]byte, 12)...)
	row := append([]byte{0xfd, 0, 0, 1}, make([]byte, 1<<16)...)
	for _, keeps := range []bool{true, false} {
		rows, table := 0, &Table{}
		if !keeps {
			table.Each = func(row []Value) { rows += len(row) }
		}
		err := errors.Join(table.Take(First, []byte{1}), table.Take(Definition, definition))
		for range MaxAnswer>>16 + 1 {
			err = errors.Join(err, table.Take(Row, row))
		}
		if keeps != (err != nil) || !keeps && (len(table.Rows) > 0 || rows != MaxAnswer>>16+1) {
			t.Errorf("keeps %v: %v, %d rows kept, %d given away", keeps, err, len(table.Rows), rows)
		}
	}
}

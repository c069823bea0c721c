package wire

import (
	"bytes"
	"strings"
	"testing"

	"segue/backend/wire/wiretest"
)

// Payloads of a response, as a conversation is written down.
var (
	ok        = []byte{0, 0, 0, 2, 0, 0, 0}
	okMore    = []byte{0, 0, 0, 0x0a, 0, 0, 0}
	okTrans   = []byte{0, 0, 0, 3, 0, 0, 0}
	errPkt    = append([]byte{0xff, 0x28, 0x04}, "#42000You have an error"...)
	progress  = append([]byte{0xff, 0xff, 0xff, 1, 1, 2, 0, 0, 0}, "\x04copy"...)
	eof       = []byte{0xfe, 0, 0, 2, 0}
	eofMore   = []byte{0xfe, 0, 0, 0x0a, 0}
	eofCursor = []byte{0xfe, 0, 0, 0x42, 0}
	eofLast   = []byte{0xfe, 0, 0, 0xc2, 0}
	okEOF     = []byte{0xfe, 0, 0, 2, 0, 0, 0} // OK_Packet in the place of an EOF_Packet
	okEOFMore = []byte{0xfe, 0, 0, 0x0a, 0, 0, 0}
	def       = append([]byte("\x03def"), make([]byte, 30)...)
	row       = []byte{1, '7'}
	nullRow   = []byte{0xfb, 1, '7'}
	binRow    = []byte{0, 0, 7}
	infile    = append([]byte{0xfb}, "/tmp/x"...)
	switchReq = append([]byte{0xfe}, "mysql_native_password\x0012345678901234567890\x00"...)
	authMore  = []byte{1, 4}
	longRow   = append([]byte{0xfe, 0, 0, 0, 1, 0, 0, 0, 0}, make([]byte, MaxPayload-9)...) // a cell of 16 MiB
	wideOK    = []byte{0xfe, 0xfc, 0x10, 0x27, 0xfe, 1, 2, 3, 4, 5, 6, 7, 8, 2, 0, 0, 0}    // affected 10,000, a big insert id
)

func count(n byte) []byte { return []byte{n} }

func prepareOK(cols, params byte) []byte { return []byte{0, 9, 0, 0, 0, cols, 0, params, 0, 0, 0, 0} }

func TestExchangeKnowsWhereResponsesEnd(t *testing.T) {
	const dep = ClientDeprecateEOF
	for _, c := range []struct {
		name string
		cmd  Command
		caps Capability
		ext  uint32
		in   [][]byte
		want Step // of the last packet; all before it go on, unless they ask the client
	}{
		{"ok", ComQuery, 0, 0, [][]byte{ok}, Done},
		{"error", ComQuery, 0, 0, [][]byte{errPkt}, Failed},
		{"rows", ComQuery, 0, 0, [][]byte{count(2), def, def, eof, row, nullRow, eof}, Done},
		{"rows without EOF", ComQuery, dep, 0, [][]byte{count(2), def, def, row, row, okEOF}, Done},
		{"no rows", ComQuery, 0, 0, [][]byte{count(1), def, eof, eof}, Done},
		{"no rows without EOF", ComQuery, dep, 0, [][]byte{count(1), def, okEOF}, Done},
		{"long OK ends rows", ComQuery, dep, 0, [][]byte{count(1), def, row, wideOK}, Done},
		{"binary rows", ComStmtExecute, 0, 0, [][]byte{count(1), def, eof, binRow, binRow, eof}, Done},
		{"error amid rows", ComQuery, 0, 0, [][]byte{count(1), def, eof, row, errPkt}, Failed},
		{"error amid columns", ComQuery, 0, 0, [][]byte{count(2), def, errPkt}, Failed},
		{"multi-results", ComQuery, 0, 0, [][]byte{okMore, count(1), def, eof, row, eofMore, ok}, Done},
		{"multi-results without EOF", ComQuery, dep, 0, [][]byte{count(1), def, row, okEOFMore, okMore, count(1), def, okEOF}, Done},
		{"multi-results that fail half-way", ComQuery, 0, 0, [][]byte{okMore, count(1), def, eof, row, eofMore, errPkt}, Failed},
		{"progress reports", ComQuery, 0, 0, [][]byte{progress, progress, ok}, Done},
		{"progress among rows", ComQuery, 0, 0, [][]byte{count(1), def, eof, progress, row, eof}, Done},
		{"16 MiB cell", ComQuery, 0, 0, [][]byte{count(1), def, eof, longRow, eof}, Done},
		{"16 MiB cell without EOF", ComQuery, dep, 0, [][]byte{count(1), def, longRow, okEOF}, Done},
		{"cached metadata", ComStmtExecute, 0, MariaDBClientCacheMetadata, [][]byte{{2, 0}, eof, binRow, eof}, Done},
		{"cached metadata without EOF", ComStmtExecute, dep, MariaDBClientCacheMetadata, [][]byte{{2, 0}, binRow, okEOF}, Done},
		{"metadata sent", ComStmtExecute, 0, MariaDBClientCacheMetadata, [][]byte{{1, 1}, def, eof, binRow, eof}, Done},
		{"metadata flag missing", ComStmtExecute, 0, MariaDBClientCacheMetadata, [][]byte{{1}}, Lost},
		{"cursor opened", ComStmtExecute, 0, 0, [][]byte{count(1), def, eofCursor}, Done},
		{"cursor in a block", ComQuery, 0, 0, [][]byte{count(1), def, eofCursor, row, eofCursor}, Done},
		{"cursor opened in a block", ComStmtExecute, 0, 0, [][]byte{count(1), def, {0xfe, 0, 0, 0x4a, 0}, binRow, {0xfe, 0, 0, 0x4a, 0}, ok}, Done},
		{"cursor in a block that is prepared", ComStmtExecute, 0, 0, [][]byte{count(1), def, eofCursor, row, eofCursor}, Done},
		{"fetch", ComStmtFetch, 0, 0, [][]byte{binRow, binRow, eofCursor}, Done},
		{"last fetch", ComStmtFetch, 0, 0, [][]byte{eofLast}, Done},
		{"fetch without EOF", ComStmtFetch, dep, 0, [][]byte{binRow, okEOF}, Done},
		{"prepare nothing", ComStmtPrepare, 0, 0, [][]byte{prepareOK(0, 0)}, Done},
		{"prepare columns", ComStmtPrepare, 0, 0, [][]byte{prepareOK(2, 0), def, def, eof}, Done},
		{"prepare params", ComStmtPrepare, 0, 0, [][]byte{prepareOK(0, 1), def, eof}, Done},
		{"prepare both", ComStmtPrepare, 0, 0, [][]byte{prepareOK(1, 2), def, def, eof, def, eof}, Done},
		{"prepare both without EOF", ComStmtPrepare, dep, 0, [][]byte{prepareOK(1, 2), def, def, def}, Done},
		{"prepare fails", ComStmtPrepare, 0, 0, [][]byte{errPkt}, Failed},
		{"fields", ComFieldList, 0, 0, [][]byte{def, def, eof}, Done},
		{"no fields", ComFieldList, 0, 0, [][]byte{eof}, Done},
		{"statistics", ComStatistics, 0, 0, [][]byte{[]byte("Uptime: 7")}, Done},
		{"set option", ComSetOption, 0, 0, [][]byte{eof}, Done},
		{"ping", ComPing, 0, 0, [][]byte{ok}, Done},
		{"reset", ComResetConnection, 0, 0, [][]byte{ok}, Done},
		{"infile", ComQuery, 0, 0, [][]byte{infile, ok}, Done},
		{"infile fails", ComQuery, 0, 0, [][]byte{infile, errPkt}, Failed},
		{"infile amid results", ComQuery, 0, 0, [][]byte{okMore, infile, okMore, ok}, Done},
		{"change user", ComChangeUser, 0, 0, [][]byte{switchReq, authMore, ok}, Done},
		{"change user at once", ComChangeUser, 0, 0, [][]byte{ok}, Done},
		{"change user denied", ComChangeUser, 0, 0, [][]byte{switchReq, errPkt}, Failed},
		{"quit", ComQuit, 0, 0, [][]byte{ok}, More},
		{"EOF as an answer", ComQuery, 0, 0, [][]byte{eof}, Lost},
		{"no column", ComQuery, 0, 0, [][]byte{{0xfc, 0, 0}}, Lost},
		{"too many columns", ComQuery, 0, 0, [][]byte{{0xfd, 0, 0, 1}}, Lost},
		{"row in place of EOF", ComQuery, 0, 0, [][]byte{count(1), def, row}, Lost},
		{"empty packet", ComQuery, 0, 0, [][]byte{{}}, Lost},
		{"ping with rows", ComPing, 0, 0, [][]byte{row}, Lost},
		{"short prepare", ComStmtPrepare, 0, 0, [][]byte{{0, 1, 0, 0, 0}}, Lost},
	} {
		t.Run(c.name, func(t *testing.T) {
			var x Exchange
			x.Negotiate(c.caps, c.ext)
			x.Begin(c.cmd, strings.HasPrefix(c.name, "cursor opened"))
			for i, payload := range c.in {
				body := payload
				if len(body) > HeadLen {
					body = body[:HeadLen] // what a Framer is sure to give
				}
				got := x.Server(Packet{Len: len(payload), Seq: uint8(i + 1), Body: body})
				last := i == len(c.in)-1
				if last && got != c.want {
					t.Errorf("packet %d of %d: step %d, want %d", i+1, len(c.in), got, c.want)
				}
				if !last && got != More && got != ClientFile && got != ClientAuth {
					t.Fatalf("packet %d of %d: step %d before the end", i+1, len(c.in), got)
				}
			}
		})
	}
}

func TestExchangeTellsStatus(t *testing.T) {
	for _, c := range []struct {
		name string
		caps Capability
		in   [][]byte
		want Status
	}{
		{"ok", 0, [][]byte{okTrans}, StatusInTrans | StatusAutocommit},
		{"eof", 0, [][]byte{count(1), def, eof, {0xfe, 1, 0, 0x21, 0}}, StatusInTrans | StatusNoIndexUsed},
		{"ok for eof", ClientDeprecateEOF, [][]byte{count(1), def, wideOK}, StatusAutocommit},
		{"error keeps the last", 0, [][]byte{count(1), def, {0xfe, 0, 0, 1, 0}, errPkt}, StatusInTrans},
	} {
		var x Exchange
		x.Negotiate(c.caps, 0)
		x.Begin(ComQuery, false)
		for _, p := range c.in {
			x.Server(Packet{Len: len(p), Body: p})
		}
		if x.Status != c.want {
			t.Errorf("%s: status %#x, want %#x", c.name, x.Status, c.want)
		}
	}
}

func TestAsksCursor(t *testing.T) {
	for body, want := range map[string]bool{
		"\x17\x01\x00\x00\x00\x00\x01\x00\x00\x00": false, "\x17\x01\x00\x00\x00\x01\x01\x00\x00\x00": true, "\x17\x01\x00\x00\x00\x08\x01": false, "\x17\x01\x00\x00\x00\x09\x01": true,
		"\x17\x01\x00": true, "\x17": true, "\x03SELECT 1": false, "": false,
	} {
		if got := AsksCursor([]byte(body)); got != want {
			t.Errorf("%x: %v", body, got)
		}
	}
}

func TestCommandsThatCannotBeFollowed(t *testing.T) {
	for _, c := range []Command{ComSleep, ComConnect, ComBinlogDump, ComTableDump, ComDaemon, ComBinlogDumpGTID, ComRegisterSlave, ComClone, 0x7f, 0xfe, 0xff} {
		if c.Followable() {
			t.Errorf("%v is said to be followable", c)
		}
	}
	for _, c := range []Command{ComStmtClose, ComStmtSendLongData} {
		if !c.Followable() || !c.Silent() {
			t.Errorf("%v: followable %v, silent %v, want true, true", c, c.Followable(), c.Silent())
		}
	}
}

// FuzzExchange checks that no sequence of packets makes an Exchange panic, or go on after an end.
func FuzzExchange(f *testing.F) {
	f.Add(byte(ComQuery), true, uint32(0), bytes.Join([][]byte{packetsOf(1), packetsOf(30, 5)}, nil))
	f.Add(byte(ComStmtPrepare), false, MariaDBClientCacheMetadata, AppendHeader(nil, 0, 0))
	for i, s := range wiretest.Hostile(f, wiretest.Server, wiretest.Answer) {
		f.Add([]byte{byte(ComQuery), byte(ComStmtPrepare), byte(ComStmtExecute), byte(ComStatistics)}[i%4], i%2 == 0, uint32(0), s.Append(nil, 1))
	}
	f.Fuzz(func(t *testing.T, cmd byte, dep bool, ext uint32, stream []byte) {
		c := Command(cmd)
		if c.Silent() {
			return
		}
		var x Exchange
		if dep {
			x.Negotiate(ClientDeprecateEOF, ext)
		}
		x.Begin(c, c == ComStmtExecute && !dep)
		var fr Framer
		for len(stream) > 0 {
			if fr.InPayload() {
				stream = stream[fr.Skip(stream):]
				continue
			}
			var p Packet
			n, ok := fr.Next(stream, &p)
			stream = stream[n:]
			if !ok || p.Continues {
				continue
			}
			switch x.Server(p) {
			case Done, Failed, Lost:
				if x.Server(p) != Lost && p.Len > 0 {
					t.Fatal("an ended exchange went on")
				}
				return
			default:
			}
		}
	})
}

package proxy

import (
	"bytes"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"segue/backend"
	"segue/backend/wire"
	"segue/backend/wire/wiretest"
)

// hostile answers by what no server would: answers to other commands, too much, too little, in pieces, unasked.
func hostile(seed uint64) func(c *peerConn) {
	return func(c *peerConn) { c.hostile(rand.New(rand.NewPCG(seed, uint64(c.number)))) }
}

// anyOf is one thing of the corpus.
func anyOf(t *testing.T, r *rand.Rand, side wiretest.Side, stage wiretest.Stage) wiretest.Said {
	t.Helper()
	list := wiretest.Hostile(t, side, stage)
	return list[r.IntN(len(list))]
}

// hostileLogin lets everybody in, unless it says something else in place of one of its messages.
func (c *peerConn) hostileLogin(r *rand.Rand) bool {
	if r.IntN(8) == 0 {
		_, _ = c.Write(anyOf(c.t, r, wiretest.Server, wiretest.Greeting).Append(nil, 0))
	} else if !c.greet("12345678901234567890") {
		return false
	}
	_, seq, err := c.r.Next()
	for err == nil && r.IntN(4) == 0 {
		_, _ = c.Write(anyOf(c.t, r, wiretest.Server, wiretest.Question).Append(nil, seq+1))
		_, seq, err = c.r.Next()
	}
	if r.IntN(8) == 0 {
		_, _ = c.Write(anyOf(c.t, r, wiretest.Server, wiretest.Verdict).Append(nil, seq+1))
	}
	return err == nil && c.send(seq+1, peerOK)
}

func (c *peerConn) hostile(r *rand.Rand) {
	if !c.hostileLogin(r) {
		return
	}
	answers := [][][]byte{
		{peerOK},
		{peerEOF},
		{{1}, peerDef, peerEOF, []byte("\x03abc"), peerEOF},
		{{1}, peerDef, peerEOF, []byte("\x03abc")},
		{{}},
		{{0xff}},
		{{0xff, 1}},
		{{0xfb, 'x'}},
		{{0xfe}},
		{{0xfc, 255, 255}},
		{{0xfe, 255, 255, 255, 255, 255, 255, 255, 255}},
		{{0, 255, 255, 255, 255, 0, 0, 0, 0, 0, 0, 0}},
		{{0, 253, 255, 255, 255, 0, 0, 0, 0, 0, 0, 0}},
		{(&wire.Err{Code: 1317, State: "70100", Message: "killed"}).Append(nil)},
		{(&wire.Err{Code: 1053, State: "08S01", Message: "down"}).Append(nil)},
		{append([]byte{0xff, 0x47, 4}, bytes.Repeat([]byte{'1'}, 300_000)...)},
		{{0, 0, 0, 3, 0, 0, 0}},
		{{0, 0, 0, 2, 0x40, 0, 0}},
		{{0xff, 0xff, 0xff, 1, 1, 0}},
		{bytes.Repeat([]byte{7}, 20_000)},
		{peerOK, peerOK},
		{},
	}
	for {
		payload, seq, err := c.r.Next()
		if err != nil || len(payload) > 0 && payload[0] == byte(wire.ComQuit) {
			return
		}
		if len(payload) > 0 && wire.Command(payload[0]).Silent() && r.IntN(4) > 0 {
			continue
		}
		var b []byte
		next := seq + 1
		for _, p := range answers[min(r.IntN(3*len(answers))/2, len(answers)-1)%len(answers)] {
			b, next = wire.AppendPacket(b, next, p)
		}
		if r.IntN(3) > 0 {
			b, _ = wire.AppendPacket(nil, seq+1, peerOK)
		}
		switch r.IntN(16) {
		case 12, 13, 14:
			b = anyOf(c.t, r, wiretest.Server, wiretest.Answer).Append(nil, seq+1)
		case 0:
			b = b[:r.IntN(len(b)+1)]
		case 1:
			b = append(b, b[:r.IntN(len(b)+1)]...)
		case 2:
			return
		}
		for len(b) > 0 {
			n := len(b)
			if r.IntN(3) == 0 {
				n = 1 + r.IntN(n)
			}
			if _, err := c.Write(b[:n]); err != nil {
				return
			}
			b = b[n:]
		}
	}
}

// No answer of a server's, and no command of a client's, is worse than the end of that session.
func TestHostileServersAndClients(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	specs := []backend.Spec{newPeer(t, hostile(seed)).spec("a"), newPeer(t, hostile(seed)).spec("b"), newPeer(t, hostile(seed)).spec("c")}
	p := startWith(t, specs, func(r *backend.Registry) *Server {
		return NewServer(r, known(), slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelError})), nil)
	})
	var wg sync.WaitGroup
	end := time.Now().Add(hostileTime)
	for i := range 16 {
		wg.Go(func() { p.hostileClient(seed+uint64(i), end) })
	}
	wg.Go(func() {
		for i := 0; time.Now().Before(end); i++ {
			name := string(rune('a' + i%3))
			p.leave(name)
			time.Sleep(30 * time.Millisecond)
			b, _ := p.registry.Lookup(name)
			p.registry.SetHealth(b, backend.Up, "")
		}
	})
	wg.Wait()
	if n := testutil.ToFloat64(p.metrics.panics); n > 0 {
		t.Errorf("%v panics", n)
	}
}

func (p *proxied) hostileClient(seed uint64, end time.Time) {
	r := rand.New(rand.NewPCG(seed, 2))
	for time.Now().Before(end) {
		d := p.dial()
		_ = d.SetDeadline(time.Now().Add(300 * time.Millisecond))
		if r.IntN(6) == 0 { // be it ahead of the greeting
			_, _ = d.Write(anyOf(p.t, r, wiretest.Client, wiretest.Response).Append(nil, 1))
			_, _, _ = d.r.Next()
			_, _, _ = d.r.Next()
		} else if d.login("pw") == nil {
			go func() {
				buf := make([]byte, 1<<16)
				for {
					if _, err := d.Read(buf); err != nil {
						return
					}
				}
			}()
			for range 1 + r.IntN(40) {
				b, _ := wire.AppendPacket(nil, 0, hostileCommand(r, d.hello.ConnectionID))
				switch r.IntN(6) {
				case 0:
					b = anyOf(p.t, r, wiretest.Client, wiretest.Command).Append(nil, 0)
				case 1:
					more, _ := wire.AppendPacket(nil, 0, hostileCommand(r, d.hello.ConnectionID))
					b = append(b, more...)
				}
				for len(b) > 0 {
					n := len(b)
					if r.IntN(4) == 0 {
						n = 1 + r.IntN(n)
					}
					if _, err := d.Write(b[:n]); err != nil {
						break
					}
					b = b[n:]
					time.Sleep(time.Duration(r.IntN(2000)) * time.Microsecond)
				}
			}
		}
		_ = d.Close()
	}
}

func hostileCommand(r *rand.Rand, id uint32) []byte {
	ids := []uint32{0, 1, 2, 255, 1<<32 - 1, 1<<32 - 3}
	st := ids[r.IntN(len(ids))]
	byID := func(c wire.Command) []byte {
		return []byte{byte(c), byte(st), byte(st >> 8), byte(st >> 16), byte(st >> 24), 0, 1, 0, 0, 0, 0, 1, 8, 0, 1, 2, 3, 4, 5, 6, 7, 8}
	}
	texts := []string{
		"SELECT 1", "SET @a=1", "SET @a=NOW()", "BEGIN", "COMMIT", "ROLLBACK", "", "/* x */", "SHOW WARNINGS", "SET NAMES utf8mb4", "USE x", "LOAD DATA LOCAL INFILE 'x' INTO TABLE t",
		fmt.Sprint("KILL ", id), fmt.Sprint("KILL QUERY ", id), fmt.Sprint("KILL ", id-uint32(r.IntN(8))), "KILL 7", "PREPARE s FROM 'SELECT 1'", "SELECT '" + string(bytes.Repeat([]byte{'x'}, r.IntN(70000))) + "'",
	}
	switch r.IntN(10) {
	case 0:
		return byID(wire.ComStmtExecute)
	case 1:
		return byID(wire.ComStmtBulkExecute)
	case 2:
		return byID(wire.ComStmtSendLongData)[:7]
	case 3:
		return byID([]wire.Command{wire.ComStmtClose, wire.ComStmtReset, wire.ComStmtFetch, wire.ComProcessKill}[r.IntN(4)])[:5]
	case 4:
		return append([]byte{byte(wire.ComStmtPrepare)}, "SELECT ?"...)
	case 5:
		return [][]byte{{byte(wire.ComPing)}, {byte(wire.ComResetConnection)}, []byte("\x11u\x00\x00\x00\x21\x00"), {byte(wire.ComStatistics)}, {byte(wire.ComSetOption), 0, 0}, {}, {byte(wire.ComSetOption)}, {byte(wire.ComStmtExecute)}}[r.IntN(8)]
	default:
		return append([]byte{byte(wire.ComQuery)}, texts[r.IntN(len(texts))]...)
	}
}

const hostileTime = 3 * time.Second

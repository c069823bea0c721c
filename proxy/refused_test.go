package proxy

import (
	"bytes"
	"strings"
	"sync/atomic"
	"testing"

	"segue/backend/wire"
)

// The statement behind a lost transaction gets the error whatever its length and however it arrives, and is not run outside
// of its transaction.
func TestLostTransactionIsToldToAnyStatement(t *testing.T) {
	t.Parallel()
	inTrans := []byte{0, 0, 0, 3, 0, 0, 0}
	insert := func(n int) []byte { return query("INSERT " + strings.Repeat("x", n)) }
	for name, c := range map[string]struct {
		statement []byte
		piece     int
		seq       uint8
	}{
		"whole":            {insert(10), 1 << 20, 1},
		"byte by byte":     {insert(10), 1, 1},
		"header first":     {insert(20 << 10), wire.HeaderLen, 1},
		"longer than read": {insert(300 << 10), 100 << 10, 1},
		"two packets":      {insert(wire.MaxPayload), 1 << 20, 2},
		"empty third":      {insert(2*wire.MaxPayload - 8), 1 << 20, 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var ran atomic.Bool
			p, d := between(t, answering(func(c *peerConn, command []byte) bool {
				return !bytes.HasPrefix(command[1:], []byte("cut")) && c.send(1, inTrans)
			}), answering(func(c *peerConn, command []byte) bool {
				if bytes.HasPrefix(command[1:], []byte("INSERT")) {
					ran.Store(true)
				}
				return c.echoed(command[1:])
			}))
			for _, text := range []string{"BEGIN", "UPDATE"} {
				d.query(text)
				if _, err := d.row(); err != nil {
					t.Fatal(err)
				}
			}
			p.cutOff()
			p.onB()
			_ = d.SetNoDelay(true)
			for b := packets(c.statement); len(b) > 0; {
				n := min(c.piece, len(b))
				if _, err := d.Write(b[:n]); err != nil {
					t.Fatal(err)
				}
				if b = b[n:]; c.piece <= wire.HeaderLen && len(b) > 300 {
					c.piece = len(b)
				}
			}
			payload, err := d.next(c.seq)
			if err != nil || !bytes.Contains(payload, []byte("without its transaction")) {
				t.Errorf("the client got %q, %v", payload, err)
			}
			d.ask("SELECT 1")
			if ran.Load() {
				t.Error("the statement was run outside of its transaction")
			}
		})
	}
}

// What asks for something that was left behind on another backend is seen however it arrives.
func TestQuestionInPiecesBehindAMove(t *testing.T) {
	p, d := between(t, echo, echo)
	p.leave("a")
	p.onB()
	_ = d.SetNoDelay(true)
	for _, c := range packets(query("SELECT ROW_COUNT()")) {
		if _, err := d.Write([]byte{c}); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := d.row(); err == nil || !strings.Contains(err.Error(), "has moved") {
		t.Errorf("the client got %q, %v", got, err)
	}
	for _, c := range packets(query("SELECT 1")) {
		if _, err := d.Write([]byte{c}); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := d.row(); err != nil || string(got) != "SELECT 1" {
		t.Errorf("the client got %q, %v", got, err)
	}
}

// A statement that has left no warnings has left none to lose.
func TestWarningsThatThereWereNone(t *testing.T) {
	p, d := between(t, echo, echo)
	d.ask("SELECT 1")
	p.leave("a")
	p.onB()
	d.ask("SHOW WARNINGS")
}

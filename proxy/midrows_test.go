package proxy

import (
	"errors"
	"strings"
	"testing"

	"segue/backend/wire"
)

// An answer that is cut off between two rows ends with an ERR_Packet, and the client stays.
func TestAnswerCutBetweenRows(t *testing.T) {
	for rows := range 4 {
		p, d := between(t, answering(func(c *peerConn, _ []byte) bool {
			answer := [][]byte{{1}, peerDef, peerEOF}
			for range rows {
				answer = append(answer, wire.AppendLenencString(nil, []byte("row")))
			}
			return c.send(1, answer...) && false
		}), echo)
		d.query("SELECT x FROM t")
		seq := uint8(1)
		for range 3 + rows {
			if _, err := d.next(seq); err != nil {
				t.Fatalf("%d rows: packet %d: %v", rows, seq, err)
			}
			seq++
		}
		payload, err := d.next(seq)
		e := new(wire.Err)
		if err != nil || e.Decode(payload) != nil || !strings.Contains(e.Message, "in the middle of the answer") {
			t.Errorf("%d rows: the client got %q, %v", rows, payload, err)
		}
		p.onB()
		d.ask("SELECT 1")
	}
}

// One that is cut within a row, or among the definitions of its columns, cannot be ended: the client's connection is.
func TestAnswerCutWithinAPacket(t *testing.T) {
	for name, cut := range map[string][]byte{
		"row":        append(packets([]byte{1}, peerDef, peerEOF), 4, 0, 0, 4, 3, 'r'),
		"header":     append(packets([]byte{1}, peerDef, peerEOF), 4, 0),
		"definition": packets([]byte{2}, peerDef),
	} {
		t.Run(name, func(t *testing.T) {
			_, d := between(t, answering(func(c *peerConn, _ []byte) bool {
				b := append([]byte{}, cut...)
				for at, seq := 0, uint8(1); at+wire.HeaderLen <= len(b); seq++ { // packets numbers from 0
					n, _ := wire.DecodeHeader(b[at:])
					b[at+3] = seq
					at += wire.HeaderLen + n
				}
				_, _ = c.Write(b)
				return false
			}), echo)
			d.query("SELECT x FROM t")
			var err error
			for err == nil {
				_, _, err = d.r.Next()
			}
			if errors.As(err, new(*wire.Err)) {
				t.Error("an ERR_Packet within a packet")
			}
		})
	}
}

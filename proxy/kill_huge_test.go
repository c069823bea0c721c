package proxy

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"segue/backend/wire"
)

// An ERR_Packet of any size in answer to a KILL, however it comes, is the client's to see and no more than that: the session goes on.
func TestKillAnsweredByAHugeError(t *testing.T) {
	for _, n := range []int{0, 1, 2, 3, 8, 512, maxErr - wire.HeaderLen, maxErr, smallRead - wire.HeaderLen, smallRead, smallRead + 3000, largeRead + 1, 3 << 20, wire.MaxPayload - 1, wire.MaxPayload, 17 << 20} {
		for _, piece := range []int{7, 6000, 64 << 20} {
			if n > 1<<20 && piece < 1<<20 {
				continue
			}
			t.Run(fmt.Sprintf("%d in pieces of %d", n, piece), func(t *testing.T) {
				said := bytes.Repeat([]byte{'7'}, n)
				copy(said, "\xff\x47\x04#HY000")
				p := start(t, known(), newPeer(t, answering(func(c *peerConn, command []byte) bool {
					if !bytes.HasPrefix(command[1:], []byte("KILL")) {
						return c.echoed(command[1:])
					}
					b, _ := wire.AppendPacket(nil, 1, said)
					return inPieces(c, b, piece)
				})).spec("a"))
				victim, s := p.connectOn("a")
				killer, own := p.connectOn("a")
				killer.query(fmt.Sprint("KILL QUERY ", s.id))
				got, _, err := killer.r.Next()
				if err != nil || !bytes.Equal(got, said) {
					t.Fatalf("the client got %d bytes, %v", len(got), err)
				}
				if n == 0 { // no answer that a command can have: from here on nothing is read
					return
				}
				killer.ask("SELECT 1")
				victim.ask("SELECT 2")
				own.within(func() {
					if own.errand != nil {
						t.Error("the KILL is still said to be under way")
					}
				})
			})
		}
	}
}

// inPieces writes b so that it is read in pieces of about n bytes, of which there are few.
func inPieces(c *peerConn, b []byte, n int) bool {
	for i := 0; len(b) > 0; i++ {
		if k := min(n, len(b)); i < 10 {
			if _, err := c.Write(b[:k]); err != nil {
				return false
			}
			b = b[k:]
			time.Sleep(time.Millisecond)
			continue
		}
		_, err := c.Write(b)
		return err == nil
	}
	return true
}

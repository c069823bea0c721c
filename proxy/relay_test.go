package proxy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"segue/backend/wire"
)

func TestStatementsAndAnswersPass(t *testing.T) {
	p := start(t, Options{}, newPeer(t, echo).spec("a"))
	d := p.connect()
	for _, n := range []int{1, 100, smallRead, largeRead, 3 << 20, wire.MaxPayload - 2, wire.MaxPayload - 1, wire.MaxPayload, 20 << 20} {
		d.ask(string(bytes.Repeat([]byte{'#'}, n)))
	}
	p.waitState(Idle)
}

// Trap of edge-triggered pollers: a FIN that arrives in one segment with the last bytes is announced once. A draining FE
// closes just so, after whatever it has answered.
func TestAnswerAndFINInOneSegment(t *testing.T) {
	for name, packets := range map[string][][]byte{
		"ok":            {peerOK},
		"error":         {append([]byte{0xff, 1, 4}, "#42000no"...)},
		"rows":          {{1}, peerDef, peerEOF, {1, '7'}, peerEOF},
		"fills buffer":  {bytes.Repeat([]byte{'x'}, smallRead-wire.HeaderLen)},
		"fills buffers": {{1}, peerDef, peerEOF, bytes.Repeat([]byte{9}, largeRead*2), peerEOF},
	} {
		t.Run(name, func(t *testing.T) {
			p := start(t, Options{}, newPeer(t, func(c *peerConn) {
				if !c.login() {
					return
				}
				if _, _, err := c.r.Next(); err == nil {
					c.sendAndClose(1, packets...)
					_, _ = io.Copy(io.Discard, c)
				}
			}).spec("a"))
			d := p.connect()
			d.query("x")
			var want []byte
			seq := uint8(1)
			for _, packet := range packets {
				want, seq = wire.AppendPacket(want, seq, packet)
			}
			got, err := io.ReadAll(d)
			if err != nil || !bytes.Equal(got, want) {
				t.Fatalf("%d bytes and %v, want %d", len(got), err, len(want))
			}
			_ = d.Close()
			p.waitSessions(0)
		})
	}
}

func TestStatementAndFINInOneSegment(t *testing.T) {
	p := start(t, Options{}, newPeer(t, echo).spec("a"))
	for _, c := range []struct {
		name string
		last []byte
		want int // bytes of the answer
	}{
		{"statement", append([]byte{byte(wire.ComQuery)}, "SELECT 1"...), 5 + 38 + 9 + 13 + 9},
		{"quit", []byte{byte(wire.ComQuit)}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := p.connect()
			(&peerConn{TCPConn: d.TCPConn, t: t}).sendAndClose(0, c.last)
			got, err := io.ReadAll(d)
			if err != nil || len(got) != c.want {
				t.Errorf("%d bytes and %v, want %d", len(got), err, c.want)
			}
			p.waitSessions(0)
		})
	}
}

func TestClientGoneDuringAStatementEndsTheBackendSession(t *testing.T) {
	for name, leave := range map[string]func(d *driver){
		"reset": func(d *driver) { reset(d.TCPConn) },
		"close": func(d *driver) { _ = d.Close() }, // not to be told from half-close: ends after halfCloseGrace
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			running, ended := make(chan struct{}), make(chan struct{})
			p := start(t, Options{}, newPeer(t, func(c *peerConn) {
				if !c.login() {
					return
				}
				if _, _, err := c.r.Next(); err != nil {
					return
				}
				close(running)
				// A server that runs a statement does not look at its client; it notices when the socket is dead.
				for one := []byte{0}; ; {
					if _, err := c.Read(one); err != nil && !errors.Is(err, io.EOF) {
						break
					} else if _, err := c.Write(nil); err != nil {
						break
					}
					if dead(c) {
						break
					}
					time.Sleep(time.Millisecond)
				}
				close(ended)
			}).spec("a"))
			d := p.connect()
			d.query("SELECT SLEEP(1000)")
			<-running
			leave(d)
			select {
			case <-ended:
			case <-time.After(halfCloseGrace + patience):
				t.Error("the backend session goes on")
			}
			p.waitSessions(0)
		})
	}
}

// A client that reads slowly stops its backend, and nothing piles up in between.
func TestBackPressureTowardsTheBackend(t *testing.T) {
	const total = 256 << 20
	sent := make(chan int, 1)
	p := start(t, Options{}, newPeer(t, func(c *peerConn) {
		if !c.login() {
			return
		}
		if _, _, err := c.r.Next(); err != nil {
			return
		}
		row, n := wire.AppendHeader(nil, 1<<20, 3), 0
		row = append(row, make([]byte, 1<<20)...)
		c.send(1, []byte{1}, peerDef, peerEOF)
		_ = c.SetWriteDeadline(time.Now().Add(500 * time.Millisecond))
		for n < total {
			k, err := c.Write(row)
			n += k
			if err != nil {
				break
			}
		}
		sent <- n
	}).spec("a"))
	d := p.connect()
	d.query("x")
	if n := <-sent; n >= total {
		t.Errorf("the backend could send all %d MB to a client that reads nothing", n>>20)
	}
}

func TestBackPressureTowardsTheClient(t *testing.T) {
	release := make(chan struct{})
	got := make(chan int64, 1)
	p := start(t, Options{}, newPeer(t, func(c *peerConn) {
		if !c.login() {
			return
		}
		<-release
		n, _ := io.Copy(io.Discard, c)
		got <- n
	}).spec("a"))
	d := p.connect()
	_ = d.SetWriteDeadline(time.Now().Add(500 * time.Millisecond))
	n := 0
	chunk := append(wire.AppendHeader(nil, 1<<20, 0), make([]byte, 1<<20)...)
	chunk[wire.HeaderLen] = byte(wire.ComPing)
	for n < 256<<20 {
		k, err := d.Write(chunk)
		n += k
		if err != nil {
			break
		}
	}
	if n >= 256<<20 {
		t.Errorf("the client could send all %d MB to a backend that reads nothing", n>>20)
	}
	close(release)
	_ = d.CloseWrite()
	if received := <-got; received != int64(n) {
		t.Errorf("the backend received %d bytes of %d", received, n)
	}
}

// bugs.md 1 to 3: what belongs to one session never reaches another, though buffers are pooled.
func TestBug1_AnswersReachTheirOwnSession(t *testing.T) {
	clients := 1000
	if testing.Short() {
		clients = 100
	}
	ownAnswers(t, clients, 20)
}

// ownAnswers has so many clients ask, each for something else.
func ownAnswers(t *testing.T, clients, rounds int) {
	t.Helper()
	p := start(t, Options{}, newPeer(t, echo).spec("a"), newPeer(t, echo).spec("b"), newPeer(t, echo).spec("c"))
	var wg sync.WaitGroup
	for i := range clients {
		d := p.connect()
		wg.Go(func() {
			for j := range rounds {
				length := rand.IntN(300)
				if j == i%8 { // what does not come in one read
					length = rand.IntN(48 << 10)
				}
				token := fmt.Sprintf("client %d statement %d %d ", i, j, rand.Uint64())
				token += string(bytes.Repeat([]byte{'a' + byte(i%26)}, length))
				d.query(token)
				if got, err := d.row(); err != nil || string(got) != token {
					t.Errorf("client %d, statement %d: not its own answer, or %v", i, j, err)
					return
				}
			}
		})
	}
	wg.Wait()
}

func TestPipelinedCommandsAreAnsweredInOrder(t *testing.T) {
	p := start(t, Options{}, newPeer(t, echo).spec("a"))
	d := p.connect()
	const n = 500
	go func() {
		var b []byte
		for i := range n {
			b, _ = wire.AppendPacket(b, 0, append([]byte{byte(wire.ComQuery)}, fmt.Sprint("# ", i)...))
		}
		_, _ = d.Write(b)
	}()
	for i := range n {
		got, err := d.row()
		if want := fmt.Sprint("# ", i); err != nil || string(got) != want {
			t.Fatalf("answer %d is %q, %v", i, got, err)
		}
	}
	p.waitState(Idle)
}

func TestUnknownCommandIsRelayedUnread(t *testing.T) {
	t.Parallel()
	p := start(t, Options{}, newPeer(t, func(c *peerConn) {
		if c.login() {
			_, _ = io.Copy(c, c)
		}
	}).spec("a"))
	d := p.connect()
	noise := []byte{3, 0, 0, 0, 0x7f, 1, 2, 'n', 'o', 'i', 's', 'e'}
	if _, err := d.Write(noise); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len(noise))
	if _, err := io.ReadFull(d, got); err != nil || !bytes.Equal(got, noise) {
		t.Fatalf("got %x, %v", got, err)
	}
	p.waitState(Opaque)
}

// A command that Segue does not know and the server refuses is over: the session goes on, and can move.
func TestRefusedUnknownCommandIsFollowed(t *testing.T) {
	p := start(t, Options{}, newPeer(t, func(c *peerConn) {
		if !c.login() {
			return
		}
		for {
			payload, seq, err := c.r.Next()
			if err != nil {
				return
			}
			if payload[0] == 0x7f {
				c.send(seq+1, (&wire.Err{Code: 1047, State: "08S01", Message: "Unknown command"}).Append(nil))
			} else {
				c.send(seq+1, (&wire.OK{}).Append(nil, wire.ClientProtocol41))
			}
		}
	}).spec("a"))
	d := p.connect()
	for range 3 {
		if _, err := d.Write([]byte{2, 0, 0, 0, 0x7f, 1}); err != nil {
			t.Fatal(err)
		}
		_, err := d.row()
		if e := new(wire.Err); !errors.As(err, &e) || e.Code != 1047 {
			t.Fatalf("got %v, want the server's ERR_Packet", err)
		}
		p.waitState(Idle)
	}
}

func TestBug14_UnaskedInfileIsRefused(t *testing.T) {
	t.Parallel()
	p := start(t, Options{}, newPeer(t, func(c *peerConn) {
		if !c.login() {
			return
		}
		if _, _, err := c.r.Next(); err == nil {
			c.send(1, append([]byte{0xfb}, "/etc/passwd"...))
			_, _ = io.Copy(io.Discard, c)
		}
	}).spec("a"))
	d := p.connect()
	d.query("SELECT 1")
	_, err := d.row()
	if e := new(wire.Err); !errors.As(err, &e) || e.State != stateConnection {
		t.Fatalf("got %v, want an ERR_Packet of Segue's", err)
	}
	d.waitEOF()
	p.waitSessions(0)
}

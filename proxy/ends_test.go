package proxy

import (
	"flag"
	"fmt"
	"io"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"

	"segue/backend/wire"
)

// Tests here wait more than they compute.
func TestMain(m *testing.M) {
	_ = flag.Set("test.parallel", "8")
	goleak.VerifyTestMain(m)
}

// descriptors counts what this process has open.
func descriptors(t *testing.T) int {
	t.Helper()
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("no /proc")
	}
	return len(open)
}

// Whoever ends a session, in whatever state, and however, with bytes in the same segment or without: it ends, and nothing
// of it is left. The goroutines are goleak's to count.
func TestBug11_EverySessionEndsWhoeverEndsIt(t *testing.T) {
	partOfAStatement := []byte{9, 0, 0, 0, byte(wire.ComQuery), 'S', 'E', 'L', 'E'} // no KILL may become of it: it is sent on
	statement, _ := wire.AppendPacket(nil, 0, append([]byte{byte(wire.ComQuery)}, "SELECT 1"...))
	closing, _ := wire.AppendPacket(nil, 0, []byte{byte(wire.ComStmtClose), 1, 0, 0, 0})
	quit, _ := wire.AppendPacket(nil, 0, []byte{byte(wire.ComQuit)})
	ok, _ := wire.AppendPacket(nil, 1, peerOK)
	failed, _ := wire.AppendPacket(nil, 1, append([]byte{0xff, 1, 4}, "#42000no"...))
	part := []byte{1, 0, 0, 1, 1, 30, 0}
	states := map[string]struct{ sent, answered []byte }{
		"idle":          {statement, ok},
		"busy":          {statement, nil},
		"half sent":     {partOfAStatement, nil},
		"half answered": {statement, part},
		"pinned":        {statement, []byte{7, 0, 0, 1, 0, 0, 0, 3, 0, 0, 0}},
		"opaque":        {[]byte{1, 0, 0, 0, byte(wire.ComMulti)}, nil},
		"quitting":      {quit, nil},
	}
	last := map[bool]map[string][]byte{
		true:  {"": nil, "statement": statement, "part": partOfAStatement, "close": closing, "quit": quit},
		false: {"": nil, "ok": ok, "error": failed, "part": part},
	}
	for name, state := range states {
		for _, client := range []bool{true, false} {
			for what, bytes := range last[client] {
				for _, rst := range []bool{false, true} {
					awaits := name == "busy" || name == "half answered" || what == "statement"
					if rst && (client && awaits && what != "" || !client && what == "ok") {
						continue // shows no sooner than the answer does, or the next statement: see pump
					}
					t.Run(fmt.Sprintf("%s/client %v/%s/rst %v", name, client, what, rst), func(t *testing.T) {
						t.Parallel()
						endOf(t, state.sent, state.answered, bytes, client, rst)
					})
				}
			}
		}
	}
}

// endOf brings a session into a state and then ends it from one side.
func endOf(t *testing.T, sent, answered, last []byte, client, rst bool) {
	t.Helper()
	end := func(c *peerConn) {
		if rst {
			_, _ = c.Write(last)
			reset(c.TCPConn)
			return
		}
		c.writeAndClose(last)
	}
	got, ready := make(chan struct{}), make(chan struct{})
	p := start(t, Options{}, newPeer(t, func(c *peerConn) {
		if !c.login() {
			return
		}
		if _, err := io.ReadFull(c, make([]byte, len(sent))); err != nil {
			return
		}
		_, _ = c.Write(answered)
		close(got)
		if client {
			_, _ = io.Copy(io.Discard, c)
			return
		}
		<-ready
		end(c)
		if !rst {
			_, _ = io.Copy(io.Discard, c)
		}
	}).spec("a"))
	d := p.connect()
	if _, err := d.Write(sent); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(d, make([]byte, len(answered))); err != nil {
		t.Fatal(err)
	}
	<-got
	close(ready)
	if client {
		end(&peerConn{TCPConn: d.TCPConn, t: t})
		if !rst {
			_, _ = io.Copy(io.Discard, d)
			_ = d.Close()
		}
	} else {
		_, _ = io.Copy(io.Discard, d)
		_ = d.Close()
	}
	p.waitSessions(0)
}

// Bytes and a RST that arrive together are announced once, whether some bytes have been read before them or not.
func TestBytesAndRSTTogether(t *testing.T) {
	closing := []byte{5, 0, 0, 0, byte(wire.ComStmtClose), 1, 0, 0, 0}
	failed, _ := wire.AppendPacket(nil, 1, append([]byte{0xff, 1, 4}, "#42000no"...))
	for name, c := range map[string]struct {
		client bool
		bytes  []byte
	}{
		"client's command without answer": {true, closing},
		"backend's error":                 {false, failed},
		"part of an answer":               {false, []byte{1, 0, 0, 1, 1, 30, 0}},
	} {
		for _, before := range []int{0, 5} {
			t.Run(fmt.Sprintf("%s/%d before", name, before), func(t *testing.T) {
				t.Parallel()
				backends := make(chan *peerConn, 1)
				p := start(t, Options{}, newPeer(t, func(c *peerConn) {
					if c.login() {
						backends <- c
						_, _, _ = c.r.Next()
						<-c.over
					}
				}).spec("a"))
				d := p.connect()
				back := <-backends
				p.waitState(Idle)
				s := p.only()
				from := &peerConn{TCPConn: d.TCPConn}
				if !c.client {
					d.query("x")
					p.waitState(Busy)
					from = back
				}
				if before > 0 {
					_, _ = from.Write(c.bytes[:before])
					eventually(t, "the first bytes to be read", func() (are bool) {
						s.within(func() {
							src := &s.client.Conn
							if !c.client {
								src = &s.back.conn
							}
							left, _ := src.Peek()
							are = !left
						})
						return are
					})
				}
				thaw := p.freeze()
				_, _ = from.Write(c.bytes[before:])
				reset(from.TCPConn)
				time.Sleep(50 * time.Millisecond) // until the poller has announced both
				thaw()
				if !c.client {
					got, err := io.ReadAll(d)
					if err != nil || string(got) != string(c.bytes) {
						t.Errorf("%q, %v", got, err)
					}
					_ = d.Close()
				}
				p.waitSessions(0)
			})
		}
	}
}

// bugs.md 11: whatever becomes of sessions and set-ups, no descriptor stays open.
func TestBug11_NoDescriptorIsLeft(t *testing.T) {
	p := start(t, Options{ConnectBudget: 200 * time.Millisecond, ConnectTimeout: 50 * time.Millisecond}, newPeer(t, func(c *peerConn) {
		switch c.number % 4 {
		case 2:
			failures["hang behind the client's answer"](c)
		case 3:
			failures["connection limit after the password"](c)
		case 0:
			failures["reset before the greeting"](c)
		default:
			echo(c)
		}
	}).spec("a"))
	before := 0
	for i := range 12 {
		d := p.dial()
		if d.login("pw") == nil {
			d.ask("SELECT 1")
		}
		_ = d.Close()
		p.waitSessions(0)
		if i == 0 {
			before = descriptors(t)
		}
	}
	eventually(t, "the descriptors to be closed", func() bool { return descriptors(t) <= before })
}

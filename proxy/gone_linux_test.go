package proxy

import (
	"bytes"
	"io"
	"net"
	"syscall"
	"testing"
	"time"

	"segue/backend/wire"

	"golang.org/x/sys/unix"
)

// vanish makes a client's kernel drop all that comes for it, as if its cable had been pulled: nothing is acknowledged, nothing refused.
func (d *driver) vanish() {
	d.t.Helper()
	raw, err := d.SyscallConn()
	if err != nil {
		d.t.Fatal(err)
	}
	_ = raw.Control(func(fd uintptr) {
		drop := unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K}
		err = unix.SetsockoptSockFprog(int(fd), unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: 1, Filter: &drop})
	})
	if err != nil {
		d.t.Fatal(err)
	}
}

// size is that of an answer which no pair of socket buffers holds.
const size = 64 << 20

// flood answers SELECT by one long row, and everything else by OK.
func flood(c *peerConn) {
	long := make([]byte, size/8)
	answering(func(c *peerConn, command []byte) bool {
		if !bytes.HasPrefix(command[1:], []byte("SELECT")) {
			return c.send(1, peerOK)
		}
		if !c.send(1, []byte{1}, peerDef, peerEOF) {
			return false
		}
		for n := range 8 {
			if !c.send(uint8(4+n), wire.AppendLenencString(nil, long)) {
				return false
			}
		}
		return c.send(12, peerEOF)
	})(c)
}

// stuck waits until Segue can write no more to the only client: its window is closed, and has been probed.
func (p *proxied) stuck(probes int) {
	p.t.Helper()
	c := p.only()
	eventually(p.t, "the client's window to be closed", func() (is bool) {
		c.within(func() { is = c.client.Pending() > 0 && c.probes() >= probes })
		return is
	})
}

// A client that has vanished does not keep its backend connection for the quarter of an hour that the kernel would try.
func TestVanishedClientIsFound(t *testing.T) {
	t.Parallel()
	for name, vanish := range map[string]func(p *proxied, d *driver){
		"before its answer": func(_ *proxied, d *driver) {
			d.vanish()
			d.query("SELECT 1")
		},
		"before a short answer": func(_ *proxied, d *driver) {
			d.vanish()
			d.query("SET x = 1")
		},
		"while it reads slowly": func(p *proxied, d *driver) {
			d.query("SELECT 1")
			p.stuck(1)
			d.vanish()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := measure(t, Options{}, newPeer(t, flood).spec("a"))
			d := m.connect()
			vanish(m.proxied, d)
			eventually(t, "the session's end", func() bool {
				m.search(500 * time.Millisecond)
				return len(m.Sessions()) == 0
			})
			m.waitValue(ends, "a,client_gone", 1)
			for kind, n := range m.series(clientErrors) {
				if n != 0 {
					t.Errorf("%v errors of kind %s are counted that no client saw", n, kind)
				}
			}
		})
	}
}

// A client may take as long as it likes to read an answer: its kernel acknowledges the probes of its closed window.
func TestSlowReaderIsNotTakenForGone(t *testing.T) {
	t.Parallel()
	p := start(t, Options{}, newPeer(t, flood).spec("a"))
	d := p.connect()
	d.query("SELECT 1")
	p.stuck(0)
	for end := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		p.search(100 * time.Millisecond)
		var backoff int
		c := p.only()
		if c.within(func() { backoff = c.probes() }); backoff >= 3 { // so often it would have been tried in vain
			break
		}
		if time.Now().After(end) {
			t.Fatal("its window is not probed")
		}
	}
	p.search(100 * time.Millisecond)
	if n, err := io.CopyN(io.Discard, d, size); err != nil {
		t.Errorf("the answer ends after %d bytes: %v", n, err)
	}
}

// probes is how often in a row the kernel has probed the closed window of a peer, answered or not.
func (s *session) probes() (backoff int) {
	_ = s.client.Control(func(fd uintptr) {
		if i, err := unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO); err == nil {
			backoff = int(i.Backoff)
		}
	})
	return backoff
}

// search looks for clients that have left what was sent to them unacknowledged for so long.
func (p *proxied) search(after time.Duration) { p.ask(func(w *worker) { w.searchVanished(after) }) }

// An idle client that has vanished is found by keepalive, which its connection has from the listening socket.
func TestIdleClientThatHasVanishedIsFound(t *testing.T) {
	t.Parallel()
	p := start(t, Options{}, newPeer(t, echo).spec("a"))
	d := p.connect()
	d.ask("SELECT 1")
	c := p.only()
	c.control(func(fd int) {
		for option, want := range map[int]int{
			syscall.TCP_KEEPIDLE: int(keepAlive.Idle / time.Second), syscall.TCP_KEEPINTVL: int(keepAlive.Interval / time.Second), syscall.TCP_KEEPCNT: keepAlive.Count,
		} {
			if got, err := syscall.GetsockoptInt(fd, syscall.IPPROTO_TCP, option); err != nil || got != want {
				t.Errorf("option %d is %d, %v; want %d", option, got, err, want)
			}
		}
	})
	// The same in a shorter time.
	c.control(func(fd int) {
		setKeepAlive(fd, net.KeepAliveConfig{Enable: true, Idle: time.Second, Interval: time.Second, Count: 3})
	})
	d.vanish()
	p.waitSessions(0)
}

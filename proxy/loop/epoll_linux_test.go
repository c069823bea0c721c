package loop

import (
	"fmt"
	"io"
	"os"
	"regexp"
	"syscall"
	"testing"
)

// watched is what a loop has in its epoll set, by the kernel's account.
func watched(t *testing.T, l *Loop) []string {
	t.Helper()
	p, ok := l.poller.(*epoll)
	if !ok {
		return nil
	}
	text, err := os.ReadFile(fmt.Sprintf("/proc/self/fdinfo/%d", p.fd))
	if err != nil {
		t.Error(err)
	}
	return regexp.MustCompile(`tfd: *[0-9]+`).FindAllString(string(text), -1)
}

// An event for a connection that has been closed never reaches the next with the same descriptor, in whatever order both come in one turn.
func TestDescriptorOfAClosedConnection(t *testing.T) {
	l := start(t, Options{})
	p, far := adopted(t, l, "tcp")
	near, next := pair(t, "tcp")
	q := newProbe()
	do(t, l, func() {
		fd := p.conn.fd
		stale := p.conn.key()
		_, _ = far.Write([]byte("for the first"))
		p.conn.Close()
		s := SocketOf(near)
		if err := q.conn.Adopt(l, s, q); err != nil {
			t.Fatal(err)
		}
		if q.conn.fd == fd {
			t.Error("a descriptor is given away before the turn is over")
		}
		// As if the kernel had given it away all the same:
		moved, err := q.conn.Detach()
		if err != nil {
			t.Fatal(err)
		}
		l.closeDoomed()
		if err := syscall.Dup3(int(moved.fd), int(fd), syscall.O_CLOEXEC); err != nil {
			t.Fatal(err)
		}
		moved.Close()
		if err := q.conn.Adopt(l, SocketFD(int(fd)), q); err != nil {
			t.Fatal(err)
		}
		l.mark(stale, canRead|hungUp|peerGone)
		if q.conn.PeerGone() || q.conn.flags&queued != 0 {
			t.Error("a stale event has reached the next connection")
		}
	})
	_, _ = next.Write([]byte("for the next"))
	if b := wait(t, q.read); string(b) != "for the next" {
		t.Errorf("%q", b)
	}
	if len(p.read)+len(p.ended)+len(q.ended) > 0 {
		t.Error("somebody has been told what was not meant for them")
	}
	do(t, l, func() { q.conn.Close() })
}

// The kernel tells of room on a UNIX socket each time the peer has read something: that wakes no loop that does not wait for room, and one that does.
func TestRoomOnAUnixSocket(t *testing.T) {
	l := start(t, Options{})
	p, far := adopted(t, l, "unix")
	quiet := func(when string) {
		t.Helper()
		do(t, l, func() {
			l.poller.collect()
			if _, err := p.conn.Write([]byte("small")); err != nil {
				t.Error(err)
			}
			if _, err := io.ReadFull(far, make([]byte, len("small"))); err != nil {
				t.Error(err)
			}
			if n, _, _ := l.poller.collect(); n != 0 {
				t.Errorf("%s: %d events", when, n)
			}
		})
	}
	quiet("at first")
	for range 3 {
		size := 0
		do(t, l, func() {
			b := make([]byte, 1<<20)
			for size = len(b); ; size += len(b) {
				if _, err := p.conn.Write(b); err != nil {
					t.Error(err)
					return
				}
				if p.conn.Pending() > 0 {
					return
				}
			}
		})
		if _, err := io.CopyN(io.Discard, far, int64(size)); err != nil {
			t.Fatal(err)
		}
		wait(t, p.writable)
		quiet("once all has been taken")
	}
	do(t, l, func() { p.conn.Close() })
}

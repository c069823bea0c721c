package loop

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"testing"
	"time"
)

// An end that comes in one segment with the last bytes is seen, though no event tells of it again: whatever the owner was doing, and however long it took.
func TestEndTogetherWithBytes(t *testing.T) {
	for name, o := range pollers() {
		t.Run(name, func(t *testing.T) {
			l := start(t, o)
			for i := range 200 {
				near, far := pair(t, "tcp")
				p := newProbe()
				do(t, l, func() {
					if err := p.conn.Adopt(l, SocketOf(near), p); err != nil {
						t.Fatal(err)
					}
				})
				if i%2 == 0 { // by the loop itself: the FIN is in the segment
					q := newProbe()
					do(t, l, func() {
						if err := q.conn.Adopt(l, SocketOf(far), q); err != nil {
							t.Fatal(err)
						}
						if err := q.conn.Finish([]byte("last words")); err != nil {
							t.Error(err)
						}
					})
					defer do(t, l, func() { q.conn.Close() })
				} else {
					_, _ = far.Write([]byte("last words"))
					_ = far.(*net.TCPConn).CloseWrite()
				}
				if b := wait(t, p.read); string(b) != "last words" {
					t.Fatalf("%q", b)
				}
				if err := wait(t, p.ended); err != io.EOF { //nolint:errorlint // it is never wrapped
					t.Fatal(err)
				}
				do(t, l, func() { p.conn.Close() })
			}
		})
	}
}

// The owner that reads the last bytes can know that they are the last.
func TestAtEnd(t *testing.T) {
	l := start(t, Options{})
	if l.portable() {
		t.Skip("only the kernel can tell")
	}
	for _, network := range []string{"tcp", "unix"} {
		for _, last := range []bool{true, false} {
			near, far := pair(t, network)
			_, _ = far.Write([]byte("answer"))
			if last {
				_ = far.Close()
			}
			p, said := newProbe(), make(chan string, 9)
			p.onRead = func(c *Conn) {
				if b := c.Read(); len(b) > 0 {
					said <- fmt.Sprint(string(b), c.AtEnd(), c.PeerClosed())
				}
			}
			do(t, l, func() { _ = p.conn.Adopt(l, SocketOf(near), p) })
			if got, want := wait(t, said), fmt.Sprint("answer", last, last); got != want {
				t.Errorf("%s: %s, want %s", network, got, want)
			}
			do(t, l, func() { p.conn.Close() })
		}
	}
}

// After the peer has closed its sending side ours is open, until the owner closes it.
func TestHalfClose(t *testing.T) {
	for name, o := range pollers() {
		t.Run(name, func(t *testing.T) {
			l := start(t, o)
			for _, network := range []string{"tcp", "unix"} {
				p, far := adopted(t, l, network)
				_ = far.(interface{ CloseWrite() error }).CloseWrite()
				if err := wait(t, p.ended); err != io.EOF { //nolint:errorlint // it is never wrapped
					t.Fatal(err)
				}
				do(t, l, func() {
					if n, err := p.conn.Write([]byte("after")); n != 5 || err != nil {
						t.Errorf("Write: %d, %v", n, err)
					}
					if err := p.conn.Finish([]byte(" all")); err != nil {
						t.Error(err)
					}
					if n, err := p.conn.Write([]byte("x")); n != 0 || err == nil {
						t.Error("Write behind the end")
					}
				})
				if b, err := io.ReadAll(far); string(b) != "after all" || err != nil {
					t.Errorf("%q, %v", b, err)
				}
				do(t, l, func() { p.conn.Close() })
				if len(p.ended) != 0 {
					t.Error("its owner is told of a connection that it has closed")
				}
			}
		})
	}
}

// A connection that is closed after its bytes have gone loses none of them, though the peer has said something that nobody has read, and reads slowly.
func TestCloseAfterFlush(t *testing.T) {
	for name, o := range pollers() {
		t.Run(name, func(t *testing.T) {
			l := start(t, o)
			long := bytes.Repeat([]byte("farewell"), 1<<20)
			p, far := adopted(t, l, "tcp")
			do(t, l, func() { p.conn.Pause() })
			_, _ = far.Write([]byte("unread"))
			do(t, l, func() {
				if _, err := p.conn.Write(long); err != nil || p.conn.Pending() == 0 {
					t.Errorf("%v, %d pending", err, p.conn.Pending())
				}
				p.conn.CloseAfterFlush(patience)
				if p.conn.Open() {
					t.Error("it is still the owner's")
				}
			})
			if b, err := io.ReadAll(far); !bytes.Equal(b, long) || err != nil {
				t.Errorf("%d bytes, %v", len(b), err)
			}
			if n := l.Conns(); n != 1 {
				t.Errorf("%d connections: the peer has not closed it yet", n)
			}
			_ = far.Close()
			eventually(t, "it is closed", func() bool { return l.Conns() == 0 })

			p, far = adopted(t, l, "tcp") // one whose peer has closed it already is not kept
			_ = far.(*net.TCPConn).CloseWrite()
			wait(t, p.ended)
			do(t, l, func() { p.conn.CloseAfterFlush(time.Hour) })
			eventually(t, "it is closed", func() bool { return l.Conns() == 0 })

			p, far = adopted(t, l, "tcp") // and one whose peer never closes it
			do(t, l, func() { p.conn.CloseAfterFlush(10 * time.Millisecond) })
			eventually(t, "it is closed", func() bool { return l.Conns() == 0 })
			if _, err := far.Read(make([]byte, 1)); err != io.EOF { //nolint:errorlint // it is never wrapped
				t.Error(err)
			}
		})
	}
}

// What an owner does not want yet comes again.
func TestUnread(t *testing.T) {
	for name, o := range pollers() {
		t.Run(name, func(t *testing.T) {
			l := start(t, o)
			p, far := adopted(t, l, "tcp")
			got := make(chan string, 100)
			first := true
			do(t, l, func() {
				p.onRead = func(c *Conn) {
					b := c.Read()
					got <- string(b)
					if first {
						first = false
						c.Unread(b[3:])
						c.Unread(b[1:3])
						c.Pause()
					}
				}
			})
			_, _ = far.Write([]byte("abcdef"))
			if s := wait(t, got); s != "abcdef" {
				t.Fatal(s)
			}
			do(t, l, func() { p.conn.Resume() }) // though nothing has come since
			if s := wait(t, got); s != "bcdef" {
				t.Fatal(s)
			}
			do(t, l, func() { p.conn.Unread([]byte("12")) })
			_, _ = far.Write([]byte("34"))
			if s := wait(t, got); s != "1234" {
				t.Fatal(s)
			}
			do(t, l, func() {
				p.conn.Unread([]byte("rest"))
				s, err := p.conn.Detach()
				if err != nil {
					t.Fatal(err)
				}
				if err := p.conn.Adopt(l, s, p); err != nil {
					t.Fatal(err)
				}
			})
			if s := wait(t, got); s != "rest" {
				t.Fatal(s)
			}
			do(t, l, func() { p.conn.Close() })
		})
	}
}

// A paused connection leaves its bytes where they are, and they are found when it resumes, without another event. The same goes for bytes that the owner
// was told of and did not read.
func TestPause(t *testing.T) {
	for name, o := range pollers() {
		t.Run(name, func(t *testing.T) {
			l := start(t, o)
			p, far := adopted(t, l, "tcp")
			told := make(chan struct{}, 100)
			do(t, l, func() { p.conn.Pause() })
			_, _ = far.Write([]byte("one"))
			q, other := adopted(t, l, "tcp")
			_, _ = other.Write([]byte("x"))
			wait(t, q.read) // the loop goes on with others
			if len(p.read) > 0 {
				t.Fatal("read while paused")
			}
			do(t, l, func() { p.conn.Resume() })
			if b := wait(t, p.read); string(b) != "one" {
				t.Fatalf("%q", b)
			}
			do(t, l, func() { p.onRead = func(*Conn) { told <- struct{}{} } })
			_, _ = far.Write([]byte("two"))
			wait(t, told)
			do(t, l, func() {})
			if len(told) > 0 {
				t.Error("the loop insists")
			}
			do(t, l, func() { p.onRead = nil; p.conn.Resume() })
			if b := wait(t, p.read); string(b) != "two" {
				t.Fatalf("%q", b)
			}
			do(t, l, func() { p.conn.Close(); q.conn.Close() })
		})
	}
}

// More than anybody should have written is refused, and what is pending remains.
func TestTooFarBehind(t *testing.T) {
	l := start(t, Options{})
	p, far := adopted(t, l, "tcp")
	chunk := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	total := 0
	do(t, l, func() {
		for {
			n := p.conn.Pending()
			if _, err := p.conn.Write(chunk); err == ErrBehind { //nolint:errorlint // it is never wrapped
				if p.conn.Pending() != n || n < maxPending {
					t.Errorf("%d pending, then %d", n, p.conn.Pending())
				}
				break
			} else if err != nil {
				t.Error(err)
				return
			}
			total += len(chunk)
		}
		p.conn.CloseAfterFlush(patience)
	})
	if b, err := io.ReadAll(far); len(b) != total || err != nil || !bytes.Equal(b[total-len(chunk):], chunk) {
		t.Errorf("%d bytes of %d, %v", len(b), total, err)
	}
	_ = far.Close()
}

package loop

import (
	"bytes"
	"io"
	"net"
	"testing"
)

// A piece of the buffer that is kept stays as it is, whatever its owner does next with what else it has read into that buffer.
func TestKeptBytes(t *testing.T) {
	var pool buffers
	fill := func(b []byte, with byte) []byte {
		for i := range b {
			b[i] = with
		}
		return b
	}
	for _, n := range []int{1, smallRead, mediumRead, largeRead / 2, largeRead - 1, largeRead} {
		buf := fill(pool.receive(largeRead), 'r')
		kept, held := pool.keep(buf[largeRead-n:])
		if lent := &held[0] == &buf[0]; lent != (n >= mediumRead) {
			t.Errorf("%d bytes: the buffer is lent: %v", n, lent)
		}
		if cap(kept) > len(kept) && n >= mediumRead {
			t.Errorf("%d bytes: there is room behind them, which is its owner's", n)
		}
		fill(pool.receive(largeRead), 'x')
		if !bytes.Equal(kept, bytes.Repeat([]byte("r"), n)) {
			t.Errorf("%d bytes: they have changed", n)
		}
		pool.give(held)
		if next := pool.take(len(held)); &next[0] == &held[0] {
			t.Errorf("%d bytes: their buffer is another's within the turn", n)
		}
		pool.turn()
	}
	if buf := pool.receive(largeRead); within(make([]byte, 10), buf) || !within(buf[5:9], buf) || within(buf[5:9:10], buf) {
		t.Error("within") // a slice that has been clipped is not known, and copied
	}
}

// Bytes that its owner reads in another's callback are no reason to forget what is behind them.
func TestReadAtAnyTime(t *testing.T) {
	for name, o := range pollers() {
		t.Run(name, func(t *testing.T) {
			l := start(t, o)
			p, far := adopted(t, l, "unix")
			total, done := 0, make(chan int, 9)
			do(t, l, func() { p.onRead = func(*Conn) {} })
			go func() { _, _ = far.Write(make([]byte, 3*smallRead)); _ = far.Close() }()
			count := func(c *Conn) { total += len(c.Read()) }
			eventually(t, "something is read", func() (some bool) {
				do(t, l, func() {
					if count(&p.conn); total > 0 {
						some, p.onRead = true, count
					}
				})
				return some
			})
			if err := wait(t, p.ended); err != io.EOF { //nolint:errorlint // it is never wrapped
				t.Error(err)
			}
			do(t, l, func() { done <- total; p.conn.Close() })
			if n := wait(t, done); n != 3*smallRead {
				t.Errorf("%d bytes", n)
			}
		})
	}
}

// What is no socket is fed to the loop, whatever loop it is.
func TestWhatIsNoSocket(t *testing.T) {
	for name, o := range pollers() {
		t.Run(name, func(t *testing.T) {
			l := start(t, o)
			near, far := net.Pipe()
			p := newProbe()
			do(t, l, func() {
				if err := p.conn.Adopt(l, SocketOf(near), p); err != nil {
					t.Error(err)
				}
				if err := p.conn.Control(func(uintptr) {}); err == nil {
					t.Error("it has a descriptor")
				}
			})
			if _, err := far.Write([]byte("question")); err != nil {
				t.Fatal(err)
			}
			if b := wait(t, p.read); string(b) != "question" {
				t.Errorf("%q", b)
			}
			long := bytes.Repeat([]byte("answer"), 100_000)
			do(t, l, func() {
				if _, err := p.conn.Write(long); err != nil || p.conn.Pending() == 0 {
					t.Errorf("%v, %d pending", err, p.conn.Pending())
				}
				p.conn.CloseAfterFlush(patience)
			})
			if b, err := io.ReadAll(far); !bytes.Equal(b, long) || err != nil {
				t.Errorf("%d bytes, %v", len(b), err)
			}
			_ = far.Close()
		})
	}
}

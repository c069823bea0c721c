package loop

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
)

// clumsy panics whenever it is called.
type clumsy struct {
	probe
	timer   Timer
	crashed chan string
}

func (c *clumsy) Readable(cn *Conn)                                { cn.Read(); panic("readable") }
func (c *clumsy) Ended(*Conn, error)                               { panic("ended") }
func (c *clumsy) Expired(*Timer)                                   { panic("expired") }
func (c *clumsy) Deliver(*Loop)                                    { panic("delivered") }
func (c *clumsy) Accepted(_ *Listener, s Socket, _ netip.AddrPort) { s.Close(); panic("accepted") }
func (c *clumsy) AcceptFailed(*Listener, error)                    {}
func (c *clumsy) Crashed(cause any, stack []byte) {
	if !strings.Contains(string(stack), "clumsy") {
		cause = "no stack"
	}
	c.crashed <- cause.(string)
}

// A panic in a callback is its owner's, who hears of it, and the loop goes on, with others of the same turn, too.
func TestPanic(t *testing.T) {
	for name, o := range pollers() {
		t.Run(name, func(t *testing.T) {
			stray := make(chan any, 10)
			o.Crashed = func(cause any, _ []byte) { stray <- cause }
			l := start(t, o)
			c := &clumsy{crashed: make(chan string, 10)}
			near, far := pair(t, "tcp")
			well, other := adopted(t, l, "tcp")
			do(t, l, func() { _ = c.conn.Adopt(l, SocketOf(near), c) })

			release := held(l)
			_, _ = far.Write([]byte("x"))
			_, _ = other.Write([]byte("y"))
			release()
			if got := wait(t, c.crashed); got != "readable" {
				t.Errorf("%v", got)
			}
			if b := wait(t, well.read); string(b) != "y" {
				t.Errorf("%q", b)
			}
			_ = far.Close()
			for _, want := range []string{"readable", "ended"} { // its connection is its own to close
				if got := wait(t, c.crashed); got != want {
					t.Errorf("%v, want %v", got, want)
				}
			}
			do(t, l, func() { c.conn.Close() })

			do(t, l, func() { l.Arm(&c.timer, c, l.Now()) })
			if got := wait(t, c.crashed); got != "expired" {
				t.Errorf("%v", got)
			}
			l.Post(c)
			if got := wait(t, c.crashed); got != "delivered" {
				t.Errorf("%v", got)
			}
			l.Post(Func(func(*Loop) { panic(errors.New("a function")) }))
			if got := wait(t, stray); got.(error).Error() != "a function" {
				t.Errorf("%v", got)
			}

			ln := listen(t, "tcp")
			do(t, l, func() { _, _ = l.Listen(ln, c) })
			for range 3 { // at once: the listener goes on
				dialTo(t, ln.Addr())
			}
			for range 3 {
				if got := wait(t, c.crashed); got != "accepted" {
					t.Errorf("%v", got)
				}
			}
			_, _ = other.Write([]byte("z"))
			if b := wait(t, well.read); string(b) != "z" {
				t.Errorf("%q", b)
			}
			do(t, l, func() { well.conn.Close() })
		})
	}
}

type breaks struct{ probe }

func (b *breaks) Readable(*Conn) { panic("readable") }

// Connections of an owner that does not want to hear of it are closed.
func TestPanicOfAnotherOwner(t *testing.T) {
	stray := make(chan any, 10)
	l := start(t, Options{Crashed: func(cause any, _ []byte) { stray <- cause }})
	b := new(breaks)
	near, far := pair(t, "tcp")
	do(t, l, func() { _ = b.conn.Adopt(l, SocketOf(near), b) })
	_, _ = far.Write([]byte("x"))
	wait(t, stray)
	if n, err := far.Read(make([]byte, 1)); n > 0 || err == nil {
		t.Error("it is open")
	}
}

// stumbles panics even when it is told that it has.
type stumbles struct{}

func (stumbles) Deliver(*Loop)       { panic("first") }
func (stumbles) Crashed(any, []byte) { panic("second") }

func TestPanicWhenToldOfIt(t *testing.T) {
	stray := make(chan any, 10)
	l := start(t, Options{Crashed: func(cause any, _ []byte) { stray <- cause }})
	l.Post(stumbles{})
	if got := wait(t, stray); got != "second" {
		t.Errorf("%v", got)
	}
	do(t, l, func() {})
}

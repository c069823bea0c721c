package loop

import (
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

func TestDial(t *testing.T) {
	for name, o := range pollers() {
		t.Run(name, func(t *testing.T) {
			l := start(t, o)
			gone := listen(t, "tcp")
			_ = gone.Close()
			full, silent := silentListener(t)
			defer full()
			fullUnix, _ := fullSocket(t)
			six, err := net.Listen("tcp", "[::1]:0")
			for _, test := range []struct {
				name string
				to   net.Addr
				want error
			}{
				{"tcp", server(t, "tcp", echo), nil},
				{"unix", server(t, "unix", echo), nil},
				{"refused", gone.Addr(), syscall.ECONNREFUSED},
				{"no such file", &net.UnixAddr{Name: "/nowhere/s", Net: "unix"}, syscall.ENOENT},
				{"silent", silent, os.ErrDeadlineExceeded},
				{"unix, silent", fullUnix, os.ErrDeadlineExceeded},
				{"unreachable", &net.TCPAddr{IP: net.IPv4(255, 255, 255, 255), Port: 1}, syscall.ENETUNREACH},
			} {
				t.Run(test.name, func(t *testing.T) { dialOnce(t, l, test.to, test.want) })
			}
			if err == nil {
				t.Run("IPv6", func(t *testing.T) { dialOnce(t, l, six.Addr(), nil) })
				_ = six.Close()
			}
		})
	}
}

const dialTime = 1500 * time.Millisecond

// dialOnce dials, and uses the connection if there is one.
func dialOnce(t *testing.T, l *Loop, to net.Addr, want error) {
	t.Helper()
	p := newProbe()
	began := time.Now()
	do(t, l, func() {
		if err := p.conn.Dial(l, to, l.Now()+int64(dialTime), p); err != nil {
			p.ended <- err
		}
	})
	select {
	case <-p.writable:
		if want != nil {
			t.Errorf("connected; want %v", want)
		}
		do(t, l, func() {
			if n, err := p.conn.Write([]byte("hello")); n != 5 || err != nil {
				t.Errorf("Write: %d, %v", n, err)
			}
		})
		b := &bell{rang: make(chan *Timer, 1)}
		do(t, l, func() { l.Arm(&b.timers[0], b, l.Now()+int64(dialTime)) })
		wait(t, b.rang) // nothing is left of the dial
		do(t, l, func() {
			if !p.conn.Open() {
				t.Error("it is closed when the time for the dial is over")
			}
		})
	case err := <-p.ended:
		if err != want { //nolint:errorlint // it is never wrapped
			t.Errorf("%v; want %v", err, want)
		}
		if want == os.ErrDeadlineExceeded && time.Since(began) < dialTime { //nolint:errorlint // it is this one
			t.Error("too early")
		}
		do(t, l, func() {
			if p.conn.Open() {
				t.Error("it is open")
			}
		})
	case <-time.After(patience):
		t.Error("nothing is heard")
	}
	do(t, l, func() { p.conn.Close() })
}

// silentListener has a queue that is full: a dial is neither accepted nor refused.
func silentListener(t *testing.T) (done func(), at net.Addr) {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	sa, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	at = &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: sa.(*syscall.SockaddrInet4).Port}
	var filled []net.Conn
	for {
		nc, err := net.DialTimeout("tcp", at.String(), 50*time.Millisecond)
		if err != nil {
			break
		}
		filled = append(filled, nc)
	}
	return func() {
		for _, nc := range filled {
			_ = nc.Close()
		}
		_ = syscall.Close(fd)
	}, at
}

// fullSocket is a UNIX socket whose queue is full. accept takes one of those in it.
func fullSocket(t *testing.T) (at net.Addr, accept func()) {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "s")
	if err := errors.Join(syscall.Bind(fd, &syscall.SockaddrUnix{Name: path}), syscall.Listen(fd, 0)); err != nil {
		t.Fatal(err)
	}
	var open []io.Closer
	t.Cleanup(func() {
		_ = syscall.Close(fd)
		for _, c := range open {
			_ = c.Close()
		}
	})
	for {
		nc, err := net.Dial("unix", path)
		if errors.Is(err, syscall.EAGAIN) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, nc)
	}
	return &net.UnixAddr{Net: "unix", Name: path}, func() {
		taken, _, err := syscall.Accept(fd)
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, os.NewFile(uintptr(taken), "accepted"))
	}
}

// A server that has not got round to accepting is no server that refuses: once there is room, the dial succeeds.
func TestDialFullSocket(t *testing.T) {
	for name, o := range pollers() {
		t.Run(name, func(t *testing.T) {
			l := start(t, o)
			at, accept := fullSocket(t)
			p, gone := newProbe(), newProbe()
			do(t, l, func() {
				for _, p := range []*probe{p, gone} {
					if err := p.conn.Dial(l, at, l.Now()+int64(patience), p); err != nil {
						t.Error(err)
					}
				}
				gone.conn.Close()
			})
			accept()
			wait(t, p.writable)
			do(t, l, func() {
				if n, err := p.conn.Write([]byte("hello")); n != 5 || err != nil {
					t.Errorf("Write: %d, %v", n, err)
				}
				p.conn.Close()
			})
			if len(gone.ended)+len(gone.writable)+len(p.ended) > 0 {
				t.Error("more is heard")
			}
		})
	}
}

// A dial that is given up is heard of no more.
func TestCloseWhileDialling(t *testing.T) {
	for name, o := range pollers() {
		t.Run(name, func(t *testing.T) {
			l := start(t, o)
			done, silent := silentListener(t)
			defer done()
			p := newProbe()
			do(t, l, func() {
				for _, to := range []net.Addr{silent, server(t, "tcp", echo)} {
					if err := p.conn.Dial(l, to, l.Now()+int64(time.Millisecond), p); err != nil {
						t.Error(err)
					}
					if _, err := p.conn.Write([]byte("x")); err == nil {
						t.Error("it writes before it is connected")
					}
					if _, err := p.conn.Detach(); err == nil {
						t.Error("it can be detached before it is connected")
					}
					p.conn.Close()
				}
			})
			b := &bell{rang: make(chan *Timer, 1)}
			do(t, l, func() { l.Arm(&b.timers[0], b, l.Now()+int64(10*time.Millisecond)) })
			wait(t, b.rang)
			if len(p.ended)+len(p.writable) > 0 {
				t.Error("it is heard of")
			}
		})
	}
}

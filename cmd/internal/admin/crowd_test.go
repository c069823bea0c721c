package admin

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"segue/config"
)

// dial connects to the API and leaves it at that, or begins a request.
func (s *served) dial(t *testing.T, begin string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", s.address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if _, err := io.WriteString(conn, begin); err != nil {
		t.Fatal(err)
	}
	return conn
}

// However many strangers sit there and say nothing, or begin to and stop, there are no more of them than there may be, and who has
// something to say is answered.
func TestSilentCrowd(t *testing.T) {
	for name, begin := range map[string]string{"silent": "", "half a request": "GET /api/v1/status HTTP/1.1\r\nHost: loc"} {
		t.Run(name, func(t *testing.T) {
			s := serveWith(t, "127.0.0.1:0", slog.New(slog.DiscardHandler), config.Access{Read: config.Anyone}, 8)
			var conns []net.Conn
			for range 60 {
				conns = append(conns, s.dial(t, begin))
			}
			for range 5 {
				if _, err := s.client.Status(t.Context()); err != nil {
					t.Errorf("the operator: %v", err)
				}
				s.client.Close()
			}
			left := 0
			for _, c := range conns {
				_ = c.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
				if _, err := c.Read(make([]byte, 1)); err != nil && errors.Is(err, errTimeout(err)) {
					left++
				}
			}
			if left > 8 {
				t.Errorf("%d are connected", left)
			}
		})
	}
}

// errTimeout is err if it is a time-out, and no error of it otherwise.
func errTimeout(err error) error {
	if n, ok := errors.AsType[net.Error](err); ok && n.Timeout() {
		return err
	}
	return errors.New("another")
}

// Readers of events that read nothing take up no more than half of the places, and are not in the way of anything.
func TestStuckReadersOfEvents(t *testing.T) {
	s := serveWith(t, "127.0.0.1:0", slog.New(slog.DiscardHandler), config.Access{Read: config.Anyone}, 8)
	const ask = "GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n"
	for range 4 {
		answer, err := http.ReadResponse(bufio.NewReader(s.dial(t, ask)), nil)
		if err != nil || answer.StatusCode != http.StatusOK {
			t.Fatalf("%v, %v", answer, err)
		}
	}
	answer, err := http.ReadResponse(bufio.NewReader(s.dial(t, ask)), nil)
	if err != nil || answer.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("one too many: %v, %v", answer, err)
	}
	for range 60 {
		s.dial(t, "")
	}
	if _, err := s.client.Status(t.Context()); err != nil {
		t.Errorf("the operator: %v", err)
	}
}

// failing is a listener that cannot accept for a while.
type failing struct {
	net.Listener
	left atomic.Int32
	err  error
}

func (f *failing) Accept() (net.Conn, error) {
	if f.left.Add(-1) >= 0 {
		return nil, f.err
	}
	return f.Listener.Accept()
}

// What keeps the API from accepting, which net/http does not always take for passing, ends nothing.
func TestAcceptThatFailsIsWaitedOut(t *testing.T) {
	for _, err := range []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.EPERM, fmt.Errorf("a bug")} {
		ln, bound := net.Listen("tcp", "127.0.0.1:0")
		if bound != nil {
			t.Fatal(bound)
		}
		f := &failing{Listener: ln, err: err}
		f.left.Store(3)
		var log strings.Builder
		c := newCrowd(f, 8, slog.New(slog.NewTextHandler(&log, nil)))
		conn, dialed := net.Dial("tcp", ln.Addr().String())
		if dialed != nil {
			t.Fatal(dialed)
		}
		if v, got := c.Accept(); got != nil {
			t.Errorf("%v: %v", err, got)
		} else {
			v.Close()
		}
		if got := strings.Count(log.String(), "accepts nobody"); got != 3 {
			t.Errorf("%v: said %d times", err, got)
		}
		conn.Close()
		c.Close()
		if _, got := c.Accept(); !errors.Is(got, net.ErrClosed) {
			t.Errorf("closed: %v", got)
		}
	}
}

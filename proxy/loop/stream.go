package loop

import (
	"errors"
	"io"
	"net"
	"sync"
	"syscall"
	"time"
)

const (
	streamBuffer = 32 << 10
	// streamGrace is how long a connection that has been closed may take to send what the loop has been told is sent.
	streamGrace = 5 * time.Second
)

// stream feeds a loop from any net.Conn, by two goroutines: where there is no epoll, and for what is no socket of its own. For the loop it looks like one.
type stream struct {
	nc net.Conn

	mu      sync.Mutex // guards what follows
	changed sync.Cond
	loop    *Loop // nil: it is on its way from one to another
	key     key
	alive   int    // goroutines
	in      []byte // has been read; in read's buffer
	inErr   error  // behind in
	out     []byte // is to be written
	wants   bool   // the loop waits for room
	outErr  error
	fin     bool
	closed  bool
}

func newStream(nc net.Conn) *stream {
	s := &stream{nc: nc}
	s.changed.L = &s.mu
	return s
}

// attach lets a loop have what is read. The loop waits for the goroutines when it ends.
func (s *stream) attach(l *Loop, k key) {
	s.mu.Lock()
	defer s.mu.Unlock()
	first := s.loop == nil && s.alive == 0 && s.inErr == nil && s.outErr == nil
	if first {
		s.alive = 2
	}
	s.loop, s.key = l, k
	l.feeders.Add(s.alive)
	if first {
		go s.read()
		go s.write()
	}
	s.tell(canWrite | s.readable())
}

func (s *stream) detach() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.loop.feeders.Add(-s.alive)
	s.loop = nil
}

// exit is the end of a goroutine.
func (s *stream) exit() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.alive--; s.loop != nil {
		s.loop.feeders.Done()
	}
}

// tell tells the loop; mu is held.
func (s *stream) tell(bits flags) {
	if s.loop != nil && !s.closed {
		s.loop.mail.tell(event{key: s.key, bits: bits})
	}
}

// readable is what the loop is to know of what has been read; mu is held.
func (s *stream) readable() (bits flags) {
	if len(s.in) > 0 {
		bits = canRead
	}
	switch {
	case s.inErr == nil:
	case errors.Is(s.inErr, io.EOF):
		bits |= canRead | hungUp
	default:
		bits |= canRead | hungUp | peerGone
	}
	return bits
}

// read is the goroutine that reads. It has one buffer, and waits until the loop has taken what is there.
func (s *stream) read() {
	defer s.exit()
	buf := make([]byte, streamBuffer)
	for {
		n, err := s.nc.Read(buf)
		if n == 0 && err == nil {
			continue
		}
		if !s.received(buf[:n], err) {
			return
		}
	}
}

// received offers the loop what has been read; it reports whether to go on.
func (s *stream) received(b []byte, err error) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.in, s.inErr = b, err
	s.tell(s.readable())
	for len(s.in) > 0 && !s.closed {
		s.changed.Wait()
	}
	return err == nil && !s.closed
}

func (s *stream) recv(b []byte) (int, syscall.Errno) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case len(s.in) > 0:
		n := copy(b, s.in)
		if s.in = s.in[n:]; len(s.in) == 0 {
			s.changed.Broadcast()
		}
		return n, 0
	case s.inErr == nil:
		return 0, syscall.EAGAIN
	case errors.Is(s.inErr, io.EOF):
		return 0, 0
	}
	return 0, syscall.EIO // cause knows better
}

// cause is why something has failed.
func (s *stream) cause(errno syscall.Errno) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, err := range []error{s.outErr, s.inErr} {
		if known := syscall.Errno(0); errors.As(err, &known) {
			return known // as a socket says it
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
	}
	return errno
}

func (s *stream) control(f func(fd uintptr)) error {
	sc, ok := s.nc.(syscall.Conn)
	if !ok {
		return errors.ErrUnsupported
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return err
	}
	return raw.Control(f)
}

package loop

import (
	"crypto/tls"
	"io"
	"net"
	"sync"
	"time"
)

// maxShaking is how much a handshake's goroutine may be behind with reading, or ahead with writing. Certificates make most of it.
const maxShaking = 64 << 10

// shaking is what a loop and the goroutine of a handshake have in common: a connection to read from and write to, that blocks.
type shaking struct {
	tokens chan struct{} // of those that compute

	mu      sync.Mutex // guards what follows
	changed sync.Cond
	in, out []byte
	inErr   error // behind in
	wants   bool  // the loop waits for room in in
	posted  bool  // a message to the loop is under way
	closed  bool
	starved time.Time // since when the goroutine waits for the peer; zero: it does not
	over    bool      // the goroutine has ended: see state and err
	state   tls.ConnectionState
	err     error
	client  bool
}

func (s *shaking) init(first []byte, client bool) {
	s.changed.L = &s.mu
	s.in, s.client = first, client
}

// ready reports whether it is worth a goroutine's while.
func (s *shaking) ready() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.client || s.missing() == 0
}

// missing is how much of the first record has still to come; mu is held.
func (s *shaking) missing() int {
	switch b := s.in; {
	case len(b) > 0 && b[0] != recordHandshake, len(b) >= maxHello:
		return 0
	case len(b) < headerSize:
		return headerSize - len(b)
	default:
		return max(0, min(headerSize+(int(b[3])<<8|int(b[4])), maxHello)-len(b))
	}
}

// room is how much may be received.
func (s *shaking) room(begun bool) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := maxShaking - len(s.in)
	switch {
	case begun:
	case s.missing() == 0:
		n = 0
	default:
		n = maxHello - len(s.in)
	}
	s.wants = n <= 0
	return max(0, n)
}

// feed gives the goroutine what has been received, or what comes behind it.
func (s *shaking) feed(b []byte, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.in, s.inErr = append(s.in, b...), err
	}
	s.changed.Broadcast()
}

// heard notes that the message has come, and reports whether the goroutine has ended.
func (s *shaking) heard() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.posted = false
	return s.over
}

// take takes what the goroutine has written.
func (s *shaking) take() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.out
	s.out = nil
	s.changed.Broadcast()
	return out
}

// starves is for how long the goroutine has been waiting for the peer.
func (s *shaking) starves() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.starved.IsZero() {
		return 0
	}
	return time.Since(s.starved)
}

// outcome is that of the handshake, once all that it wrote has been taken.
func (s *shaking) outcome() (over bool, state tls.ConnectionState, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.over && len(s.out) == 0, s.state, s.err
}

// left is what has been received behind the handshake.
func (s *shaking) left() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.in) == 0 {
		return nil
	}
	return append([]byte(nil), s.in...)
}

// abort lets the goroutine end.
func (s *shaking) abort() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	s.changed.Broadcast()
}

// What follows is for the goroutine.

// wait waits for the loop, and lets another compute meanwhile; mu is held.
func (s *shaking) wait() {
	<-s.tokens
	s.starved = time.Now()
	s.changed.Wait()
	s.starved = time.Time{}
	s.mu.Unlock()
	s.tokens <- struct{}{}
	s.mu.Lock()
}

func (h *handshake) read(b []byte) (n int, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for len(h.in) == 0 && h.inErr == nil && !h.closed {
		h.wait()
	}
	switch {
	case h.closed:
		return 0, net.ErrClosed
	case len(h.in) > 0:
		n = copy(b, h.in[:h.s.records.take(h.in[:min(len(b), len(h.in))])])
		if h.in = h.in[n:]; h.wants && len(h.in) < maxShaking/2 {
			h.wants = false
			h.post()
		}
		return n, nil
	}
	return 0, h.inErr
}

func (h *handshake) write(b []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for len(h.out)+len(b) > maxShaking && len(h.out) > 0 && !h.closed {
		h.wait()
	}
	if h.closed {
		return 0, io.ErrClosedPipe
	}
	h.out = append(h.out, b...)
	h.post()
	return len(b), nil
}

// ended is the last that the goroutine does.
func (h *handshake) ended(state tls.ConnectionState, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.over, h.state, h.err = true, state, err
	h.post()
}

// post tells the loop to look; mu is held.
func (h *handshake) post() {
	if !h.posted {
		h.posted = h.loop.Post(h)
	}
}

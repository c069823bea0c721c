package loop

import (
	"syscall"
	"time"
)

// send takes what there is room for.
func (s *stream) send(b []byte) (int, syscall.Errno) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.outErr != nil {
		return 0, syscall.EPIPE // cause knows better
	}
	n := min(len(b), streamBuffer-len(s.out))
	s.wants = n < len(b)
	if n == 0 {
		return 0, syscall.EAGAIN
	}
	s.out = append(s.out, b[:n]...)
	s.changed.Broadcast()
	return n, 0
}

// finish closes our sending side behind what has been taken.
func (s *stream) finish() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fin = true
	s.changed.Broadcast()
}

// close ends both goroutines: at once, or when what has been taken is written.
func (s *stream) close(now bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	if now || s.alive == 0 {
		s.out = nil
		_ = s.nc.Close()
	} else {
		_ = s.nc.SetReadDeadline(time.Unix(1, 0))
		_ = s.nc.SetWriteDeadline(time.Now().Add(streamGrace))
	}
	s.changed.Broadcast()
}

// write is the goroutine that writes, and that closes the connection.
func (s *stream) write() {
	defer s.exit()
	defer func() { _ = s.nc.Close() }()
	var buf []byte
	for {
		var fin, over bool
		buf, fin, over = s.next(buf)
		switch {
		case len(buf) > 0:
			_, err := s.nc.Write(buf)
			s.wrote(err)
		case fin:
			s.closeWrite()
		case over:
			return
		}
	}
}

// next waits for what is to be done. It is given the buffer that was written last.
func (s *stream) next(done []byte) (b []byte, fin, over bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.out) == 0 && !s.fin && !s.closed {
		s.changed.Wait()
	}
	if b = s.out; len(b) > 0 {
		s.out = done[:0]
		return b, false, false
	}
	fin, s.fin = s.fin, false
	return nil, fin, s.closed
}

// wrote notes what has become of a write.
func (s *stream) wrote(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.outErr, s.out = err, nil
	}
	if s.wants || err != nil {
		s.wants = false
		s.tell(canWrite)
	}
}

// closeWrite closes the sending side, or both where there is no other way.
func (s *stream) closeWrite() {
	if cw, ok := s.nc.(interface{ CloseWrite() error }); ok {
		_ = cw.CloseWrite()
	} else {
		_ = s.nc.Close()
	}
}

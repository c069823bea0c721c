package load

import (
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"segue/proxy/load/head"
)

// blockSize is how much is read at a time of what is not spliced.
const blockSize = 64 << 10

// long is a moment that has passed.
var long = time.Unix(1, 0)

// errFull is the error of a line of which no more can be read before something has been taken.
var errFull = errors.New("the buffer is full")

// line is a connection, and what has been read of it and not been taken yet. One goroutine reads it at a time; anyone may interrupt that.
type line struct {
	net.Conn
	store []byte
	r, w  int // store[r:w] has been read

	mu          sync.Mutex // guards what follows
	interrupted bool       // reading ends, until it is resumed
	stopped     bool       // writing ends
}

// unread is what has been read and not been taken.
func (l *line) unread() []byte { return l.store[l.r:l.w] }

// take takes the first n bytes of that.
func (l *line) take(n int) {
	if l.r += n; l.r == l.w {
		l.r, l.w = 0, 0
		if len(l.store) > 4<<10 {
			l.store = nil // an idle connection costs little
		}
	}
}

// fill reads more, at most to so many bytes.
func (l *line) fill(most int) error {
	if l.w == len(l.store) {
		if l.r > 0 {
			l.w = copy(l.store, l.store[l.r:l.w])
			l.r = 0
		}
		if l.w >= most {
			return errFull
		}
		if l.w == len(l.store) {
			l.store = append(make([]byte, 0, min(most, max(4<<10, 4*l.w))), l.store...)
			l.store = l.store[:cap(l.store)]
		}
	}
	n, err := l.Conn.Read(l.store[l.w:min(len(l.store), max(most, l.w+1))])
	if l.w += n; n > 0 {
		return nil
	}
	if err == nil {
		err = io.ErrNoProgress
	}
	return err
}

// refill is fill where much more may be to come: behind a read that filled the store the next one has a larger store.
func (l *line) refill(most int) error {
	switch size := len(l.store); {
	case l.w == size && size < most:
		larger := make([]byte, min(most, max(4<<10, 4*size)))
		l.w = copy(larger, l.unread())
		l.r, l.store = 0, larger
	case l.r == l.w:
		l.r, l.w = 0, 0
	}
	return l.fill(most)
}

// head reads on until a whole head is there, and takes it. What it returns is good until more is read.
func (l *line) head() ([]byte, error) {
	for seen := 0; ; {
		n, err := head.End(l.unread(), seen)
		if err != nil {
			return nil, err
		}
		if n > 0 {
			raw := l.unread()[:n]
			l.r += n // by hand: take would give the store away
			return raw, nil
		}
		seen = l.w - l.r
		if err := l.fill(head.MaxSize); err != nil {
			return nil, err
		}
	}
}

// Read implements io.Reader.
func (l *line) Read(b []byte) (int, error) {
	if l.r < l.w {
		n := copy(b, l.unread())
		l.take(n)
		return n, nil
	}
	return l.Conn.Read(b)
}

// readWithin is by when something has to have been read; 0: whenever.
func (l *line) readWithin(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.interrupted {
		return
	}
	_ = l.SetReadDeadline(after(d))
}

// writeWithin is by when something has to have been written; 0: whenever.
func (l *line) writeWithin(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.stopped {
		_ = l.SetWriteDeadline(after(d))
	}
}

// stopWriting ends whatever writes, for good.
func (l *line) stopWriting() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stopped = true
	_ = l.SetWriteDeadline(long)
}

func after(d time.Duration) time.Time {
	if d == 0 {
		return time.Time{}
	}
	return time.Now().Add(d)
}

// interrupt ends whatever reads.
func (l *line) interrupt() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.interrupted = true
	_ = l.SetReadDeadline(long)
}

// resume has it be read again.
func (l *line) resume() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.interrupted = false
	_ = l.SetReadDeadline(time.Time{})
}

// closeWrite says that nothing is to follow.
func (l *line) closeWrite() error {
	if half, ok := l.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}

func isEOF(err error) bool { return errors.Is(err, io.EOF) }

// isTimeout tells whether a deadline has passed.
func isTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}

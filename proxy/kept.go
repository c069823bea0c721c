package proxy

import (
	"sync/atomic"
	"time"

	"segue/proxy/wire"
)

// kept is the statement that runs, in the buffer that it came in, until its answer begins: should the backend be gone before
// that, it may be sent to another one. The client's pump puts it there and the backend's pump takes it away.
type kept struct {
	buf atomic.Pointer[[smallBuffer]byte]
	n   int // of its bytes; written before buf is set
}

// keep takes over a buffer that holds n bytes of statement. It reports false if it does not: the buffer is a large one.
func (k *kept) keep(buf []byte, n int) bool {
	if len(buf) != smallBuffer {
		return false
	}
	k.n = n
	k.buf.Store((*[smallBuffer]byte)(buf))
	return true
}

// release gives the buffer back, if there is one.
func (k *kept) release(to *buffers) {
	if k.buf.Load() == nil {
		return
	}
	if buf := k.buf.Swap(nil); buf != nil {
		to.give(buf[:])
	}
}

// keepGrace bounds what await waits: the pump only has to be given the processor.
const keepGrace = 50 * time.Millisecond

// await gives the client's pump, which has just written the statement, the moment that it needs to leave it here.
func (k *kept) await(active *atomic.Bool) {
	for end := time.Now().Add(keepGrace); k.buf.Load() == nil && active.Load() && time.Now().Before(end); {
		time.Sleep(sendGrace / 20)
	}
}

// statement is what is kept, nil if nothing is.
func (k *kept) statement() []byte {
	if buf := k.buf.Load(); buf != nil {
		return buf[:k.n]
	}
	return nil
}

// releaseKept gives the buffer back unless what it holds is to be sent again.
func (s *session) releaseKept() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.away.again == nil && s.current() != Busy {
		s.kept.release(&s.server.buffers)
	}
}

// isOne reports whether b is one packet and nothing else.
func isOne(b []byte) bool {
	if len(b) < wire.HeaderLen {
		return false
	}
	n, _ := wire.DecodeHeader(b)
	return len(b) == wire.HeaderLen+n
}

// head is the beginning of the last command that came when none was outstanding, the one that may be kept, as the client sent it: with
// the ids of prepared statements that the client knows.
type head [wire.HeaderLen + 5]byte

func (h *head) put(b []byte) { copy(h[:], b) }

// restore undoes what a move has made of a command's id.
func (h *head) restore(b []byte) { copy(b, h[:min(len(h), len(b))]) }

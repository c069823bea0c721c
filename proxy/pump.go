package proxy

import (
	"errors"
	"io"
	"os"
	"sync/atomic"
	"syscall"
)

// pump carries one direction of a session. It is one long call of syscall.RawConn.Read, whose callback reads without
// blocking into a borrowed buffer, lets the session look at the bytes, and writes them to the other side; it parks in the
// poller only when there is nothing to read, and then holds no buffer. After a read that did not fill the buffer it does not read
// again just to meet EAGAIN: the poller is edge-triggered and announces later bytes, and receive says when something, an
// end of the stream included, has come already. Only of a RST behind the bytes it does not know: where no answer, or the rest of
// one, would show it, forward has the pump read again.
//
// What a pump calls for a statement and its answer fits into the 2 KB of stack that a goroutine begins with; a deeper call
// would double what an idle session holds (BenchmarkIdleSession).
type pump struct {
	s        *session
	src, dst *conn
	readable func(fd uintptr) bool // onReadable, bound once
	writable func(fd uintptr) bool // onWritable, bound once

	// active: the pump may hold bytes that it has read and not yet written, or not even shown to the session.
	active atomic.Bool

	// Owned by the pump's goroutine.
	large bool   // the last read filled the buffer
	done  bool   // the pump is to end
	err   error  // why: io.EOF or what the source said
	out   []byte // what is still to be written
	more  bool   // the last bytes of out are to travel with the FIN
	wrote error  // what the destination said
	bytes int64
}

func (p *pump) start(s *session, src, dst *conn) {
	p.s, p.src, p.dst = s, src, dst
	p.readable, p.writable = p.onReadable, p.onWritable
}

// pumpUp carries what the client sends to the backend.
func (s *session) pumpUp() {
	defer s.pumpEnded()
	for s.up.run() {
		if !s.clientDeadline() {
			return
		}
	}
	s.clientClosed(s.up.err)
}

// pumpDown carries what the backend sends to the client. It alone writes to the client.
func (s *session) pumpDown() {
	defer s.pumpEnded()
	for s.down.run() && s.backendDeadline() {
	}
	s.backendClosed(s.down.err)
	s.farewell()
}

// run pumps until the source ends (false) or its read deadline passes (true).
func (p *pump) run() (deadline bool) {
	err := p.src.raw.Read(p.readable)
	if p.done {
		return false
	}
	p.err = err
	return errors.Is(err, os.ErrDeadlineExceeded)
}

// onReadable is called when the source may have bytes. It returns false to wait for more.
func (p *pump) onReadable(fd uintptr) bool {
	p.active.Store(true)
	for {
		buf := p.s.server.buffers.take(p.large)
		n, again, errno := receive(fd, buf)
		full := n == len(buf)
		// A backend that has closed right behind its answer, as a draining FE does: what came in one segment leaves in one.
		fin := again && !full && p == &p.s.down && ended(fd)
		if n > 0 && p.forward(buf[:n], fin) {
			again = true
		}
		p.s.server.buffers.give(buf)
		switch {
		case errno == syscall.EAGAIN:
			p.active.Store(false)
			return false
		case errno == syscall.EINTR:
			continue
		case errno != 0:
			return p.end(os.NewSyscallError("read", errno))
		case n == 0:
			return p.end(io.EOF)
		case p.done:
			return true
		}
		p.large = full
		if !full && !again {
			p.active.Store(false)
			return false
		}
	}
}

func (p *pump) end(err error) bool {
	p.active.Store(false)
	p.done, p.err = true, err
	return true
}

// forward lets the session see the bytes and does with them as it says; fin means that the source has closed behind them. It
// reports whether to read again at once.
func (p *pump) forward(b []byte, fin bool) (again bool) {
	var v verdict
	if p == &p.s.up {
		v = p.s.observeClient(b)
	} else {
		v = p.s.observeBackend(b)
	}
	if v.pass {
		p.write(b, v.last || fin)
	}
	if v.last {
		p.s.closeDrained()
	}
	return v.again
}

// write writes all of b, waiting as long as the destination takes: meanwhile nothing more is read from the source.
func (p *pump) write(b []byte, more bool) {
	p.out, p.more = b, more
	err := p.dst.raw.Write(p.writable)
	if err == nil {
		err = p.wrote
	}
	p.out = nil
	if err != nil {
		p.s.writeFailed(p, err)
		return
	}
	p.bytes += int64(len(b))
}

// onWritable is called when the destination may take bytes.
func (p *pump) onWritable(fd uintptr) bool {
	for len(p.out) > 0 {
		n, errno := send(fd, p.out, p.more)
		switch errno {
		case 0:
			p.out = p.out[n:]
		case syscall.EAGAIN:
			return false
		case syscall.EINTR:
		default:
			p.wrote = os.NewSyscallError("write", errno)
			return true
		}
	}
	return true
}

// verdict is what becomes of bytes that have been read.
type verdict struct {
	pass  bool // write them to the other side
	last  bool // they are the last that the client gets
	again bool // an end may be near: read again at once
}

// observeClient lets the tracker see the client's bytes before they are written.
func (s *session) observeClient(b []byte) verdict {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.end != Open {
		s.unsent(b)
		return verdict{again: true}
	}
	s.track.Client(b)
	s.follow()
	s.lingerLocked()
	return verdict{pass: true, again: s.track.Outstanding() == 0 || s.track.MidCommand() || s.track.Quit()}
}

// observeBackend lets the tracker see the backend's bytes before they are written.
func (s *session) observeBackend(b []byte) verdict {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.end == Drained || s.end == Shutdown {
		return verdict{again: true} // a StarRocks FE answers even COM_QUIT
	}
	s.track.Server(b)
	if s.track.UnaskedInfile() {
		s.refuseFile()
		return verdict{again: true}
	}
	s.follow()
	v := verdict{pass: true, again: s.track.Failed() || s.track.MidAnswer()}
	if s.drain != nil && s.current() == Idle {
		if s.client.waiting() || s.up.active.Load() || s.track.Midway() { // in this order: what was read meanwhile is in the pump
			s.lingerLocked()
			return v
		}
		s.endLocked(s.drain.end, s.drain.cause)
		v.last = true
	}
	return v
}

// refuseFile ends a session whose backend has asked for a file of the client's that no statement had mentioned.
func (s *session) refuseFile() {
	s.endLocked(Protocol, errUnaskedInfile)
	s.last, s.insist = clientError(s.backendName()+" asked for a local file that no statement had mentioned"), true
	s.severLocked()
}

// follow brings the state in line with what the tracker knows.
func (s *session) follow() {
	to := Busy
	switch {
	case s.track.Opaque() != 0:
		to = Opaque
	case !s.track.Idle():
	case s.track.Pinned() != "":
		to = Pinned
	default:
		to = Idle
	}
	if s.current() != to {
		s.enter(to)
	}
}

// endLocked notes how the session ends; the first reason stands.
func (s *session) endLocked(end End, cause error) {
	if s.end == Open {
		s.end, s.cause = end, cause
	}
}

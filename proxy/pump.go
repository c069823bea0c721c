package proxy

import (
	"errors"
	"io"
	"os"
	"sync/atomic"
	"syscall"

	"segue/proxy/wire"
)

// pump carries one direction of a session. It is one long call of syscall.RawConn.Read, whose callback reads without
// blocking into a borrowed buffer, lets the session look at the bytes, and writes them to the other side; it parks in the
// poller only when there is nothing to read, and then holds no buffer. After a read that did not fill the buffer it does not read
// again just to meet EAGAIN: the poller is edge-triggered and announces later bytes. An end of the stream that came with the bytes is not
// announced. Of a backend's, receiveLeft tells, as the next statement must not be sent to one that has closed; of a client's, overlooked
// finds out. Of a RST behind the bytes neither knows: where no answer, or the rest of one, would show it, forward has the pump read again.
//
// What a pump calls for a statement and its answer takes a little more than the 2 KB of stack that a goroutine begins with: it has 4 KB from its
// first statement on. A much deeper call would double what an idle session holds (BenchmarkIdleSession).
type pump struct {
	s        *session
	src      *conn                 // that of pumpDown changes with a move
	readable func(fd uintptr) bool // onReadable, bound once
	writable func(fd uintptr) bool // onWritable, bound once

	// active: the pump may hold bytes that it has read and not yet written, or not even shown to the session.
	active atomic.Bool

	// Owned by the pump's goroutine.
	early   []byte // what was read in the connection phase already
	large   bool   // the last read filled the buffer
	rest    rest   // what the session has yet to see whole
	done    bool   // the pump is to end
	leave   bool   // the pump is to come back: see leaves
	err     error  // why: io.EOF or what the source said
	out     []byte // what is still to be written
	more    bool   // the last bytes of out are to travel with the FIN
	wrote   error  // what the destination said
	unsent  int    // how much of the last bytes was not written
	kept    int    // length of the statement that is to be kept
	bytes   int64
	verdict verdict // on the bytes that have been read; here, not on the stack, which it would make too deep
}

func (p *pump) start(s *session, src *conn) {
	p.s, p.src = s, src
	p.readable, p.writable = p.onReadable, p.onWritable
}

// put leaves to begin what has been read.
func (p *pump) put(early []byte) {
	p.early = early
	p.active.Store(len(early) > 0)
}

// begin takes what was read in the connection phase already: a client that does not wait for the answer to its login, or a backend that
// says something unasked right behind it.
func (p *pump) begin() {
	if len(p.early) == 0 {
		return
	}
	p.forward(p.early, false)
	p.early, p.kept = nil, 0
	p.active.Store(false)
}

// rest is the beginning of a packet that the session asks to see again in front of what follows; nil almost always.
type rest []byte

func (r *rest) put(b []byte) {
	*r = nil
	if len(b) > 0 {
		*r = append(rest(nil), b...)
	}
}

// get puts it at the head of buf and returns its length.
func (r *rest) get(buf []byte) int {
	n := copy(buf, *r)
	*r = nil
	return n
}

// pumpUp carries what the client sends to the backend.
func (s *session) pumpUp() {
	defer s.pumpEnded()
	s.up.begin()
	for {
		switch s.up.run() {
		case woken:
			if s.nods(&s.up, &s.nap.up) || !s.clientDeadline() {
				return
			}
		case leaves:
			s.route()
			s.pumping.Add(1)
			go s.pumpUp() // on a fresh stack: this one has grown
			return
		default:
			s.clientClosed(s.up.err)
			return
		}
	}
}

// pumpDown carries what the backend sends to the client. It alone writes to the client while a statement is outstanding, and it
// takes the session to another backend.
func (s *session) pumpDown() {
	defer s.pumpEnded()
	s.down.begin()
	for {
		h := s.down.run()
		if h == woken && s.nods(&s.down, &s.nap.down) {
			return
		}
		switch s.turnTo(h) {
		case stay:
		case move:
			s.relocate()
			s.pumping.Add(1)
			go s.pumpDown() // on a fresh stack: this one has grown
			return
		case over:
			s.farewell()
			return
		}
	}
}

// halt says why a pump has come back.
type halt uint8

const (
	ended  halt = iota // the source has ended
	woken              // its read deadline has passed
	leaves             // the session is to move, or a KILL to be brought to its victim
)

// run pumps until there is a reason to come back.
func (p *pump) run() halt {
	var err error
	if !p.leave && !p.done {
		err = p.src.raw.Read(p.readable)
	}
	switch {
	case p.leave:
		p.leave = false
		return leaves
	case p.done:
		return ended
	}
	p.err = err
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return woken
	}
	return ended
}

// onReadable is called when the source may have bytes. It returns false to wait for more.
func (p *pump) onReadable(fd uintptr) bool {
	p.active.Store(true)
	for {
		buf := p.s.server.buffers.take(p.large)
		at := p.rest.get(buf)
		n, again, errno := p.receive(fd, buf[at:])
		full := at+n == len(buf)
		// A backend that has closed right behind its answer, as a draining FE does: what came in one segment leaves in one.
		fin := again && n > 0 && !full && p == &p.s.down && hungUp(fd)
		switch {
		case n > 0:
			if p.forward(buf[:at+n], fin) {
				again = true
			}
		case at > 0:
			p.rest.put(buf[:at])
		}
		p.giveBack(buf)
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
		case p.done, p.leave:
			p.active.Store(false)
			return true
		}
		p.large = full
		if !full && !again {
			p.active.Store(false)
			return false
		}
	}
}

// receive reads what is there, and tells whether more may be there that no event will announce.
func (p *pump) receive(fd uintptr, buf []byte) (n int, again bool, errno syscall.Errno) {
	if p == &p.s.up {
		return receive(fd, buf)
	}
	return receiveLeft(fd, buf)
}

// giveBack returns a buffer, unless the statement in it may have to be sent again.
func (p *pump) giveBack(buf []byte) {
	if p.kept == 0 || !p.s.kept.keep(buf, p.kept) {
		p.s.server.buffers.give(buf)
	} else if p.s.current() != Busy { // it has been answered already, or its backend has gone
		p.s.releaseKept()
	}
	p.kept = 0
}

func (p *pump) end(err error) bool {
	p.active.Store(false)
	p.done, p.err = true, err
	return true
}

// forward lets the session see the bytes and does with them as it says; fin means that the source has closed behind them. It
// reports whether to read again at once.
func (p *pump) forward(b []byte, fin bool) (again bool) {
	v := &p.verdict
	*v = verdict{}
	if p == &p.s.up {
		p.s.observeClient(b, v)
	} else {
		p.s.observeBackend(b, v)
		if v.to != nil {
			p.s.kept.release(&p.s.server.buffers) // the answer has begun; once the client has it, the next statement may be kept
		}
	}
	at := len(b) - v.keep
	if v.to != nil && at > v.skip && !v.instead {
		err := p.write(v.to, b[v.skip:at], v.last || fin && !p.s.goesOn())
		switch {
		case err == nil:
		case v.whole && p.unsent == at-v.skip && p.s.resend(v.to, b[v.skip:], err):
			return p.forward(b[v.skip:], fin)
		default:
			p.s.writeFailed(p, err)
		}
	}
	if len(v.insert) > 0 {
		if err := p.write(v.to, v.insert, false); err != nil {
			p.s.writeFailed(p, err)
		}
		return p.forward(b[at:], fin)
	}
	p.rest.put(b[at:])
	if v.last {
		p.s.closeDrained()
	}
	if p.leave = v.move; v.alone && v.skip == 0 {
		p.kept = at
	}
	return v.again
}

// write writes all of b to a connection, waiting as long as it takes: meanwhile nothing more is read from the source.
func (p *pump) write(to *conn, b []byte, more bool) error {
	if p == &p.s.down && !more { // the client's connection is closed behind both pumps: nothing need hold it open
		n, _ := send(to.fd, b, false) // what is wrong shows again below
		p.bytes += int64(n)
		if b = b[n:]; len(b) == 0 {
			return nil
		}
	}
	p.out, p.more = b, more
	err := to.raw.Write(p.writable)
	if err == nil {
		err = p.wrote
	}
	p.unsent, p.out, p.wrote = len(p.out), nil, nil
	p.bytes += int64(len(b) - p.unsent)
	return err
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
	to      *conn  // write them there; nil: drop them
	skip    int    // but for so many at the head, which are dropped
	keep    int    // and for so many at the end, which are to be shown again
	insert  []byte // to be written behind them; the rest is then to be shown at once
	instead bool   // … and in place of them
	last    bool   // they are the last that the client gets
	again   bool   // an end may be near: read again at once
	whole   bool   // they are whole commands with nothing before them: if none can be written, all may be shown again
	alone   bool   // they are one whole command, which might be run again
	move    bool   // the pump is to come back, once they are written: see leaves
}

// observeClient lets the tracker see the client's bytes before they are written.
func (s *session) observeClient(b []byte, v *verdict) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rouse()
	if s.special(b) && s.settled(b, v) {
		return
	}
	if s.end != Open {
		s.unsent(b)
		v.again = true
		return
	}
	rest := b[v.skip:]
	if len(rest) == 0 { // wherever the session stands
		v.again = true
		return
	}
	first := s.track.Outstanding() == 0 && !s.track.MidCommand()
	if first {
		if s.track.MayKill(rest) && s.divert(rest, v) {
			return
		}
		s.head.put(rest)
	}
	n, insert := s.track.Client(rest)
	s.follow()
	if s.lingerLocked(); s.wantsAway() { // by a command without an answer
		s.wakeLocked(0)
	}
	v.to, v.keep, v.insert = s.back, len(rest)-n, insert
	v.again = s.track.Outstanding() == 0 || s.track.MidCommand() || s.track.Quit()
	if first && insert == nil && !s.track.MidCommand() {
		s.away.replays, s.away.electing = 0, false
		v.alone = s.track.Outstanding() == 1 && isOne(rest)
		v.whole = v.alone || s.away.moves == 0 // after a move, ids in the bytes have been rewritten
	}
}

// settled does what is to be done before the client's bytes are looked at, and reports whether the verdict on all of them is given.
func (s *session) settled(b []byte, v *verdict) bool {
	skip, instead, hold := s.beforeStatement(b)
	v.skip = skip
	switch {
	case s.end != Open:
	case hold:
		v.keep, v.again = len(b)-skip, true
		return true
	case instead != nil && skip < len(b):
		n, _ := wire.DecodeHeader(b[skip:])
		s.track.Client(instead)
		s.follow()
		v.to, v.keep, v.insert, v.instead = s.back, len(b)-skip-wire.HeaderLen-n, instead, true
		return true
	}
	return false
}

// observeBackend lets the tracker see the backend's bytes before they are written.
func (s *session) observeBackend(b []byte, v *verdict) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rouse()
	if s.end == Drained || s.end == Shutdown {
		v.again = true // a StarRocks FE answers even COM_QUIT
		return
	}
	own := s.track.OwnOutstanding()
	if s.kill != nil && s.kill.sent && !own && s.killAnswered(b, v) {
		return
	}
	if !own && s.turnedAway(b) {
		v.move = true
		return
	}
	unasked := s.track.Outstanding() == 0
	n := s.track.Server(b)
	if unasked && !own && s.saysFarewell() {
		v.again = true
		return
	}
	if own {
		s.ownAnswered()
		v.keep = len(b) - n
		return
	}
	if s.track.UnaskedInfile() {
		s.refuseFile()
		v.again = true
		return
	}
	s.follow()
	if s.current() == Idle && s.track.Asking() {
		s.wonder()
	}
	if s.away.electing && s.track.Outstanding() == 0 {
		s.elected()
	}
	v.to, v.keep, v.again = s.client, len(b)-n, s.track.Failed() || s.track.MidAnswer()
	if s.free() {
		s.boundary(v)
	}
}

// boundary decides, at the end of an answer, whether the session leaves its backend.
func (s *session) boundary(v *verdict) {
	switch {
	case s.wantsAway():
		v.move = s.departLocked(false)
	case s.away.drain == nil, s.away.drain.optional:
	case s.client.waiting() || s.up.active.Load() || s.track.Midway(): // in this order: what was read meanwhile is in the pump
		s.lingerLocked()
	default:
		s.endLocked(s.away.drain.end, s.away.drain.cause)
		v.last = true
	}
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
		s.notePinned(to)
	}
}

// endLocked notes how the session ends; the first reason stands.
func (s *session) endLocked(end End, cause error) {
	if s.end == Open {
		s.end, s.cause = end, cause
	}
}

package proxy

import (
	"bytes"
	"errors"
	"net/netip"
	"slices"

	"segue/backend/compress"
	"segue/backend/wire"
	"segue/proxy/loop"
)

// front is the client's side of a session: its connection, and what has come on it and is to be looked at again.
type front struct {
	loop.Conn
	session *session
	rest    []byte     // what the client has sent, and has yet to be shown again
	in, out int64      // bytes
	from    netip.Addr // where its connection comes from; of a UNIX socket zero
	port    uint16     // … and its port
	reading bool       // the session looks at bytes of its client's
	rerun   bool       // … and is to look again at what it leaves
	lasting bool       // the connection has keepAlive
}

// Readable implements loop.Owner.
func (f *front) Readable(c *loop.Conn) {
	b := c.Read()
	if len(b) == 0 {
		return
	}
	f.session.w.clients.In += uint64(len(b))
	if len(f.rest) > 0 {
		b = append(slices.Clip(f.rest), b...)
		f.rest = b
	}
	switch e := f.session.errand.(type) {
	case *connecting:
		e.fromClient(b)
		return
	case *introduction:
		e.fromClient(b)
		return
	}
	f.show(b)
	if f.session.state != Closed {
		f.listen()
	}
}

// Writable implements loop.Owner: the client has taken all that was pending.
func (f *front) Writable(*loop.Conn) {
	if l := f.session.back; l != nil && !l.closed {
		l.conn.Resume()
	}
}

// Ended implements loop.Owner.
func (f *front) Ended(_ *loop.Conn, err error) {
	if f.session.state != Closed {
		if errors.Is(err, compress.ErrContent) {
			f.session.endAs(Protocol, err)
		}
		f.session.clientEnded(err)
	}
}

// HungUp implements loop.HangupOwner: there is nobody to wait for, if nothing but that is left to be read. What is may wait for an answer that never comes.
func (f *front) HungUp(c *loop.Conn) {
	s := f.session
	switch _, end := c.Peek(); {
	case s.state == Closed:
	case end:
		s.clientEnded(errClosed)
	case s.commanding() && s.end == Open:
		s.after(alarmClose, halfCloseGrace)
	}
}

// Crashed implements loop.Crasher.
func (f *front) Crashed(cause any, stack []byte) { f.session.Crashed(cause, stack) }

// show has the session look at bytes of its client's, those that were to be shown again in front of them. What it cannot deal with yet is kept.
func (f *front) show(b []byte) {
	if f.reading {
		panic("proxy: session: bytes within bytes")
	}
	for f.reading = true; f.reading; {
		f.rerun = false
		b = f.session.consume(b)
		if f.session.state == Closed {
			b = nil
		}
		f.put(b)
		f.reading = f.rerun && len(b) > 0
	}
}

// put keeps what is to be shown again with what follows it, in a copy of its own.
func (f *front) put(b []byte) {
	switch {
	case len(b) == 0:
		f.rest = nil
	case len(f.rest) > 0 && len(b) <= len(f.rest) && &b[len(b)-1] == &f.rest[len(f.rest)-1]:
		f.rest = b // it is what was shown
	default:
		f.rest = bytes.Clone(b)
	}
}

// again shows the session what it has kept of its client's, now that something has changed.
func (f *front) again() {
	switch {
	case f.reading: // it looks at it at this moment
		f.rerun = true
		return
	case len(f.rest) > 0 && f.session.end == Open:
		f.show(f.rest)
	}
	f.listen()
}

// goOn shows the session what was not to be sent before the answers to what is in front of it had passed, or nobody can tell any more if they have.
func (f *front) goOn() {
	if s := f.session; len(f.rest) > 0 && s.errand == nil && (s.track.Opaque() != 0 || !s.commandAt(f.rest).mustFollow()) {
		f.again()
	}
}

// listen reads the client, unless what it sends could only wait. Of one that has waited, and stands on a backend now, more may have to be seen.
func (f *front) listen() {
	switch s := f.session; {
	case s.state == Closed:
	case s.end == Open && len(f.rest) > 0 && f.mustWait(), s.back != nil && s.back.conn.Pending() > 0:
		f.Pause()
	default:
		f.Resume()
	}
}

// mustWait reports whether what is kept waits for something else than more of it.
func (f *front) mustWait() bool {
	s := f.session
	return s.stmt.waits() && (s.between() || s.held()) || !isHeadless(f.rest) && s.commandAt(f.rest).mustFollow()
}

// waits reports whether the client has sent something that has not been looked at.
func (f *front) waits() bool {
	if len(f.rest) > 0 {
		return true
	}
	waits, _ := f.Peek()
	return waits
}

// deliver writes to the client; last means that nothing follows, and the FIN travels with it. While the client is slow to take it, nothing more is
// read from the backend.
func (f *front) deliver(b []byte, last bool) {
	f.out += int64(len(b))
	var err error
	if last {
		err = f.Finish(b)
	} else {
		_, err = f.Write(b)
	}
	if err != nil {
		f.session.endAs(ClientGone, err)
		f.session.finish()
		return
	}
	f.answered()
	if l := f.session.back; l != nil && f.Pending() > 0 {
		l.conn.Pause()
	}
}

// Write is loop.Conn's.
func (f *front) Write(b []byte) (int, error) {
	f.session.w.clients.Out += uint64(len(b))
	return f.Conn.Write(b)
}

// Finish is loop.Conn's.
func (f *front) Finish(b []byte) error {
	f.session.w.clients.Out += uint64(len(b))
	return f.Conn.Finish(b)
}

// reply gives the client an ERR_Packet in place of its backend's answer.
func (f *front) reply(seq uint8, e *wire.Err) {
	packet, _ := wire.AppendPacket(nil, seq+1, e.Append(nil))
	f.deliver(packet, false)
}

// origin is where the client's connection comes from, as a proxy in front of Segue tells it where one is believed; of a UNIX socket it is zero.
func (f *front) origin() netip.AddrPort { return netip.AddrPortFrom(f.from, f.port) }

// address is that in words.
func (f *front) address() string { return addressOf(f.origin()) }

// described is the address, and whose process a UNIX socket was connected by, as far as the system tells.
func (f *front) described() (text string) {
	text = f.address()
	if !f.from.IsValid() {
		_ = f.Control(func(fd uintptr) { text += peerProcess(int(fd)) })
	}
	return text
}

package loop

import (
	"io"
	"net"
	"syscall"
)

// Owner is told what happens to its connections; one with several knows which by its address. All calls come from the loop that the connection belongs
// to. They may do to any connection of that loop whatever they like.
type Owner interface {
	// Readable is called when there may be bytes to [Conn.Read]; again, before long, as long as there are more. Bytes that it does not read stay in the
	// kernel until it is called for others, or [Conn.Resume] is.
	Readable(c *Conn)
	// Writable is called when a Dial has succeeded, and when nothing is pending any more after a Write that could not send all. If that is because
	// nothing can be sent any more, the next Write says so.
	Writable(c *Conn)
	// Ended is called behind the last bytes: once with io.EOF if the peer has closed its sending side, which leaves ours open; once with anything else
	// if the connection has failed, which is the end of both. A Dial that fails has closed c, anything else leaves that to the owner.
	Ended(c *Conn, err error)
}

// HangupOwner is an Owner that does not have to read to the end of a paused connection to hear of it: HungUp is called once, while bytes may be left,
// when the peer has closed its sending side or is gone (see [Conn.PeerGone]). One that goroutines feed is known to be at its end only when what came before
// has been read.
type HangupOwner interface {
	Owner
	HungUp(c *Conn)
}

// Conn is a stream connection that belongs to a loop. It is a part of its owner's struct and a few words long: what only some connections need at
// some times is in extra. The zero Conn is closed; it is opened by Adopt or Dial, and may be opened again whenever it has been closed or detached. An open
// Conn must not be copied.
type Conn struct {
	loop  *Loop
	owner Owner
	extra *extra // nil nearly always
	fd    int32  // see slot
	flags flags
}

// extra is what a connection has beside its descriptor.
type extra struct {
	out    []byte // is still to be sent
	held   []byte // the buffer that it lies in
	rest   []byte // is to be read again
	err    error  // why the connection has failed
	stream medium // nil: it has a descriptor
	dial   *dialing
	tls    *secure // nil: it has none
	coding *coding // nil: what is read and written is what it carries
}

// empty reports whether a connection can do without.
func (e *extra) empty() bool {
	return len(e.out) == 0 && len(e.rest) == 0 && e.err == nil && e.stream == nil && e.dial == nil && e.tls == nil && e.coding == nil
}

// flags is what is known of a connection.
type flags uint32

const (
	open       flags = 1 << iota
	queued           // it is in the loop's queue
	canRead          // there may be bytes, or an end, that no event will announce again
	canWrite         // an event has said so
	hungUp           // the peer has closed its sending side
	peerGone         // and its receiving side, or has failed
	paused           // by its owner
	asked            // Read has been called since Readable has
	dry              // nothing is left to be read, or ever will be
	failed           // see extra.err
	toldEOF          // the owner has been told of dry,
	toldFail         // of failed,
	toldHangup       // of hungUp
	dialling         // Dial has not succeeded yet
	finishing        // a FIN goes behind what is pending
	finished         // it has gone
	listens          // it accepts connections
	local            // it is a UNIX socket: see room
	large0           // what the next read takes: see buffers
	large1
	securing // a TLS handshake is under way
	secured  // it has TLS
	coded    // it has a codec
	ahead    // what is to be read again has been looked at, and not been read yet
)

const (
	large = large0 | large1
	// making is what is to be over before anything is read or written.
	making = dialling | securing
	// lasting is what is still true of a connection that passes to another loop.
	lasting = hungUp | peerGone | dry | failed | toldEOF | toldFail | toldHangup | finishing | finished | secured | coded | local | ahead
)

// Open reports whether c has a connection, even if only one that is being dialled.
func (c *Conn) Open() bool { return c.flags&open != 0 }

// Loop is the loop that c belongs to; nil: it is closed.
func (c *Conn) Loop() *Loop { return c.loop }

// Pause keeps Readable from being called until Resume. Bytes stay in the kernel, and so with the peer.
func (c *Conn) Pause() {
	c.flags = c.flags&^large | paused // who is ahead of somebody is not to get far ahead
}

// Resume ends a Pause. Readable is called soon if there is something to read, or was when it last did not read.
func (c *Conn) Resume() {
	if c.flags&open == 0 {
		return
	}
	c.flags &^= paused
	if c.flags&canRead != 0 || c.extra != nil && len(c.extra.rest) > 0 {
		c.flags |= canRead
		c.loop.enqueue(c)
	}
}

// Paused reports whether the connection is.
func (c *Conn) Paused() bool { return c.flags&paused != 0 }

// PeerClosed reports whether the peer is known to have closed its sending side. There may be bytes in front of that.
func (c *Conn) PeerClosed() bool { return c.flags&(hungUp|dry) != 0 }

// PeerGone reports whether the connection is known to be over in both directions. There may still be bytes to read.
func (c *Conn) PeerGone() bool { return c.flags&(peerGone|failed) != 0 }

// Control calls f with the descriptor, for what it may want of the socket's options. It must neither read nor write nor close it.
func (c *Conn) Control(f func(fd uintptr)) error {
	switch {
	case c.flags&open == 0:
		return net.ErrClosed
	case c.fd >= 0:
		f(uintptr(c.fd))
		return nil
	case c.extra != nil && c.extra.stream != nil:
		return c.extra.stream.control(f)
	}
	return syscall.ENOTCONN
}

// fail notes why nothing can be sent, and soon nothing read, any more.
func (c *Conn) fail(err error) {
	if c.flags&failed == 0 {
		c.more().err = err
		c.flags |= failed
	}
	c.flags |= hungUp | canRead
	c.loop.enqueue(c)
}

// tell tells the owner of an end that it has not been told of.
func (c *Conn) tell() {
	switch {
	case c.flags&dry == 0, c.flags&ahead != 0:
	case c.flags&(failed|toldFail) == failed:
		c.flags |= toldFail | toldEOF
		c.owner.Ended(c, c.extra.err)
	case c.flags&(toldEOF|toldFail) == 0:
		c.flags |= toldEOF
		c.owner.Ended(c, io.EOF)
	}
}

// cause is what errno stands for.
func (c *Conn) cause(errno syscall.Errno) error {
	if c.fd < 0 {
		return c.extra.stream.cause(errno)
	}
	return errno
}

func (c *Conn) more() *extra {
	if c.extra == nil {
		c.extra = new(extra)
	}
	return c.extra
}

// tidy gives up what the connection has no need of.
func (c *Conn) tidy() {
	if c.extra != nil && c.extra.empty() {
		c.extra = nil
	}
}

// key finds an open connection.
func (c *Conn) key() key { return key{c.fd, c.loop.slot(c.fd).gen} }

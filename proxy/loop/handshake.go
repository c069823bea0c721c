package loop

import (
	"crypto/tls"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"time"
)

const (
	// maxHandshakes is how many of a loop may be under way, each with a goroutine and some ten kilobytes. Others wait.
	maxHandshakes = 512
	// maxHello is what is received of a first record before anybody looks at it.
	maxHello = headerSize + maxRecord
	// recordHandshake is the type of a record, its first byte.
	recordHandshake = 22
)

// crowded is for how long a peer may keep a handshake waiting while others wait for its goroutine.
const crowded = 2 * time.Second

// handshakes are a loop's.
type handshakes struct {
	running int          // goroutines
	waiting []*handshake // for one of those to end
	gone    int          // how many of them have
	started []*handshake // that have a goroutine, or had one, the oldest first
	compute chan struct{}
	crowded time.Duration // see crowded
}

// handshake is one that is under way: the connection's owner in place of the real one. It begins when what the peer says first is there, so that one who
// says nothing costs no goroutine; its goroutine waits where so many others are computing that the loop would have to wait for them.
type handshake struct {
	loop  *Loop
	key   key
	s     *secure
	owner Owner // the real one
	done  SecureOwner
	timer Timer
	until int64 // its deadline
	since int64 // when its goroutine started
	begun bool
	waits bool // for a goroutine
	gone  bool // there is no goroutine any more
	shaking
}

func newHandshake(c *Conn, s *secure, n Secured) *handshake {
	h := &handshake{loop: c.loop, key: c.key(), s: s, owner: c.owner, done: n.Done, until: n.Deadline}
	h.init(append([]byte(nil), n.First...), n.Client)
	if h.loop.shakes.compute == nil {
		h.loop.shakes.compute, h.loop.shakes.crowded = make(chan struct{}, 2*runtime.GOMAXPROCS(0)), crowded
	}
	h.tokens = h.loop.shakes.compute
	return h
}

// begin has the goroutine start, now or when another ends.
func (h *handshake) begin() {
	if h.begun {
		return
	}
	h.begun = true
	if n := &h.loop.shakes; n.running >= maxHandshakes {
		h.waits = true
		n.waiting = append(n.waiting, h)
		n.hurry()
	} else {
		h.start()
	}
}

func (h *handshake) start() {
	h.since = h.loop.Now()
	n := &h.loop.shakes
	n.running++
	if len(n.started) >= 2*maxHandshakes {
		n.started = slices.DeleteFunc(n.started, func(h *handshake) bool { return h.gone })
	}
	n.started = append(n.started, h)
	h.loop.feeders.Add(1)
	go h.run()
}

// run is the goroutine.
func (h *handshake) run() {
	defer h.loop.feeders.Done()
	h.tokens <- struct{}{}
	state, err := h.shake()
	<-h.tokens
	h.ended(state, err)
}

func (h *handshake) shake() (state tls.ConnectionState, err error) {
	defer func() {
		crashed := h.loop.opts.Crashed
		if crashed == nil {
			return // and so does the process
		}
		if cause := recover(); cause != nil { // in a callback of the configuration's
			crashed(cause, debug.Stack())
			err = fmt.Errorf("panic in the handshake: %v", cause)
		}
	}()
	if err = h.s.conn.Handshake(); err == nil {
		state = h.s.conn.ConnectionState()
	}
	return state, err
}

// Readable receives what there is room for.
func (h *handshake) Readable(c *Conn) {
	room := h.room(h.begun)
	if room == 0 {
		return // the goroutine says when it has taken some
	}
	c.flags |= asked
	buf := c.loop.buffers.receive(min(room, smallRead))
	n := c.receive(buf)
	c.flags &^= large
	if h.feed(buf[:n], nil); h.ready() {
		h.begin()
	}
	if c.flags&(canRead|dry) == canRead {
		c.loop.enqueue(c) // even one that is paused
	}
}

// Writable goes on with what the goroutine has written.
func (h *handshake) Writable(c *Conn) { h.look(c) }

// Ended is the end of what is received.
func (h *handshake) Ended(c *Conn, err error) {
	if err == ErrEnded { //nolint:errorlint // it is never wrapped
		h.leave(c)
		h.loop.current = h.owner
		h.owner.Ended(c, err)
		return
	}
	if err == io.EOF { //nolint:errorlint // as above
		h.feed(nil, err)
		h.begin()
		return
	}
	h.finish(c, tls.ConnectionState{}, err)
}

// Expired is the deadline, or the end of the time that one has whose peer keeps others waiting.
func (h *handshake) Expired(*Timer) {
	c := h.conn()
	switch n := &h.loop.shakes; {
	case c == nil:
	case h.loop.Now() >= h.until, len(n.waiting) > n.gone && h.starves() >= n.crowded:
		h.finish(c, tls.ConnectionState{}, os.ErrDeadlineExceeded)
	default: // its peer has spoken, or it computes, or nobody waits any more
		h.loop.Arm(&h.timer, h, h.until)
		n.started = append(n.started, h)
		if len(n.waiting) > n.gone {
			n.hurry()
		}
	}
}

// hurry has the one that has had its goroutine for the longest make way for another, if all that it does is to wait for its peer.
func (n *handshakes) hurry() {
	for len(n.started) > 0 {
		h := n.started[0]
		n.started[0] = nil
		n.started = n.started[1:]
		if c := h.conn(); c != nil && !h.gone {
			h.loop.Arm(&h.timer, h, min(h.until, max(h.since+int64(n.crowded), h.loop.Now())))
			return
		}
	}
}

// Deliver is what the goroutine has to say.
func (h *handshake) Deliver(l *Loop) {
	if h.heard() && !h.gone {
		h.gone = true
		l.shakes.ended()
	}
	if c := h.conn(); c != nil {
		h.look(c)
	}
}

// conn is the connection; nil: it has gone, or the handshake is over.
func (h *handshake) conn() *Conn {
	if c := h.loop.find(h.key); c != nil && c.extra != nil && c.extra.tls == h.s && c.flags&securing != 0 {
		return c
	}
	return nil
}

// ended lets another begin.
func (n *handshakes) ended() {
	if n.running--; n.running == 0 && len(n.waiting) == 0 {
		n.started = nil
	}
	for len(n.waiting) > 0 && n.running < maxHandshakes {
		h := n.waiting[0]
		n.waiting[0] = nil
		if n.waiting = n.waiting[1:]; h.waits {
			h.waits = false
			h.start()
		} else {
			n.gone--
		}
	}
}

// forget does not keep one that will never begin; to go through all of those that wait for each would take too long.
func (n *handshakes) forget(h *handshake) {
	if h.waits {
		h.waits = false
		if n.gone++; n.gone > len(n.waiting)/2 {
			n.waiting = slices.DeleteFunc(n.waiting, func(h *handshake) bool { return !h.waits })
			n.gone = 0
		}
	}
}

// look does what the goroutine is waiting for.
func (h *handshake) look(c *Conn) {
	if c.Pending() == 0 {
		if out := h.take(); len(out) > 0 {
			if _, err := c.push(out, maxPending); err != nil {
				h.finish(c, tls.ConnectionState{}, err)
				return
			}
		}
	}
	switch over, state, err := h.outcome(); {
	case over:
		h.finish(c, state, err)
	case c.flags&canRead != 0:
		h.loop.enqueue(c)
	}
}

// finish tells the owner.
func (h *handshake) finish(c *Conn, state tls.ConnectionState, err error) {
	l, k := h.loop, h.key
	h.leave(c)
	if c.flags |= secured; err == nil {
		h.s.shake, h.s.rest = nil, h.left()
		c.flags = c.flags&^(dry|toldEOF) | canRead // an end is met again, behind what came before it
	} else {
		c.extra.tls = &secure{broken: true}
	}
	if c.flags&canRead != 0 {
		l.enqueue(c)
	}
	l.current, l.serving = h.owner, k
	h.done.Secured(c, state, err)
	l.settle(c, k)
	l.serving = none()
}

// leave gives the connection back to its owner, and lets the goroutine end, if it has not.
func (h *handshake) leave(c *Conn) {
	c.owner = h.owner
	c.flags &^= securing
	h.cancel()
}

// cancel ends the handshake.
func (h *handshake) cancel() {
	h.loop.Stop(&h.timer)
	h.loop.shakes.forget(h)
	h.abort()
}

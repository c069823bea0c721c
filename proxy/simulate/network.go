package simulate

import (
	"io"
	"syscall"
	"time"

	"segue/proxy/loop"
)

// wire is a connection between Segue, at its near end, and somebody who plays. TCP keeps bytes in order, and does no more: they are cut anywhere, take their
// time, and an end may come with the last of them, or in their place.
type wire struct {
	w    *World
	name string
	d    dice
	slow time.Duration // the longest that a piece takes
	size int           // of what the far end has room for

	// Towards Segue.
	in                  lane
	news                func(loop.News)
	failed              syscall.Errno            // what the near end meets next: ECONNRESET once
	broken              bool                     // a reset has arrived
	host                interface{ away() bool } // the far end's, if it has gone without a word
	nearFIN, nearClosed bool

	// Towards the player.
	out                        lane
	wants                      bool // the near end waits for room
	far                        farEnd
	pace                       int  // how much the far end reads at a time; 0: all
	stopped                    bool // the far end reads nothing
	farFIN, farClosed, farTold bool
	pacing                     bool
}

// farEnd is the player.
type farEnd interface {
	received(b []byte)
	ended(err error) // io.EOF: the other side has closed its sending side
}

// lane is one direction.
type lane struct {
	flying []byte // on the way
	there  []byte // arrived, and not read
	fin    bool   // has arrived
	last   int64  // when what was sent last arrives
}

// connect makes a wire whose far end is played by f.
func (w *World) connect(name string, f farEnd) *wire {
	w.wires++
	x := &wire{w: w, name: name, d: newDice(w.seed, ofWire, w.wires), far: f, size: 256 << 10, slow: 2 * time.Millisecond}
	switch {
	case x.d.one(12):
		x.slow = 200 * time.Millisecond
	case x.d.one(3):
		x.slow = 0
	}
	if x.d.one(10) {
		x.size = 1 + x.d.IntN(2000)
	}
	w.open = append(w.open, x)
	return x
}

// arrival is when something that is sent now arrives.
func (x *wire) arrival(l *lane) int64 {
	l.last = max(l.last, x.w.now+x.d.span(x.slow))
	return l.last
}

// pieces cuts n bytes.
func (x *wire) pieces(n int, each func(n int)) {
	for n > 0 {
		k := n
		if x.d.one(3) {
			k = 1 + x.d.IntN(n)
			if x.d.one(2) {
				k = min(n, 1+x.d.IntN(8))
			}
		}
		each(k)
		n -= k
	}
}

// The near end, which is Segue's.

// Recv implements loop.Player.
func (x *wire) Recv(b []byte) (int, syscall.Errno) {
	switch {
	case len(x.in.there) > 0:
		n := copy(b, x.in.there)
		x.in.there = x.in.there[n:]
		return n, 0
	case x.failed != 0:
		errno := x.failed
		x.failed = 0
		return 0, errno
	case x.in.fin, x.broken:
		return 0, 0
	}
	return 0, syscall.EAGAIN
}

// Peek implements loop.Player.
func (x *wire) Peek() (bytes, end bool) {
	return len(x.in.there) > 0, len(x.in.there) == 0 && (x.in.fin || x.broken)
}

// Send implements loop.Player.
func (x *wire) Send(b []byte) (int, syscall.Errno) {
	switch {
	case x.nearClosed || x.nearFIN:
		x.w.fail("%s: Segue writes behind its end", x.name)
		return 0, syscall.EPIPE
	case x.failed != 0:
		errno := x.failed
		x.failed = 0
		return 0, errno
	case x.broken:
		return 0, syscall.EPIPE
	}
	n := min(len(b), x.size-len(x.out.flying)-len(x.out.there))
	if x.wants = n < len(b); n <= 0 {
		return 0, syscall.EAGAIN
	}
	x.out.flying = append(x.out.flying, b[:n]...)
	x.pieces(n, func(n int) { x.w.add(x.arrival(&x.out), func() { x.toFar(n) }) })
	return n, 0
}

// Finish implements loop.Player.
func (x *wire) Finish() {
	if !x.nearFIN && !x.nearClosed {
		x.nearFIN = true
		x.w.add(x.arrival(&x.out), x.finToFar)
	}
}

// Close implements loop.Player.
func (x *wire) Close() {
	if x.nearClosed {
		x.w.fail("%s: Segue closes twice", x.name)
		return
	}
	x.nearClosed = true
	x.w.closed(x)
	switch {
	case x.broken:
	case len(x.in.there) > 0:
		x.w.add(x.arrival(&x.out), func() { x.endFar(syscall.ECONNRESET) })
	case !x.nearFIN:
		x.w.add(x.arrival(&x.out), x.finToFar)
	}
}

// Attach implements loop.Player.
func (x *wire) Attach(news func(loop.News)) {
	x.news = news
	x.tell(loop.CanWrite | x.readable())
}

func (x *wire) readable() (n loop.News) {
	if len(x.in.there) > 0 {
		n = loop.CanRead
	}
	switch {
	case x.broken:
		n |= loop.CanRead | loop.CanWrite | loop.HungUp | loop.Gone
	case x.in.fin:
		n |= loop.CanRead | loop.HungUp
	}
	return n
}

func (x *wire) tell(n loop.News) {
	if x.news != nil && n != 0 {
		x.news(n)
	}
}

// What arrives.

func (x *wire) toNear(n int) {
	if n = min(n, len(x.in.flying)); n == 0 {
		return
	}
	b := x.in.flying[:n]
	x.in.flying = x.in.flying[n:]
	if x.nearClosed { // the kernel answers for a closed socket
		x.w.add(x.arrival(&x.out), func() { x.endFar(syscall.ECONNRESET) })
		return
	}
	x.in.there = append(x.in.there, b...)
	x.tell(x.readable())
}

func (x *wire) finToNear() {
	if x.broken || x.nearClosed {
		return
	}
	x.in.fin = true
	x.tell(x.readable())
}

func (x *wire) resetNear() { x.fails(syscall.ECONNRESET) }

// fails is how the near end finds out that the connection is none any more.
func (x *wire) fails(errno syscall.Errno) {
	if x.broken || x.nearClosed {
		return
	}
	x.broken, x.failed = true, errno
	x.in.flying = nil
	x.tell(x.readable())
}

func (x *wire) toFar(n int) {
	n = min(n, len(x.out.flying))
	x.out.there = append(x.out.there, x.out.flying[:n]...)
	x.out.flying = x.out.flying[n:]
	if x.farClosed {
		x.out.there = nil
		if n > 0 && x.host != nil && x.host.away() {
			x.again(n)
		} else if n > 0 {
			x.w.add(x.arrival(&x.in), x.resetNear)
		}
		return
	}
	x.read()
}

func (x *wire) finToFar() {
	x.out.fin = true
	x.read()
}

// read gives the far end what has come, as it takes it.
func (x *wire) read() {
	if x.farClosed || x.stopped || x.farTold {
		return
	}
	if n := len(x.out.there); n > 0 {
		if x.pace > 0 && n > x.pace {
			n = x.pace
			if !x.pacing {
				x.pacing = true
				x.w.add(x.w.now+int64(time.Millisecond), func() {
					x.pacing = false
					x.read()
				})
			}
		}
		b := x.out.there[:n:n]
		x.out.there = x.out.there[n:]
		if x.wants && !x.nearClosed {
			x.wants = false
			x.tell(loop.CanWrite)
		}
		x.far.received(b)
	}
	if x.out.fin && len(x.out.there) == 0 && len(x.out.flying) == 0 {
		x.endFar(io.EOF)
	}
}

func (x *wire) endFar(err error) {
	if !x.farTold && !x.farClosed {
		x.farTold = true
		x.far.ended(err)
	}
}

// The far end, which is the player's.

// send sends b; with fin the end travels with the last of it.
func (x *wire) send(b []byte, fin bool) {
	if x.farClosed || x.farFIN {
		return
	}
	x.in.flying = append(x.in.flying, b...)
	left := len(b)
	x.pieces(left, func(n int) {
		left -= n
		end := fin && left == 0
		x.w.add(x.arrival(&x.in), func() {
			if x.toNear(n); end {
				x.finToNear()
			}
		})
	})
	if fin {
		if x.farFIN = true; len(b) == 0 {
			x.w.add(x.arrival(&x.in), x.finToNear)
		}
	}
}

// close is close(2): a reset if something has not been read.
func (x *wire) close() {
	if x.farClosed {
		return
	}
	if len(x.out.there) > 0 {
		x.reset(false)
		return
	}
	if !x.farFIN {
		x.send(nil, true)
	}
	x.farClosed = true
}

// reset is how a process that is killed, or a socket without linger, ends; what flies may be lost.
func (x *wire) reset(lose bool) {
	if x.farClosed {
		return
	}
	x.farClosed, x.out.there = true, nil
	if lose {
		x.in.last = x.w.now
		x.resetNear()
		return
	}
	x.w.add(x.arrival(&x.in), x.resetNear)
}

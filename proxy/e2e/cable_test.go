package e2e

import (
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// cable is the network between Segue and one port of a server, which a test can cut, stop and slow.
type cable struct {
	ln      net.Listener
	target  string
	running sync.WaitGroup
	cuts    *moments

	mu      sync.Mutex
	changed *sync.Cond // condition, or a strand's broken
	condition
	bites, mouthfuls int // answers that are still to be cut in the middle: of any length, and large ones
	strands          map[*strand]bool
	closed           bool
}

// condition is how a cable carries what comes. What it does not carry waits in it, a connection's end included, as with a network
// that drops packets: those are sent again when it works again.
type condition struct {
	deaf  bool          // nothing reaches the server
	mute  bool          // nothing comes back
	delay time.Duration // of each read, either way
}

// strand is one connection.
type strand struct {
	near, far *net.TCPConn // far is nil until the server has been reached
	broken    bool
}

// startCable lays a cable to target. It ends with the test.
func startCable(t *testing.T, target string) *cable {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("listen: %v", err)
	}
	c := &cable{ln: ln, target: target, strands: map[*strand]bool{}, cuts: &moments{}}
	c.changed = sync.NewCond(&c.mu)
	c.running.Go(c.serve)
	t.Cleanup(c.close)
	return c
}

func (c *cable) address() string { return c.ln.Addr().String() }

func (c *cable) close() {
	_ = c.ln.Close()
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.reset()
	c.running.Wait()
}

// set makes the cable carry as told from now on.
func (c *cable) set(to condition) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.condition = to
	c.changed.Broadcast()
}

// bite cuts the next answers in the middle, so many of any length and so many large ones: half of what has come is carried, then
// there is a reset.
func (c *cable) bite(n, large int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.bites, c.mouthfuls = n, large
}

// reset breaks every connection by RST, on both sides.
func (c *cable) reset() {
	c.cuts.note()
	c.mu.Lock()
	defer c.mu.Unlock()
	for l := range c.strands {
		l.breakOff()
	}
	c.changed.Broadcast()
}

// finish closes every connection by FIN, on both sides.
func (c *cable) finish() {
	c.cuts.note()
	c.mu.Lock()
	defer c.mu.Unlock()
	for l := range c.strands {
		_ = l.near.CloseWrite()
		if l.far != nil {
			_ = l.far.CloseWrite()
		}
	}
}

// breakOff needs the cable's mu.
func (l *strand) breakOff() {
	l.broken = true
	for _, c := range []*net.TCPConn{l.near, l.far} {
		if c != nil {
			_ = c.SetLinger(0)
			_ = c.Close()
		}
	}
}

func (c *cable) serve() {
	for {
		near, err := c.ln.Accept()
		if err != nil {
			return
		}
		l := &strand{near: near.(*net.TCPConn)}
		c.mu.Lock()
		c.strands[l] = true
		if c.closed {
			l.breakOff()
		}
		c.mu.Unlock()
		c.running.Go(func() { c.carry(l) })
	}
}

// carry carries one connection until both directions have ended.
func (c *cable) carry(l *strand) {
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		l.breakOff() // nothing is left to be carried
		delete(c.strands, l)
	}()
	if !c.await(l, func() bool { return c.deaf || c.mute }) {
		return
	}
	far, err := net.Dial("tcp", c.target)
	if err != nil {
		return
	}
	c.mu.Lock()
	l.far = far.(*net.TCPConn)
	if l.broken {
		l.breakOff()
	}
	c.mu.Unlock()
	var back sync.WaitGroup
	back.Go(func() { c.pump(l, l.near, l.far, func() bool { return c.mute }, true) })
	c.pump(l, l.far, l.near, func() bool { return c.deaf }, false)
	back.Wait()
}

// await waits while the cable is out of order, and reports false if the strand has been broken. stopped needs mu.
func (c *cable) await(l *strand, stopped func() bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for stopped() && !l.broken {
		c.changed.Wait()
	}
	return !l.broken
}

// pump carries one direction.
func (c *cable) pump(l *strand, to, from *net.TCPConn, stopped func() bool, answers bool) {
	b := make([]byte, 16<<10)
	for {
		n, err := from.Read(b)
		if !c.await(l, stopped) {
			return
		}
		if n > 0 {
			time.Sleep(c.wait()) // that is the fault
			bitten := answers && c.takeBite(n)
			if bitten {
				c.cuts.note()
				n /= 2
			}
			_, wrote := to.Write(b[:n])
			if bitten || wrote != nil {
				c.breakOff(l)
				return
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			_ = to.CloseWrite()
			return
		case err != nil:
			c.breakOff(l)
			return
		}
	}
}

func (c *cable) breakOff(l *strand) {
	c.mu.Lock()
	defer c.mu.Unlock()
	l.breakOff()
	c.changed.Broadcast()
}

func (c *cable) wait() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.delay
}

// takeBite takes a bite of n bytes of answers, if one is due and there is something to bite into.
func (c *cable) takeBite(n int) bool {
	const large = 4 << 10
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.mouthfuls > 0 && n >= large:
		c.mouthfuls--
	case c.bites > 0 && n > 1:
		c.bites--
	default:
		return false
	}
	return true
}

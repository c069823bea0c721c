package loop

import "time"

// lingering is a connection whose owner has left it to the loop: what is pending is sent, and the peer given time to close its side.
type lingering struct {
	conn  Conn
	timer Timer
}

// CloseAfterFlush ends c's connection in good order, and gives it up: nothing of it is heard any more, and c is free for another. What is pending is sent, and
// the end behind it; the connection is closed when the peer has closed it, too, or after grace. Closed at once it would be reset if the peer had sent
// anything that nobody has read, and what had not been read over there would be lost.
func (c *Conn) CloseAfterFlush(grace time.Duration) {
	if c.flags&(open|making|failed) != open {
		c.Close()
		return
	}
	if c.flags&(finishing|finished) == 0 {
		if c.Finish(nil) != nil {
			c.Close()
			return
		}
	}
	l, g := c.loop, new(lingering)
	g.conn = *c
	*c = Conn{}
	g.conn.owner = g
	g.conn.flags = g.conn.flags&^(paused|queued|toldEOF) | canRead
	g.conn.uncode()
	l.slot(g.conn.fd).conn = &g.conn
	l.enqueue(&g.conn)
	l.Arm(&g.timer, g, l.Now()+int64(grace))
}

func (g *lingering) Readable(c *Conn) {
	c.Read()
	if e := c.extra; e != nil {
		e.rest = nil
	}
}

func (g *lingering) Writable(c *Conn) { g.closeIfDone(c) }

func (g *lingering) Ended(c *Conn, err error) {
	if c.flags&failed != 0 || err == ErrEnded { //nolint:errorlint // it is never wrapped
		g.close()
		return
	}
	g.closeIfDone(c)
}

func (g *lingering) Expired(*Timer) { g.close() }

// closeIfDone closes the connection once both sides have said all they had to.
func (g *lingering) closeIfDone(c *Conn) {
	if c.flags&dry != 0 && c.Pending() == 0 {
		g.close()
	}
}

func (g *lingering) close() {
	if l := g.conn.loop; l != nil {
		l.Stop(&g.timer)
		g.conn.Close()
	}
}

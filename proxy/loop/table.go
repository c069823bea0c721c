package loop

// key finds a connection. What is still under way for one that has been closed finds nothing, or at least not the next with the same descriptor: gen has
// been raised. The kernel may even speak of a closed one for a while, if another process has its descriptor, too.
type key struct {
	fd  int32
	gen uint32
}

// none is no connection's key.
func none() key { return key{fd: -1 << 31} }

// slot is where a connection is found: by its descriptor, or, if goroutines feed it, by the complement of its place among those.
type slot struct {
	conn *Conn
	gen  uint32
}

// page is a part of the table: it grows by whole ones, and nothing of it is moved.
type page [pageSize]slot

const pageSize = 256

// slot returns where fd belongs, if there is such a place.
func (l *Loop) slot(fd int32) *slot {
	if at := int(^fd); at >= 0 {
		if at < len(l.fed) {
			return &l.fed[at]
		}
		return nil
	}
	if at := int(fd) / pageSize; at < len(l.table) && l.table[at] != nil {
		return &l.table[at][fd%pageSize]
	}
	return nil
}

// find returns the connection of a key; nil: it is closed.
func (l *Loop) find(k key) *Conn {
	if s := l.slot(k.fd); s != nil && s.gen == k.gen {
		return s.conn
	}
	return nil
}

// enter puts a connection into the table, and has what happens to it told. Without a descriptor it is given a place.
func (l *Loop) enter(c *Conn) error {
	switch {
	case c.fd >= 0:
		at := int(c.fd) / pageSize
		if more := at + 1 - len(l.table); more > 0 {
			l.table = append(l.table, make([]*page, more)...)
		}
		if l.table[at] == nil {
			l.table[at] = new(page)
		}
	case len(l.freeFed) > 0:
		c.fd = l.freeFed[len(l.freeFed)-1]
		l.freeFed = l.freeFed[:len(l.freeFed)-1]
	default:
		c.fd = ^int32(len(l.fed))
		l.fed = append(l.fed, slot{})
	}
	s := l.slot(c.fd)
	if s.gen++; c.fd >= 0 {
		if err := l.poller.add(c.fd, s.gen, c.flags); err != nil {
			return err
		}
	}
	s.conn = c
	l.conns.Add(1)
	return nil
}

// leave takes a connection out of the table.
func (l *Loop) leave(c *Conn) {
	l.slot(c.fd).conn = nil
	if c.fd < 0 {
		l.freeFed = append(l.freeFed, c.fd)
	}
	l.conns.Add(-1)
}

// mark notes what has happened to a connection, and queues it if there is something to do.
func (l *Loop) mark(k key, bits flags) {
	c := l.find(k)
	if c == nil {
		return
	}
	c.flags |= bits
	if bits&canRead != 0 || c.extra != nil {
		l.enqueue(c)
	}
}

func (l *Loop) enqueue(c *Conn) {
	if c.flags&queued == 0 {
		c.flags |= queued
		l.queue = append(l.queue, c.key())
	}
}

// dispatch does what there is to do for a connection. It reads once at most, so that a stream does not hold up the others.
func (l *Loop) dispatch(k key) {
	c := l.find(k)
	if c == nil {
		return
	}
	c.flags &^= queued
	l.current, l.serving = c.owner, k
	switch {
	case c.flags&dialling != 0:
		l.connected(c)
		if l.find(k) != c { // here and below: the owner may have closed it
			return
		}
	case c.flags&canWrite != 0:
		if c.flush(); l.find(k) != c {
			return
		}
	}
	c.flags &^= canWrite | asked
	switch {
	case c.flags&(canRead|dialling) != canRead:
	case c.flags&(paused|securing) == paused:
		if c.flags&(hungUp|toldHangup) == hungUp {
			c.flags |= toldHangup
			if o, ok := c.owner.(HangupOwner); ok {
				o.HungUp(c)
			}
		}
	case c.flags&dry != 0 && (c.extra == nil || len(c.extra.rest) == 0):
		c.flags &^= canRead
	default:
		c.owner.Readable(c)
	}
	l.settle(c, k)
	l.serving = none()
}

// settle follows the callbacks for a connection: it tells of ends that they have met, and sees to what they have left.
func (l *Loop) settle(c *Conn, k key) {
	if l.find(k) != c {
		return
	}
	if c.flags&paused == 0 || c.flags&dry != 0 {
		if c.tell(); l.find(k) != c {
			return
		}
	}
	if c.flags&(asked|canRead|paused|dry) == asked|canRead {
		l.enqueue(c)
	}
}

// closeDoomed closes what has been closed in this turn: until then the kernel gives the descriptors to nobody else.
func (l *Loop) closeDoomed() {
	for _, fd := range l.doomed {
		closeSocket(fd)
	}
	l.doomed = l.doomed[:0]
}

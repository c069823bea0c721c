package loop

// begin is the end of a sleep.
func (l *Loop) begin() (woke int64) {
	l.now = l.clock()
	return l.now
}

// turn does what there is to do. left: something is, for the next turn. more: there may be by now, as there was much to do.
func (l *Loop) turn() (left, more bool) {
	n, most, mail := l.poller.collect()
	if mail {
		l.takeMail()
	}
	l.until = len(l.queue)
	for !l.work() { // until no panic has cut it short
	}
	l.queue = l.queue[:copy(l.queue, l.queue[l.head:])]
	l.head = 0
	l.closeDoomed()
	l.buffers.turn()
	if l.retiring.Load() && l.conns.Load() == 0 && l.assigned.Load() == 0 {
		l.over = true
	}
	now := l.clock()
	l.busy.Store(l.busy.Load() + now - l.now)
	l.now = now
	return len(l.queue) > 0 || most, n > 1
}

// work runs callbacks, and returns when all have been run or one has panicked.
func (l *Loop) work() (done bool) {
	defer l.contain(&done)
	for l.head < l.until {
		k := l.queue[l.head]
		l.head++
		l.dispatch(k)
	}
	for t := l.timers.expire(l.now); t != nil; t = l.timers.expire(l.now) {
		l.current = t.owner
		t.owner.Expired(t)
	}
	for l.delivered < len(l.messages) {
		m := l.messages[l.delivered]
		l.messages[l.delivered] = nil
		l.delivered++
		l.current = m
		m.Deliver(l)
	}
	l.current = nil
	return true
}

// takeMail takes what others have told the loop, once what it took before has been delivered.
func (l *Loop) takeMail() {
	var stop bool
	l.messages, l.events, stop = l.mail.take(l.messages, l.events)
	l.delivered = 0
	l.over = l.over || stop
	for i := range l.events {
		e := &l.events[i]
		if e.dial != nil {
			l.markDialed(e)
		} else {
			l.mark(e.key, e.bits)
		}
		*e = event{}
	}
}

// finish tells everybody that the loop has ended, and closes everything.
func (l *Loop) finish() {
	l.mail.close(func() {})
	l.takeMail()
	l.closed = true
	for l.until = 0; !l.work(); {
	}
	for _, p := range l.table {
		if p != nil {
			l.abandonAll(p[:])
		}
	}
	l.abandonAll(l.fed)
	l.closeDoomed()
	l.mail.close(l.poller.close)
	l.feeders.Wait()
}

func (l *Loop) abandonAll(slots []slot) {
	for i := range slots {
		if c := slots[i].conn; c != nil {
			l.abandon(c)
		}
	}
}

// abandon ends a connection with its loop.
func (l *Loop) abandon(c *Conn) {
	done := false
	defer l.contain(&done)
	defer c.Close()
	l.current, l.serving = c.owner, c.key()
	c.owner.Ended(c, ErrEnded)
	done = true
}

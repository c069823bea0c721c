package loop

import "runtime/debug"

// Crasher is an owner of connections or timers, an acceptor or a message that wants to hear when a callback of its own has panicked. Connections of an owner
// that is none are closed then.
type Crasher interface {
	Crashed(cause any, stack []byte)
}

// contain is deferred. It keeps a panic to whoever's callback it is.
func (l *Loop) contain(done *bool) {
	if *done {
		return
	}
	crasher, told := l.current.(Crasher)
	if !told && l.opts.Crashed == nil {
		return // and so does the process
	}
	cause := recover()
	if cause == nil { // the goroutine ends: testing.T.FailNow
		return
	}
	stack := debug.Stack()
	if told {
		l.crashed(crasher, cause, stack)
	} else {
		l.opts.Crashed(cause, stack)
	}
	k := l.serving
	l.serving = none()
	if c := l.find(k); c != nil {
		if _, is := c.owner.(*Listener); !told && !is {
			c.Close()
		} else if c.flags&asked != 0 { // what follows the callback is to come yet
			if c.flags&dry != 0 {
				c.flags |= canRead
			}
			l.enqueue(c)
		}
	}
}

// crashed tells an owner. If that panics, too, it is the process's business.
func (l *Loop) crashed(c Crasher, cause any, stack []byte) {
	told := false
	defer func() {
		if told || l.opts.Crashed == nil {
			return
		}
		l.opts.Crashed(recover(), debug.Stack())
	}()
	c.Crashed(cause, stack)
	told = true
}

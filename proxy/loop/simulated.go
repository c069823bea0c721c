package loop

import (
	"errors"
	"net"
	"syscall"
)

// A loop that a simulation drives has neither goroutine nor descriptor: its connections are played ones, time is what time.Now says (in a bubble
// of testing/synctest), and nothing happens but in [Loop.Step].

// Player is the near end of a connection that a simulation plays. It looks as a socket that does not block: Recv of nothing, without an error, is the end.
type Player interface {
	Recv(b []byte) (int, syscall.Errno)
	Send(b []byte) (int, syscall.Errno)
	Peek() (bytes, end bool)
	Finish() // closes the sending side
	Close()
	// Attach has news told from now on: what there is now, and what comes. nil: nobody listens.
	Attach(news func(News))
}

// News is what a poller says of a connection.
type News uint8

// What there may be to be told.
const (
	CanRead  News = 1 << iota // bytes, or an end
	CanWrite                  // there is room
	HungUp                    // the peer has closed its sending side
	Gone                      // and its receiving side, or the connection has failed
)

// Dialer makes the connections of a simulation. It calls done once, but not before it has returned; what is made for a dial that has been stopped is closed.
type Dialer func(addr net.Addr, done func(p Player, err error)) (stop func())

// PlayedSocket is a connection that a simulation plays.
func PlayedSocket(p Player) Socket { return Socket{fd: -1, stream: &played{p}, flags: open} }

// Step is one turn of a loop that nobody runs. It reports whether there is something left to be done at once.
func (l *Loop) Step() (left bool) {
	l.begin()
	left, _ = l.turn()
	l.mail.mu.Lock()
	defer l.mail.mu.Unlock()
	return left || l.mail.woken
}

// Woken reports whether somebody has told the loop something since its last step.
func (l *Loop) Woken() bool {
	l.mail.mu.Lock()
	defer l.mail.mu.Unlock()
	return l.mail.woken || len(l.queue) > 0
}

// Due is when the next timer expires.
func (l *Loop) Due() (at int64, any bool) { return l.timers.next() }

// End ends a loop that nobody has run.
func (l *Loop) End() {
	if !l.running.Swap(true) {
		l.finish()
	}
}

// medium is what a connection without a descriptor consists of.
type medium interface {
	attach(l *Loop, k key)
	detach()
	recv(b []byte) (int, syscall.Errno)
	send(b []byte) (int, syscall.Errno)
	peek() (bytes, end bool)
	finish()
	close(now bool)
	cause(errno syscall.Errno) error
	control(f func(fd uintptr)) error
}

// played is a medium that a simulation plays.
type played struct{ Player }

func (p *played) attach(l *Loop, k key) {
	p.Attach(func(n News) {
		var bits flags
		for _, b := range [...]struct {
			news News
			bits flags
		}{{CanRead, canRead}, {CanWrite, canWrite}, {HungUp, hungUp}, {Gone, hungUp | peerGone}} {
			if n&b.news != 0 {
				bits |= b.bits
			}
		}
		l.mail.tell(event{key: k, bits: bits})
	})
}

func (p *played) detach()                            { p.Attach(nil) }
func (p *played) recv(b []byte) (int, syscall.Errno) { return p.Recv(b) }
func (p *played) send(b []byte) (int, syscall.Errno) { return p.Send(b) }
func (p *played) peek() (bytes, end bool)            { return p.Peek() }
func (p *played) finish()                            { p.Finish() }
func (p *played) cause(errno syscall.Errno) error    { return errno }
func (p *played) control(func(fd uintptr)) error     { return errors.ErrUnsupported }

func (p *played) close(bool) {
	p.Attach(nil)
	p.Close()
}

// dialPlayed has the simulation dial.
func (l *Loop) dialPlayed(k key, addr net.Addr) (stop func()) {
	return l.opts.Dialer(addr, func(p Player, err error) {
		d := &dialed{err: err}
		if p != nil {
			d.stream = &played{p}
		}
		l.mail.tell(event{key: k, bits: canWrite, dial: d})
	})
}

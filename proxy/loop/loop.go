package loop

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// ErrEnded is what the owner of a connection hears whose loop has ended, and who wants something of such a loop.
var ErrEnded = errors.New("the event loop has ended")

// Options of a loop. The zero value will do.
type Options struct {
	// Epoch is when [Loop.Now] was 0. Loops that have it in common can compare their times; by default it is when the loop was made.
	Epoch time.Time
	// Crashed hears of a panic in a callback of whoever is no [Crasher]. Without it such a panic ends the process.
	Crashed func(cause any, stack []byte)
	// Portable has goroutines feed the loop, as on systems without epoll.
	Portable bool
	// Dialer has a simulation play the loop's connections and call [Loop.Step]: the loop is not run.
	Dialer Dialer
}

// Loop owns connections, timers and whoever they belong to. But for [Loop.Post], Assign, Release, Busy, Conns and Retire, its methods and those of what it
// owns are for its own goroutine: for callbacks.
type Loop struct {
	opts    Options
	epoch   time.Time
	poller  poller
	mail    mailbox
	running atomic.Bool

	// For everybody.
	conns    atomic.Int64
	assigned atomic.Int64
	busy     atomic.Int64 // nanoseconds
	retiring atomic.Bool

	// The loop's own.
	now     int64
	timers  timers
	table   []*page // by descriptor
	fed     []slot  // of connections that goroutines feed: see slot
	freeFed []int32
	queue   []key // connections for which there is something to do
	head    int   // what has been done of it in this turn
	until   int   // and how far it is to go
	buffers buffers
	shakes  handshakes
	doomed  []int32 // to be closed at the end of the turn
	over    bool    // the loop is to end
	closed  bool    // nothing more may join it
	feeders sync.WaitGroup

	messages  []Message
	delivered int // of messages
	events    []event

	current any // whose callback runs: see contain
	serving key // and for which connection; none: for no connection
}

// poller waits for events, and for whoever wakes the loop.
type poller interface {
	run() error                               // calls turn until the loop is over
	collect() (n int, most, mail bool)        // marks n connections; most: as many as it could; mail: somebody has woken the loop
	add(fd int32, gen uint32, of flags) error // from now on what happens to fd is marked; of a local one not that there is room
	room(fd int32, gen uint32, tell bool)     // … or that too
	remove(fd int32)
	wake() // from any goroutine
	close()
}

// New makes a loop, which must be run: that releases what it holds.
func New(o Options) (*Loop, error) {
	l := &Loop{opts: o, epoch: o.Epoch, serving: none()}
	if l.epoch.IsZero() {
		l.epoch = time.Now()
	}
	l.poller = newFeed(l)
	if !o.Portable && o.Dialer == nil {
		p, err := newPoller(l)
		if err != nil {
			return nil, err
		}
		l.poller = p
	}
	l.mail.wake = l.poller.wake
	l.now = l.clock()
	return l, nil
}

// Run is the loop's one goroutine. It ends when ctx is done, or a retired loop has nothing left. What is left then is told so, and closed.
func (l *Loop) Run(ctx context.Context) error {
	if l.running.Swap(true) {
		return ErrEnded
	}
	halted := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(halted)
		l.mail.halt()
	})
	err := l.poller.run()
	l.finish()
	if !stop() {
		<-halted
	}
	return err
}

// Post has m delivered on the loop's goroutine, in the order in which each goroutine posts. It reports false once the loop has ended.
func (l *Loop) Post(m Message) bool { return l.mail.post(m) }

// Now is the time since the loop's epoch in nanoseconds, from the monotonic clock, as it was when this round of callbacks began.
func (l *Loop) Now() int64 { return l.now }

// Arm lets t expire at due, at its owner's. If it was armed already, it does not expire as it would have.
func (l *Loop) Arm(t *Timer, owner TimerOwner, due int64) {
	t.owner = owner
	l.timers.arm(t, due)
}

// Stop lets t not expire.
func (l *Loop) Stop(t *Timer) { l.timers.stop(t) }

func (l *Loop) clock() int64 { return int64(time.Since(l.epoch)) }

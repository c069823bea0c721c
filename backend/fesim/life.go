package fesim

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Exit codes, as a shell reports them.
const (
	exitDone       = 0
	exitRefused    = 255 // System.exit(-1)
	exitKilled     = 128 + 9
	exitUser1      = 128 + 10 // SIGUSR1 before its handler is installed
	exitTerminated = 128 + 15
)

// death is how a life ends.
type death struct {
	code    int
	reset   bool // RST on every socket, not only on those with a statement running
	partial bool // running statements get the beginning of a packet first
}

// life is an FE from Start to its exit: what a process would hold.
type life struct {
	// Static after newLife.
	fe      *FE
	opts    *Options
	version string
	began   time.Time
	ctx     context.Context // ends with the process
	cancel  context.CancelFunc
	started chan error    // receives the outcome of the start, once
	exited  chan struct{} // closed when code is set and all goroutines of this life have ended
	leaving chan struct{} // closed when the graceful exit begins
	fatal   chan death    // receives at most one death that comes from outside

	draining atomic.Bool  // health answers 500
	leftAt   atomic.Int64 // when the graceful exit began, in Unix nanoseconds
	closing  atomic.Bool  // TiDB, after GracefulWait: sessions are closed at their next command

	// Owned by run, read after exited is closed.
	code int

	wg sync.WaitGroup // every goroutine of this life but run itself

	mu       sync.Mutex
	up       bool // both ports have listened
	dead     bool
	mysql    net.Listener // nil while it does not listen
	health   *healthServer
	sessions map[uint32]*session
	loggedIn int            // sessions that count against MaxConnections
	byUser   map[string]int // … and of each user, against MaxUserConnections
	lastID   uint32         // 24 bits count
	lastStmt uint32
}

func newLife(f *FE) *life {
	ctx, cancel := context.WithCancel(context.Background())
	return &life{
		fe: f, opts: &f.opts, version: f.version, began: time.Now(), ctx: ctx, cancel: cancel, started: make(chan error, 1), exited: make(chan struct{}),
		leaving: make(chan struct{}), fatal: make(chan death, 1), sessions: make(map[uint32]*session), byUser: make(map[string]int),
		lastStmt: uint32(f.opts.FID) << 16, // so that no two FEs give the same statement ids
	}
}

// over reports whether the life has ended.
func (l *life) over() bool {
	select {
	case <-l.exited:
		return true
	default:
		return false
	}
}

// run is the process: it returns, and closes exited, when nothing of it is left.
func (l *life) run() {
	defer close(l.exited)
	d, err := l.start()
	l.started <- err
	if err == nil {
		l.fe.log.Info("fe started", "mysql", l.fe.mysql.address, "http", l.fe.http.address)
		d = l.serve()
	}
	l.end(d)
	l.code = d.code
	l.fe.log.Info("fe exited", "code", d.code)
}

// start opens the ports: HTTP first, MySQL 1 to 200 ms later.
func (l *life) start() (death, error) {
	if d, ok := l.pause(l.opts.StartupDelay); !ok {
		return d, errors.New("exited while starting")
	}
	if err := l.listenHTTP(); err != nil {
		return death{code: exitRefused}, err
	}
	gap := time.Duration(1+l.fe.intN(200)) * time.Millisecond
	if d, ok := l.pause(gap); !ok {
		return d, errors.New("exited while starting")
	}
	if !l.fe.faults().Refuse {
		if err := l.listenMySQL(); err != nil {
			return death{code: exitRefused}, err
		}
	}
	l.mu.Lock()
	l.up = true
	l.mu.Unlock()
	l.fe.cluster.joined(l.fe)
	return death{}, nil
}

// pause waits for d, scaled; false if the FE is to die first.
func (l *life) pause(d time.Duration) (death, bool) {
	timer := time.NewTimer(l.opts.scaled(d))
	defer timer.Stop()
	select {
	case <-timer.C:
		return death{}, true
	case d := <-l.fatal:
		return d, false
	}
}

// serve lasts until the FE is to die.
func (l *life) serve() death {
	tick := time.NewTicker(l.opts.tick(time.Second))
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			l.closeTimedOut()
		case <-l.leaving:
			return l.leave()
		case d := <-l.fatal:
			return d
		}
	}
}

// die tells run to end.
func (l *life) die(d death) {
	select {
	case l.fatal <- d:
	default: // it is dying already
	}
}

// gracefulExit is the handler of the signal.
func (l *life) gracefulExit() {
	l.mu.Lock()
	up := l.up
	l.mu.Unlock()
	switch {
	case !up:
		l.die(death{code: exitUser1, reset: true}) // the handler is installed last: the signal's default action
	case l.draining.Load():
	case !l.fe.cluster.canLose(l.fe):
		l.die(death{code: exitRefused})
	case l.draining.CompareAndSwap(false, true):
		l.leftAt.Store(time.Now().UnixNano())
		close(l.leaving)
	}
}

// end closes everything and waits for it.
func (l *life) end(d death) {
	l.mu.Lock()
	l.dead = true
	sessions := make([]*session, 0, len(l.sessions))
	for _, s := range l.sessions {
		sessions = append(sessions, s)
	}
	l.mu.Unlock()
	l.fe.cluster.left(l.fe) // first: who sees a connection end may begin anew elsewhere, and what the leader held ended with it
	l.closeMySQL()
	if l.health != nil {
		l.health.close(d.reset)
	}
	for _, s := range sessions {
		s.die(d)
	}
	l.cancel()
	l.wg.Wait()
}

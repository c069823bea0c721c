package fesim

import (
	"context"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// beLife is a BE from Start to its exit.
type beLife struct {
	be      *BE
	exited  chan struct{} // closed when code is set and all goroutines of this life have ended
	leaving chan struct{} // closed when the graceful exit begins
	fatal   chan int      // receives at most one exit code that comes from outside
	once    sync.Once     // closes leaving

	code int // written by run, read after exited is closed

	server    *http.Server
	listeners []net.Listener
	wg        sync.WaitGroup // every goroutine of this life but run itself

	ctx    context.Context // ends when the process does
	cancel context.CancelFunc

	mu        sync.Mutex
	conns     map[net.Conn]bool // at the two ports of thrift
	dead      bool
	loads     int                    // requests of loads that are being served
	contexts  map[string]*txnContext // transactions that have begun here, by label (stream_context_mgr)
	merges    map[string]*merge      // merge commits that are being gathered, by table
	errorLogs map[string]string      // by their names
}

func newBELife(b *BE) *beLife {
	ctx, cancel := context.WithCancel(context.Background())
	return &beLife{ctx: ctx, cancel: cancel, be: b, exited: make(chan struct{}), leaving: make(chan struct{}), fatal: make(chan int, 1), conns: make(map[net.Conn]bool), contexts: make(map[string]*txnContext), merges: make(map[string]*merge), errorLogs: make(map[string]string)}
}

func (l *beLife) over() bool {
	select {
	case <-l.exited:
		return true
	default:
		return false
	}
}

// start opens the ports and tells the cluster.
func (l *beLife) start() error {
	for _, p := range []*port{l.be.heartbeat, l.be.thrift, l.be.http} {
		ln, err := p.listen()
		if err != nil {
			l.code = exitRefused
			l.cancel()
			l.closePorts()
			close(l.exited)
			return err
		}
		l.listeners = append(l.listeners, ln)
	}
	for _, ln := range l.listeners[:2] {
		l.wg.Go(func() { l.accept(ln) })
	}
	l.server = &http.Server{Handler: l.webPages(), ReadHeaderTimeout: time.Minute}
	l.wg.Go(func() { _ = l.server.Serve(l.listeners[2]) })
	l.be.cluster.beIs(l.be, serving)
	return nil
}

// run lasts until the BE is to die, and returns when nothing of it is left.
func (l *beLife) run() {
	defer close(l.exited)
	code := exitKilled
	select {
	case <-l.leaving:
		l.be.cluster.beIs(l.be, exiting)
		code = l.waitForFragments()
	case code = <-l.fatal:
	}
	l.code = code
	l.cancel()
	l.be.cluster.beIs(l.be, gone) // first: who sees a connection end finds the rest done
	l.closePorts()
	l.wg.Wait()
}

// waitForFragments is ExecEnv::wait_for_finish: it looks once a second whether fragments run or, if that is asked for, no FE has seen the exit yet.
func (l *beLife) waitForFragments() int {
	loops, _ := strconv.Atoi(l.be.setting("loop_count_wait_fragments_finish"))
	awaitsFE := l.be.setting("graceful_exit_wait_for_frontend_heartbeat") == "true"
	tick := time.NewTicker(l.be.cluster.scaled(time.Second))
	defer tick.Stop()
	for range loops * 10 {
		running, seen := l.be.cluster.exitState(l.be)
		if running == 0 && l.loadFragments() == 0 && (seen || !awaitsFE) {
			break
		}
		select {
		case <-tick.C:
		case code := <-l.fatal:
			return code
		}
	}
	return exitDone
}

// leave is SIGTERM.
func (l *beLife) leave() { l.once.Do(func() { close(l.leaving) }) }

// die tells run to end.
func (l *beLife) die(code int) {
	select {
	case l.fatal <- code:
	default: // it is dying already
	}
}

// accept holds the connections of a thrift port: nobody speaks thrift here.
func (l *beLife) accept(ln net.Listener) {
	for {
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		if !l.keep(conn) {
			conn.Close()
			continue
		}
		l.wg.Go(func() {
			_, _ = io.Copy(io.Discard, conn)
			l.drop(conn)
		})
	}
}

func (l *beLife) keep(conn net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.dead {
		return false
	}
	l.conns[conn] = true
	return true
}

func (l *beLife) drop(conn net.Conn) {
	conn.Close()
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.conns, conn)
}

func (l *beLife) closePorts() {
	for _, ln := range l.listeners {
		ln.Close()
	}
	l.mu.Lock()
	l.dead = true
	for conn := range l.conns {
		conn.Close()
	}
	l.mu.Unlock()
	if l.server != nil {
		l.server.Close()
	}
}

package proxy

import (
	"context"
	crypto "crypto/rand"
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"time"

	"segue/backend"
	"segue/proxy/counts"
	"segue/proxy/loop"
)

// errand is what a session is about beside its client's statements, which wait meanwhile: one thing at a time.
type errand interface {
	ring()  // what it waits for has taken too long
	abort() // the session is over, or about something else
}

// door accepts clients on a worker's loop.
type door struct {
	w       *worker
	on      net.Listener   // what it accepts on
	ln      *loop.Listener // nil: the loop does not accept there yet
	lasting bool
	pause   time.Duration
	timer   loop.Timer
	closed  chan struct{} // closed when somebody else has closed the listener
	left    chan struct{} // closed when the door has been closed
}

// open begins to accept. The channel is closed when somebody else has closed ln; so is d.closed where the loop finds that out.
func (w *worker) open(ln net.Listener) (d *door, closed <-chan struct{}) {
	d = &door{w: w, pause: minPause, closed: make(chan struct{}), left: make(chan struct{})}
	closed = d.closed
	own, ok := ln.(*listener)
	if ok {
		d.lasting, closed = own.keepsAlive, own.closed
		d.on = own.Listener
	} else {
		d.on = struct{ net.Listener }{ln} // to be accepted on as it asks for, as only that tells when it is closed
	}
	w.post(d.begin)
	return d, closed
}

// begin has the loop accept. What keeps it from that is waited out.
func (d *door) begin() {
	ln, err := d.w.loop.Listen(d.on, d)
	if err != nil {
		d.AcceptFailed(nil, err)
		return
	}
	d.ln = ln
}

// close accepts by a door no more, once it has returned.
func (w *worker) close(d *door) {
	defer close(d.left)
	done := make(chan struct{})
	if !w.post(func() {
		defer close(done)
		w.loop.Stop(&d.timer)
		if d.ln != nil {
			d.ln.Close()
		}
	}) {
		return
	}
	<-done
}

// Accepted implements loop.Acceptor.
func (d *door) Accepted(_ *loop.Listener, s loop.Socket, from netip.AddrPort) {
	d.pause = minPause
	d.w.accepted(s, from, d.lasting)
}

// accepted takes a client, and gives it to the worker that has the fewest.
func (w *worker) accepted(socket loop.Socket, from netip.AddrPort, lasting bool) {
	if cause := w.server.full(); cause != nil {
		w.turnAway(socket, from, cause)
		return
	}
	id := w.server.enrol()
	to := w.server.leastLoaded(w)
	if to == w || !to.expect() || !to.post(func() {
		defer to.loop.Release()
		to.begin(id, socket, from, lasting)
	}) {
		w.begin(id, socket, from, lasting)
	}
}

// AcceptFailed implements loop.Acceptor: out of file descriptors, most likely. Clients wait in the listen queue until some are free.
func (d *door) AcceptFailed(_ *loop.Listener, err error) {
	if errors.Is(err, net.ErrClosed) || errors.Is(err, loop.ErrEnded) {
		close(d.closed)
		return
	}
	d.w.server.log.Error("accept client", "cause", acceptCause(err), "took", d.pause)
	d.w.loop.Arm(&d.timer, d, d.w.loop.Now()+int64(d.pause))
	d.pause = min(2*d.pause, time.Second)
}

// Expired implements loop.TimerOwner.
func (d *door) Expired(*loop.Timer) {
	if d.ln == nil {
		d.begin()
		return
	}
	d.ln.Resume()
}

// run runs a worker until ctx is done.
func (w *worker) run(ctx context.Context) {
	defer close(w.ended)
	if err := w.loop.Run(ctx); err != nil {
		w.server.log.Error("event loop failed", "cause", err)
	}
	w.server.retired(w)
}

// newWorker makes one, which must be run.
func newWorker(s *Server) (*worker, error) {
	w, err := newWorkerOn(s, loop.Options{}, rand.NewPCG(rand.Uint64(), rand.Uint64()))
	if err == nil {
		w.unforeseen = func(b []byte) { _, _ = crypto.Read(b) } // it never fails
	}
	return w, err
}

// newWorkerOn makes one on a loop that may be a simulation's.
func newWorkerOn(s *Server, o loop.Options, random rand.Source) (*worker, error) {
	w := &worker{server: s, rand: rand.New(random), folds: map[*backend.Backend]*fold{}, counts: map[*backend.Backend]*counts.Backend{}, ended: make(chan struct{})}
	w.paused = s.paused.Load() // from before it serves
	w.unforeseen = func(b []byte) {
		for i := range b {
			b[i] = byte(w.rand.Uint32())
		}
	}
	o.Epoch, o.Crashed, w.stepped = s.started, s.crashed, o.Dialer != nil
	l, err := loop.New(o)
	if err != nil {
		return nil, err
	}
	w.loop = l
	s.traffic.enrol(w)
	w.post(func() { w.Expired(&w.chores) })
	return w, nil
}

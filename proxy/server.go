package proxy

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"segue/backend"
)

// Server accepts clients and serves each as a session on a backend of its registry.
type Server struct {
	// OnEvidence, if set before Serve, is told of what real traffic shows of a backend: a set-up that failed, a connection that the
	// backend closed. It must not block.
	OnEvidence func(b *backend.Backend, cause error)

	// OnSilence, if set before Serve, is told of a backend without a health URL that has answered nobody for a while although clients
	// wait. It must not block.
	OnSilence func(b *backend.Backend, cause error)

	// Static after construction.
	registry *backend.Registry
	log      *slog.Logger
	metrics  *metrics
	ledger   *ledger
	started  time.Time
	buffers  buffers
	halted   context.Context // done after Close: no session is to be begun or set up
	halt     context.CancelFunc
	nudge    chan struct{} // has room for one; see lookAgain
	gate     *gate         // for sessions that move; see maxMoving

	opts  atomic.Pointer[Options]
	limit atomic.Pointer[limit]
	doubt atomic.Int64   // until when connections are looked at twice; as elapsed. See session.doubtful
	wg    sync.WaitGroup // one for each session

	sleepers   sleepers
	napAfter   time.Duration // see the constant
	dozeAgain  time.Time     // tend's own, like the next two
	freed      int           // sessions that have gone to sleep since yield
	yieldAgain time.Time

	holding     holding
	curious     curious
	paused      atomic.Bool
	pausedSince atomic.Int64 // as elapsed, like the next two; 0: there is no pause
	pausedUntil atomic.Int64
	resumed     atomic.Int64  // when the last pause ended
	pausing     sync.Mutex    // one at a time says whether there is a pause, and what that makes of the gate
	resumes     chan struct{} // closed at the end of a pause, and then replaced; guarded by pausing

	mu       sync.Mutex          // guards what follows
	sessions map[uint32]*session // by the id that their clients see
	lastID   uint32              // that has been given out last
	byBack   map[*backend.Backend]*fold
	closing  *drain // Segue itself is stopping
}

// NewServer returns a Server that takes backends from r. metrics may be nil.
func NewServer(r *backend.Registry, o Options, log *slog.Logger, reg prometheus.Registerer) *Server {
	s := &Server{
		registry: r, log: log, metrics: newMetrics(reg), started: time.Now(), nudge: make(chan struct{}, 1), gate: newGate(maxMoving),
		resumes: make(chan struct{}), sessions: map[uint32]*session{}, byBack: map[*backend.Backend]*fold{},
	}
	s.napAfter = napAfter
	s.halted, s.halt = context.WithCancel(context.Background())
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.ledger = newLedger(s.metrics, s.log)
	if reg != nil {
		reg.MustRegister(sessionCollector{s})
	}
	s.sleepers.log = s.log
	s.SetOptions(o)
	return s
}

// SetOptions replaces the options. Sessions that are being set up keep those they began with.
func (s *Server) SetOptions(o Options) {
	s.opts.Store(&o)
	s.limitSessions(&o)
}

func (s *Server) options() *Options { return s.opts.Load() }

// elapsed is the time since the server's start in nanoseconds, from the monotonic clock.
func (s *Server) elapsed() int64 { return int64(time.Since(s.started)) }

// at is the moment at which elapsed was ns.
func (s *Server) at(ns int64) time.Time { return s.started.Add(time.Duration(ns)) }

// Serve accepts clients on ln until ctx is done. It then closes ln, ends each session at its next statement boundary outside a
// transaction, cuts those that are left when the drain timeout is over, and returns nil when all have ended. Where somebody else
// closes ln, the sessions are served until they end by themselves or ctx is done. Other errors of ln are logged, and waited out.
func (s *Server) Serve(ctx context.Context, ln net.Listener) error {
	var wg sync.WaitGroup
	stopSleepers := s.sleepers.start()
	watching, stopWatching := context.WithCancel(context.Background())
	wg.Go(func() { s.watch(watching) })
	wg.Go(func() { s.tend(watching) })
	wg.Go(func() { s.awaitStop(ctx, watching) })
	stopAccepting := context.AfterFunc(ctx, func() { _ = ln.Close() })
	s.accept(ctx, ln)
	stopAccepting()
	_ = ln.Close()
	s.wg.Wait()
	stopWatching()
	wg.Wait()
	stopSleepers()
	s.ledger.tell(time.Now(), true)
	return nil
}

// accept serves clients until the listener is closed or ctx is done.
func (s *Server) accept(ctx context.Context, ln net.Listener) {
	_, lasting := ln.(listener)
	for pause := minPause; ; {
		nc, err := ln.Accept()
		switch {
		case err == nil:
			pause = minPause
			s.guarded("accept", func() { s.serve(nc, lasting) })
			continue
		case ctx.Err() != nil, errors.Is(err, net.ErrClosed):
			return
		}
		// Out of file descriptors, most likely: clients wait in the listen queue until some are free.
		s.log.Error("accept client", "cause", acceptCause(err), "took", pause)
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return
		}
		pause = min(2*pause, time.Second)
	}
}

// serve starts a session, if there is room for one. lasting: the connection has keepAlive.
func (s *Server) serve(nc net.Conn, lasting bool) {
	if cause := s.full(); cause != nil {
		s.turnAway(nc, cause)
		return
	}
	client, err := newConn(nc, true)
	if err != nil {
		s.log.Error("accept client", "cause", err)
		_ = nc.Close()
		return
	}
	client.lasting = lasting
	c := &session{server: s, opened: time.Now(), client: client}
	c.turn.L = &c.mu
	c.since.Store(s.elapsed())
	s.enrol(c)
	s.wg.Add(1)
	go c.run()
}

// left is the end of a session.
func (s *Server) left(c *session) {
	c.mu.Lock()
	end, cause := c.end, c.cause
	c.mu.Unlock()
	s.metrics.ends.WithLabelValues(c.backendName(), end.String()).Inc()
	if s.log.Enabled(context.Background(), slog.LevelDebug) {
		s.log.Debug("session ended", "session", c.id, "client", addr(c.client), "backend", c.backendName(), "end", end.String(), "cause", cause,
			"took", time.Since(c.opened), "bytes_in", c.up.bytes, "bytes_out", c.down.bytes)
	}
	if c.lease != nil { // behind the metrics: those of a removed backend are forgotten with its last session
		s.detached(c, c.lease.Backend())
	}
	s.curious.remove(c)
	s.mu.Lock()
	delete(s.sessions, c.id)
	s.mu.Unlock()
	s.wg.Done()
}

// evidence passes on what traffic shows of a backend.
func (s *Server) evidence(b *backend.Backend, cause error) {
	if s.OnEvidence != nil {
		s.OnEvidence(b, cause)
	}
}

// Sessions describes the sessions of this moment, in no order.
func (s *Server) Sessions() []SessionInfo {
	all := s.list()
	infos := make([]SessionInfo, 0, len(all))
	for _, c := range all {
		infos = append(infos, c.info())
	}
	return infos
}

func (s *Server) list() []*session {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]*session, 0, len(s.sessions))
	for _, c := range s.sessions {
		all = append(all, c)
	}
	return all
}

// Close cuts every session now. Serve, if its context is done, then returns as soon as their clients have been told, a
// second or two later at most.
func (s *Server) Close() {
	s.halt()
	for _, c := range s.list() {
		c.cut(Shutdown, errStopped, "segue was stopped while the statement ran; its outcome is unknown")
	}
}

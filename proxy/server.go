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
	"segue/proxy/accounts"
	"segue/proxy/balance"
	"segue/proxy/gate"
	"segue/proxy/ledger"
	"segue/proxy/login"
	"segue/proxy/track"
)

// Server accepts clients and serves each as a session on a backend of its registry.
type Server struct {
	// OnEvidence, if set before Serve, is told of what real traffic shows of a backend: a set-up that failed, a connection that the
	// backend closed. It must not block.
	OnEvidence func(b *backend.Backend, cause error)

	// OnSilence, if set before Serve, is told of a backend without a health URL that has answered nobody for a while although clients
	// wait. It must not block.
	OnSilence func(b *backend.Backend, cause error)

	// OnMisdirected, if set before Serve, is told of a backend that has answered a statement with an error that says that another one leads: it takes no writes, or does not
	// reach its leader. It must not block.
	OnMisdirected func(b *backend.Backend)

	// Elsewhere, if set before Serve, is where else sessions may be that a KILL is meant for.
	Elsewhere Elsewhere

	// Static after construction.
	registry   *backend.Registry
	log        *slog.Logger
	metrics    *metrics
	ledger     *ledger.Ledger
	started    time.Time
	accounts   accounts.Accounts
	memory     *track.Memory // for what sessions keep of their statements
	programs   programs
	gate       *gate.Gate                // for sessions that move; see maxMoving
	swaps      *gate.Gate                // … from a backend that serves; see maxSwapping
	workers    atomic.Pointer[[]*worker] // nil before Serve
	workerSet  workerSet
	traffic    traffic
	transfers  transfers
	doors      doors
	errands    sync.WaitGroup  // look-ups of names, until lookups is done
	lookups    context.Context // done when the last session has ended
	endLooks   context.CancelFunc
	complaints complaints    // of sessions that could not be moved
	nudge      chan struct{} // has room for one; see lookAgain
	done       chan struct{} // closed when the last session has ended and no more are to come

	opts    atomic.Pointer[Options]
	limit   atomic.Pointer[limit]
	doubt   atomic.Int64 // until when connections are looked at twice; as elapsed. See command.doubtful
	waiting atomic.Int64 // of Hold.Statements
	halted  atomic.Bool  // Close has been called: no session is to be begun or set up

	paused      atomic.Bool
	pausedSince atomic.Int64 // as elapsed, like the next two; 0: there is no pause
	pausedUntil atomic.Int64
	resumed     atomic.Int64 // when the last pause ended
	pausing     sync.Mutex   // one at a time says whether there is a pause, and what that makes of the gate

	mu      sync.Mutex          // guards what follows
	ids     map[uint32]struct{} // that clients have been given
	lastID  uint32              // that has been given out last
	vacancy chan struct{}       // closed when ids gets its first, or loses its last; nil: nobody waits for that
	vacant  time.Time           // since when ids is empty, if it is; zero: it always was
	closed  bool                // no more sessions are to come
	closing *drain              // Segue itself is stopping
	intents map[*backend.Backend]*drain
	crowds  map[*backend.Backend]*crowd
	plans   balance.Planner
}

// elapsed is the time since the server's start in nanoseconds, from the monotonic clock.
func (s *Server) elapsed() int64 { return int64(time.Since(s.started)) }

// at is the moment at which elapsed was ns.
func (s *Server) at(ns int64) time.Time { return s.started.Add(time.Duration(ns)) }

// NewServer returns a Server that takes backends from r. metrics may be nil.
func NewServer(r *backend.Registry, o Options, log *slog.Logger, reg prometheus.Registerer) *Server {
	s := &Server{
		registry: r, log: log, metrics: newMetrics(reg), started: time.Now(), nudge: make(chan struct{}, 1), gate: gate.New(maxMoving), swaps: gate.New(maxSwapping), memory: track.NewMemory(0),
		done: make(chan struct{}), doors: doors{open: map[net.Listener]*door{}, none: make(chan struct{})}, ids: map[uint32]struct{}{}, intents: map[*backend.Backend]*drain{}, crowds: map[*backend.Backend]*crowd{},
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.lookups, s.endLooks = context.WithCancel(context.Background())
	s.ledger = ledger.New(s.log)
	if reg != nil {
		reg.MustRegister(sessionCollector{s}, trafficCollector{s}, limitsCollector{s}, s.ledger)
	}
	s.SetOptions(o)
	return s
}

// SetOptions replaces the options. Sessions that are being set up keep those they began with. The first that ask for a key take a moment to make it.
func (s *Server) SetOptions(o Options) {
	o.Users = accountsOf(o.Users)
	s.provideKey(&o)
	s.opts.Store(&o)
	s.memory.SetLimit(orDefault(o.StatementsMemory, DefaultStatementsMemory))
	s.limitSessions(&o)
	s.resizeCrowds()
}

// provideKey gives o the key that it needs, one for as long as the server lives.
func (s *Server) provideKey(o *Options) {
	if before := s.opts.Load(); before != nil {
		o.key = before.key
	}
	if !o.Translates || o.key != nil {
		return
	}
	key, err := login.NewKey()
	if err != nil {
		s.log.Error("no key for clients without TLS", "cause", err)
		return
	}
	o.key = key
}

func (s *Server) options() *Options { return s.opts.Load() }

// Serve accepts clients on lns, and on what has been given to [Server.Listen], until ctx is done. It then closes them, ends each session at its next
// statement boundary outside a transaction, cuts those that are left when the drain timeout is over, and returns nil when all have ended. Where somebody else
// closes them all, the sessions are served until they end by themselves or ctx is done. Other errors of theirs are logged, and waited out.
func (s *Server) Serve(ctx context.Context, lns ...net.Listener) error {
	for _, ln := range lns {
		s.Listen(ln)
	}
	defer s.doors.end()
	running, stop := context.WithCancel(context.Background())
	var loops, tasks sync.WaitGroup
	if err := s.startWorkers(func(w *worker) { loops.Go(func() { w.run(running) }) }); err != nil {
		s.startNoMore()
		stop()
		loops.Wait()
		return err
	}
	w := s.running()[0]
	tasks.Go(func() { s.watch(running) })
	tasks.Go(func() { s.tend(running) })
	s.doors.begin(w)
	select {
	case <-ctx.Done():
		s.shutDown()
	case <-s.doors.none:
	}
	s.doors.end()
	s.mu.Lock()
	s.closed = true
	s.endIfDone()
	s.mu.Unlock()
	select {
	case <-s.done:
	case <-ctx.Done():
		s.shutDown()
		<-s.done
	}
	s.startNoMore()
	stop()
	tasks.Wait()
	loops.Wait()
	s.endLooks()
	s.errands.Wait()
	s.ledger.Tell(time.Now(), true)
	return nil
}

// running are the workers; none before Serve.
func (s *Server) running() []*worker {
	if all := s.workers.Load(); all != nil {
		return *all
	}
	return nil
}

// enrol gives a session an id that no other has; 0 where none is to be begun any more.
func (s *Server) enrol() uint32 {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		if s.lastID++; s.lastID <= firstID || s.lastID > lastID {
			s.lastID = firstID + 1
		}
		if _, taken := s.ids[s.lastID]; !taken {
			s.ids[s.lastID] = struct{}{}
			if len(s.ids) == 1 {
				s.tellVacancy()
			}
			return s.lastID
		}
	}
}

// forgetID gives the id of a session back that has ended.
func (s *Server) forgetID(id uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.ids, id)
	if len(s.ids) == 0 {
		s.vacant = time.Now()
		s.tellVacancy()
	}
	s.endIfDone()
}

// endIfDone needs s.mu.
func (s *Server) endIfDone() {
	if s.closed && len(s.ids) == 0 {
		select {
		case <-s.done:
		default:
			close(s.done)
		}
	}
}

// ended counts and logs the end of a session.
func (s *Server) ended(c *session) {
	s.metrics.ends.WithLabelValues(c.backendName(), c.end.String()).Inc()
	if s.log.Enabled(context.Background(), slog.LevelDebug) {
		s.log.Debug("session ended", "session", c.id, "client", c.client.address(), "backend", c.backendName(), "end", c.end.String(), "cause", c.cause,
			"took", time.Duration(s.elapsed()-c.past.opened), "bytes_in", c.client.in, "bytes_out", c.client.out)
	}
}

// Sessions describes the sessions of this moment, in no order.
func (s *Server) Sessions() []SessionInfo {
	infos := []SessionInfo{}
	s.ask(func(w *worker) {
		for _, c := range w.all {
			infos = append(infos, infoOf(c))
		}
	})
	return infos
}

// ask has f run on each worker's loop, one after the other, and waits for that. No session is transferred meanwhile. It must not be called from a loop.
func (s *Server) ask(f func(w *worker)) {
	still := make(chan struct{})
	s.transfers.suspend(func() { close(still) })
	defer s.transfers.resume()
	for _, c := range s.transfers.unfinished() {
		if c.owner.Load().stepped {
			c.finishTransfer() // nobody else runs
		}
	}
	<-still
	for _, w := range s.running() {
		if w.stepped {
			f(w)
			continue
		}
		done := make(chan struct{})
		if !w.post(func() { defer close(done); f(w) }) {
			continue
		}
		select {
		case <-done:
		case <-w.ended:
		}
	}
}

// Close cuts every session now. Serve, if its context is done, then returns as soon as their clients have been told, a
// second or two later at most.
func (s *Server) Close() {
	s.halted.Store(true)
	for _, w := range s.running() {
		w.post(w.cut)
	}
}

// lookAgain makes the workers review everything though no backend has changed.
func (s *Server) lookAgain() {
	select {
	case s.nudge <- struct{}{}:
	default:
	}
}

// shutDown makes watch drain all sessions: Segue itself is stopping.
func (s *Server) shutDown() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing != nil {
		return
	}
	s.closing = &drain{end: Shutdown, cause: errors.New("segue is stopping"), deadline: time.Now().Add(s.options().drainTimeout())}
	s.lookAgain()
}

// stopping is the drain that all sessions are under as Segue itself is stopping; nil while it is not.
func (s *Server) stopping() *drain {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closing
}

// watch follows the registry and lets the workers know of each change, until ctx is done.
func (s *Server) watch(ctx context.Context) {
	var known names
	for {
		changed := s.registry.Changed()
		s.guarded("watch", func() { s.look(&known) })
		select {
		case <-changed:
		case <-s.nudge:
		case <-ctx.Done():
			return
		}
	}
}

// look lets everybody know of what has changed.
func (s *Server) look(known *names) {
	s.shutGate()
	for _, w := range s.running() {
		w.post(w.review)
	}
	s.renewSeries(known)
}

// alternative reports whether some backend takes new sessions: as long as none does, the least bad one keeps its own.
func (s *Server) alternative() bool {
	for _, b := range s.registry.Backends() {
		if st := b.Status(); st.Health == backend.Up && st.Admin == backend.Ready {
			return true
		}
	}
	return false
}

// intent is the drain that b's sessions are to be under, or nil. It is one for all workers.
func (s *Server) intent(b *backend.Backend, alternative bool, now time.Time) *drain {
	st := b.Status()
	cause, leaving := st.Leaving()
	if st.Health == backend.Stopping && st.Admin == backend.Ready && !st.Removed && !alternative {
		leaving = false
	}
	down := !leaving && st.Health == backend.Down && alternative
	if down {
		cause = st.Cause
	}
	s.mu.Lock()
	d := s.intents[b]
	begins := false
	switch {
	case !leaving && !down:
		delete(s.intents, b)
		d = nil
	case d == nil, d.optional != down:
		d = &drain{end: Drained, cause: errors.New(cause), deadline: now.Add(s.options().drainTimeout()), optional: down}
		s.intents[b], begins = d, true
	}
	s.mu.Unlock()
	if begins {
		s.log.Info("draining sessions", "backend", b.Name(), "cause", d.cause, "sessions", b.Sessions())
	}
	return d
}

// crowd is those of all workers who connect and are on their way to one backend: the queue of those that are to dial it, and of those among them that
// have yet to say who they are, or may be asked to prove it.
type crowd struct {
	dials  *gate.Gate   // of those that Segue answers for, up to the greeting
	greets *gate.Gate   // of the others, up to the client's answer to what it is asked, or its login
	owing  atomic.Int32 // clients that have yet to answer
	stuck  atomic.Int64 // until when nobody is to wait there to be greeted: too few answer. As Server.elapsed
	folds  int          // that have it
}

// crowdOf gives a fold its backend's; it gives it back by leaveCrowd.
func (s *Server) crowdOf(b *backend.Backend) *crowd {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.crowds[b]
	if c == nil {
		c = &crowd{dials: gate.New(maxDialing), greets: gate.New(s.options().unauthenticated())}
		s.crowds[b] = c
	}
	c.folds++
	return c
}

// resizeCrowds follows a change of the options.
func (s *Server) resizeCrowds() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.crowds {
		c.greets.Resize(s.options().unauthenticated())
	}
}

func (s *Server) leaveCrowd(b *backend.Backend) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.crowds[b]; c != nil {
		if c.folds--; c.folds == 0 {
			delete(s.crowds, b)
		}
	}
}

// names are the backends that metrics may exist for.
type names map[string]bool

// renewSeries makes the series of backends that have come, and deletes those of backends that are gone and have no session left.
func (s *Server) renewSeries(known *names) {
	now := names{}
	for _, b := range s.registry.Backends() {
		now[b.Name()] = true
	}
	s.ask(func(w *worker) {
		for _, f := range w.order {
			now[f.backend.Name()] = true
		}
	})
	for name := range *known {
		if !now[name] {
			s.metrics.forget(name)
			s.forgetTraffic(name)
			s.ledger.Forget(name)
		}
	}
	for name := range now {
		s.metrics.expect(name)
	}
	*known = now
}

// shutGate shuts the gate while no backend could take a session, and opens it when one can.
func (s *Server) shutGate() {
	s.pausing.Lock() // so that who looked first does not have the last word
	defer s.pausing.Unlock()
	before, shut := s.gate.IsShut(), s.paused.Load() || !s.usable()
	if s.gate.Set(shut); !shut || before {
		return
	}
	for _, w := range s.running() { // not only a change of a backend's state shuts it
		w.post(w.holdBack)
	}
}

// usable reports whether a session may find a place on some backend.
func (s *Server) usable() bool {
	for _, b := range s.registry.Backends() {
		if st := b.Status(); st.Health != backend.Down && st.Admin == backend.Ready && !st.Removed && !b.Crowded() {
			return true
		}
	}
	return false
}

package proxy

import (
	"context"
	"crypto/sha1"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"segue/backend"
	"segue/proxy/loop"
	"segue/proxy/simulate"
)

var (
	simSeed  = flag.Uint64("sim.seed", 1, "the first seed of the simulation")
	simLives = flag.Int("sim.lives", 2000, "how many lives the simulation is to play")
	simWorld = flag.Int("sim.world", 40, "how many of them in one world")
	simOnly  = flag.Uint("sim.scenes", 0, "play these scenes, as a set of bits, and none of their own in all worlds; 0: each its own")
	simQuick = flag.Bool("sim.quick", false, "do not shrink what fails")
)

// simulated is a server whose loops and tasks a simulation steps. It implements simulate.Core.
type simulated struct {
	rounds  rounds
	world   *simulate.World
	server  *Server
	workers []*worker
	shifts  *rand.Rand // who goes on, and who crosses
	known   names
	changed <-chan struct{}
	panics  string
}

// newSimulated makes the server, as Serve does, but for the goroutines.
func newSimulated(t *testing.T, w *simulate.World) *simulated {
	t.Helper()
	c := &simulated{world: w}
	log := slog.New(slog.DiscardHandler)
	if w.Noting() {
		log = slog.New(&noteHandler{w})
	}
	c.server = NewServer(w.Registry(), c.options(0), log, nil)
	c.hire(t)
	c.changed = w.Registry().Changed()
	return c
}

// options are one of a few sets.
func (c *simulated) options(n int) Options {
	random := rand.New(rand.NewPCG(c.world.CoreSeed(), uint64(n)))
	o := Options{
		Flavor: [...]backend.Flavor{simulate.MySQL: backend.MySQL, simulate.StarRocks: backend.StarRocks, simulate.TiDB: backend.TiDB}[c.world.Kind],
		Users: []User{
			{Name: "app", Password: "pw", HasPassword: true},
			{Name: "hash", Hash: twice("pw2"), HasHash: true},
			{Name: "late", Password: "not any more", HasPassword: true},
		},
	}
	if c.world.Service() {
		o.Users = append(o.Users, User{Name: "service", Password: "pw5", HasPassword: true, Service: true})
	}
	if c.world.Calm() {
		return o
	}
	some := func(d time.Duration) time.Duration { return time.Duration(random.Int64N(int64(d))) }
	o.ConnectBudget, o.ConnectTimeout = time.Second+some(9*time.Second), 500*time.Millisecond+some(2*time.Second)
	o.DrainTimeout, o.HangTimeout = time.Second+some(20*time.Second), 500*time.Millisecond+some(3*time.Second)
	o.Hold = Hold{Timeout: 100*time.Millisecond + some(10*time.Second), DryRun: random.IntN(6) == 0}
	if random.IntN(5) == 0 {
		o.Hold.Statements = 1 + random.IntN(3)
	}
	if random.IntN(6) == 0 {
		o.MaxSessions = 2 + random.IntN(8)
	}
	o.Replay.Attempts = random.IntN(4) - 1
	if random.IntN(3) == 0 {
		o.Unauthenticated = 1 + random.IntN(2)
	}
	if random.IntN(3) == 0 {
		o.StoredPrograms = ProgramsRead
	}
	return o
}

func twice(password string) [20]byte {
	once := sha1.Sum([]byte(password))
	return sha1.Sum(once[:])
}

func (c *simulated) Accept(p loop.Player, from netip.AddrPort) {
	c.workers[0].post(func() { c.workers[0].accepted(loop.PlayedSocket(p), from, true) })
}

func (c *simulated) Round()                { c.rounds.round(c.server, time.Now()) }
func (c *simulated) Pause(d time.Duration) { c.server.Pause(d) }
func (c *simulated) Resume()               { c.server.Resume() }
func (c *simulated) Reload(n int)          { c.server.SetOptions(c.options(n)) }
func (c *simulated) Stop()                 { c.server.shutDown() }

func (c *simulated) Changed() bool {
	select {
	case <-c.changed:
		return true
	default:
		return len(c.server.nudge) > 0
	}
}

func (c *simulated) Look() {
	c.changed = c.world.Registry().Changed()
	select {
	case <-c.server.nudge:
	default:
	}
	c.server.look(&c.known)
}

func (c *simulated) Killable(id uint32) bool {
	return slices.ContainsFunc(c.sessions(), func(s *session) bool { return s.id == id && s.killable() })
}

func (c *simulated) Owner(name string, thread uint32) (uint32, bool) {
	for _, s := range c.sessions() {
		if s.back != nil && s.back.thread == thread && s.backendName() == name {
			return s.id, true
		}
	}
	return 0, false
}

// Describe notes how the sessions stand.
func (c *simulated) Describe() {
	inside, waiting := c.server.gate.Counts()
	c.world.Note("gate: %d inside, %d wait, shut: %v; paused: %v", inside, waiting, c.server.gate.IsShut(), c.server.paused.Load())
	for _, s := range c.sessions() {
		text := fmt.Sprintf("session %d on %s: %s (%s), end %s, errand %T, phase %d, came %d, rest %d, outstanding %d, own %v, due %v, reading paused: %v, pending: %d",
			s.id, s.backendName(), s.state, s.track.Pinned(), s.end, s.errand, s.stmt.phase, s.stmt.came, len(s.client.rest), s.track.Outstanding(), s.track.OwnOutstanding(), s.due,
			s.client.Paused(), s.client.Pending())
		bytes, end := s.client.Peek()
		text += fmt.Sprintf(", client's bytes %v, end %v", bytes, end)
		if s.back != nil && !s.back.closed {
			bytes, end := s.back.conn.Peek()
			text += fmt.Sprintf("; backend %s: user %T, reading paused: %v, pending: %d, bytes %v, end %v", s.backendName(), s.back.user, s.back.conn.Paused(), s.back.conn.Pending(), bytes, end)
		}
		if d, ok := s.errand.(*departure); ok {
			text += fmt.Sprintf("; step %d, lost %v", d.step, d.lost)
		}
		c.world.Note("%s", text)
	}
}

// Check looks at what holds between any two callbacks.
func (c *simulated) Check() error {
	if c.panics != "" {
		return errors.New(c.panics)
	}
	g := c.server.gate
	leases, inside, swapping, waits, listed := 0, 0, 0, 0, 0
	for _, w := range c.workers {
		for i, s := range w.all {
			if int(s.all) != i || s.w != w {
				return fmt.Errorf("session %d is not where it belongs", s.id)
			}
		}
		if err := w.checkFolds(); err != nil {
			return err
		}
		listed += len(w.waiters.list)
	}
	for _, s := range c.sessions() {
		if err := s.check(); err != nil {
			return fmt.Errorf("session %d (%s): %w", s.id, s.state, err)
		}
		if limit := c.world.IdleLimit(); limit > 0 && s.outstays(limit) && c.world.Well(s.backendName()) {
			return fmt.Errorf("session %d has said nothing for %s, and has a connection", s.id, s.idleFor())
		}
		if s.back != nil && s.back.lease != nil {
			leases++
		}
		moving, _ := s.errand.(*departure)
		for _, d := range []*departure{moving, s.notice.ahead()} {
			if d == nil {
				continue
			}
			if d.lease != nil {
				leases++
			}
			if d.slot {
				inside++
			}
			if d.swaps {
				swapping++
			}
			if d.pass != nil && d.pass.Passed() {
				inside++
			}
		}
		switch p := s.notice.place(); {
		case p == nil || !p.Passed():
		case s.notice.tries.queue == c.server.swaps:
			swapping++
		default:
			inside++
		}
		if s.stmt.came != 0 {
			waits++
		}
	}
	if err := c.checkDials(); err != nil {
		return err
	}
	if have := c.leased(); have != leases {
		return fmt.Errorf("%d leases are out, and sessions have %d", have, leases)
	}
	if now, _ := g.Counts(); now != inside {
		return fmt.Errorf("%d have passed the gate, and %d sessions say so", now, inside)
	}
	if now, _ := c.server.swaps.Counts(); now != swapping {
		return fmt.Errorf("%d have passed the narrow gate, and %d sessions say so", now, swapping)
	}
	if waits != listed {
		return fmt.Errorf("%d statements wait, and %d are listed", waits, listed)
	}
	return nil
}

// outstays reports whether the session still has a connection although its client has said nothing for much longer than a server allows it. Segue may have asked
// something, and have moved it since. One that could not be moved is left to the server that it was asked on, which counts anew. One that has moved a moment
// ago may have done so for a statement that is about to be sent, and of one whose client has yet to take an answer the end waits behind that.
func (s *session) outstays(limit time.Duration) bool {
	if s.back == nil || s.w.now()-s.since < int64(limit/2) {
		return false
	}
	if bytes, end := s.back.conn.Peek(); bytes || end || s.client.Pending() > 0 {
		return false
	}
	return s.notice.retry() == 0 && s.state == Idle && s.end == Open && s.errand == nil && s.hasCredential() && !s.who.tokenless(s.w.server.options()) && len(s.track.Unresolved()) == 0 && s.idleFor() > 2*limit+limit/2
}

// check looks at one session.
func (s *session) check() error {
	switch {
	case s.state == Closed:
		return errors.New("it has ended, and is listed")
	case s.transfer != nil && s.transfer.open:
		return nil
	case !s.client.Open():
		return errors.New("its client's connection is closed")
	case s.due.first() != 0 && (!s.due.timer.Armed() || s.due.timer.Due() > s.due.first()):
		return errors.New("its timer is not armed")
	case s.client.reading:
		return errors.New("it reads for ever")
	case s.stmt.text != nil && s.stmt.phase != again && s.track.Outstanding() == 0:
		return errors.New("it keeps a statement for nothing")
	}
	if d := s.notice.ahead(); d != nil && (d.step == ahead && (d.call == nil || d.lease == nil) || d.step != ahead && d.step != ready || !d.slot || !s.due.set(alarmAhead)) {
		return fmt.Errorf("its login ahead waits for nothing (step %d)", d.step)
	}
	switch e := s.errand.(type) {
	case *departure:
		switch {
		case e.step == atGate && e.pass == nil, e.step == asking && e.asks == nil, e.step == visiting && e.call == nil,
			e.step == resting && !s.due.set(alarmErrand):
			return fmt.Errorf("its departure waits for nothing (step %d)", e.step)
		case s.state != Moving && s.state != Holding:
			return errors.New("it departs")
		case e.step == atGate && e.lost && s.due.set(alarmErrand):
			return errors.New("it is to stay where there is nobody")
		}
	case *connecting:
		if s.commanding() {
			return errors.New("it connects")
		}
	case *detached:
		if s.state != Detached || s.on >= 0 || s.back.lease != nil {
			return errors.New("it is detached")
		}
	case nil:
		if s.end == Open && (s.state == Moving || s.state == Detached || s.state == Holding && !s.w.paused || !s.commanding()) {
			return errors.New("it has no errand")
		}
	}
	if s.end == Open && s.client.Paused() && s.commanding() && s.errand == nil && !s.track.OwnOutstanding() && (s.stmt.came == 0 || !s.held()) && !s.commandAt(s.client.rest).mustFollow() &&
		(s.back == nil || s.back.closed || s.back.conn.Pending() == 0) {
		return errors.New("nobody listens to its client")
	}
	if s.end == Open && s.commanding() && s.back != nil && !s.back.closed && s.back.conn.Paused() && s.client.Pending() == 0 {
		return errors.New("nobody listens to its backend")
	}
	if s.end == Open && s.commanding() && (s.back == nil || s.back.closed) && (s.errand == nil || s.state == Idle) {
		return errors.New("it stands on a connection that is closed")
	}
	if s.end == Open && s.state == Busy && s.errand == nil && s.track.Outstanding() == 0 && !s.track.OwnOutstanding() && !s.track.MidCommand() && !s.track.MidAnswer() {
		return errors.New("it is busy with nothing")
	}
	return nil
}

// CheckEnd looks at what is left when all clients have gone.
func (c *simulated) CheckEnd() error {
	s := c.server
	inside, waiting := s.gate.Counts()
	swapping, swaps := s.swaps.Counts()
	all := []left{
		{"ids", len(s.ids)},
		{"statements that wait", int(s.waiting.Load())},
		{"inside the gate", inside},
		{"at the gate", waiting},
		{"inside the narrow gate", swapping},
		{"at the narrow gate", swaps},
		{"who cross", len(s.transfers.unfinished())},
		{"looks at all", s.transfers.suspended},
		{"queues of who dial", len(s.crowds)},
	}
	for _, w := range c.workers {
		all = append(all, w.remains()...)
	}
	for _, left := range all {
		if left.n != 0 {
			return fmt.Errorf("%d %s are left", left.n, left.what)
		}
	}
	for _, b := range c.world.Registry().Backends() {
		if n := b.Sessions(); n != 0 {
			return fmt.Errorf("%d leases of %s are left", n, b.Name())
		}
	}
	return c.Check()
}

// noteHandler puts the log into the history.
type noteHandler struct{ w *simulate.World }

func (h *noteHandler) Enabled(_ context.Context, _ slog.Level) bool { return true }
func (h *noteHandler) WithAttrs([]slog.Attr) slog.Handler           { return h }
func (h *noteHandler) WithGroup(string) slog.Handler                { return h }
func (h *noteHandler) Handle(_ context.Context, r slog.Record) error {
	line := r.Message
	r.Attrs(func(a slog.Attr) bool {
		line += " " + a.String()
		return true
	})
	h.w.Note("%s", line)
	return nil
}

// play plays one world, and tells what was wrong.
func play(t *testing.T, o simulate.Options) (w *simulate.World, err error) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w = simulate.New(o)
		c := newSimulated(t, w)
		c.server.metrics.panics = &panicCounter{Counter: c.server.metrics.panics, c: c}
		c.server.metrics.serverPanics = &panicCounter{Counter: c.server.metrics.serverPanics, c: c}
		err = w.Run(c)
		for _, w := range c.workers {
			w.loop.End()
		}
	})
	return w, err
}

// TestSimulation plays worlds, each from a seed of its own, on all processors.
func TestSimulation(t *testing.T) {
	var next, lives, answers atomic.Int64
	began := time.Now()
	worlds := int64((*simLives + *simWorld - 1) / *simWorld)
	var once sync.Once
	t.Run("worlds", func(t *testing.T) {
		for n := range runtime.GOMAXPROCS(0) {
			t.Run(fmt.Sprint(n), func(t *testing.T) {
				t.Parallel()
				for i := next.Add(1); i <= worlds && !t.Failed(); i = next.Add(1) {
					seed := *simSeed + uint64(i) - 1
					o := simulate.Options{Seed: seed, Lives: *simWorld, Scenes: simulate.ScenesOf(seed)}
					if *simOnly != 0 {
						o.Scenes = simulate.Scenes(*simOnly)
					}
					w, err := play(t, o)
					if lives.Add(int64(w.Lives())); err != nil {
						next.Store(worlds)
						once.Do(func() { explain(t, o, err) })
						t.Fail()
					}
					answers.Add(int64(w.Answers()))
				}
			})
		}
	})
	took := time.Since(began)
	t.Logf("%d lives, %d answers, in %s: %.0f lives/s", lives.Load(), answers.Load(), took.Round(time.Millisecond), float64(lives.Load())/took.Seconds())
}

// foundBy are seeds that have found something, in worlds of 40 lives as these were generated then. As the world changes they lose their point, but not
// their use.
func foundBy() []found {
	return []found{
		{2, 0},              // half a statement that waits for a move
		{956, 0},            // a KILL whose session loses its backend
		{463, 0},            // a statement that waits for a leader, and its backend goes
		{100151, 0},         // a ROLLBACK that is owed an error, and is refused
		{100161, 0},         // a statement that waits, and asks for what is lost
		{100203, 0},         // a session that was killed is told to leave
		{3011896, 0},        // a visit's time is over while its session waits for the next
		{3002669, 0},        // a command without an answer waits, and its session ends
		{1003195, 0},        // client and backend go at one moment
		{49, 0},             // the head of a KILL that comes alone
		{9, simulate.Users}, // half a COM_CHANGE_USER
		{7179, simulate.Users | simulate.Vanishing | simulate.Liars}, // a COM_CHANGE_USER behind a login that went to a second backend
		{100100, 0x7fff},           // a COM_CHANGE_USER that is refused
		{101123, 0x7fff},           // a statement that waits behind an answer that cannot be read
		{1549, 0x1080},             // an execution that runs again, without the data that had been sent ahead of it
		{0x1469, 0x5080},           // data that were sent ahead of an execution that is refused
		{0x1536, 0x800},            // a KILL by a session that has been killed
		{0x1ced, 0x442},            // a question to a server whose client may still ask for warnings, behind a COM_STMT_PREPARE
		{0x1b6, 0xc1241},           // a command that waits for one of two answers
		{0xc64, 0x100000},          // a COM_RESET_CONNECTION of an FE, behind the loss of a value that it would have kept
		{0x4f2, 0x201041},          // a server that ends an idle session as a statement is on its way
		{0x447, 0x200045},          // prepared statements that are lost while one is under way
		{2316, 0x181910},           // a database without a catalog, from one that was named with it
		{316, simulate.Liars},      // a server that says more than it was asked
		{30123, simulate.ReadOnly}, // a question to a backend that has been told to kill the session
		{0x769, simulate.Catalogs}, // a KILL by a session that is to leave with its next command, and goes on meanwhile
		{990286, simulate.Leftovers | simulate.Multi | simulate.Tracking | simulate.Parameters | simulate.Rotation},            // a question that is refused, and warnings that its client may still ask for
		{82, simulate.Locks | simulate.Cursors | simulate.Infile},                                                              // all prepared statements are given up with a backend
		{438, simulate.Locks | simulate.Cursors | simulate.Oddities | simulate.Vanishing | simulate.Texts | simulate.ReadOnly}, // a question that is none any more behind one of several answers
		{181, simulate.Users | simulate.SlowLogins},                                                                            // a login ahead for a user that the session's client is no more
		{67, simulate.Locks | simulate.Leftovers | simulate.Vanishing | simulate.ReadOnly},                                     // half a KILL that waits for the end of a pause
	}
}

// found is a world that has found something.
type found struct {
	seed   uint64
	scenes simulate.Scenes
}

// TestSimulationFound plays what has once gone wrong.
func TestSimulationFound(t *testing.T) {
	for _, f := range foundBy() {
		t.Run(fmt.Sprint(f.seed), func(t *testing.T) {
			t.Parallel()
			o := simulate.Options{Seed: f.seed, Lives: 40, Scenes: f.scenes}
			if _, err := play(t, o); err != nil {
				explain(t, o, err)
			}
		})
	}
}

// TestSimulationRepeats: a seed decides everything.
func TestSimulationRepeats(t *testing.T) {
	for seed := range uint64(6) {
		o := simulate.Options{Seed: 42 + seed, Lives: 40, Scenes: ^simulate.Huge, History: true}
		first, _ := play(t, o)
		for range 2 {
			if again, _ := play(t, o); again.History(1<<20) != first.History(1<<20) {
				t.Fatalf("seed %d has made two histories, which differ at %q", o.Seed, differ(first.History(1<<20), again.History(1<<20)))
			}
		}
	}
}

// differ is the line at which two texts do.
func differ(a, b string) [2]string {
	x, y := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range min(len(x), len(y)) {
		if x[i] != y[i] {
			return [2]string{x[i], y[i]}
		}
	}
	return [2]string{fmt.Sprint(len(x), " lines"), fmt.Sprint(len(y), " lines")}
}

// TestSimulationUnclaimed: what Segue does not claim to keep is lost, so that it is told where that is no longer so.
func TestSimulationUnclaimed(t *testing.T) {
	for _, f := range simulate.Unclaimed() {
		t.Run(f.Scenes.String(), func(t *testing.T) {
			t.Parallel()
			for seed := range uint64(1000) {
				_, err := play(t, simulate.Options{Seed: seed, Lives: 20, Scenes: f.Scenes})
				switch {
				case err == nil:
				case strings.Contains(err.Error(), f.Shows):
					return
				default:
					t.Fatalf("seed %d: %v", seed, err)
				}
			}
			t.Errorf("no world shows it any more, so that it can be claimed: %s", f.Reason)
		})
	}
}

// explain shrinks a failure and prints its history.
func explain(t *testing.T, o simulate.Options, err error) {
	t.Helper()
	if !*simQuick {
		o = shrink(t, o)
	}
	o.History = true
	w, again := play(t, o)
	t.Errorf("%v\n%v\nagain: %v\n%#v\n%s", err, w, again, o, w.History(150))
}

// shrink leaves out lives and incidents as long as it fails.
func shrink(t *testing.T, o simulate.Options) simulate.Options {
	t.Helper()
	fails := func(o simulate.Options) bool {
		_, err := play(t, o)
		return err != nil
	}
	for left := o.Scenes; left != 0; left &= left - 1 {
		fewer := o
		if fewer.Scenes &^= left & -left; fails(fewer) {
			o = fewer
		}
	}
	o.SkipIncidents = leaveOut(16, func(skip []int) bool { o.SkipIncidents = skip; return fails(o) })
	o.SkipLives = leaveOut(o.Lives, func(skip []int) bool { o.SkipLives = skip; return fails(o) })
	return o
}

// leaveOut finds a large set of numbers below n of which fails still says true, by halves.
func leaveOut(n int, fails func(skip []int) bool) (skip []int) {
	for size := n; size > 0; size /= 2 {
		for from := 0; from < n; from += size {
			try := append([]int(nil), skip...)
			for i := from; i < min(from+size, n); i++ {
				try = append(try, i)
			}
			if fails(try) {
				skip = try
			}
		}
	}
	fails(skip) // leaves it set
	return skip
}

// panicCounter has a panic seen.
type panicCounter struct {
	prometheus.Counter
	c *simulated
}

func (p *panicCounter) Inc() {
	p.c.panics = "a panic: see the log"
	p.Counter.Inc()
}

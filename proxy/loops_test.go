package proxy

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"segue/backend/fesim"
)

// onSeveralLoops reports whether the test is one of those that are run on several loops, between which all sessions cross whenever they can.
func onSeveralLoops(test string) bool { return strings.HasPrefix(test, "TestOnSeveralLoops/") }

// unsettle has n loops, and all sessions cross between them again and again.
func (p *proxied) unsettle(n int) {
	p.t.Helper()
	p.SetLoops(n)
	eventually(p.t, "the loops", func() bool { return len(p.running()) == n })
	var crossings atomic.Int64
	ctx, cancel := context.WithCancel(context.Background())
	over := make(chan struct{})
	go func() {
		defer close(over)
		ticker := time.NewTicker(300 * time.Microsecond)
		defer ticker.Stop()
		for ctx.Err() == nil {
			for _, w := range p.running() {
				w.post(func() { crossings.Add(w.scatter(p.running())) })
			}
			<-ticker.C
		}
	}()
	p.t.Cleanup(func() {
		cancel()
		<-over
		p.t.Logf("%d crossings", crossings.Load())
	})
}

// scatter has all sessions of a worker head for any of these, and counts those that leave at once.
func (w *worker) scatter(all []*worker) (gone int64) {
	for _, s := range slices.Clone(w.all) {
		if s.transferTo(all[rand.IntN(len(all))]); s.owner.Load() != w {
			gone++
		}
	}
	return gone
}

// What clients are promised holds as well where there are several loops, and sessions cross from one to another all the time.
func TestOnSeveralLoops(t *testing.T) {
	for name, test := range promises() {
		t.Run(name, test)
	}
}

// promises are tests of what clients are promised.
func promises() map[string]func(*testing.T) {
	return map[string]func(*testing.T){
		"moves":                       TestIdleSessionMovesWithItsState,
		"moves behind a statement":    TestRunningStatementFinishesThenMoves,
		"moves between transactions":  TestBusyTransactionsMoveBetweenCommitAndBegin,
		"many move":                   TestManySessionsMoveUnderLoad,
		"comes back":                  TestSessionsComeBackToABackendThatIsUpAgain,
		"loses its backend":           TestIdleSessionOutlivesItsBackend,
		"loses its transaction":       TestLostTransactionIsOneError,
		"all gone and back":           TestAllBackendsGoneAndBack,
		"read is run again":           TestReadIsRunAgain,
		"kept alive":                  TestTransactionIsKeptAliveOnALeavingFE,
		"looks down":                  TestSessionsLeaveABackendThatLooksDown,
		"KILL":                        TestKillReachesItsVictim,
		"KILL of an idle session":     TestKilledIdleSessionEnds,
		"KILL after moves":            TestKillAfterMoves,
		"KILL of oneself":             TestKillOfOneself,
		"KILL of an id that two have": TestKillOfAnIDThatTwoHave,
		"KILL, and its FIN":           TestFINBeforeTheKillersOK,
		"drain ends":                  TestDrainEndsAnIdleSession,
		"drain with the last answer":  TestDrainSendsTheEndWithTheLastAnswer,
		"drain behind a statement":    TestDrainLetsAStatementFinish,
		"drain behind a transaction":  TestDrainLetsATransactionFinish,
		"drain deadline":              TestDrainDeadlineCutsWithOneClearError,
		"drain taken back":            TestDrainIsTakenBack,
		"drain of whoever sets up":    TestDrainReachesASessionThatWasBeingSetUp,
		"last backend":                TestLastBackendKeepsItsSessions,
		"hold":                        TestStatementIsHeldUntilABackendIsBack,
		"hold timeout":                TestHoldTimeoutIsOneErrorAndTheClientStays,
		"pause":                       TestPause,
		"pause ends by itself":        TestPauseEndsByItself,
		"resume":                      TestResumeForgetsNobody,
		"held at shutdown":            TestHeldAtShutdown,
		"shutdown":                    TestShutdownDrains,
		"shutdown and the next":       TestShutdownAwaitsTheNextStatement,
		"shutdown of an idle pool":    TestShutdownWaitsForNoIdlePool,
		"stop now":                    TestBug10_CloseDoesNotWaitForClients,
		"stop at any moment":          TestCloseAtAnyMoment,
		"own answers":                 fewOwnAnswers,
		"pipeline":                    TestPipelinedCommandsAreAnsweredInOrder,
		"back-pressure to backend":    TestBackPressureTowardsTheBackend,
		"back-pressure to client":     TestBackPressureTowardsTheClient,
		"ends":                        TestBug11_EverySessionEndsWhoeverEndsIt,
		"sessions are counted":        TestSessionsAreCounted,
		"limit":                       TestClientBeyondTheLimit,
		"no storm":                    TestClientsDoNotStormABackend,
		"suspect backend":             TestConnectionsOfASuspectBackend,
		"silence":                     TestSilenceIsTold,
		"upheaval":                    TestNothingIsLeftBehind,
	}
}

func fewOwnAnswers(t *testing.T) {
	t.Helper()
	ownAnswers(t, 20, 30)
}

// loopOf is the place of a session's worker among all.
func (p *proxied) loopOf(s *session) int { return slices.Index(p.running(), s.owner.Load()) }

// take has a session cross to a worker.
func (p *proxied) take(s *session, to int) {
	p.t.Helper()
	w := p.running()[to]
	eventually(p.t, "the session to cross", func() bool {
		if s.owner.Load() == w {
			return true
		}
		s.post(func() { s.transferTo(w) }) // again, as somebody may look at all sessions at this moment, and they stay meanwhile
		return false
	})
}

// assigned is how many sessions each worker has.
func (p *proxied) assigned() (counts []int) {
	for _, w := range p.running() {
		counts = append(counts, w.loop.Assigned())
	}
	return counts
}

// New clients go where the fewest are.
func TestClientsAreSharedOut(t *testing.T) {
	p := start(t, Options{}, newPeer(t, echo).spec("a"))
	p.SetLoops(3)
	eventually(t, "the loops", func() bool { return len(p.running()) == 3 })
	var all []*driver
	for range 9 {
		all = append(all, p.connect())
	}
	if got := p.assigned(); !slices.Equal(got, []int{3, 3, 3}) {
		t.Errorf("%v", got)
	}
	for _, d := range all[:4] { // two of the first worker, for one
		_ = d.Close()
	}
	p.waitSessions(5)
	for range 4 {
		p.connect().ask("SELECT 1")
	}
	if got := p.assigned(); !slices.Equal(got, []int{3, 3, 3}) {
		t.Errorf("%v", got)
	}
}

// Loops come and go while clients ask, and nobody notices; those that are no more leave nothing behind.
func TestLoopsComeAndGo(t *testing.T) {
	f := movable(t, 2, fesim.Options{}, Options{})
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	var asked atomic.Int64
	for i := range 8 {
		c := f.client("")
		c.exec(fmt.Sprintf("SET @a = %d", i))
		wg.Go(func() {
			for ctx.Err() == nil {
				if got, err := c.row("SELECT @a"); err != nil || got != fmt.Sprint(i) {
					t.Errorf("got %q, %v, want %d", got, err, i)
					return
				}
				asked.Add(1)
			}
		})
	}
	idle, pinned := f.client(""), f.client("")
	idle.exec("SET @a = 'idle'")
	pinned.exec("BEGIN")
	busy := time.Duration(0)
	for _, n := range []int{3, 1, 4, 2, 1} {
		f.SetLoops(n)
		eventually(t, fmt.Sprintf("%d loops", n), func() bool { return len(f.running()) == n })
		before := asked.Load()
		eventually(t, "statements", func() bool { return asked.Load() > before+100 })
		if now := f.Busy(); now < busy {
			t.Errorf("the loops have worked for %s, and before for %s", now, busy)
		} else {
			busy = now
		}
		if got := len(f.Sessions()); got != 10 {
			t.Errorf("%d sessions are listed", got)
		}
	}
	cancel()
	wg.Wait()
	if got := idle.ask("SELECT @a"); got != "idle" {
		t.Errorf("got %q", got)
	}
	pinned.exec("COMMIT")
}

// A loop that is to be no more and is needed again before it has ended goes on.
func TestSpareLoopIsTakenBack(t *testing.T) {
	f := movable(t, 1, fesim.Options{}, Options{})
	f.SetLoops(2)
	eventually(t, "the loops", func() bool { return len(f.running()) == 2 })
	c := f.client("")
	id := c.ask("SELECT CONNECTION_ID()")
	f.take(f.only(), 1)
	second := f.running()[1]
	answered := make(chan error, 1)
	go func() {
		_, err := c.row("SELECT SLEEP(0.3)")
		answered <- err
	}()
	eventually(t, "the statement to run", func() bool { return f.only().current() == Busy })
	f.SetLoops(1)
	f.SetLoops(2)
	if err := <-answered; err != nil {
		t.Error(err)
	}
	if got := c.ask("SELECT CONNECTION_ID()"); got != id {
		t.Errorf("it is on %s, and was on %s", got, id)
	}
	if all := f.running(); len(all) != 2 || all[1] != second || second.spare.Load() {
		t.Errorf("%d loops", len(all))
	}
}

// A KILL finds its victim on another loop, and one that crosses while it is looked for.
func TestKillOnAnotherLoop(t *testing.T) {
	f := movable(t, 2, fesim.Options{}, Options{})
	f.SetLoops(2)
	eventually(t, "the loops", func() bool { return len(f.running()) == 2 })
	for _, from := range []int{0, 1} {
		for _, to := range []int{0, 1} {
			killer, victim := f.place("app:secret", "fe-1"), f.place("app:secret", "fe-2")
			f.take(killer.s, from)
			f.take(victim.s, to)
			victim.running()
			if f.loopOf(killer.s) != from || f.loopOf(victim.s) != to {
				t.Fatal("they are elsewhere")
			}
			killer.exec(fmt.Sprintf("KILL %d", victim.s.id))
			if err := <-victim.after; err == nil {
				t.Error("the statement was answered")
			}
			if end := victim.ended(); end != Killed {
				t.Errorf("it has ended as %s", end)
			}
		}
	}
}

// A session that has a statement, a transaction that is about to end, or bytes on their way crosses once it stands between two statements, and not before.
func TestSessionCrossesBetweenStatements(t *testing.T) {
	f := movable(t, 1, fesim.Options{}, Options{})
	f.SetLoops(2)
	eventually(t, "the loops", func() bool { return len(f.running()) == 2 })
	c := f.place("app:secret", "fe-1")
	f.take(c.s, 0)
	answered := make(chan string, 1)
	go func() {
		got, err := c.row("SELECT SLEEP(0.2), 7")
		answered <- fmt.Sprint(got, err)
	}()
	eventually(t, "the statement to run", func() bool { return c.s.current() == Busy })
	c.s.within(func() { c.s.transferTo(f.running()[1]) })
	if at := f.loopOf(c.s); at != 0 {
		t.Errorf("it has crossed to %d under its statement", at)
	}
	if got := <-answered; got != "1 7<nil>" {
		t.Errorf("got %q", got)
	}
	eventually(t, "it to cross", func() bool { return f.loopOf(c.s) == 1 })
	if got := c.ask("SELECT 8"); got != "8" {
		t.Errorf("got %q", got)
	}
}

// onTwoLoops starts a server with two loops, and a client on it that has asked once.
func onTwoLoops(t *testing.T) (p *proxied, d *driver, s *session) {
	t.Helper()
	p = start(t, Options{}, newPeer(t, echo).spec("a"))
	p.SetLoops(2)
	eventually(t, "the loops", func() bool { return len(p.running()) == 2 })
	d = p.connect()
	d.ask("SELECT 1")
	return p, d, p.only()
}

// Messages for a session that comes to the loop that it has just left follow it: each runs once, in their order, and where the session is.
func TestMessagesFollowASession(t *testing.T) {
	p, d, s := onTwoLoops(t)
	for to := range 10 {
		from, there := s.owner.Load(), p.running()[to%2]
		if from == there {
			continue
		}
		thaw := p.freeze()
		from.post(func() { s.transferTo(there) })
		var ran []int
		for i := range 5 {
			s.post(func() {
				if ran = append(ran, i); s.w != there {
					t.Error("a message runs where the session is not")
				}
			})
		}
		thaw()
		eventually(t, "the messages", func() bool {
			n := 0
			s.within(func() { n = len(ran) })
			return n >= 5
		})
		s.within(func() {
			if !slices.Equal(ran, []int{0, 1, 2, 3, 4}) {
				t.Errorf("%v have run", ran)
			}
		})
		d.ask("SELECT 2")
	}
}

// brokenLink is told that a link has come to nothing.
type brokenLink struct{ on chan *worker }

func (brokenLink) received(*link, []byte, bool) {}
func (brokenLink) writable(*link)               {}
func (u brokenLink) broke(l *link, _ error)     { u.on <- l.session.w }

// A name that has been looked up for a session that has crossed meanwhile, and has given that dial up or not, is a thing for the loop where it is now.
func TestNameIsLookedUpForASessionThatCrosses(t *testing.T) {
	p, d, s := onTwoLoops(t)
	p.take(s, 1)
	p.take(s, 0)
	u := brokenLink{make(chan *worker, 1)}
	from, to := p.running()[0], p.running()[1]
	var l *link
	from.onLoop(func() { l = from.newLink(s, p.registry.Backends()[0], nil, u) })
	thawFrom, thawTo := from.freeze(), to.freeze()
	defer thawTo()
	from.post(func() { s.transferTo(to) })
	l.resolve(t.Context(), "127.0.0.1", "no port")
	thawFrom()
	from.freeze()() // it has done all that
	if len(u.on) != 0 {
		t.Error("it is told where the session has been")
	}
	thawTo()
	if on := <-u.on; on != to {
		t.Error("it is told elsewhere")
	}
	d.ask("SELECT 2")
}

// Sessions that have much to do leave a loop that is busy for one that is not.
func TestBusySessionsPass(t *testing.T) {
	p := start(t, Options{}, newPeer(t, echo).spec("a"))
	var wg sync.WaitGroup
	ctx, cancel := context.WithCancel(context.Background())
	defer wg.Wait()
	defer cancel()
	for range 8 {
		d := p.connect()
		wg.Go(func() {
			for ctx.Err() == nil {
				d.ask("SELECT 1")
			}
		})
	}
	idle := p.connect()
	idle.ask("SELECT 1")
	s := p.session(idle.hello.ConnectionID)
	p.SetLoops(2)
	eventually(t, "the loops", func() bool { return len(p.running()) == 2 })
	first := p.running()[0]
	var spin func()
	spin = func() { // whatever else the machine does, this loop has no time
		for began := time.Now(); time.Since(began) < 2*time.Millisecond; {
		}
		if ctx.Err() == nil {
			first.post(spin)
		}
	}
	first.post(spin)
	eventually(t, "sessions to pass", func() bool { return p.running()[1].loop.Assigned() >= 4 })
	if p.loopOf(s) != 0 {
		t.Error("one that does nothing has gone as well")
	}
}

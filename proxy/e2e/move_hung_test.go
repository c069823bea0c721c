package e2e

import (
	"context"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"segue/backend"
	"segue/backend/fesim"
)

// longestHang is the longest that a client may wait because a backend hangs, beyond what the machine kept it waiting.
const longestHang = 1500 * time.Millisecond

// hanging is a fleet whose first backend a test can make hang, and go on.
type hanging struct {
	fleet
	places     []backend.Spec // of the backends, as Segue knows them
	hang, goOn func()
	read       string // a query that takes a while, and whose answer begins with "read"
}

// longRead counts some 9 million combinations: a second on a machine that does nothing else.
const longRead = "SELECT 'read', COUNT(*) FROM information_schema.COLLATIONS a, information_schema.COLLATIONS b, (SELECT 1 FROM information_schema.COLLATIONS LIMIT 100) c"

// TestMoveHungMariaDB: the server's process is stopped. Nothing but the MySQL port tells, and nobody logs in to probe it.
func TestMoveHungMariaDB(t *testing.T) {
	f := startMariaDBs(t)
	signal := func(s syscall.Signal) func() {
		return func() {
			if err := f.servers[0].cmd.Process.Signal(s); err != nil {
				t.Errorf("signal server: %v", err)
			}
		}
	}
	t.Cleanup(signal(syscall.SIGCONT)) // or it would not stop
	hangUnder(t, &hanging{f, f.specs(), signal(syscall.SIGSTOP), signal(syscall.SIGCONT), longRead})
}

// TestMoveHungFE: as far as the network shows, the FE's process has stopped.
func TestMoveHungFE(t *testing.T) {
	f := startFEs(t, fesim.Options{})
	set := func(fault fesim.Fault) func() { return func() { f.cluster.FEs()[0].SetFault(fault) } }
	hangUnder(t, &hanging{f, f.specs(), set(fesim.Fault{Freeze: true, AcceptSilent: true}), set(fesim.Fault{}), "SELECT 'read'"})
}

// TestMoveHungBlackhole: the network swallows everything, without a FIN or a RST.
func TestMoveHungBlackhole(t *testing.T) {
	f := startMariaDBs(t)
	n := newNamespace(t)
	specs := f.specs()
	specs[0].Address = startFrontOn(t, n.listen(t), specs[0].Address).address()
	hangUnder(t, &hanging{f, specs, func() { n.pull(t) }, func() { n.plug(t) }, longRead})
}

// slowly is how long the statement on a backend that lives takes.
const slowly = 8 * time.Second

// hangUnder makes the first backend hang under clients of every kind. Those that are idle, that come, or that only read see nothing of it and
// do not wait for long; a write is one error, which says that its outcome is unknown, and is not sent again; what runs for long on
// a backend that lives is left alone; and the backend comes back.
func hangUnder(t *testing.T, f *hanging) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	p := startProgram(t, f.flavor(), f.places, "balance: {policy: round-robin, rebalance_rate: 0}") // so that who comes comes to all
	hung := f.places[0].Name
	var running sync.WaitGroup
	defer running.Wait()

	p.run(t, "drain", hung)
	slow := openIdle(t, p.address, f.dialect(), 1).workers[0]
	running.Go(func() {
		took, err := timed(func() error { return slow.client.Ask(ctx, "SELECT 'slow', SLEEP(8)", "slow") })
		if err != nil || took < slowly || took > slowly+slowly/2 {
			t.Errorf("the slow statement on a backend that lives: %v after %v", err, took)
		}
	})
	p.run(t, "ready", hung)
	for _, s := range f.places[1:] {
		p.run(t, "drain", s.Name)
	}
	early, late := openIdle(t, p.address, f.dialect(), 24), openIdle(t, p.address, f.dialect(), 24)
	reader, writer := openIdle(t, p.address, f.dialect(), 1).workers[0], openIdle(t, p.address, f.dialect(), 1).workers[0]
	if n := p.sessions(t, hung); n != 50 {
		t.Fatalf("%d sessions on %s, want 50", n, hung)
	}
	for _, s := range f.places[1:] {
		p.run(t, "ready", s.Name)
	}
	coming := startStatefulLoad(t, p.address, f.dialect(), [numWorkloads]int{shortLived: 8})

	running.Go(func() {
		if err := reader.client.Ask(ctx, f.read, "read"); err != nil {
			t.Errorf("a read that ran: %v", err)
		}
	})
	time.Sleep(100 * time.Millisecond) // it runs: nothing outside of the server tells
	f.hang()
	began := time.Now()
	running.Go(func() { f.write(ctx, t, writer) })
	waits := []time.Duration{early.askAll(t, "at once")}
	waitFor(t, "the backend to be down", func() bool { return p.health(t, hung) == "down" })
	t.Logf("%s was down %v after it hung", hung, time.Since(began).Round(time.Millisecond))
	waits = append(waits, late.askAll(t, "when it is down"))
	waitFor(t, "all to be off", func() bool { return p.sessions(t, hung) == 0 })
	t.Logf("all were off after %v", time.Since(began).Round(time.Millisecond))
	time.Sleep(time.Second) // of a backend that goes on hanging: more clients come
	f.goOn()
	p.waitUp(t)
	late.askAll(t, "when it is up again")
	running.Wait()
	coming.stop()

	errors, lost, longest := coming.total()
	if errors+lost > 0 || coming.scores[shortLived].answered == 0 {
		t.Errorf("%d answers to who came, %d errors, %d wrong: %v", coming.scores[shortLived].answered, errors, lost, coming.summary(5))
	}
	for _, wait := range append(waits, longest) {
		if wait > longestHang+coming.machine {
			t.Errorf("a client waited for %v; the machine stalled for %v", wait, coming.machine)
		}
	}
	t.Logf("longest wait: of who asked at once %v, when it was down %v, of who came %v; the machine stalled for %v",
		waits[0].Round(time.Millisecond), waits[1].Round(time.Millisecond), longest.Round(time.Millisecond), coming.machine.Round(time.Millisecond))
	counts, err := count(ctx, f)
	if err != nil {
		t.Fatalf("count ledger: %v", err)
	}
	for _, fault := range writer.load.ledger.judge(counts).faults() {
		t.Error(fault)
	}
}

// write inserts a row on a backend that hangs: one error that tells the truth, and the client stays.
func (f *hanging) write(ctx context.Context, t *testing.T, w *statefulWorker) {
	t.Helper()
	took, err := w.insert(ctx)
	if err == nil || !strings.Contains(err.Error(), "stopped answering while the statement ran; its outcome is unknown") {
		t.Errorf("the write on a backend that hangs: %v", err)
	}
	t.Logf("the write was given up after %v", took.Round(time.Millisecond))
	if _, err := w.ask(ctx); err != nil {
		t.Errorf("the client of the write, afterwards: %v", err)
	}
}

// health is what Segue says of a backend.
func (p *segueProgram) health(t *testing.T, name string) string {
	t.Helper()
	for _, b := range p.backends(t) {
		if b.Name == name {
			return b.Health
		}
	}
	t.Fatalf("segue does not know %s", name)
	return ""
}

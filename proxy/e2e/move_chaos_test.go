package e2e

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"segue/backend"
)

const (
	memoryLimit = "64MiB" // of a Segue, as GOMEMLIMIT
	mostMemory  = 200_000 // that it may have had, in KB
	operating   = "30s"   // how long a drain may take at most
	patience    = 20 * time.Second
)

// TestMoveChaos: whatever happens around Segue, at its edges, its clients notice nothing, the operator is obeyed, and it holds no more in the end than in the
// beginning.
func TestMoveChaos(t *testing.T) {
	t.Logf("-seed %d -minutes %g", *seed, *minutes)
	f := startMariaDBs(t, durable()...)
	d := startDisturber(t, f)
	for _, s := range f.servers {
		if err := s.exec(t.Context(), "CREATE USER "+stranger); err != nil {
			t.Fatal(err)
		}
	}
	b := openBank(t, f)
	x := &chaos{liar: startLiar(t, f.servers[0].address()), disk: smallDisk(t)}
	x.segues = startSegues(t, f.flavor(), d.specs, x.disk, eager)
	x.waitUp(t)
	d.program = x.segueProgram
	files := x.now().files(t)
	c := startCheck(t, d, b)
	next, began := troubles(*seed), time.Now()
	for n := 0; n < int(numNuisances) || time.Since(began) < time.Duration(*minutes*float64(time.Minute)); n++ {
		x.happen(t, next(), time.Since(began))
		if t.Failed() {
			break
		}
	}
	c.stop()
	x.settle(t, files)
	if err := b.awaitQuiet(t.Context()); err != nil {
		t.Fatalf("wait for the end of all connections: %v", err)
	}
	if err := c.settled(t.Context(), f); err != nil {
		t.Fatalf("read what backends hold: %v", err)
	}
	t.Logf("%s\n%s\n%s", c.report(), x.report(), c.errorsSeen())
	for _, fault := range c.byRule() {
		t.Error(fault)
	}
}

// chaos is what happens around Segues that follow one another.
type chaos struct {
	*segues
	liar     *liar
	disk     string // where the state is kept
	happened [numNuisances]int
}

// smallDisk is a directory with a file system of its own, of which there is little.
func smallDisk(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if os.Geteuid() != 0 {
		t.Fatal("a disk of its own takes root's rights: run the tests as root")
	}
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=256k"); err != nil {
		t.Fatalf("mount: %v", err)
	}
	t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
	return dir
}

// happen lets one trouble happen, and end.
func (x *chaos) happen(t *testing.T, what trouble, at time.Duration) {
	t.Helper()
	time.Sleep(what.pause)
	text := what.what.String()
	if what.also != what.what {
		text += ", and in the middle " + what.also.String()
		x.happened[what.also]++
	}
	t.Logf("%7s %s for %s", at.Round(time.Millisecond), text, what.lasts.Round(time.Millisecond))
	x.happened[what.what]++
	end := x.begin(t, what.what, what)
	time.Sleep(what.lasts / 3)
	if what.also != what.what {
		endToo := x.begin(t, what.also, what)
		time.Sleep(what.lasts / 3)
		x.operate(t, what)
		endToo()
	} else {
		x.operate(t, what)
	}
	time.Sleep(what.lasts / 3)
	end()
	began := time.Now()
	x.waitUp(t)
	if took := time.Since(began); took > patience {
		t.Errorf("it took %s until all backends were up again", took)
	}
}

// operate has an operator take a backend out and bring it back while it is all going on, unless Segue stands still or the configuration does not.
func (x *chaos) operate(t *testing.T, what trouble) {
	t.Helper()
	if what.what == halt || what.also == halt || what.kind%2 > 0 {
		return
	}
	name := x.specs[what.kind%len(x.specs)].Name
	x.run(t, "drain", name, "--force", "--wait", "--timeout", operating)
	x.run(t, "ready", name)
}

// begin lets a nuisance begin; end ends it, and returns when it has ended.
func (x *chaos) begin(t *testing.T, n nuisance, what trouble) (end func()) {
	t.Helper()
	random := rand.New(rand.NewPCG(what.seed, uint64(n)))
	living := x.living()
	one := living[random.IntN(len(living))]
	switch n {
	case halt:
		_ = one.cmd.Process.Signal(syscall.SIGSTOP)
		return func() { _ = one.cmd.Process.Signal(syscall.SIGCONT) }
	case unread:
		if one.log == nil {
			break
		}
		one.log.held.Lock()
		return one.log.held.Unlock
	case unheard:
		if one.log != nil {
			_ = one.log.r.Close()
		}
	case fewFiles:
		before := one.mayOpen(t, uint64(one.files(t)+random.IntN(6)))
		return func() {
			if one.lives() {
				one.mayOpen(t, before)
			}
		}
	case diskFull:
		return x.fill(t)
	case silentAdmin:
		return crowds(t, "tcp", x.admin, 200)
	case stuckAdmin:
		const head = " HTTP/1.1\r\nHost: localhost\r\n\r\n"
		return crowds(t, "tcp", x.admin, 100, strings.Repeat("GET /metrics"+head, 200), "GET /api/v1/events"+head, strings.Repeat("GET /api/v1/sessions"+head, 200), "POST /api/v1/pause HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n")
	case silent:
		return crowds(t, "tcp", x.address, 80)
	case strangers:
		return during(func() { comeHostile(t, x.address, what.seed, what.lasts) })
	case offerCrowd:
		return crowds(t, "unix", x.offer(), 500, "{")
	case liars:
		specs := append(slices.Clone(x.specs), backend.Spec{Name: "liar", Address: x.liar.ln.Addr().String()})
		x.write(t, x.file(specs, x.lines))
		stop := during(func() { comeHostile(t, x.address, what.seed, what.lasts) })
		return func() {
			stop()
			x.write(t, x.file(x.specs, x.lines))
			waitFor(t, "the liar to be gone", func() bool { return len(x.backends(t)) == len(x.specs) })
		}
	case reloads:
		return x.reloadMuch(t, random, what.lasts)
	case takeOver:
		for range 1 + random.IntN(3) {
			x.crown(t, random.IntN(3) == 0)
		}
	default:
		t.Fatalf("no nuisance: %d", n)
	}
	return func() {}
}

// during has something happen beside what else does; wait returns when it has ended.
func during(happen func()) (wait func()) {
	var over sync.WaitGroup
	over.Go(happen)
	return over.Wait
}

// fill fills the disk; once there is room, what operators have said is kept.
func (x *chaos) fill(t *testing.T) (end func()) {
	t.Helper()
	filler := filepath.Join(x.disk, "filler")
	if err := os.WriteFile(filler, make([]byte, 1<<20), 0o600); err == nil {
		t.Fatal("the disk is large")
	}
	return func() {
		if err := os.Remove(filler); err != nil {
			t.Fatal(err)
		}
		for i, words := range []string{"maint --force", "ready"} {
			x.run(t, append(strings.Fields(words), x.specs[0].Name)...)
			waitFor(t, "it to be kept", func() bool {
				text, err := os.ReadFile(filepath.Join(x.disk, "state.json"))
				return err == nil && strings.Contains(string(text), "maint") == (i == 0)
			})
		}
	}
}

// reloadMuch changes the configuration again and again.
func (x *chaos) reloadMuch(t *testing.T, random *rand.Rand, lasts time.Duration) (end func()) {
	t.Helper()
	good := x.file(x.specs, x.lines)
	wait := during(func() {
		for until := time.Now().Add(lasts); time.Now().Before(until); time.Sleep(time.Duration(random.IntN(30)) * time.Millisecond) {
			specs := slices.Clone(x.specs)
			specs[random.IntN(len(specs))].Weight = 1 + random.IntN(4)
			text := x.file(specs, x.lines)
			switch random.IntN(6) {
			case 0:
				text = text[:random.IntN(len(text))]
			case 1:
				text = append(text, "nonsense: {\n"...)
			case 2:
				_ = x.now().cmd.Process.Signal(syscall.SIGHUP)
			}
			x.write(t, text)
		}
	})
	return func() {
		wait()
		x.write(t, good)
		x.run(t, "reload")
	}
}

// settle waits until nobody is left, and looks at what the Segues still hold.
func (x *chaos) settle(t *testing.T, files int) {
	t.Helper()
	last := x.now()
	waitFor(t, "those that were taken over from to end", func() bool { return len(x.living()) == 1 })
	var open int
	waitFor(t, "its descriptors to be closed", func() bool { open = last.files(t); return open <= files+4 || t.Failed() })
	memory := last.mostMemory(t)
	if memory > mostMemory {
		t.Errorf("it has had %d KB of memory", memory)
	}
	metrics := string(x.get(t, "/metrics"))
	for _, name := range []string{"segue_session_panics_total", "segue_task_panics_total"} {
		if n := addSeries(metrics, name); n > 0 {
			t.Errorf("%s is %g", name, n)
		}
	}
	t.Logf("%d descriptors in the beginning, %d in the end; %d KB at most, %g goroutines", files, open, memory, addSeries(metrics, "go_goroutines"))
}

// report tells what has happened.
func (x *chaos) report() string {
	var list []string
	for n, times := range x.happened {
		list = append(list, fmt.Sprintf("%d × %s", times, nuisance(n)))
	}
	return fmt.Sprintf("%d Segues; %s", len(x.all), strings.Join(list, ", "))
}

package proxy

import (
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"segue/backend"
	"segue/backend/wire"
	"segue/proxy/ledger"
)

func TestSessionsFor(t *testing.T) {
	for descriptors, want := range map[uint64]int{0: 1, 4: 1, 64: 24, 1024: 384, 65536: 32640, 1 << 20: 524160, 1<<64 - 1: 1<<31 - 1} {
		if got := sessionsFor(descriptors); got != want {
			t.Errorf("%d descriptors are enough for %d sessions, want %d", descriptors, got, want)
		}
	}
}

func TestLimit(t *testing.T) {
	for _, c := range []struct {
		asked int
		want  int
		text  string
	}{
		{0, 384, "(384, all that 1024 file descriptors are enough for); raise LimitNOFILE"},
		{100, 100, "(limits.sessions 100); raise it"},
		{384, 384, "(limits.sessions 384); raise it"},
		{385, 384, "(384, all that 1024"},
	} {
		l := newLimit(c.asked, 1024)
		if got := l.reached().Error(); l.sessions != c.want || !strings.Contains(got, c.text) {
			t.Errorf("limits.sessions %d: %d, %q", c.asked, l.sessions, got)
		}
	}
}

// refused reads the ERR_Packet that a client gets in place of a greeting, and the end.
func (d *driver) refused() *wire.Err {
	d.t.Helper()
	payload, err := d.next(0)
	e := new(wire.Err)
	if err != nil || e.Decode(payload) != nil {
		d.t.Fatalf("got %q, %v; want an ERR_Packet", payload, err)
	}
	if rest, err := io.ReadAll(d); err != nil || len(rest) > 0 {
		d.t.Errorf("behind the ERR_Packet: %q, %v", rest, err)
	}
	return e
}

func TestClientBeyondTheLimit(t *testing.T) {
	m := measure(t, Options{MaxSessions: 2}, newPeer(t, echo).spec("a"))
	first, second := m.connect(), m.connect()
	for n := range 3 {
		if e := m.dial().refused(); e.Code != 1040 || e.Message != "segue: too many sessions (limits.sessions 2); raise it, or let applications keep fewer connections" {
			t.Errorf("the client is told %v", e)
		}
		m.waitValue(clientErrors, string(ledger.LostLimit), float64(n+1))
	}
	if i := m.Failures().Seen[0]; i.Client == "" || i.Kind != ledger.LostLimit || i.Session != 0 {
		t.Errorf("the ledger has %+v", i)
	}
	first.ask("SELECT 1") // the others go on

	o := *m.options()
	o.MaxSessions = 3
	m.SetOptions(o)
	third := m.connect()
	o.MaxSessions = 1
	m.SetOptions(o)
	for _, d := range []*driver{first, second, third} {
		m.dial().refused()
		d.ask("SELECT 1") // a lower limit ends nobody
		_ = d.Close()
	}
	m.waitSessions(0)
	m.connect()
}

func TestMoreSessionsThanDescriptorsAreSaid(t *testing.T) {
	m := measure(t, Options{MaxSessions: 1 << 30}, newPeer(t, echo).spec("a"))
	m.SetOptions(*m.options())
	if n := strings.Count(m.log.String(), "raise LimitNOFILE"); n != 1 || m.MaxSessions() >= 1<<30 {
		t.Errorf("said %d times, limit %d:\n%s", n, m.MaxSessions(), m.log)
	}
}

// What Segue lacks is no backend's fault, and its client is told what it is.
func TestLack(t *testing.T) {
	for _, errno := range []syscall.Errno{syscall.EMFILE, syscall.ENFILE, syscall.EADDRNOTAVAIL, syscall.ENOBUFS, syscall.ENOMEM} {
		err := &net.OpError{Op: "dial", Err: os.NewSyscallError("socket", errno)}
		if e := dialFailed(err); setupKind(e) != ledger.SetupLack || backend.Lack(e) == "" || !strings.Contains(e.Error(), "; ") {
			t.Errorf("%v: kind %s, %v", errno, setupKind(e), e)
		}
	}
	err := &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	if e := dialFailed(err); setupKind(e) != ledger.SetupRefused || e.Blameless() || backend.Lack(e) != "" {
		t.Errorf("refused: kind %s, %v", setupKind(e), e)
	}
}

// child names the variable that makes this program a process of its own for a test.
const child = "SEGUE_TEST_CHILD"

// A process that is out of descriptors, for which its limits must be changed: the test runs in one of its own.
func TestOutOfDescriptors(t *testing.T) {
	if os.Getenv(child) == "" {
		cmd := exec.Command(os.Args[0], "-test.run=^TestOutOfDescriptors$", "-test.v")
		cmd.Env = append(os.Environ(), child+"=1")
		if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS: TestOutOfDescriptors") {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	m := measure(t, Options{ConnectBudget: 3 * time.Second}, newPeer(t, echo).spec("a"))
	m.ask(func(*worker) {
		m.OnEvidence = func(b *backend.Backend, cause error) { t.Errorf("evidence against %s: %v", b.Name(), cause) }
	})
	d := m.connect()
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: 64, Max: 64}); err != nil {
		t.Fatal(err)
	}
	var files []*os.File
	for {
		f, err := os.Open(os.DevNull)
		if errors.Is(err, syscall.EMFILE) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	free := func(n int) {
		for ; n > 0; n-- {
			_ = files[0].Close()
			files = files[1:]
		}
	}
	free(2) // one for the client, one for Segue's end of it: none for a backend
	e := new(wire.Err)
	if err := m.dial().login("pw"); !errors.As(err, &e) || !strings.Contains(e.Message, "segue has no file descriptor left; raise LimitNOFILE") {
		t.Errorf("the client is told %v", err)
	}
	d.ask("SELECT 1") // who is there goes on
	eventually(t, "the failure to be entered, once", func() bool { return m.series(clientErrors)[string(ledger.LostConnect)] == 1 })
	if n := m.series(hidden)["retried,"+string(ledger.SetupLack)]; n > 0 {
		t.Errorf("what the client saw is hidden %v times as well", n)
	}

	m.waitSessions(1)
	waits := m.dial() // with the descriptor of the session that has ended: it cannot be accepted
	eventually(t, "accept to fail", func() bool {
		return strings.Contains(m.log.String(), `msg="accept client" cause="segue has no file descriptor left`)
	})
	tried, began := strings.Count(m.log.String(), "accept client"), time.Now()
	time.Sleep(time.Second)
	if n := strings.Count(m.log.String(), "accept client") - tried; float64(n) > 8*time.Since(began).Seconds() {
		t.Errorf("accept was tried %d times in %s", n, time.Since(began))
	}
	free(len(files))
	if err := waits.login("pw"); err != nil {
		t.Errorf("once there are descriptors again: %v", err)
	}
	if l, err := m.registry.Lease(nil); err != nil {
		t.Errorf("the backend is left alone: %v", err)
	} else {
		l.Release()
	}
}

// A session that has lost its backend and waits for its turn to move has nobody to move for once its client has left.
func TestClientLeavesWhileItsSessionWaitsForASlot(t *testing.T) {
	o := known()
	o.ConnectBudget = time.Hour
	p := start(t, o, newPeer(t, echo).spec("a"), newPeer(t, echo).spec("b"))
	_ = p.registry.SetAdmin("b", backend.Maint)
	d := p.connect()
	p.ready("b")
	for range maxMoving {
		p.gate.TryEnter()
	}
	p.closeBackends("a")
	c := p.only()
	eventually(t, "the session to wait", func() bool {
		return c.atGate()
	})
	_ = d.Close()
	p.waitSessions(0)
	for range maxMoving {
		p.gate.Leave()
	}
	for _, b := range p.registry.Backends() {
		if n := b.Status().Sessions; n != 0 {
			t.Errorf("%s has %d sessions", b.Name(), n)
		}
	}
}

// The admin API's connections are among the descriptors that are kept from sessions, and leave most of those for the rest.
func TestAdminConnectionsAreInTheBudget(t *testing.T) {
	for _, descriptors := range []uint64{16, 64, 300, 1024, 4096, 1 << 20} {
		n, left := adminConnections(descriptors), int(descriptors)-2*sessionsFor(descriptors)
		if n < 1 || n > 2 && 4*n > left || n > 64 {
			t.Errorf("%d descriptors: %d connections of %d that are left", descriptors, n, left)
		}
	}
}

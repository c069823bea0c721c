package proxy

import (
	"log/slog"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sys/unix"

	"segue/backend"
	"segue/proxy/ledger"
)

// entry is under what a failure is counted.
type entry struct {
	kind   ledger.Kind
	action ledger.Action
}

// entered waits until the ledger has these counts and no others.
func (p *proxied) entered(want map[entry]uint64) {
	p.t.Helper()
	var got map[entry]uint64
	defer func() {
		if p.t.Failed() {
			p.t.Logf("entered are %v, want %v", got, want)
		}
	}()
	eventually(p.t, "the ledger", func() bool {
		got = map[entry]uint64{}
		for _, c := range p.Failures().Counts {
			got[entry{c.Kind, c.Action}] = c.Count
		}
		return maps.Equal(got, want)
	})
}

// losing lets everybody in, says that each statement is in a transaction from BEGIN on, and closes the connection at LOSE and at
// SELECT 'lose'.
func losing(c *peerConn) {
	status := byte(2)
	answering(func(c *peerConn, command []byte) bool {
		switch text := string(command[1:]); text {
		case "BEGIN":
			status = 3
		case "LOSE", "SELECT 'lose'":
			return false
		}
		return c.send(1, []byte{0, 0, 0, status, 0, 0, 0})
	})(c)
}

// Each loss of a backend is entered once: as what its client saw, or as what it did not.
func TestEachLossIsEnteredOnce(t *testing.T) {
	t.Parallel()
	type is = map[entry]uint64
	moved, replayed := entry{ledger.SetupClosed, ledger.Moved}, entry{ledger.SetupClosed, ledger.Replayed}
	ok := func(t *testing.T, d *driver, text string) {
		t.Helper()
		d.query(text)
		if _, err := d.row(); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
	seen := func(t *testing.T, d *driver, text string) {
		t.Helper()
		d.query(text)
		if _, err := d.row(); err == nil {
			t.Errorf("%s: no error", text)
		}
	}
	begin := func(t *testing.T, p *proxied, d *driver) {
		t.Helper()
		ok(t, d, "BEGIN")
		ok(t, d, "UPDATE")
		_ = p.registry.SetAdmin("b", backend.Ready)
		p.closeBackends("a")
		p.onB()
		p.entered(is{}) // nobody has seen anything yet
	}
	for name, test := range map[string]struct {
		act  func(p *proxied, d *driver)
		want is
	}{
		"idle": {func(p *proxied, _ *driver) { p.closeBackends("a") }, is{moved: 1}},
		"statement that writes": {
			func(p *proxied, d *driver) { seen(d.t, d, "LOSE"); p.onB() },
			is{{ledger.LostStatement, ledger.Seen}: 1},
		},
		"statement that reads": {func(p *proxied, d *driver) { ok(d.t, d, "SELECT 'lose'") }, is{replayed: 1}},
		"transaction, and a statement": {
			func(p *proxied, d *driver) { begin(d.t, p, d); seen(d.t, d, "UPDATE") },
			is{{ledger.LostTransaction, ledger.Seen}: 1},
		},
		"transaction, and ROLLBACK": {
			func(p *proxied, d *driver) { begin(d.t, p, d); ok(d.t, d, "ROLLBACK") },
			is{moved: 1},
		},
		"transaction, and the client leaves": {func(p *proxied, d *driver) { begin(d.t, p, d); _ = d.Close() }, is{moved: 1}},
		"transaction, and Segue stops":       {func(p *proxied, d *driver) { begin(d.t, p, d); p.stop() }, is{{ledger.LostTransaction, ledger.Seen}: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, d := between(t, losing, echo)
			test.act(p, d)
			p.entered(test.want)
			_ = d.Close()
			p.waitSessions(0)
			p.entered(test.want)
			f := p.Failures()
			for _, i := range append(f.Seen, f.Hidden...) {
				if i.Backend != "a" || i.Session == 0 || i.Client == "" || i.User != "u" || i.Cause == "" {
					t.Errorf("not told: %+v", i)
				}
			}
		})
	}
}

// closeBackends closes Segue's connections to a backend, as that would.
func (p *proxied) closeBackends(name string) {
	p.ask(func(w *worker) {
		for _, s := range w.all {
			if s.backendName() == name {
				_ = s.back.conn.Control(func(fd uintptr) { _ = unix.Shutdown(int(fd), unix.SHUT_RD) })
			}
		}
	})
}

// A backend that fails while a session is rebuilt there has failed unseen.
func TestFailureOfAMovesTargetIsEntered(t *testing.T) {
	fails := failures["reset before the greeting"]
	p, d := between(t, func(c *peerConn) {
		if c.number == 1 {
			losing(c)
			return
		}
		fails(c) // the session must not come back to it
	}, fails)
	p.registry.Apply(append(p.specs(), newPeer(t, echo).spec("c")))
	c, _ := p.registry.Lookup("c")
	_ = p.registry.SetAdmin("c", backend.Maint)
	p.registry.SetHealth(c, backend.Up, "")
	d.query("LOSE")
	_, _ = d.row()
	eventually(t, "the failure", func() bool {
		for _, i := range p.Failures().Hidden {
			if i.Kind == ledger.SetupClosed && i.Action == ledger.Retried && i.Backend == "b" {
				return true
			}
		}
		return false
	})
	p.ready("c")
	d.ask("SELECT 1")
}

func (p *proxied) specs() (specs []backend.Spec) {
	for _, b := range p.registry.Backends() {
		specs = append(specs, backend.Spec{Name: b.Name(), Address: b.Address()})
	}
	return specs
}

// What keeps a client from every backend is entered as what it saw, and not as hidden besides; where another backend lets it in, or it goes by itself, it
// is hidden.
func TestFailedAttemptsAreEnteredOnce(t *testing.T) {
	type is = map[entry]uint64
	fails := failures["reset before the greeting"]
	retried := entry{ledger.SetupClosed, ledger.Retried}

	p := start(t, Options{ConnectBudget: 300 * time.Millisecond, ConnectTimeout: 200 * time.Millisecond}, newPeer(t, fails).spec("a"), newPeer(t, fails).spec("b"))
	if p.dial().login("pw") == nil {
		t.Error("let in by nobody")
	}
	p.waitSessions(0)
	p.entered(is{{ledger.LostConnect, ledger.Seen}: 1})

	p = start(t, quick, newPeer(t, fails).spec("a"), newPeer(t, native("ABCDEFGHIJKLMNOPQRST", nil)).spec("b"))
	b, _ := p.registry.Lookup("b")
	_ = p.registry.SetAdmin("b", backend.Drain)
	logged := make(chan error, 1)
	d := p.dial()
	go func() { logged <- d.login("pw") }()
	p.waitState(Leasing)
	_ = p.registry.SetAdmin("b", backend.Ready)
	p.registry.SetHealth(b, backend.Up, "")
	if err := <-logged; err != nil {
		t.Fatal(err)
	}
	eventually(t, "the ledger", func() bool {
		counts := p.Failures().Counts
		return len(counts) == 1 && entry{counts[0].Kind, counts[0].Action} == retried && counts[0].Count > 0
	})

	p = start(t, Options{}, newPeer(t, fails).spec("a"))
	d = p.dial()
	p.waitState(Leasing)
	_ = d.Close()
	p.waitSessions(0)
	if counts := p.Failures().Counts; len(counts) != 1 || (entry{counts[0].Kind, counts[0].Action}) != retried {
		t.Errorf("%+v", counts)
	}
}

// A thousand sessions that lose one backend are a line of the log.
func TestManySessionsThatLoseABackendAreALine(t *testing.T) {
	t.Parallel()
	m := &measured{metrics: prometheus.NewRegistry(), log: &syncBuffer{}}
	specs := []backend.Spec{newPeer(t, losing).spec("a"), newPeer(t, echo).spec("b")}
	m.proxied = startWith(t, specs, func(r *backend.Registry) *Server {
		return NewServer(r, known(), slog.New(slog.NewTextHandler(m.log, nil)), m.metrics)
	})
	_ = m.registry.SetAdmin("b", backend.Maint)
	const n = 40
	for range n {
		m.connect()
	}
	m.ready("b")
	m.closeBackends("a")
	m.entered(map[entry]uint64{{ledger.SetupClosed, ledger.Moved}: n})
	m.waitValue(hidden, string(ledger.Moved)+","+string(ledger.SetupClosed), n)
	eventually(t, "the line", func() bool { return strings.Contains(m.log.String(), "failures of a backend") })
	if lines := strings.Count(m.log.String(), "backend=a"); lines > 2 {
		t.Errorf("%d lines:\n%s", lines, m.log)
	}
}

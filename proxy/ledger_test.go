package proxy

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"segue/backend"
)

func newTestLedger(level slog.Level) (*ledger, *syncBuffer) {
	log := &syncBuffer{}
	return newLedger(newMetrics(nil), slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: level}))), log
}

func TestLedgerKeepsTheLatestOfEachKind(t *testing.T) {
	l, _ := newTestLedger(slog.LevelInfo)
	l.enter(Incident{Session: 1, Backend: "a", Kind: lostStatement}, errors.New("reset"))
	for n := range 1000 {
		l.enter(Incident{Session: uint32(n), Backend: "a", Kind: lostIdle}, nil)
		l.enter(Incident{Session: uint32(n), Backend: "b", Kind: setupRefused, Action: actionRetried}, nil)
	}
	f := l.failures()
	want := []FailureCount{{lostIdle, "", 1000}, {lostStatement, "", 1}, {setupRefused, actionRetried, 1000}}
	if fmt.Sprint(f.Counts) != fmt.Sprint(want) {
		t.Errorf("counts %v, want %v", f.Counts, want)
	}
	const most = len(account{}.latest)
	if len(f.Seen) != most+1 || len(f.Hidden) != most {
		t.Fatalf("%d seen and %d hidden are remembered", len(f.Seen), len(f.Hidden))
	}
	if last := f.Seen[most]; last.Session != 1 || last.Cause != "reset" || last.Backend != "a" || last.Action != "" {
		t.Errorf("the oldest is %+v", last)
	}
	if f.Seen[0].Session != 999 || f.Seen[0].Time.Before(f.Seen[most].Time) || f.Hidden[most-1].Session != uint32(1000-most) {
		t.Errorf("not the latest, or not in order: %+v", f)
	}
}

// A crash is a line of the log, not one for each session; an error that a client saw has its own, up to a bound.
func TestLedgerLogsAnEventOnce(t *testing.T) {
	l, log := newTestLedger(slog.LevelInfo)
	lines := func(part string) int { return strings.Count(log.String(), part) }
	l.enter(Incident{Session: 1, Backend: "a", Kind: lostStatement}, errors.New("first"))
	l.tell(time.Now(), true)
	if lines("level=WARN") != 1 || lines("\n") != 1 || !strings.Contains(log.String(), "session=1 client=\"\" backend=a kind=statement cause=first") {
		t.Errorf("one error:\n%s", log)
	}
	for range 500 {
		l.enter(Incident{Backend: "a", Kind: lostStatement}, errors.New("reset"))
		l.enter(Incident{Backend: "a", Kind: setupClosed, Action: actionMoved}, nil)
		l.enter(Incident{Backend: "b", Kind: lostIdle}, nil)
	}
	l.tell(time.Now(), false)
	if lines("level=WARN") != 1+mostLines || lines("failures of a backend") != 0 {
		t.Errorf("too early:\n%s", log)
	}
	l.tell(time.Now().Add(eventTime), false)
	for _, want := range []string{
		`level=INFO msg="failures of a backend" backend=a seen="500 statement" hidden="500 closed moved" cause=reset`,
		`level=INFO msg="failures of a backend" backend=b seen="500 idle" hidden=""`,
	} {
		if lines(want) != 1 {
			t.Errorf("not once: %s\n%s", want, log)
		}
	}
	if l.tell(time.Now(), true); lines("\n") != 1+mostLines+2 {
		t.Errorf("more was logged:\n%s", log)
	}
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
	type is = map[entry]uint64
	moved, replayed := entry{setupClosed, actionMoved}, entry{setupClosed, actionReplayed}
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
			is{{lostStatement, ""}: 1},
		},
		"statement that reads": {func(p *proxied, d *driver) { ok(d.t, d, "SELECT 'lose'") }, is{replayed: 1}},
		"transaction, and a statement": {
			func(p *proxied, d *driver) { begin(d.t, p, d); seen(d.t, d, "UPDATE") },
			is{{lostTransaction, ""}: 1},
		},
		"transaction, and ROLLBACK": {
			func(p *proxied, d *driver) { begin(d.t, p, d); ok(d.t, d, "ROLLBACK") },
			is{moved: 1},
		},
		"transaction, and the client leaves": {func(p *proxied, d *driver) { begin(d.t, p, d); _ = d.Close() }, is{moved: 1}},
		"transaction, and Segue stops":       {func(p *proxied, d *driver) { begin(d.t, p, d); p.stop() }, is{{lostTransaction, ""}: 1}},
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
	for _, s := range p.list() {
		s.mu.Lock()
		if s.backendName() == name {
			_ = s.back.Conn.(interface{ CloseRead() error }).CloseRead()
		}
		s.mu.Unlock()
	}
}

// A backend that fails while a session is rebuilt there has failed unseen.
func TestFailureOfAMovesTargetIsEntered(t *testing.T) {
	p, d := between(t, losing, failures["reset before the greeting"])
	p.registry.Apply(append(p.specs(), newPeer(t, echo).spec("c")))
	c, _ := p.registry.Lookup("c")
	_ = p.registry.SetAdmin("c", backend.Maint)
	p.registry.SetHealth(c, backend.Up, "")
	d.query("LOSE")
	_, _ = d.row()
	eventually(t, "the failure", func() bool {
		for _, c := range p.Failures().Counts {
			if c.Kind == setupClosed && c.Action == actionRetried && c.Count > 0 {
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

// A thousand sessions that lose one backend are a line of the log.
func TestManySessionsThatLoseABackendAreALine(t *testing.T) {
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
	m.entered(map[entry]uint64{{setupClosed, actionMoved}: n})
	m.waitValue(hidden, actionMoved+","+setupClosed, n)
	eventually(t, "the line", func() bool { return strings.Contains(m.log.String(), "failures of a backend") })
	if lines := strings.Count(m.log.String(), "backend=a"); lines > 2 {
		t.Errorf("%d lines:\n%s", lines, m.log)
	}
}

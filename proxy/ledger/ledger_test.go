package ledger_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"segue/proxy/ledger"
)

// What the package promises its readers; see the constants there.
const (
	mostRemembered = 16
	mostLines      = 10
	mostWaiting    = 10_000
	eventTime      = time.Second
)

// epoch is any moment.
var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func newLedger(level slog.Level) (*ledger.Ledger, *bytes.Buffer) {
	log := &bytes.Buffer{}
	return ledger.New(slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: level}))), log
}

func TestLedgerKeepsTheLatestOfEachKind(t *testing.T) {
	l, _ := newLedger(slog.LevelInfo)
	l.Enter(ledger.Incident{Time: epoch, Session: 1, Backend: "a", Kind: ledger.LostStatement, Cause: "reset"})
	for n := range 1000 {
		now := epoch.Add(time.Duration(n) * time.Microsecond)
		l.Enter(ledger.Incident{Time: now, Session: uint32(n), Backend: "a", Kind: ledger.LostIdle})
		l.Enter(ledger.Incident{Time: now, Session: uint32(n), Backend: "b", Kind: ledger.SetupRefused, Action: ledger.Retried})
	}
	f := l.Failures()
	want := []ledger.Count{{ledger.LostIdle, "", 1000}, {ledger.LostStatement, "", 1}, {ledger.SetupRefused, ledger.Retried, 1000}}
	if fmt.Sprint(f.Counts) != fmt.Sprint(want) {
		t.Errorf("counts %v, want %v", f.Counts, want)
	}
	const most = mostRemembered
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
	l, log := newLedger(slog.LevelInfo)
	lines := func(part string) int { return strings.Count(log.String(), part) }
	l.Enter(ledger.Incident{Time: epoch, Session: 1, Backend: "a", Kind: ledger.LostStatement, Cause: "first"})
	l.Tell(epoch, true)
	if lines("level=WARN") != 1 || lines("\n") != 1 || !strings.Contains(log.String(), "session=1 client=\"\" backend=a kind=statement cause=first") {
		t.Errorf("one error:\n%s", log)
	}
	if lines("time=2026-01-01T00:00:00.000Z") != 1 {
		t.Errorf("not the time of what happened:\n%s", log)
	}
	for range 500 {
		l.Enter(ledger.Incident{Time: epoch, Backend: "a", Kind: ledger.LostStatement, Cause: "reset"})
		l.Enter(ledger.Incident{Time: epoch, Backend: "a", Kind: ledger.SetupClosed, Action: ledger.Moved})
		l.Enter(ledger.Incident{Time: epoch, Backend: "b", Kind: ledger.LostIdle})
	}
	l.Tell(epoch, false)
	if lines("level=WARN") != 1+mostLines || lines("failures of a backend") != 0 {
		t.Errorf("too early:\n%s", log)
	}
	l.Tell(epoch.Add(eventTime), false)
	for _, want := range []string{
		`level=INFO msg="failures of a backend" backend=a seen="500 statement" hidden="500 closed moved" cause=reset`,
		`level=INFO msg="failures of a backend" backend=b seen="500 idle" hidden=""`,
	} {
		if lines(want) != 1 {
			t.Errorf("not once: %s\n%s", want, log)
		}
	}
	if l.Tell(epoch.Add(eventTime), true); lines("\n") != 1+mostLines+2 {
		t.Errorf("more was logged:\n%s", log)
	}
}

// At level debug each failure has its line, and one that names what hid it.
func TestLedgerLogsEachAtDebug(t *testing.T) {
	l, log := newLedger(slog.LevelDebug)
	l.Enter(ledger.Incident{Time: epoch, Session: 1, Client: "c", Backend: "a", Kind: ledger.LostIdle, Cause: "x"})
	l.Enter(ledger.Incident{Time: epoch, Session: 2, Client: "c", Backend: "a", Kind: ledger.Leaving, Action: ledger.Moved, Cause: "y"})
	l.Tell(epoch, false)
	for _, want := range []string{
		`level=DEBUG msg="a client saw an error" session=1 client=c backend=a kind=idle cause=x`,
		`level=DEBUG msg="no client saw a failure" session=2 client=c backend=a kind=leaving action=moved cause=y`,
	} {
		if strings.Count(log.String(), want) != 1 {
			t.Errorf("not once: %s\n%s", want, log)
		}
	}
	if n := strings.Count(log.String(), "\n"); n != 2 {
		t.Errorf("%d lines:\n%s", n, log)
	}
}

// A log that takes nothing costs no more than so much memory; what clients saw is not what is left out.
func TestLedgerKeepsBoundedLines(t *testing.T) {
	l, log := newLedger(slog.LevelDebug)
	for range mostWaiting + 5 {
		l.Enter(ledger.Incident{Time: epoch, Backend: "a", Kind: ledger.Leaving, Action: ledger.Moved})
	}
	l.Enter(ledger.Incident{Time: epoch, Session: 7, Backend: "b", Kind: ledger.LostStatement})
	l.Tell(epoch, false)
	for part, want := range map[string]int{"no client saw a failure": mostWaiting, "untold=5": 1, "a client saw an error": 1} {
		if n := strings.Count(log.String(), part); n != want {
			t.Errorf("%q is logged %d times, want %d", part, n, want)
		}
	}
	if n := l.Failures().Counts[1].Count; n != mostWaiting+5 {
		t.Errorf("%d are counted, want %d", n, mostWaiting+5)
	}
}

// handler is a log that does something whenever it is written to.
type handler func(slog.Record)

func (h handler) Enabled(context.Context, slog.Level) bool { return true }
func (h handler) Handle(_ context.Context, r slog.Record) error {
	h(r)
	return nil
}
func (h handler) WithAttrs([]slog.Attr) slog.Handler { return h }
func (h handler) WithGroup(string) slog.Handler      { return h }

// Whoever enters a failure may hold a lock that the log, or who reads it, wants; and the ledger holds none of its own while it logs.
func TestLedgerLogsUnderNoLock(t *testing.T) {
	var session sync.Mutex
	var l *ledger.Ledger
	logged := 0
	l = ledger.New(slog.New(handler(func(slog.Record) {
		logged++
		if !session.TryLock() {
			t.Error("logged while a failure was entered")
			return
		}
		defer session.Unlock()
		_ = l.Failures() // would wait for ever
		if logged == 1 {
			l.Enter(ledger.Incident{Time: epoch, Backend: "b", Kind: ledger.LostIdle})
		}
	})))
	session.Lock()
	for n := range 3 {
		l.Enter(ledger.Incident{Time: epoch, Session: uint32(n), Backend: "a", Kind: ledger.LostStatement})
		l.Enter(ledger.Incident{Time: epoch, Session: uint32(n), Backend: "a", Kind: ledger.Leaving, Action: ledger.Moved})
	}
	session.Unlock()
	if logged != 0 {
		t.Errorf("%d lines before anybody asked for them", logged)
	}
	l.Tell(epoch, true)
	if logged != 6+1 { // each, and the event
		t.Errorf("%d lines, want 7", logged)
	}
	l.Tell(epoch, true)
	if logged != 6+1+2 { // what was entered meanwhile
		t.Errorf("%d lines, want 9", logged)
	}
}

// The metrics are the ledger's counts; what can happen is there before it does.
func TestLedgerIsCollected(t *testing.T) {
	l, _ := newLedger(slog.LevelInfo)
	reg := prometheus.NewPedanticRegistry()
	reg.MustRegister(l)
	const seen, hidden = "segue_client_errors_total", "segue_hidden_failures_total"
	series := func() map[string]float64 {
		families, err := reg.Gather()
		if err != nil {
			t.Fatal(err)
		}
		values := map[string]float64{}
		for _, f := range families {
			for _, m := range f.GetMetric() {
				labels := []string{f.GetName()}
				for _, label := range m.GetLabel() {
					labels = append(labels, label.GetName()+"="+label.GetValue())
				}
				values[strings.Join(labels, " ")] = m.GetCounter().GetValue()
			}
		}
		return values
	}
	names := map[string]bool{}
	for _, kind := range []string{"connect", "statement", "transaction", "idle", "deadline", "unsent", "hold", "limit", "unread", "load"} {
		names[seen+" kind="+kind] = true
	}
	for action, kinds := range map[string][]string{
		"retried": {"refused", "timeout", "closed", "err", "malformed", "capabilities", "lack", "load"},
		"moved":   {"closed", "leaving"}, "replayed": {"closed", "leaving"}, "held": {"no_backend", "election"}, "resolved": {"load"}, "resent": {"load"},
	} {
		for _, kind := range kinds {
			names[hidden+" action="+action+" kind="+kind] = true
		}
	}
	before := series()
	for name, n := range before {
		if !names[name] || n != 0 {
			t.Errorf("%s is %v from the start", name, n)
		}
	}
	if len(before) != len(names) {
		t.Errorf("%d series, want %d", len(before), len(names))
	}
	for range 3 {
		l.Enter(ledger.Incident{Kind: ledger.LostHold})
		l.Enter(ledger.Incident{Kind: ledger.SetupClosed, Action: ledger.Replayed})
	}
	after := series()
	if a, b := after[seen+" kind=hold"], after[hidden+" action=replayed kind=closed"]; a != 3 || b != 3 || len(after) != len(names) {
		t.Errorf("%v and %v of %d series, want 3 and 3 of %d", a, b, len(after), len(names))
	}
}

// Failures are counted for each backend, until it is forgotten; the sums stay.
func TestLedgerKnowsPlaces(t *testing.T) {
	l, _ := newLedger(slog.LevelInfo)
	for range 2 {
		l.Enter(ledger.Incident{Backend: "a", Kind: ledger.LostStatement})
	}
	l.Enter(ledger.Incident{Backend: "a", Kind: ledger.Leaving, Action: ledger.Moved})
	l.Enter(ledger.Incident{Backend: "b", Kind: ledger.Leaving, Action: ledger.Moved})
	l.Enter(ledger.Incident{Kind: ledger.LostHold})
	want := map[ledger.Place]uint64{
		{"a", ledger.LostStatement, ""}: 2, {"a", ledger.Leaving, ledger.Moved}: 1, {"b", ledger.Leaving, ledger.Moved}: 1, {"", ledger.LostHold, ""}: 1,
	}
	if got := l.Places(); !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	l.Forget("a")
	if got := l.Places(); len(got) != 2 || got[ledger.Place{Backend: "b", Kind: ledger.Leaving, Action: ledger.Moved}] != 1 {
		t.Errorf("after one has been forgotten: %v", got)
	}
	if n := len(l.Failures().Counts); n != 3 {
		t.Errorf("%d sums, want 3", n)
	}
}

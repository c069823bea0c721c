package e2e

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"segue/backend/fesim"
)

// longestCrash is the longest that a client may wait because a backend is killed, beyond what the control waits for: a hundred sessions move
// at once, beside a server that starts.
const longestCrash = 4 * time.Second

// TestMoveCrash…: each backend in turn is killed (kill -9) under the full load, and started again while the load goes on.
func TestMoveCrashFE(t *testing.T) { crash(t, startFEs(t, fesim.Options{})) }

func TestMoveCrashMariaDB(t *testing.T) { crash(t, startMariaDBs(t, durable()...)) }

func TestMoveCrashTiDB(t *testing.T) { crash(t, startTiDBs(t, 0)) }

// crash requires that idle sessions, and statements that only read, see nothing of a backend's death; that a write or a transaction that was
// under way costs one error, which says the truth; and that no client loses its connection.
func crash(t *testing.T, f fragile) {
	t.Helper()
	keeps(t, f)
	p := startProgram(t, f.flavor(), f.specs())
	l := startStatefulLoad(t, p.address, f.dialect(), fullLoad())
	l.killed.Store(true)
	c := startControl(t, f.specs())
	began, kills := time.Now(), 0
	for range *rounds {
		for _, i := range f.order() {
			l.waitMore(t, 200)
			waitFor(t, "a session that the death could cost anything", func() bool { return p.sessions(t, f.specs()[i].Name) > 0 })
			killOne(t, f, i)
			kills++
			l.waitMore(t, 400)
			reviveOne(t, f, i)
			p.waitUp(t)
		}
	}
	l.waitMore(t, 200)
	took := time.Since(began)
	l.stop()
	c.stop()
	v := l.judgeRows(t, f)
	counted := int(addSeries(string(p.get(t, "/metrics")), "segue_client_errors_total"))
	t.Logf("\n%s\n%s", crashHead, crashFigure(t, l, counted, v, took))
	if told := l.scores[longLived].excused + l.scores[transactions].excused; counted != told && l.dialect.excused == nil {
		t.Errorf("Segue counted %d errors that clients saw, and they saw %d", counted, told)
	}
	t.Logf("without Segue a client waited for %v at most", c.longest)
	judgeCrash(t, l, v, kills)
	if _, _, longest := l.total(); longest > c.longest+longestCrash {
		t.Errorf("a client waited for %v; the longest wait without Segue was %v", longest, c.longest)
	}
}

// judgeCrash judges a load whose backends have been killed so many times.
func judgeCrash(t *testing.T, l *statefulLoad, v verdict, kills int) {
	t.Helper()
	for _, fault := range v.faults() {
		t.Error(fault)
	}
	if errors, lost, _ := l.total(); errors+lost > 0 {
		t.Errorf("clients saw %d errors and %d lost states that they need not have seen:\n%s", errors, lost, strings.Join(l.summary(15), "\n"))
	}
	for w := range l.scores {
		s := &l.scores[w]
		if s.answered == 0 && l.workers[w] > 0 {
			t.Errorf("no %s client got an answer", workload(w))
		}
		if s.most > kills {
			t.Errorf("a %s client got %d errors by %d kills", workload(w), s.most, kills)
		}
		if n := s.lost(); n > 0 {
			t.Errorf("%d connections of %s clients were lost", n, workload(w))
		}
	}
}

func killOne(t *testing.T, f fragile, i int) {
	t.Helper()
	if err := f.kill(i); err != nil {
		t.Fatalf("kill %s: %v", f.specs()[i].Name, err)
	}
}

func reviveOne(t *testing.T, f fragile, i int) {
	t.Helper()
	if err := f.revive(t.Context(), i); err != nil {
		t.Fatalf("start %s again: %v", f.specs()[i].Name, err)
	}
}

// judgeRows compares what a load knows of its rows with what the backends hold.
func (l *statefulLoad) judgeRows(t *testing.T, f fleet) verdict {
	t.Helper()
	counts, err := count(t.Context(), f)
	if err != nil {
		t.Fatalf("count ledger: %v", err)
	}
	maps.DeleteFunc(counts, func(id string, _ int) bool { return !strings.HasPrefix(id, l.run) }) // another load's
	return l.ledger.judge(counts)
}

// keeps requires of a backend by itself, without Segue, that it forgets nothing of what it has acknowledged when it is killed: otherwise
// nothing could be said of what stands in front of it.
func keeps(t *testing.T, f fragile) {
	t.Helper()
	l := startStatefulLoad(t, f.specs()[0].Address, f.dialect(), [numWorkloads]int{longLived: 16, transactions: 16})
	l.waitMore(t, 200)
	killOne(t, f, 0)
	reviveOne(t, f, 0)
	l.waitMore(t, 200)
	l.stop()
	for _, fault := range l.judgeRows(t, f).faults() {
		t.Fatalf("%s, without Segue: %s", f.specs()[0].Name, fault)
	}
}

const crashHead = "| set-up | rounds | took | idle ok/err | reads ok/err | short ok/err | writes err/one each | txn ok/err/one each | lost state | lost connections | " +
	"doubled/lost/undone rows | longest wait | machine's stall | client errors, by Segue's own count |"

// crashFigure is a row of the closing note's table; counted is the errors by Segue's own count. The reads that were answered include the
// long-lived clients' few writes.
func crashFigure(t *testing.T, l *statefulLoad, counted int, v verdict, took time.Duration) string {
	t.Helper()
	long, short, txn, idle := &l.scores[longLived], &l.scores[shortLived], &l.scores[transactions], &l.scores[idleUntilEnd]
	connections := 0
	for w := range l.scores {
		connections += l.scores[w].lost()
	}
	_, lost, longest := l.total()
	return "| " + strings.Join([]string{
		strings.TrimPrefix(t.Name(), "TestMove"), fmt.Sprint(*rounds), took.Round(time.Second).String(),
		fmt.Sprintf("%d/%d", idle.answered, idle.failed()),
		fmt.Sprintf("%d/%d", long.answered, long.failed()-long.costly),
		fmt.Sprintf("%d/%d", short.answered, short.failed()),
		fmt.Sprintf("%d/%d", long.costly, long.excused),
		fmt.Sprintf("%d/%d/%d", txn.answered, txn.failed(), txn.excused),
		fmt.Sprint(lost), fmt.Sprint(connections), fmt.Sprintf("%d/%d/%d", len(v.doubled), len(v.lost), len(v.undone)),
		longest.Round(time.Millisecond).String(), l.machine.Round(time.Millisecond).String(),
		fmt.Sprint(counted),
	}, " | ") + " |"
}

package e2e

import (
	"flag"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"segue/backend/fesim"
)

// rounds is how often each suite restarts, or kills, all three backends: one round shows that it works, ten are for figures:
//
//	go test ./proxy/e2e -run '^TestMoveRolling' -rounds 10 -timeout 60m -v
var rounds = flag.Int("rounds", 1, "how often the TestMoveRolling, TestMoveCrash and TestMoveAllDown tests go through all backends; above 1, TestMoveFrozen freezes one for 45 s")

// longestStall is the longest that a client may wait while its session moves, beyond what the control waits for: thirty times the goal,
// which is for machines that do not start a server meanwhile, and do not stand still.
const longestStall = 3 * time.Second

func TestMoveRollingFE(t *testing.T) {
	for _, generation := range []fesim.Generation{fesim.G2, fesim.G3, fesim.G4} {
		for _, closes := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s closeAfterStmt=%v", generation, closes), func(t *testing.T) {
				roll(t, startFEs(t, fesim.Options{Generation: generation, CloseAfterStmt: closes}))
			})
		}
	}
}

func TestMoveRollingMariaDB(t *testing.T) { roll(t, startMariaDBs(t)) }

func TestMoveRollingTiDB(t *testing.T) {
	for _, wait := range []time.Duration{5 * time.Second, 0} {
		t.Run(fmt.Sprintf("wait %v", wait), func(t *testing.T) { roll(t, startTiDBs(t, wait)) })
	}
}

// roll restarts all backends of a fleet, one after the other, under the full load through Segue: no client sees an error, no
// state is lost, no statement is executed twice.
func roll(t *testing.T, f fleet) {
	t.Helper()
	p := startProgram(t, f.flavor(), f.specs())
	l := startStatefulLoad(t, p.address, f.dialect(), fullLoad())
	c := startControl(t, f.specs())
	began := time.Now()
	for range *rounds {
		for _, i := range f.order() {
			l.waitMore(t, 200)
			f.restart(t, p, i)
			p.waitUp(t)
		}
	}
	l.waitMore(t, 200)
	took := time.Since(began)
	l.stop()
	c.stop()
	counts, err := count(t.Context(), f)
	if err != nil {
		t.Fatalf("count ledger: %v", err)
	}
	v := l.ledger.judge(counts)
	t.Logf("\n%s\n%s", figureHead, figure(t, l, c, v, p, took))
	judgeLoad(t, l, v)
	if _, _, longest := l.total(); longest > c.longest+longestStall {
		t.Errorf("a client waited for %v; the longest wait without Segue was %v", longest, c.longest)
	}
}

// judgeLoad requires 0 / 0 / 0, and that every group of clients has worked.
func judgeLoad(t *testing.T, l *statefulLoad, v verdict) {
	t.Helper()
	for _, fault := range v.faults() {
		t.Error(fault)
	}
	if errors, lost, _ := l.total(); errors+lost > 0 {
		t.Errorf("clients saw %d errors and %d lost states:\n%s", errors, lost, strings.Join(l.summary(15), "\n"))
	}
	if most := fullLoad()[transactions] * 3 * *rounds; l.scores[transactions].excused > most {
		t.Errorf("%d transactions were lost by what held them, which %d clients can have had open", l.scores[transactions].excused, most)
	}
	for w := range l.scores {
		if l.scores[w].answered == 0 {
			t.Errorf("no %s client got an answer", workload(w))
		}
	}
}

const figureHead = "| set-up | rounds | took | long ok/err(/excused) | short ok/err | txn ok/err/excused | idle ok/err | lost state | doubled/lost/undone rows | " +
	"longest wait | without Segue | … and with connecting | machine's stall | moves | move p50 | p99 |"

// figure is a row of the closing note's table.
func figure(t *testing.T, l *statefulLoad, c *control, v verdict, p *segueProgram, took time.Duration) string {
	t.Helper()
	row := []string{strings.TrimPrefix(t.Name(), "TestMoveRolling"), fmt.Sprint(*rounds), took.Round(time.Second).String()}
	for w := range l.scores {
		cell := fmt.Sprintf("%d/%d", l.scores[w].answered, l.scores[w].failed())
		if workload(w) == transactions || l.scores[w].excused > 0 {
			cell += fmt.Sprintf("/%d", l.scores[w].excused)
		}
		row = append(row, cell)
	}
	_, lost, longest := l.total()
	row = append(row, fmt.Sprint(lost), fmt.Sprintf("%d/%d/%d", len(v.doubled), len(v.lost), len(v.undone)),
		longest.Round(time.Millisecond).String(), c.longest.Round(time.Millisecond).String(), c.whole.Round(time.Millisecond).String(), l.machine.Round(time.Millisecond).String())
	const moved = "segue_session_move_duration_seconds"
	metrics := string(p.get(t, "/metrics"))
	durations := buckets(metrics, moved)
	row = append(row, fmt.Sprint(addSeries(metrics, "segue_session_moves_total")), atMost(quantile(durations, 0.5)), atMost(quantile(durations, 0.99)))
	return "| " + strings.Join(row, " | ") + " |"
}

func atMost(d time.Duration) string {
	switch d {
	case 0:
		return "–"
	case math.MaxInt64:
		return "beyond the last bucket"
	default:
		return "≤ " + d.String()
	}
}

// TestMoveLoadSeesErrors: what the load counts it can see. Without Segue each group of clients sees errors when its server
// restarts.
func TestMoveLoadSeesErrors(t *testing.T) {
	f := startMariaDBs(t)
	l := startStatefulLoad(t, f.servers[0].address(), f.dialect(), fullLoad())
	l.waitMore(t, 200)
	f.restart(t, nil, 0)
	l.waitMore(t, 200)
	l.stop()
	for w := range l.scores {
		if l.scores[w].failed() == 0 {
			t.Errorf("no %s client saw its server restart", workload(w))
		}
	}
	counts, err := count(t.Context(), f)
	if err != nil {
		t.Fatalf("count ledger: %v", err)
	}
	if faults := l.ledger.judge(counts).faults(); len(faults) > 0 {
		t.Errorf("the ledger of one server that was stopped politely: %v", faults)
	}
	errors, _, longest := l.total()
	t.Logf("%d errors, longest wait %v; %s", errors, longest, strings.Join(l.summary(5), "\n"))
}

package e2e

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"segue/bench"
)

// checkPatience is how long a checking client waits for an answer: above every wait that Segue allows itself, one after the other.
const checkPatience = 30 * time.Second

// check is clients that know what each answer has to be, and what backends have to hold in the end.
type check struct {
	account *mysql.Config
	dialect dialect
	bank    *bank // nil where backends have no tables but the ledger
	run     string
	began   time.Time
	ledger  *ledger
	cuts    *moments
	cancel  context.CancelFunc
	running sync.WaitGroup
	workers []*checkClient

	mu         sync.Mutex // guards what follows
	findings   []finding
	transfers  map[string]transfer
	outcomes   [numOutcomes]int
	errors     map[string]int // by what they say
	statements int
	longest    time.Duration
}

// startCheck starts the workers, as clients of the program that incidents happen to; they end with the test.
func startCheck(t *testing.T, d *disturber, b *bank) *check {
	t.Helper()
	c := &check{
		account: d.program.driver(testUser, testPassword),
		dialect: d.fleet.dialect(), bank: b, cuts: d.cuts, run: fmt.Sprintf("%06x", rand.IntN(1<<24)), began: time.Now(), ledger: newLedger(), transfers: map[string]transfer{},
		errors: map[string]int{},
	}
	c.account.DBName = d.fleet.dialect().other
	if err := c.account.Apply(mysql.EnableCompression(*checkCompression != "off")); err != nil {
		t.Fatalf("configure clients: %v", err)
	}
	for _, kind := range []struct {
		n    int
		work func(*checkClient, context.Context)
	}{
		{6, (*checkClient).insertRow},
		{movers, (*checkClient).moveMoney},
		{counters, (*checkClient).countUp},
		{6, (*checkClient).askMuch},
		{3, (*checkClient).come},
		{2, (*checkClient).audit},
		{8, (*checkClient).idle},
	} {
		for i := range kind.n {
			w := c.worker(t, i)
			w.work = func(ctx context.Context) { kind.work(w, ctx) }
		}
	}
	var ctx context.Context
	ctx, c.cancel = context.WithCancel(context.Background())
	for _, w := range c.workers {
		c.running.Go(func() { w.run(ctx) })
	}
	t.Cleanup(c.stop)
	return c
}

// worker makes a client; number tells it from others that do the same.
func (c *check) worker(t *testing.T, number int) *checkClient {
	t.Helper()
	client, err := bench.NewClientOf(c.account, checkPatience)
	if err != nil {
		t.Fatalf("make client: %v", err)
	}
	id := len(c.workers) + 1
	w := &checkClient{check: c, number: number, name: fmt.Sprintf("%s-%d", c.run, id), zone: zone(id), client: client, counted: map[string]bounds{}}
	c.workers = append(c.workers, w)
	return w
}

// stop lets each worker end what it has begun.
func (c *check) stop() {
	c.cancel()
	c.running.Wait()
}

func (c *check) find(f finding) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f.what = fmt.Sprintf("%s after %s", f.what, time.Since(c.began).Round(time.Millisecond))
	c.findings = append(c.findings, f)
}

// note counts and judges how a statement has ended.
func (c *check) note(w *checkClient, e event, what string, err error, took time.Duration) {
	c.mu.Lock()
	c.statements++
	c.outcomes[e.outcome]++
	c.longest = max(c.longest, took)
	if err != nil {
		c.errors[whoever.ReplaceAllString(err.Error(), "N")]++
	}
	c.mu.Unlock()
	if broken, ok := judgeEvent(e); !ok {
		c.find(finding{broken, fmt.Sprintf("client %s, %s, which took %v: %v", w.name, what, took.Round(time.Millisecond), err)})
	}
}

func (c *check) noteTransfer(id string, t transfer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.transfers[id] = t
}

// settled judges what backends hold when nothing runs on them any more.
func (c *check) settled(ctx context.Context, f fleet) error {
	each, err := f.ledgers(ctx)
	if err != nil {
		return err
	}
	all := map[string]int{}
	for i, rows := range each {
		maps.DeleteFunc(rows, func(id string, _ int) bool { return !strings.HasPrefix(id, c.run) }) // of others that have been here
		for id, n := range rows {
			all[id] += n
		}
		var balances map[string]int
		if c.bank != nil {
			if balances, err = c.bank.numbers(ctx, i, "SELECT id, balance FROM moves.accounts"); err != nil {
				return err
			}
			if err := c.judgeCounters(ctx, i); err != nil {
				return err
			}
		}
		c.findings = append(c.findings, judgeBooks(c.transfers, rows, balances)...)
	}
	c.findings = append(c.findings, judgeRows(c.ledger, all)...)
	return nil
}

// judgeCounters judges the counters of one server.
func (c *check) judgeCounters(ctx context.Context, server int) error {
	found, err := c.bank.numbers(ctx, server, "SELECT id, n FROM moves.counters")
	if err != nil {
		return err
	}
	name := c.bank.name(server)
	for _, w := range c.workers {
		if n, counts := found[w.counter()]; counts && w.counts {
			c.findings = append(c.findings, judgeCounter(w.counted[name], n, w.counter()+" on "+name)...)
		}
	}
	return nil
}

// whoever is what tells one error from another of the same kind: backends, ports.
var whoever = regexp.MustCompile(`(fe|mariadb|tidb)-\d+|127\.0\.0\.1:\d+`)

// errorsSeen lists what errors said.
func (c *check) errorsSeen() string {
	var lines []string
	for _, text := range slices.Sorted(maps.Keys(c.errors)) {
		lines = append(lines, fmt.Sprintf("%d × %s", c.errors[text], text))
	}
	return strings.Join(lines, "\n")
}

// report is the closing note's line.
func (c *check) report() string {
	return fmt.Sprintf("%s: %d clients, %d statements: %d answered, %d not executed, %d of unknown outcome; %d connections lost; "+
		"%d rows, %d transfers; longest wait %v; %d violations", time.Since(c.began).Round(time.Second), len(c.workers), c.statements,
		c.outcomes[answered], c.outcomes[notRun], c.outcomes[uncertain], c.outcomes[cutOff], len(c.ledger.rows), len(c.transfers),
		c.longest.Round(time.Millisecond), len(c.findings))
}

// byRule is some of the findings of each rule.
func (c *check) byRule() []string {
	const some = 4
	var list []string
	for r := range numRules {
		of := slices.DeleteFunc(slices.Clone(c.findings), func(f finding) bool { return f.rule != r })
		if len(of) > 0 {
			list = append(list, fmt.Sprintf("%d × %s, such as\n\t%s", len(of), r, joinedLines(of[:min(some, len(of))])))
		}
	}
	return list
}

func joinedLines(findings []finding) string {
	var lines []string
	for _, f := range findings {
		lines = append(lines, f.what)
	}
	return strings.Join(lines, "\n\t")
}

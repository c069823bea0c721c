package e2e

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"segue/bench"
)

// workload is how the clients of one group use their connections.
type workload uint8

const (
	longLived    workload = iota // keeps a connection with state, which each statement verifies
	shortLived                   // connects, asks one question, disconnects
	transactions                 // keeps a connection; BEGIN, INSERT, 80 ms, INSERT, COMMIT
	idleUntilEnd                 // keeps a connection with state, which one statement at the end verifies

	numWorkloads
)

func (w workload) String() string {
	return [numWorkloads]string{"long-lived", "short-lived", "transaction", "idle"}[w]
}

// transactionTime is how long a transaction stays open between its two INSERTs.
const transactionTime = 80 * time.Millisecond

// fullLoad is what the project's figures are made with.
func fullLoad() [numWorkloads]int { return [numWorkloads]int{64, 64, 16, 32} }

// score is what one group of clients saw.
type score struct {
	answered int
	errors   map[bench.Kind]int // the wrong answers are lost state
	excused  int                // transactions, and writes, that nobody could have saved
	most     int                // … of one client
	costly   int                // of the errors, those of writes and in transactions
	longest  time.Duration      // for which one of them waited for one answer
	waits    bench.Histogram
}

// lost is how many connections clients have lost.
func (s *score) lost() int {
	return s.errors[bench.StatementCut] + s.errors[bench.StatementTimeout] + s.errors[bench.Other]
}

func (s *score) failed() int {
	n := 0
	for _, count := range s.errors {
		n += count
	}
	return n
}

// statefulLoad is clients that count each error they see, and the state that they find lost.
type statefulLoad struct {
	account bench.Account
	tls     *tls.Config // nil: in the clear
	dialect dialect
	workers [numWorkloads]int
	run     string // tells this load's ids from any other's
	ledger  *ledger
	cancel  context.CancelFunc
	running sync.WaitGroup
	ready   sync.WaitGroup // of the workers that have set up their state
	working atomic.Int64   // answers to long-lived clients
	killed  atomic.Bool    // backends are being killed: what they take with them is excused

	mu      sync.Mutex // guards what follows
	scores  [numWorkloads]score
	faults  []string
	machine time.Duration // the longest time for which the machine kept this process waiting
}

// startStatefulLoad starts the workers, and returns when each has its state. It ends with the test.
func startStatefulLoad(t *testing.T, address string, d dialect, workers [numWorkloads]int) *statefulLoad {
	t.Helper()
	l := newStatefulLoad(address, d)
	l.start(t, workers)
	return l
}

func (l *statefulLoad) start(t *testing.T, workers [numWorkloads]int) {
	t.Helper()
	l.workers = workers
	var ctx context.Context
	ctx, l.cancel = context.WithCancel(context.Background())
	t.Cleanup(l.stop)
	id := 0
	for w := range numWorkloads {
		for range workers[w] {
			id++
			k := l.worker(t, w, id)
			l.ready.Add(1)
			l.running.Go(func() { k.run(ctx) })
		}
	}
	l.running.Go(func() { bench.MeasureStall(ctx, l.stalled) })
	l.ready.Wait()
}

func newStatefulLoad(address string, d dialect) *statefulLoad {
	l := &statefulLoad{
		account: bench.Account{Address: address, User: testUser, Password: testPassword, Database: d.other},
		dialect: d, ledger: newLedger(), run: fmt.Sprintf("%06x", rand.IntN(1<<24)),
	}
	l.reset()
	return l
}

// reset forgets what clients saw.
func (l *statefulLoad) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.scores, l.faults = [numWorkloads]score{}, nil
	for w := range l.scores {
		l.scores[w].errors = map[bench.Kind]int{}
	}
}

// worker makes a client that is not connected.
func (l *statefulLoad) worker(t *testing.T, w workload, id int) *statefulWorker {
	t.Helper()
	config := mysql.NewConfig()
	config.Net, config.Addr, config.User, config.Passwd, config.DBName, config.TLS = "tcp", l.account.Address, l.account.User, l.account.Password, l.account.Database, l.tls
	client, err := bench.NewClientOf(config, bench.DefaultTimeout)
	if err != nil {
		t.Fatalf("make client: %v", err)
	}
	return &statefulWorker{load: l, workload: w, name: fmt.Sprintf("%s-%d", l.run, id), zone: zone(id), client: client}
}

// zone is a time zone that nearly no other worker has.
func zone(id int) string { return fmt.Sprintf("+%02d:%02d", id%700/60, id%60) }

func (l *statefulLoad) stalled(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.machine = max(l.machine, d)
}

// stop lets each worker end what it has begun, and the idle ones ask their question.
func (l *statefulLoad) stop() {
	l.cancel()
	l.running.Wait()
}

// waitMore waits until n more statements of long-lived clients have been answered.
func (l *statefulLoad) waitMore(t *testing.T, n int64) {
	t.Helper()
	from := l.working.Load()
	waitFor(t, "statements", func() bool { return l.working.Load() >= from+n })
}

func (l *statefulLoad) answered(w workload, wait time.Duration) {
	if w == longLived {
		l.working.Add(1)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	s := &l.scores[w]
	s.answered++
	s.longest = max(s.longest, wait)
	s.waits.Add(wait)
}

// failed counts an error, and reports whether nobody could have saved the client from it.
func (l *statefulLoad) failed(w *statefulWorker, kind bench.Kind, doing string, err error) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := &l.scores[w.workload]
	if w.workload == transactions && l.dialect.excused != nil && l.dialect.excused(err) || l.dialect.cut != nil && l.dialect.cut(err) ||
		l.killed.Load() && isCostly(err) && conceded(err) {
		s.excused++
		s.most = max(s.most, w.excused+1)
		return true
	}
	s.errors[kind]++
	if isCostly(err) {
		s.costly++
	}
	l.faults = append(l.faults, fmt.Sprintf("%s, %s: %s: %v", w.workload, doing, kind, err))
	return false
}

// total is the clients' errors but those of state, the lost states, and the longest wait.
func (l *statefulLoad) total() (errors, lost int, longest time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for w := range l.scores {
		s := &l.scores[w]
		lost += s.errors[bench.WrongAnswer]
		errors += s.failed() - s.errors[bench.WrongAnswer]
		longest = max(longest, s.longest)
	}
	return errors, lost, longest
}

// summary lists faults by how often they happened.
func (l *statefulLoad) summary(most int) []string {
	counts := map[string]int{}
	for _, fault := range l.faults {
		counts[fault]++
	}
	var list []string
	for fault, n := range counts {
		list = append(list, fmt.Sprintf("%6d × %s", n, fault))
	}
	slices.SortFunc(list, func(a, b string) int { return cmp.Compare(b, a) })
	return list[:min(most, len(list))]
}

// pause waits, and reports false when ctx ended the wait.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

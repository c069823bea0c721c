package bench

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

// DefaultTimeout is how long a worker waits for a connection or an answer. It
// is above Segue's connect budget (10 s), so that Segue's own error is seen.
const DefaultTimeout = 15 * time.Second

// Load is what the clients of an experiment do. They are given one address and
// know nothing of what is behind it.
type Load struct {
	User, Password string
	Workers        [numWorkloads]int // how many workers of each workload
	Timeout        time.Duration     // zero: DefaultTimeout
}

// DefaultWorkers loads two CPU cores to about a third in [Demo].
func DefaultWorkers() [numWorkloads]int { return [numWorkloads]int{Long: 32, Short: 32, Slow: 8} }

// span is a range of durations, drawn from evenly.
type span struct{ min, max time.Duration }

func (s span) draw() time.Duration {
	if s.max <= s.min {
		return s.min
	}
	return s.min + rand.N(s.max-s.min)
}

// profile is what a worker of a workload does.
type profile struct {
	keep  bool // the connection, with a session variable on it
	think span // between an answer and the next statement
	sleep span // for which a statement asks the server to sleep; zero: it asks for none
}

var profiles = [numWorkloads]profile{
	Long:  {keep: true, think: span{10 * time.Millisecond, 20 * time.Millisecond}},
	Short: {think: span{50 * time.Millisecond, 100 * time.Millisecond}},
	Slow: {
		keep: true, think: span{10 * time.Millisecond, 20 * time.Millisecond},
		sleep: span{300 * time.Millisecond, 600 * time.Millisecond},
	},
}

// run loads the server at addr until ctx is done; then each worker ends what it
// has begun. It returns when the last worker has.
func (l *Load) run(ctx context.Context, addr string, rec *recorder) error {
	timeout := l.Timeout
	if timeout <= 0 {
		timeout = DefaultTimeout
	}
	var workers sync.WaitGroup
	defer workers.Wait()
	id := 0
	for w := range numWorkloads {
		for range l.Workers[w] {
			id++
			client, err := NewClient(Account{Address: addr, User: l.User, Password: l.Password}, timeout)
			if err != nil {
				return err
			}
			k := &worker{workload: w, profile: profiles[w], name: fmt.Sprintf("%s-%d", w, id), zone: zone(id), client: client, rec: rec}
			workers.Go(func() { k.run(ctx) })
		}
	}
	return nil
}

// worker is one client that asks and thinks in turn. All of it is owned by run.
type worker struct {
	workload Workload
	profile  profile
	name     string // unique in the run
	zone     string // its session's time_zone: tells the sessions of (nearly) all workers apart
	client   *Client
	rec      *recorder
	asked    int // statements so far: makes each token unique
}

// zone is a time zone for worker id that every server of this protocol takes;
// there are 1439 of them. A session variable, because each application sets
// some and an FE that is leaving does not close a session for it, as it would
// for a user variable: the setting up is to cost nobody an error.
func zone(id int) string {
	minutes := id%1439 - 719
	sign := '+'
	if minutes < 0 {
		sign, minutes = '-', -minutes
	}
	return fmt.Sprintf("%c%02d:%02d", sign, minutes/60, minutes%60)
}

// run asks and thinks until ctx is done. A question that has been asked when
// that happens is still answered and counted.
func (w *worker) run(ctx context.Context) {
	defer w.client.Quit()
	if !pause(ctx, w.profile.think.draw()) { // workers do not start in step
		return
	}
	wanted := time.Now()
	for {
		if w.turn(context.WithoutCancel(ctx), wanted) {
			wanted = time.Time{}
		}
		if !pause(ctx, w.profile.think.draw()) {
			return
		}
		if wanted.IsZero() {
			wanted = time.Now()
		}
	}
}

// turn makes one attempt at an answer that has been wanted for a while, and
// records all that happens. It reports whether there was a right answer.
func (w *worker) turn(ctx context.Context, wanted time.Time) bool {
	if w.client.Connected() {
		if err := w.client.Check(ctx); err != nil {
			w.failed(Checking, err)
		}
	}
	if !w.client.Connected() {
		if err := w.client.Connect(ctx); err != nil {
			return w.failed(Connecting, err)
		}
		if w.profile.keep {
			if err := w.client.Exec(ctx, "SET time_zone = '"+w.zone+"'"); err != nil {
				return w.failed(Asking, err)
			}
		}
	}
	slept, err := w.ask(ctx)
	if err != nil {
		return w.failed(Asking, err)
	}
	w.rec.record(Event{Workload: w.workload, Kind: Answered, Wait: time.Since(wanted) - slept})
	if !w.profile.keep {
		w.client.Quit()
	}
	return true
}

// ask sends one statement whose answer nobody else gets, and verifies it.
func (w *worker) ask(ctx context.Context) (slept time.Duration, err error) {
	w.asked++
	token := fmt.Sprintf("%s-%d", w.name, w.asked)
	query, want := "SELECT '"+token+"'", []string{token}
	if w.profile.keep { // that the session is the one it set up
		query, want = query+", @@time_zone", append(want, w.zone)
	}
	if slept = w.profile.sleep.draw(); slept > 0 {
		query += fmt.Sprintf(", SLEEP(%.3f)", slept.Seconds())
	}
	return slept, w.client.Ask(ctx, query, want...)
}

// failed records an error, gives the connection up and returns false.
func (w *worker) failed(phase Phase, err error) bool {
	w.client.Drop()
	w.rec.record(Event{Workload: w.workload, Kind: Classify(phase, err), Err: err})
	return false
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

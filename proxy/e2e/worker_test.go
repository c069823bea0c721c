package e2e

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"segue/bench"
)

// statefulWorker is one client. All of it is owned by run.
type statefulWorker struct {
	load     *statefulLoad
	workload workload
	name     string // unique: the value of its user variable, and the beginning of its ids
	zone     string // its session's time zone
	client   *bench.Client
	prepared *bench.Statement
	asked    int
	excused  int // errors that nobody could have saved it from
}

// run works until ctx is done. What has been begun by then is ended and counted.
func (w *statefulWorker) run(ctx context.Context) {
	whole := context.WithoutCancel(ctx)
	defer w.client.Quit()
	if w.workload != shortLived {
		w.connect(whole)
	}
	w.load.ready.Done()
	if w.workload == idleUntilEnd {
		<-ctx.Done()
		if w.client.Connected() {
			w.turn(whole, w.ask)
		}
		return
	}
	for pause(ctx, w.think()) {
		switch {
		case w.workload == shortLived:
			w.short(whole)
		case !w.client.Connected() && !w.connect(whole):
		case w.workload == transactions:
			w.turn(whole, w.transaction)
			if w.client.Connected() {
				w.turn(whole, w.ask)
			}
		default:
			w.turn(whole, w.statement())
		}
	}
}

// think is the time between two questions.
func (w *statefulWorker) think() time.Duration {
	if w.workload == shortLived {
		return 50*time.Millisecond + rand.N(50*time.Millisecond)
	}
	return 20*time.Millisecond + rand.N(40*time.Millisecond)
}

// step is one thing that a client asks for. It returns how long the client waited for answers.
type step func(ctx context.Context) (time.Duration, error)

// costly is an error of a statement that nobody may run a second time: a write, or one inside a transaction.
type costly struct{ error }

func (e costly) Unwrap() error { return e.error }

func isCostly(err error) bool {
	_, is := errors.AsType[costly](err)
	return is
}

// turn makes one step and counts it. After an ERR_Packet the client goes on with its connection, as an application does: it gives
// its transaction up, and what its session held must still be there.
func (w *statefulWorker) turn(ctx context.Context, do step) {
	wait, err := do(ctx)
	if err == nil {
		w.load.answered(w.workload, wait)
		return
	}
	kind := bench.Classify(bench.Asking, err)
	if w.count(kind, "statement", err); kind != bench.StatementERR {
		w.client.Drop()
		return
	}
	if w.workload == transactions {
		if err := w.client.Exec(ctx, "ROLLBACK"); err != nil {
			w.failed("rollback", bench.Asking, err)
		}
	}
}

// failed counts an error and gives the connection up.
func (w *statefulWorker) failed(doing string, phase bench.Phase, err error) {
	w.client.Drop()
	w.count(bench.Classify(phase, err), doing, err)
}

func (w *statefulWorker) count(kind bench.Kind, doing string, err error) {
	if w.load.failed(w, kind, doing, err) {
		w.excused++
	}
}

// connect logs in and sets up the state, and counts an error only.
func (w *statefulWorker) connect(ctx context.Context) bool {
	if err := w.client.Connect(ctx); err != nil {
		w.failed("connect", bench.Connecting, err)
		return false
	}
	if err := w.setUp(ctx); err != nil {
		w.failed("set-up", bench.Asking, err)
		return false
	}
	return true
}

// setUp gives the session a user variable, a session variable, another database and a prepared statement.
func (w *statefulWorker) setUp(ctx context.Context) error {
	for _, statement := range []string{
		"SET @held = '" + w.name + "'", "SET time_zone = '" + w.zone + "'", "USE " + w.load.dialect.database,
	} {
		if err := w.client.Exec(ctx, statement); err != nil {
			return err
		}
	}
	var err error
	w.prepared, err = w.client.Prepare(ctx, "SELECT ?, @held, @@time_zone, DATABASE()")
	return err
}

// short is a short-lived connection.
func (w *statefulWorker) short(ctx context.Context) {
	began := time.Now()
	if err := w.client.Connect(ctx); err != nil {
		w.failed("connect", bench.Connecting, err)
		return
	}
	w.turn(ctx, func(ctx context.Context) (time.Duration, error) {
		token := w.token()
		err := w.client.Ask(ctx, "SELECT '"+token+"', DATABASE()", token, w.load.dialect.other)
		return time.Since(began), err
	})
	w.client.Quit()
}

// statement is the next of a long-lived client: the prepared one or a text, now and then a row for the ledger or a ping.
func (w *statefulWorker) statement() step {
	switch w.asked % 8 {
	case 3:
		return w.insert
	case 5:
		return w.ping
	case 0, 2, 4, 6:
		return w.execute
	default:
		return w.ask
	}
}

func (w *statefulWorker) token() string {
	w.asked++
	return fmt.Sprintf("%s-%d", w.name, w.asked)
}

// ask verifies the session's state by a text.
func (w *statefulWorker) ask(ctx context.Context) (time.Duration, error) {
	token := w.token()
	return timed(func() error {
		return w.client.Ask(ctx, "SELECT '"+token+"', @held, @@time_zone, DATABASE()", token, w.name, w.zone, w.load.dialect.database)
	})
}

// execute verifies the session's state, its prepared statement included.
func (w *statefulWorker) execute(ctx context.Context) (time.Duration, error) {
	token := w.token()
	return timed(func() error {
		return w.prepared.Ask(ctx, []string{token}, token, w.name, w.zone, w.load.dialect.database)
	})
}

func (w *statefulWorker) ping(ctx context.Context) (time.Duration, error) {
	w.asked++
	return timed(func() error { return w.client.Ping(ctx) })
}

// insert writes one row that commits by itself.
func (w *statefulWorker) insert(ctx context.Context) (time.Duration, error) {
	id := w.token()
	w.load.ledger.note(unknown, id)
	wait, err := timed(func() error { return w.client.Exec(ctx, fmt.Sprintf(w.load.dialect.insert, id)) })
	w.load.ledger.settle(outcomeOf(err), id)
	if err != nil {
		return wait, costly{err}
	}
	return wait, nil
}

// transaction writes two rows.
func (w *statefulWorker) transaction(ctx context.Context) (time.Duration, error) {
	first, second := w.token(), w.token()
	w.load.ledger.note(undone, first, second)
	longest, err := timed(func() error { return w.client.Exec(ctx, "BEGIN") }) // nothing has been done in it yet: an error of it is no excuse
	exec := func(text string) error {
		wait, err := timed(func() error { return w.client.Exec(ctx, text) })
		longest = max(longest, wait)
		if err != nil {
			return costly{fmt.Errorf("%.6s: %w", text, err)}
		}
		return nil
	}
	if err == nil {
		err = exec(fmt.Sprintf(w.load.dialect.insert, first))
	}
	if err == nil {
		pause(ctx, transactionTime)
		err = exec(fmt.Sprintf(w.load.dialect.insert, second))
	}
	if err != nil {
		return longest, err
	}
	w.load.ledger.note(unknown, first, second)
	err = exec("COMMIT")
	w.load.ledger.settle(outcomeOf(err), first, second)
	return longest, err
}

// timed does something and tells how long that took.
func timed(do func() error) (time.Duration, error) {
	began := time.Now()
	err := do()
	return time.Since(began), err
}

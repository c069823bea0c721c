package measure

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-sql-driver/mysql"

	"segue/bench"
)

// client is one client with its timetable. All of it is owned by run.
type client struct {
	*shared
	class    Class
	name     string // unique: the value of its user variable, and the beginning of its ids
	zone     string // its session's time zone
	conn     *bench.Client
	prepared *bench.Statement
	timing   *schedule
	thirst   thirst
	doing    Doing // at the moment, or when it failed
	asked    int
}

// shared is what all clients of a run have.
type shared struct {
	load    *Load
	dialect *dialect
	ledger  *ledger
	rec     *recorder
}

// zone is a time zone for client id, one of 700 that every server takes.
func zone(id int) string { return fmt.Sprintf("+%02d:%02d", id%700/60, id%60) }

// run serves the timetable until ctx is done. What has been begun by then is ended
// and counted.
func (c *client) run(ctx context.Context) {
	defer c.conn.Quit()
	due := c.timing.next()
	for pause(ctx, time.Until(c.rec.start.Add(due))) {
		c.turn(context.WithoutCancel(ctx), due)
		due = c.timing.next()
	}
	c.rec.tell(func(t *tally, at time.Duration) {
		t.scores[c.class].overdue += c.timing.overdue(due, at)
		if c.thirst.waiting {
			t.stalled(at, c.class, c.thirst.quenched(at))
		}
	})
}

// turn makes one attempt at what was due, and counts what came of it.
func (c *client) turn(ctx context.Context, due time.Duration) {
	c.thirst.wants(due)
	began := time.Since(c.rec.start)
	asleep, err := c.serve(ctx)
	if err != nil {
		c.failed(ctx, err)
		return
	}
	if c.class == Short {
		c.conn.Quit()
	}
	ended := time.Since(c.rec.start)
	a := answer{
		response: max(0, ended-due-asleep),
		service:  max(0, ended-began-asleep),
		stall:    max(0, c.thirst.quenched(ended)-asleep),
	}
	c.rec.tell(func(t *tally, at time.Duration) { t.answered(at, c.class, a) })
}

// serve does what the client's class does. asleep is how long it asked to wait.
func (c *client) serve(ctx context.Context) (asleep time.Duration, err error) {
	if c.class.pooled() && c.conn.Connected() {
		c.check(ctx)
	}
	if !c.conn.Connected() {
		if err := c.connect(ctx); err != nil {
			return 0, err
		}
	}
	switch c.class {
	case Txn:
		return c.transaction(ctx)
	case Write:
		return 0, c.write(ctx)
	case Slow:
		return c.load.SlowFor, c.ask(ctx, fmt.Sprintf(", SLEEP(%.3f)", c.load.SlowFor.Seconds()))
	case Short:
		return 0, c.askBriefly(ctx)
	case Long, Idle:
	}
	return 0, c.statement(ctx)
}

// check looks after a pooled connection before it is used, as pools do.
func (c *client) check(ctx context.Context) {
	c.doing = Checking
	if c.conn.Check(ctx) == nil {
		return
	}
	c.conn.Drop()
	c.rec.tell(func(t *tally, at time.Duration) {
		t.foundDead(at, c.class)
		t.scores[c.class].sessionsLost++
	})
}

// connect logs in, and gives a session that is kept its state. A connection
// without it is none.
func (c *client) connect(ctx context.Context) error {
	c.doing = Connecting
	if err := c.conn.Connect(ctx); err != nil || !c.class.kept() {
		return err
	}
	c.doing = SettingUp
	err := c.setUp(ctx)
	if err != nil {
		c.conn.Drop()
	}
	return err
}

// setUp gives the session a user variable, a session variable, a database and a
// prepared statement.
func (c *client) setUp(ctx context.Context) error {
	for _, statement := range []string{
		"SET @held = '" + c.name + "'", "SET time_zone = '" + c.zone + "'", "USE " + c.dialect.database,
	} {
		if err := c.conn.Exec(ctx, statement); err != nil {
			return err
		}
	}
	if !c.dialect.prepares {
		return nil
	}
	var err error
	c.prepared, err = c.conn.Prepare(ctx, "SELECT ?"+state)
	return err
}

// state are the columns that show what setUp has put into a session.
const state = ", @held, @@time_zone, DATABASE()"

// failed counts an error. After an ERR packet the connection goes on; after
// anything else it is given up.
func (c *client) failed(ctx context.Context, err error) {
	doing := c.doing
	_, refused := errors.AsType[*mysql.MySQLError](err)
	lost := false
	if c.conn.Connected() {
		goesOn := refused && c.class.kept() && (c.class != Txn || c.rollback(ctx))
		lost = !goesOn && c.class.kept() && !bench.LostState(err)
		if !goesOn {
			c.conn.Drop()
		}
	}
	c.rec.tell(func(t *tally, at time.Duration) {
		t.failed(at, c.class, doing, err)
		if lost {
			t.scores[c.class].sessionsLost++
		}
	})
}

// rollback ends a transaction that has failed, and reports whether its session
// goes on.
func (c *client) rollback(ctx context.Context) bool { return c.conn.Exec(ctx, "ROLLBACK") == nil }

// token is a word that only one statement has.
func (c *client) token() string {
	c.asked++
	return fmt.Sprintf("%s-%d", c.name, c.asked)
}

// statement is the next of a session with state: prepared, as text, or a ping.
func (c *client) statement(ctx context.Context) error {
	const ping, text = 5, 2
	switch turn := c.asked % 6; {
	case turn == ping && c.class == Long: // of an idle pool each use shows the state
		c.asked++
		c.doing = Pinging
		return c.conn.Ping(ctx)
	case turn < text || c.prepared == nil:
		return c.ask(ctx, "")
	}
	c.doing = Asking
	token := c.token()
	return c.prepared.Ask(ctx, []string{token}, token, c.name, c.zone, c.dialect.database)
}

// ask verifies the session's state by a text, which may have more columns.
func (c *client) ask(ctx context.Context, more string) error {
	c.doing = Asking
	token := c.token()
	return c.conn.Ask(ctx, "SELECT '"+token+"'"+state+more, token, c.name, c.zone, c.dialect.database)
}

// askBriefly is the one statement of a short-lived client.
func (c *client) askBriefly(ctx context.Context) error {
	c.doing = Asking
	token := c.token()
	return c.conn.Ask(ctx, "SELECT '"+token+"'", token)
}

// write inserts one row that commits by itself.
func (c *client) write(ctx context.Context) error {
	c.doing = Writing
	id := c.token()
	c.ledger.note(unknown, id)
	err := c.conn.Exec(ctx, c.dialect.insert(id))
	c.ledger.note(fateAfter(err), id)
	return err
}

// fateAfter is what is known of a write, or of a transaction, after the answer to
// the statement that commits it. An ERR packet is no proof that nothing was
// written: a proxy says by one that it does not know.
func fateAfter(err error) fate {
	if err == nil {
		return acknowledged
	}
	if bench.Classify(bench.Asking, err) == bench.StatementUnsent {
		return undone
	}
	return unknown
}

// transaction writes two rows, with a while in between; or, where nothing may be
// written, reads twice.
func (c *client) transaction(ctx context.Context) (asleep time.Duration, err error) {
	c.doing = Beginning
	if err := c.conn.Exec(ctx, "BEGIN"); err != nil {
		return 0, err
	}
	first, second := c.token(), c.token()
	if c.dialect.table != "" {
		c.ledger.note(undone, first, second)
	}
	if err := c.inside(ctx, first); err != nil {
		return 0, err
	}
	began := time.Now()
	pause(ctx, c.load.TxnHold)
	asleep = time.Since(began)
	if err := c.inside(ctx, second); err != nil {
		return 0, err
	}
	c.doing = Committing
	if c.dialect.table != "" {
		c.ledger.note(unknown, first, second)
	}
	err = c.conn.Exec(ctx, "COMMIT")
	if c.dialect.table != "" {
		c.ledger.note(fateAfter(err), first, second)
	}
	return asleep, err
}

// inside is one statement of a transaction.
func (c *client) inside(ctx context.Context, id string) error {
	c.doing = InTransaction
	if c.dialect.table == "" {
		return c.conn.Ask(ctx, "SELECT '"+id+"'"+state, id, c.name, c.zone, c.dialect.database)
	}
	return c.conn.Exec(ctx, c.dialect.insert(id))
}

// pause waits, and reports false when ctx ended the wait, or is done already.
func pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

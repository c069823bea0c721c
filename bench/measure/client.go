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
	loads   *loadLedger
	rec     *recorder
}

// worker works by a timetable until a context is done.
type worker interface{ run(ctx context.Context) }

func workers(clients []*client) (list []worker) {
	for _, c := range clients {
		list = append(list, c)
	}
	return list
}

// zone is a time zone for client id, one of 700 that every server takes.
func zone(id int) string { return fmt.Sprintf("+%02d:%02d", id%700/60, id%60) }

// run serves the timetable until ctx is done. What has been begun by then is ended
// and counted.
func (c *client) run(ctx context.Context) {
	defer c.conn.Quit()
	due := c.timing.next()
	for bench.Pause(ctx, time.Until(c.rec.start.Add(due))) {
		c.turn(context.WithoutCancel(ctx), due)
		due = c.timing.next()
	}
	const lastMoment = 10 * time.Millisecond // what is due in it may well not begin
	c.rec.tell(func(t *tally, at time.Duration) {
		t.scores[c.class].overdue += c.timing.overdue(due, at-lastMoment)
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
	default:
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

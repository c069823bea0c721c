package measure

import (
	"context"
	"fmt"
	"time"

	"segue/bench"
)

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
	bench.Pause(ctx, c.load.TxnHold)
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

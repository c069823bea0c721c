package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"
)

// What the clients of a check do, again and again.

// insertRow writes a row that commits by itself, by a text or a prepared statement. Where all backends share their data it reads back what it knows.
func (w *checkClient) insertRow(ctx context.Context) {
	if !w.ready(ctx) {
		return
	}
	id := w.token()
	w.check.ledger.note(unknown, id)
	var o outcome
	if w.inserter != nil && rand.IntN(2) == 0 {
		o = w.do(unrepeatable, "EXECUTE INSERT", func() error { return w.inserter.Exec(ctx, id) })
	} else {
		o = w.exec(ctx, fmt.Sprintf(w.check.dialect.insert, id))
	}
	w.check.ledger.settle(o, id)
	if !w.client.Connected() {
		return
	}
	if w.check.bank != nil || o != answered && o != notRun {
		w.ask(ctx)
		return
	}
	w.readBack(ctx, id, map[outcome]bounds{answered: {1, 1}, notRun: {0, 0}}[o])
}

// readBack counts a row.
func (w *checkClient) readBack(ctx context.Context, id string, b bounds) {
	n := 0
	if w.do(repeatable, "SELECT COUNT", func() error {
		row, err := w.client.Row(ctx, "SELECT COUNT(*) FROM fesim.ledger WHERE id = '"+id+"'")
		if err == nil {
			n, err = strconv.Atoi(row[0])
		}
		return err
	}) == answered {
		w.judgeCounter(b, n, "the count of row "+id)
	}
}

// moveMoney moves money from one account to another: a row for each in the ledger and, where there are accounts, their balances.
func (w *checkClient) moveMoney(ctx context.Context) {
	if !w.ready(ctx) {
		return
	}
	accounts := accountsOf(w.number)
	if rand.IntN(2) == 0 {
		accounts[0], accounts[1] = accounts[1], accounts[0]
	}
	id, t := w.token(), transfer{accounts[0], accounts[1], 1 + rand.IntN(20)}
	w.check.noteTransfer(id, t)
	w.check.ledger.note(undone, debit(id), credit(id))
	if w.do(repeatable, "BEGIN", func() error { return w.client.Exec(ctx, "BEGIN") }) != answered {
		w.giveUp(ctx)
		return
	}
	statements := []string{fmt.Sprintf(w.check.dialect.insert, debit(id)), fmt.Sprintf(w.check.dialect.insert, credit(id))}
	if w.check.bank != nil {
		const update = "UPDATE moves.accounts SET balance = balance + %d WHERE id = '%s'"
		statements = append(statements, fmt.Sprintf(update, -t.amount, t.from), fmt.Sprintf(update, t.amount, t.to))
	}
	for _, text := range statements {
		if w.exec(ctx, text) != answered {
			w.giveUp(ctx)
			return
		}
		pause(ctx, rand.N(10*time.Millisecond))
	}
	w.check.ledger.note(unknown, debit(id), credit(id))
	o := w.exec(ctx, "COMMIT")
	w.check.ledger.settle(o, debit(id), credit(id))
	if o != answered {
		w.giveUp(ctx)
	}
	if w.client.Connected() {
		w.ask(ctx)
	}
}

func (w *checkClient) counter() string { return fmt.Sprintf("counter-%d", w.number) }

// countUp adds one to a counter of its own, in a transaction that tells which server that is on, and reads it back from whichever
// server it is on then.
func (w *checkClient) countUp(ctx context.Context) {
	if w.check.bank == nil {
		w.insertRow(ctx)
		return
	}
	if !w.ready(ctx) {
		return
	}
	w.counts = true
	read := "SELECT '%s', name, n FROM moves.place, moves.counters WHERE id = '" + w.counter() + "'"
	if w.do(repeatable, "BEGIN", func() error { return w.client.Exec(ctx, "BEGIN") }) != answered ||
		w.exec(ctx, "UPDATE moves.counters SET n = n + 1 WHERE id = '"+w.counter()+"'") != answered {
		w.giveUp(ctx)
		return
	}
	place, n, ok := w.readNumber(ctx, unrepeatable, read)
	if !ok {
		w.giveUp(ctx)
		return
	}
	w.judgeCounter(w.counted[place].settle(answered), n, w.counter()+" on "+place)
	o := w.exec(ctx, "COMMIT")
	w.counted[place] = w.counted[place].settle(o)
	if o != answered {
		w.giveUp(ctx)
	}
	if !w.client.Connected() {
		return
	}
	if place, n, ok := w.readNumber(ctx, repeatable, read); ok {
		w.judgeCounter(w.counted[place], n, w.counter()+" on "+place)
	}
}

func (w *checkClient) judgeCounter(b bounds, n int, where string) {
	for _, f := range judgeCounter(b, n, where) {
		w.check.find(f)
	}
}

// askMuch asks what only reads: texts, prepared statements, pings, large answers, and a slow statement that may not be run again.
func (w *checkClient) askMuch(ctx context.Context) {
	if !w.ready(ctx) {
		return
	}
	switch n := rand.IntN(20); {
	case n == 0:
		w.askBig(ctx)
	case n == 1:
		token := w.token()
		w.do(unrepeatable, "SELECT SLEEP", func() error {
			return w.client.Ask(ctx, "SELECT '"+token+"', @held, SLEEP(0.2)", token, w.name)
		})
	case n < 4:
		w.do(repeatable, "ping", func() error { return w.client.Ping(ctx) })
	case n < 12:
		w.execute(ctx)
	default:
		w.ask(ctx)
	}
}

// come connects, asks one question and goes.
func (w *checkClient) come(ctx context.Context) {
	if w.fleeting = true; !w.ready(ctx) {
		return
	}
	token := w.token()
	w.do(repeatable, "SELECT", func() error {
		return w.client.Ask(ctx, "SELECT '"+token+"', DATABASE()", token, w.check.dialect.other)
	})
	w.client.Quit()
	pause(ctx, rand.N(50*time.Millisecond))
}

// audit adds up all accounts: at no time is anything missing.
func (w *checkClient) audit(ctx context.Context) {
	if !w.ready(ctx) {
		return
	}
	if w.check.bank == nil {
		w.execute(ctx)
		return
	}
	token := w.token()
	w.do(repeatable, "SELECT SUM", func() error {
		return w.client.Ask(ctx, "SELECT '"+token+"', CAST(SUM(balance) AS CHAR), @held FROM moves.accounts", token, w.check.bank.total(), w.name)
	})
}

// idle asks seldom.
func (w *checkClient) idle(ctx context.Context) {
	if !w.ready(ctx) {
		return
	}
	pause(ctx, rand.N(3*time.Second))
	w.execute(ctx)
}

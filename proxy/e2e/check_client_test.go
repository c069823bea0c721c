package e2e

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"segue/bench"
)

// checkClient is one client of a check. All of it is owned by run until that has returned.
type checkClient struct {
	check    *check
	number   int    // among those that do the same
	name     string // unique: the value of its user variable, and the beginning of its ids
	zone     string
	client   *bench.Client
	prepared *bench.Statement
	inserter *bench.Statement // nil where writes cannot be prepared
	work     func(ctx context.Context)
	asked    int
	fleeting bool // it holds no state

	counts  bool
	counted map[string]bounds // by server
}

// run works until ctx is done. What has been begun by then is ended and judged.
func (w *checkClient) run(ctx context.Context) {
	defer w.client.Quit()
	whole := context.WithoutCancel(ctx)
	for pause(ctx, 5*time.Millisecond+rand.N(20*time.Millisecond)) {
		w.work(whole)
	}
}

// token is unique.
func (w *checkClient) token() string {
	w.asked++
	return fmt.Sprintf("%s-%d", w.name, w.asked)
}

// do sends one statement and judges how it ends. After an ERR_Packet the connection goes on.
func (w *checkClient) do(r role, what string, send func() error) outcome {
	began := time.Now()
	err := send()
	o := outcomeOf(err)
	w.check.note(w, event{r, o, w.client.Received(), w.check.cuts.since(began)}, what, err, time.Since(began))
	if o == cutOff || o == misled {
		w.client.Drop()
	}
	return o
}

// lifetime is about how many rounds a client keeps its connection for. Pools do so too, and that brings backends that are back into use.
const lifetime = 100

// ready connects, unless it is connected, and sets up the session's state.
func (w *checkClient) ready(ctx context.Context) bool {
	if rand.IntN(lifetime) == 0 {
		w.client.Quit()
	}
	if w.client.Connected() {
		return true
	}
	began := time.Now()
	if err := w.client.Connect(ctx); err != nil {
		w.check.find(finding{ruleNeedless, fmt.Sprintf("client %s, connect, which took %v: %v", w.name, time.Since(began).Round(time.Millisecond), err)})
		return false
	}
	if w.fleeting {
		return true
	}
	for _, text := range []string{"SET @held = '" + w.name + "'", "SET time_zone = '" + w.zone + "'", "USE " + w.check.dialect.database} {
		if w.do(unrepeatable, "set-up", func() error { return w.client.Exec(ctx, text) }) != answered {
			w.client.Drop()
			return false
		}
	}
	if w.prepared = w.prepare(ctx, "SELECT ?, @held, @@time_zone, DATABASE()"); w.prepared != nil && w.check.bank != nil {
		w.inserter = w.prepare(ctx, strings.ReplaceAll(w.check.dialect.insert, "'%s'", "?"))
	}
	if w.prepared == nil || w.check.bank != nil && w.inserter == nil {
		w.client.Drop() // it begins anew
		return false
	}
	return true
}

func (w *checkClient) prepare(ctx context.Context, text string) (st *bench.Statement) {
	w.do(repeatable, "prepare", func() (err error) {
		st, err = w.client.Prepare(ctx, text)
		return err
	})
	return st
}

// exec runs a statement that may not be run twice.
func (w *checkClient) exec(ctx context.Context, text string) outcome {
	return w.do(unrepeatable, fmt.Sprintf("%.8s", text), func() error { return w.client.Exec(ctx, text) })
}

// ask verifies that an answer is the question's own, and the session the client's own.
func (w *checkClient) ask(ctx context.Context) {
	token := w.token()
	w.do(repeatable, "SELECT", func() error {
		return w.client.Ask(ctx, "SELECT '"+token+"', @held, @@time_zone, DATABASE()", token, w.name, w.zone, w.check.dialect.database)
	})
}

func (w *checkClient) execute(ctx context.Context) {
	token := w.token()
	w.do(repeatable, "EXECUTE", func() error {
		return w.prepared.Ask(ctx, []string{token}, token, w.name, w.zone, w.check.dialect.database)
	})
}

// askBig has an answer of some hundred KB.
func (w *checkClient) askBig(ctx context.Context) {
	const times = 20_000
	token := w.token()
	w.do(repeatable, "SELECT REPEAT", func() error {
		return w.client.Ask(ctx, fmt.Sprintf("SELECT '%s', REPEAT('%s;', %d)", token, token, times), token, strings.Repeat(token+";", times))
	})
}

// number runs a query whose row is a token, the name of a place, and a number. ok tells that it has been answered.
func (w *checkClient) readNumber(ctx context.Context, r role, query string) (place string, n int, ok bool) {
	token := w.token()
	ok = w.do(r, "SELECT number", func() error {
		row, err := w.client.Row(ctx, fmt.Sprintf(query, token))
		if err != nil {
			return err
		}
		if len(row) != 3 || row[0] != token {
			return errForeign
		}
		place = row[1]
		n, err = strconv.Atoi(row[2])
		return err
	}) == answered
	return place, n, ok
}

// errForeign is an answer that belongs to something else.
var errForeign = errors.New("an answer that is not the question's own")

// giveUp ends a transaction of which something has failed, as an application does that goes on with its connection.
func (w *checkClient) giveUp(ctx context.Context) {
	if w.client.Connected() {
		w.exec(ctx, "ROLLBACK")
	}
}

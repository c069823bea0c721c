package e2e

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"
	"time"
)

const (
	movers   = 6 // clients that move money, each between two accounts of its own: others' locks would cost errors that are nobody's fault
	counters = 4 // clients that count, each by a counter of its own
)

// banking is a fleet whose servers have tables, and an administrator's way in beside Segue.
type banking interface {
	fleet
	admin(i int) (*sql.DB, error)
}

// bank is the tables by which transactions are judged, on each server of a fleet.
type bank struct{ servers banking }

// openBank fills the tables. Servers share nothing: each has all accounts and counters.
func openBank(t *testing.T, f fleet) *bank {
	t.Helper()
	servers, ok := f.(banking)
	if !ok {
		return nil
	}
	b := &bank{servers}
	for i := range f.specs() {
		if err := b.fill(t.Context(), i); err != nil {
			t.Fatalf("open bank on %s: %v", b.name(i), err)
		}
	}
	return b
}

func (b *bank) name(i int) string { return b.servers.specs()[i].Name }

func (b *bank) fill(ctx context.Context, i int) error {
	db, err := b.servers.admin(i)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	var statements strings.Builder
	statements.WriteString("INSERT INTO moves.place VALUES ('" + b.name(i) + "');")
	for mover := range movers {
		for _, account := range accountsOf(mover) {
			fmt.Fprintf(&statements, "INSERT INTO moves.accounts VALUES ('%s', %d);", account, openingBalance)
		}
	}
	for counter := range counters {
		fmt.Fprintf(&statements, "INSERT INTO moves.counters VALUES ('counter-%d', 0);", counter)
	}
	_, err = db.ExecContext(ctx, statements.String())
	return err
}

func accountsOf(mover int) [2]string {
	return [2]string{fmt.Sprintf("savings-%d", mover), fmt.Sprintf("current-%d", mover)}
}

// total is what is on all accounts of a server, at any time that a transaction can see.
func (b *bank) total() string { return fmt.Sprint(2 * movers * openingBalance) }

// numbers reads what a query returns by its first column.
func (b *bank) numbers(ctx context.Context, i int, query string) (map[string]int, error) {
	db, err := b.servers.admin(i)
	if err != nil {
		return nil, err
	}
	defer func() { _ = db.Close() }()
	return readNumbers(ctx, db, query)
}

// awaitQuiet waits until no client has a connection to a server: statements that were cut off may still run, and are judged too.
func (b *bank) awaitQuiet(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for i := range b.servers.specs() {
		for {
			users, err := b.numbers(ctx, i, "SELECT user, COUNT(*) FROM information_schema.processlist GROUP BY user")
			if err != nil {
				return fmt.Errorf("ask %s for its connections: %w", b.name(i), err)
			}
			if users[testUser] == 0 {
				break
			}
			pause(ctx, 20*time.Millisecond)
		}
	}
	return nil
}

// readLedgers returns how often each id is in each server's ledger.
func readLedgers(ctx context.Context, servers banking) ([]map[string]int, error) {
	b := &bank{servers}
	var all []map[string]int
	for i := range servers.specs() {
		rows, err := b.numbers(ctx, i, "SELECT id, COUNT(*) FROM moves.ledger GROUP BY id")
		if err != nil {
			return nil, err
		}
		all = append(all, rows)
	}
	return all, nil
}

func readNumbers(ctx context.Context, db *sql.DB, query string) (map[string]int, error) {
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	numbers := map[string]int{}
	for rows.Next() {
		var id string
		var n int
		if err := rows.Scan(&id, &n); err != nil {
			return nil, err
		}
		numbers[id] = n
	}
	return numbers, rows.Err()
}

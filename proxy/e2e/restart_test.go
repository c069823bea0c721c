package e2e

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"segue/backend"
)

// TestRollingRestart restarts three real servers one after the other, each once it has said that it is leaving and its
// sessions have gone, under a pool of go-sql-driver/mysql and under short-lived connections: no statement fails.
func TestRollingRestart(t *testing.T) {
	servers := startServers(t, 3)
	segue := startSegue(t, servers)
	load := startLoad(t, segue.address)
	for i, s := range servers {
		b := segue.registry.Backends()[i]
		load.waitMore(t, 50)
		s.health.leaving.Store(true)
		waitFor(t, b.Name()+" stopping", func() bool { return b.Status().Health == backend.Stopping })
		waitFor(t, "the last session of "+b.Name()+" to end", func() bool { return b.Sessions() == 0 })
		s.restart(t)
		s.health.leaving.Store(false)
		segue.waitUp(t)
	}
	load.waitMore(t, 50)
	load.stop()
	for kind, n := range load.done {
		if n.Load() == 0 {
			t.Errorf("no %s was made", kind)
		}
		t.Logf("%d × %s", n.Load(), kind)
	}
	for _, fault := range load.faults {
		t.Error(fault)
	}
	segue.stop()
	segue.judge(t)
	t.Logf("sessions: %s", strings.Join(segue.ends(t), ", "))
}

// load is what an application does meanwhile.
type load struct {
	connector driver.Connector
	db        *sql.DB
	done      map[string]*atomic.Int64 // by kind; the map is fixed
	cancel    context.CancelFunc
	running   sync.WaitGroup

	mu     sync.Mutex // guards faults
	faults []string
}

// startLoad starts workers that ask until the load is stopped; it ends with the test.
func startLoad(t *testing.T, address string) *load {
	t.Helper()
	config := mysql.NewConfig()
	config.Net, config.Addr, config.User, config.Passwd, config.DBName = "tcp", address, "e2e", `secret, "quoted"`, "fixtures"
	config.Logger = &mysql.NopLogger{}
	connector, err := mysql.NewConnector(config)
	if err != nil {
		t.Fatalf("configure client: %v", err)
	}
	l := &load{connector: connector, db: sql.OpenDB(connector), done: map[string]*atomic.Int64{}}
	l.db.SetMaxIdleConns(16)
	kinds := map[string]func(context.Context, int64) error{
		"statement": l.statement, "prepared statement": l.prepared, "slow statement": l.slow, "transaction": l.transaction,
		"connection": l.connection,
	}
	for kind := range kinds {
		l.done[kind] = new(atomic.Int64)
	}
	var ctx context.Context
	ctx, l.cancel = context.WithCancel(context.Background())
	for kind, ask := range kinds {
		for range 3 {
			l.running.Go(func() { l.work(ctx, kind, ask) })
		}
	}
	t.Cleanup(l.stop)
	return l
}

// work asks, with a little pause, until ctx is done.
func (l *load) work(ctx context.Context, kind string, ask func(ctx context.Context, n int64) error) {
	for {
		if err := ask(ctx, l.done[kind].Load()); ctx.Err() != nil {
			return
		} else if err != nil {
			l.mu.Lock()
			l.faults = append(l.faults, kind+": "+err.Error())
			l.mu.Unlock()
		}
		l.done[kind].Add(1)
		time.Sleep(2 * time.Millisecond) // an application thinks
	}
}

func (l *load) stop() {
	l.cancel()
	l.running.Wait()
	_ = l.db.Close()
}

// waitMore waits until n more statements have been answered.
func (l *load) waitMore(t *testing.T, n int64) {
	t.Helper()
	from := l.done["statement"].Load()
	waitFor(t, "statements", func() bool { return l.done["statement"].Load() >= from+n })
}

func (l *load) statement(ctx context.Context, n int64) error {
	return expect(l.db.QueryRowContext(ctx, fmt.Sprintf("SELECT %d", n)), n)
}

func (l *load) prepared(ctx context.Context, n int64) error {
	return expect(l.db.QueryRowContext(ctx, "SELECT ? + 1", n), n+1)
}

func (l *load) slow(ctx context.Context, n int64) error {
	return expect(l.db.QueryRowContext(ctx, "SELECT ? + SLEEP(0.3)", n), n)
}

func (l *load) transaction(ctx context.Context, n int64) error {
	tx, err := l.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer func() { _ = tx.Rollback() }()
	if _, err := tx.ExecContext(ctx, "SET @held = ?", n); err != nil {
		return fmt.Errorf("first statement: %w", err)
	}
	time.Sleep(20 * time.Millisecond)
	if err := expect(tx.QueryRowContext(ctx, "SELECT @held"), n); err != nil {
		return fmt.Errorf("second statement: %w", err)
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// connection connects, asks once and disconnects.
func (l *load) connection(ctx context.Context, _ int64) error {
	db := sql.OpenDB(l.connector)
	defer func() { _ = db.Close() }()
	return expect(db.QueryRowContext(ctx, "SELECT 1"), 1)
}

func expect(row *sql.Row, want int64) error {
	var got int64
	if err := row.Scan(&got); err != nil {
		return err
	}
	if got != want {
		return fmt.Errorf("got %d, want %d", got, want)
	}
	return nil
}

// waitFor waits until what is true.
func waitFor(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(startTimeout); !is(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited %s for %s", startTimeout, what)
		}
	}
}

package e2e

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"segue/backend"
)

// tidbFleet is three TiDB servers that share nothing but their users and what signs their session tokens.
type tidbFleet struct {
	servers []*tidbServer
	wait    time.Duration
}

// startTiDBs starts three servers at once; wait is their graceful-wait-before-shutdown.
func startTiDBs(t *testing.T, wait time.Duration) *tidbFleet {
	t.Helper()
	f, certs := &tidbFleet{wait: wait}, writeSigningCerts(t)
	for range 3 {
		f.servers = append(f.servers, newTiDB(t, certs, wait))
	}
	for _, s := range f.servers {
		if err := s.waitReady(t.Context()); err != nil {
			t.Fatalf("wait for tidb-server: %v\n%s", err, tail(s.log(), 20))
		}
		if err := s.fill(t.Context()); err != nil {
			t.Fatalf("fill server: %v", err)
		}
	}
	return f
}

// fill makes the tests' user and what the suites need.
func (s *tidbServer) fill(ctx context.Context) error {
	db, err := openDB(s.address(), "root", "")
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	_, err = db.ExecContext(ctx, "CREATE USER "+testUser+"@'%' IDENTIFIED WITH mysql_native_password BY '"+testPassword+"';"+
		"GRANT ALL ON *.* TO "+testUser+"@'%';"+movesFixtures)
	return err
}

func (*tidbFleet) flavor() backend.Flavor { return backend.TiDB }

func (f *tidbFleet) specs() []backend.Spec {
	var specs []backend.Spec
	for i, s := range f.servers {
		specs = append(specs, backend.Spec{Name: fmt.Sprintf("tidb-%d", i+1), Address: s.address(), HealthURL: s.healthURL()})
	}
	return specs
}

func (*tidbFleet) order() []int { return []int{0, 1, 2} }

func (f *tidbFleet) dialect() dialect {
	d := dialect{database: "moves", other: "moves_2", insert: "INSERT INTO moves.ledger VALUES ('%s')"}
	if f.wait == 0 {
		d.cut = cutByTiDB
	}
	return d
}

// cutByTiDB: without graceful-wait-before-shutdown a server that has been told to stop closes each connection at its next command,
// without an answer. Until that is known, a few writes are under way.
func cutByTiDB(err error) bool {
	const shutdown = 1053
	refused, ok := errors.AsType[*mysql.MySQLError](err)
	return ok && refused.Number == shutdown && strings.Contains(refused.Message, "its outcome is unknown")
}

func (f *tidbFleet) restart(t *testing.T, _ *segueProgram, i int) {
	t.Helper()
	f.servers[i].restart(t)
}

func (f *tidbFleet) admin(i int) (*sql.DB, error) { return openDB(f.servers[i].address(), "root", "") }

func (f *tidbFleet) ledgers(ctx context.Context) ([]map[string]int, error) {
	return readLedgers(ctx, f)
}

func (f *tidbFleet) kill(i int) error {
	f.servers[i].kill()
	return nil
}

func (f *tidbFleet) revive(ctx context.Context, i int) error {
	if err := f.servers[i].start(); err != nil {
		return err
	}
	return f.servers[i].waitReady(ctx)
}

func (f *tidbFleet) freeze(i int) error { return f.servers[i].cmd.Process.Signal(syscall.SIGSTOP) }

func (f *tidbFleet) thaw(i int) error { return f.servers[i].cmd.Process.Signal(syscall.SIGCONT) }

// openDB is a way to a server beside the clients under test.
func openDB(address, user, password string) (*sql.DB, error) {
	config := mysql.NewConfig()
	config.Net, config.Addr, config.User, config.Passwd = "tcp", address, user, password
	config.MultiStatements = true
	config.Logger = &mysql.NopLogger{}
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(connector), nil
}

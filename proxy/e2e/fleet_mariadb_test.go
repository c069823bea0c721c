package e2e

import (
	"context"
	"database/sql"
	_ "embed"
	"fmt"
	"syscall"
	"testing"

	"segue/backend"
	"segue/backend/secure/securetest"
)

//go:embed testdata/moves.sql
var movesFixtures string

// mariadbFleet is three MariaDB servers, which say nothing when they leave: the operator drains each before he stops it.
type mariadbFleet struct{ servers []*server }

// startMariaDBs starts three servers; extra are lines of their option files.
func startMariaDBs(t *testing.T, extra ...string) *mariadbFleet {
	t.Helper()
	return startMariaDBsOf(t, debians, extra...)
}

func startMariaDBsOf(t *testing.T, r release, extra ...string) *mariadbFleet {
	t.Helper()
	f := &mariadbFleet{startReleases(t, r, 3, extra...)}
	for _, s := range f.servers {
		if err := s.exec(t.Context(), movesFixtures); err != nil {
			t.Fatalf("fill server: %v\n%s", err, s.log())
		}
	}
	return f
}

// startMariaDBsOnTLS starts three that have certificates, and what a Segue needs that asks for these.
func startMariaDBsOnTLS(t *testing.T, extra ...string) (*mariadbFleet, *secured) {
	t.Helper()
	a := newAuthority(t)
	f := startMariaDBs(t, append(extra, a.files(t, securetest.Leaf{Names: []string{"127.0.0.1"}}).mariadb()...)...)
	return f, a.secure(t)
}

func (*mariadbFleet) flavor() backend.Flavor { return backend.MySQL }

func (f *mariadbFleet) specs() []backend.Spec {
	var specs []backend.Spec
	for i, s := range f.servers {
		specs = append(specs, backend.Spec{Name: fmt.Sprintf("mariadb-%d", i+1), Address: s.address()})
	}
	return specs
}

func (*mariadbFleet) order() []int { return []int{0, 1, 2} }

func (*mariadbFleet) dialect() dialect {
	return dialect{database: "moves", other: "moves_2", insert: "INSERT INTO moves.ledger VALUES ('%s')"}
}

func (f *mariadbFleet) restart(t *testing.T, p *segueProgram, i int) {
	t.Helper()
	if p == nil {
		f.servers[i].restart(t)
		return
	}
	name := f.specs()[i].Name
	p.run(t, "drain", name, "--wait", "--timeout", "70s")
	f.servers[i].restart(t)
	p.run(t, "ready", name)
}

func (f *mariadbFleet) admin(i int) (*sql.DB, error) { return f.servers[i].open("moves") }

func (f *mariadbFleet) ledgers(ctx context.Context) ([]map[string]int, error) {
	return readLedgers(ctx, f)
}

// durable has a MariaDB keep what it has acknowledged although it is killed: the tests' servers do not otherwise.
func durable() []string { return []string{"innodb-flush-log-at-trx-commit=2", "innodb-doublewrite=1"} }

func (f *mariadbFleet) kill(i int) error {
	s := f.servers[i]
	err := killGroup(s.cmd)
	<-s.exited
	return err
}

func (f *mariadbFleet) revive(ctx context.Context, i int) error {
	s := f.servers[i]
	if err := s.start(); err != nil {
		return err
	}
	return s.waitReady(ctx)
}

func (f *mariadbFleet) freeze(i int) error { return f.servers[i].cmd.Process.Signal(syscall.SIGSTOP) }

func (f *mariadbFleet) thaw(i int) error { return f.servers[i].cmd.Process.Signal(syscall.SIGCONT) }

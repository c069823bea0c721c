package e2e

import (
	"context"
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"segue/backend"
	"segue/backend/fesim"
)

// feFleet is three simulated FEs.
type feFleet struct {
	cluster *fesim.Cluster
	cuts    bool // FEs that leave close a session after its next statement, an open transaction or not
}

// startFEs starts three FEs that leave as o says, in real time but for the least time that an exit takes, which is made a second,
// and for elections, which writes wait for whatever stands before the FEs. They end with the test.
func startFEs(t *testing.T, o fesim.Options) *feFleet {
	t.Helper()
	o.MinExit, o.AcceptWindow, o.Election = time.Second, time.Second, 10*time.Millisecond
	users := map[string]string{testUser: testPassword, "u": ""}
	maps.Copy(users, o.Users)
	o.Users = users
	cluster, err := fesim.NewCluster(3, o)
	if err != nil {
		t.Fatalf("make FEs: %v", err)
	}
	t.Cleanup(cluster.Close)
	if err := cluster.Start(); err != nil {
		t.Fatalf("start FEs: %v", err)
	}
	return &feFleet{cluster, o.CloseAfterStmt && o.Generation != fesim.G4}
}

func (*feFleet) flavor() backend.Flavor { return backend.StarRocks }

func (f *feFleet) specs() []backend.Spec {
	var specs []backend.Spec
	for _, fe := range f.cluster.FEs() {
		specs = append(specs, backend.Spec{Name: fe.Name(), Address: fe.MySQLAddress(), HealthURL: fe.HealthURL()})
	}
	return specs
}

func (f *feFleet) dialect() dialect {
	return dialect{database: "demo", other: "test", insert: "INSERT INTO fesim.ledger VALUES ('%s')", excused: f.excused}
}

// excused: transactions are in the leader's memory, whichever FE they came by, and some FEs close a session in the middle of one. Nothing
// that stands before the FEs can save those. What Segue can do is to say so, and to keep the client's connection.
func (f *feFleet) excused(err error) bool {
	const transactionNotExist, shutdown = 5302, 1053
	refused, ok := errors.AsType[*mysql.MySQLError](err)
	return ok && (refused.Number == transactionNotExist ||
		f.cuts && refused.Number == shutdown && strings.Contains(refused.Message, "without its transaction"))
}

// order is followers first, the leader last.
func (f *feFleet) order() []int {
	var order []int
	leader := 0
	for i, fe := range f.cluster.FEs() {
		if fe == f.cluster.Leader() {
			leader = i
			continue
		}
		order = append(order, i)
	}
	return append(order, leader)
}

// restart is stop_fe.sh -g and start_fe.sh.
func (f *feFleet) restart(t *testing.T, _ *segueProgram, i int) {
	t.Helper()
	fe := f.cluster.FEs()[i]
	fe.GracefulExit()
	fe.Wait()
	if err := fe.Start(); err != nil {
		t.Fatalf("start %s again: %v", fe.Name(), err)
	}
	waitFor(t, "a leader", func() bool { return f.cluster.Leader() != nil })
}

func (f *feFleet) ledgers(context.Context) ([]map[string]int, error) {
	return []map[string]int{f.cluster.Ledger()}, nil
}

func (f *feFleet) kill(i int) error {
	fe := f.cluster.FEs()[i]
	fe.Kill()
	return nil
}

func (f *feFleet) revive(_ context.Context, i int) error { return f.cluster.FEs()[i].Start() }

func (f *feFleet) freeze(i int) error {
	f.cluster.FEs()[i].SetFault(fesim.Fault{Freeze: true})
	return nil
}

func (f *feFleet) thaw(i int) error {
	f.cluster.FEs()[i].SetFault(fesim.Fault{})
	return nil
}

package e2e

import (
	"context"
	"database/sql"
	_ "embed"
	"fmt"
	"testing"

	"segue/backend"
)

//go:embed testdata/moves.sql
var movesFixtures string

// mariadbFleet is three MariaDB servers, which say nothing when they leave: the operator drains each before he stops it.
type mariadbFleet struct{ servers []*server }

func startMariaDBs(t *testing.T) *mariadbFleet {
	t.Helper()
	f := &mariadbFleet{startServers(t, 3)}
	for _, s := range f.servers {
		if err := s.exec(t.Context(), movesFixtures); err != nil {
			t.Fatalf("fill server: %v\n%s", err, s.log())
		}
	}
	return f
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

func (f *mariadbFleet) count(ctx context.Context) (map[string]int, error) {
	counts := map[string]int{}
	for _, s := range f.servers {
		db, err := s.open("moves")
		if err != nil {
			return nil, err
		}
		err = countLedger(ctx, db, counts)
		_ = db.Close()
		if err != nil {
			return nil, err
		}
	}
	return counts, nil
}

// countLedger adds what one server's ledger holds to counts.
func countLedger(ctx context.Context, db *sql.DB, counts map[string]int) error {
	rows, err := db.QueryContext(ctx, "SELECT id, COUNT(*) FROM moves.ledger GROUP BY id")
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var id string
		var n int
		if err := rows.Scan(&id, &n); err != nil {
			return err
		}
		counts[id] += n
	}
	return rows.Err()
}

package measure

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/go-sql-driver/mysql"

	"segue/bench"
)

// patience is how long the bench tries to read its rows, and to put away its
// tables: after the last step of an experiment a cluster may still be starting.
const patience = 30 * time.Second

// store is where the ledger's rows are: the endpoint, or the members behind it
// when each of them has data of its own.
type store struct {
	places []*sql.DB
	dialect
	made []bool // by place: whether the database was made for the run
}

// openStore finds out whose SQL is spoken, and makes the ledger's table unless
// nothing is to be written. The caller closes it.
func openStore(ctx context.Context, o *Options) (*store, string, error) {
	s := &store{}
	for _, cfg := range append([]*mysql.Config{o.Endpoint}, o.Members...) {
		db, err := openDB(cfg, o.Load.Timeout)
		if err != nil {
			s.close()
			return nil, "", err
		}
		s.places = append(s.places, db)
	}
	server, err := s.meet(ctx, o)
	if err == nil && len(o.Members) > 0 {
		err = s.places[0].Close()
		s.places = s.places[1:]
	}
	if err == nil && len(s.tables()) > 0 {
		err = s.create(ctx)
	}
	if err != nil {
		s.close()
		return nil, "", err
	}
	return s, server, nil
}

func openDB(cfg *mysql.Config, timeout time.Duration) (*sql.DB, error) {
	cfg = cfg.Clone()
	cfg.Timeout, cfg.ReadTimeout, cfg.WriteTimeout = timeout, timeout, timeout
	cfg.Logger = &mysql.NopLogger{}
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		return nil, fmt.Errorf("configure %s: %w", cfg.Addr, err)
	}
	return sql.OpenDB(connector), nil
}

// meet asks the endpoint who it is, and settles the dialect.
func (s *store) meet(ctx context.Context, o *Options) (server string, err error) {
	var version, comment string
	row := s.places[0].QueryRowContext(ctx, "SELECT VERSION(), @@version_comment")
	if err := row.Scan(&version, &comment); err != nil {
		return "", fmt.Errorf("ask %s for its version: %w", o.Endpoint.Addr, err)
	}
	s.dialect = dialect{flavor: o.Flavor, database: "information_schema", prepares: true}
	if s.flavor == Auto || s.flavor == "" {
		s.flavor = flavorOf(version, comment)
		if s.flavor == StarRocks && s.there(ctx, "SELECT COUNT(*) FROM fesim.ledger WHERE id = ''") {
			s.flavor = FESim
		}
	}
	switch {
	case o.Load.NoWrites || o.Load.Clients[Txn]+o.Load.Clients[Write] == 0:
	case s.flavor == FESim:
		s.table = "fesim.ledger"
	default:
		s.database = o.Database
		s.table = o.Database + ".ledger_" + o.id
	}
	if o.Load.Clients[Loads] > 0 {
		if !s.takesLoads() {
			return "", fmt.Errorf("%s speaks as %s, which has no Stream Load; say --loads 0, or --flavor starrocks or doris if that is wrong", o.Endpoint.Addr, s.flavor)
		}
		s.database = o.Database
		if s.flavor == FESim {
			s.database = "fesim"
		}
		s.loads = s.database + ".loads_" + o.id
	}
	return version + ", " + comment, nil
}

// there tells whether a query is answered.
func (s *store) there(ctx context.Context, query string) bool {
	var found sql.RawBytes
	rows, err := s.places[0].QueryContext(ctx, query)
	if err != nil {
		return false
	}
	defer rows.Close()
	return rows.Next() && rows.Scan(&found) == nil
}

// table is one that the run makes.
type table struct{ name, create string }

// tables are those that are needed.
func (s *store) tables() (list []table) {
	if s.table != "" {
		list = append(list, table{s.table, s.createTable()})
	}
	if s.loads != "" {
		list = append(list, table{s.loads, s.createLoads()})
	}
	return list
}

// create makes the tables at every place, and the database where it is not there.
func (s *store) create(ctx context.Context) error {
	s.made = make([]bool, len(s.places))
	if s.flavor == FESim {
		return nil
	}
	for i, db := range s.places {
		var n int
		err := db.QueryRowContext(ctx, "SELECT COUNT(*) FROM information_schema.schemata WHERE schema_name = '"+s.database+"'").Scan(&n)
		if err == nil && n == 0 {
			s.made[i] = true
			_, err = db.ExecContext(ctx, "CREATE DATABASE IF NOT EXISTS "+s.database)
		}
		for _, table := range s.tables() {
			if err == nil {
				_, err = db.ExecContext(ctx, table.create)
			}
			if err == nil {
				err = s.settle(ctx, db, table.name)
			}
		}
		if err != nil {
			return fmt.Errorf("create the tables of the run: %w\n  an account that may only read: --no-writes; another database: --database NAME; servers that share no data: --member DSN for each", err)
		}
	}
	return nil
}

// settle waits until the table is seen through every new connection: the servers
// behind an endpoint may learn of it one after the other.
func (s *store) settle(ctx context.Context, db *sql.DB, table string) error {
	db.SetMaxIdleConns(-1) // every question over a connection of its own
	defer db.SetMaxIdleConns(1)
	const inARow = 12
	good := 0
	return s.until(ctx, func() error {
		for ; good < inARow; good++ {
			var n int
			if err := db.QueryRowContext(ctx, "SELECT COUNT(*) FROM "+table).Scan(&n); err != nil {
				good = 0
				return err
			}
		}
		return nil
	})
}

// until tries something until it is done or patience has ended.
func (s *store) until(ctx context.Context, do func() error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		err := do()
		if err == nil || !bench.Pause(ctx, 200*time.Millisecond) {
			return err
		}
	}
}

// rows counts the rows of a table by id, at all places together.
func (s *store) rows(ctx context.Context, table string) (map[string]int, error) {
	var counts map[string]int
	err := s.until(ctx, func() error {
		counts = map[string]int{}
		for _, db := range s.places {
			if err := s.rowsAt(ctx, db, table, counts); err != nil {
				return fmt.Errorf("read the rows of %s: %w", table, err)
			}
		}
		return nil
	})
	return counts, err
}

func (s *store) rowsAt(ctx context.Context, db *sql.DB, table string, counts map[string]int) error {
	if s.flavor == StarRocks {
		if _, err := db.ExecContext(ctx, "SYNC"); err != nil { // so that this FE has seen what the leader has
			return err
		}
	}
	rows, err := db.QueryContext(ctx, "SELECT id FROM "+table) // counted here: the simulated FE groups nothing
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return err
		}
		counts[id]++
	}
	return rows.Err()
}

// drop puts away what create has made. A database in which somebody else has put
// a table meanwhile stays.
func (s *store) drop(ctx context.Context) error {
	if len(s.tables()) == 0 || s.flavor == FESim {
		return nil
	}
	var failed []error
	for i, db := range s.places {
		err := s.until(ctx, func() error {
			for _, table := range s.tables() {
				if _, err := db.ExecContext(ctx, "DROP TABLE IF EXISTS "+table.name); err != nil {
					return err
				}
			}
			return nil
		})
		var n int
		if err == nil && s.made[i] {
			err = db.QueryRowContext(ctx, "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = '"+s.database+"'").Scan(&n)
			if err == nil && n == 0 {
				_, err = db.ExecContext(ctx, "DROP DATABASE "+s.database)
			}
		}
		if err != nil {
			failed = append(failed, fmt.Errorf("drop the tables of the run: %w", err))
		}
	}
	return errors.Join(failed...)
}

func (s *store) close() {
	for _, db := range s.places {
		_ = db.Close() // there is nothing more to be said to it
	}
}

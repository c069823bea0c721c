package fesim

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"segue/backend/wire"
)

// change is an entry of the journal: a database, or a table of one, is created or dropped.
type change struct {
	at        time.Time
	db, table string // table "": the database itself
	drop      bool
	def       *tableDef // of a table that is created
}

// journal is what has happened to the metadata of a cluster. The leader writes it and sees all of it; the others replay it, later by
// [Options.MetadataLag].
type journal struct {
	lag      time.Duration // scaled
	changes  []change
	replayed map[*FE]int // how many changes a FE has seen at least
}

// view is the part of the journal that f sees now. It needs c.mu.
func (c *Cluster) view(f *FE) []change {
	j := &c.journal
	if c.leader == f {
		j.replayed[f] = len(j.changes)
	}
	n := j.replayed[f]
	for n < len(j.changes) && time.Since(j.changes[n].at) >= j.lag {
		n++
	}
	j.replayed[f] = n
	return j.changes[:n]
}

// exists says whether a database, or a table if table is not "", exists in a view of f's.
func exists(f *FE, view []change, db, table string) bool {
	dbs := slices.Contains(f.opts.Databases, db)
	found := table == "" && dbs
	for _, ch := range view {
		if ch.db == db && (ch.table == table || ch.table == "" && ch.drop) {
			found = !ch.drop
		}
	}
	return found
}

// hasDatabase says whether f knows the database.
func (f *FE) hasDatabase(db string) bool {
	f.cluster.mu.Lock()
	defer f.cluster.mu.Unlock()
	return exists(f, f.cluster.view(f), db, "")
}

// databases are those that f knows: its own, and then those that were created.
func (f *FE) databases() []string {
	f.cluster.mu.Lock()
	defer f.cluster.mu.Unlock()
	dbs := slices.Clone(f.opts.Databases)
	for _, ch := range f.cluster.view(f) {
		switch {
		case ch.table != "":
		case ch.drop:
			dbs = slices.DeleteFunc(dbs, func(db string) bool { return db == ch.db })
		default:
			dbs = append(dbs, ch.db)
		}
	}
	return dbs
}

// alter executes a change on the leader, if check finds nothing wrong with what stands there. The FE that asks for it waits until it has
// replayed it (FORWARD_WITH_SYNC).
func (c *Cluster) alter(ctx context.Context, f *FE, ch change, check func(view []change) error) error {
	if err := c.awaitLeader(ctx); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := check(c.journal.changes); err != nil {
		return err
	}
	c.append(f, ch)
	return nil
}

// append writes changes into the journal; f has replayed them. It needs c.mu.
func (c *Cluster) append(f *FE, changes ...change) {
	for _, ch := range changes {
		ch.at = time.Now()
		c.journal.changes = append(c.journal.changes, ch)
	}
	c.journal.replayed[f] = len(c.journal.changes)
}

// exchange renames a table of a database, or swaps two.
func (c *Cluster) exchange(ctx context.Context, f *FE, db, table, other string, swap bool) error {
	if err := c.awaitLeader(ctx); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	view := c.journal.changes
	there := exists(f, view, db, other)
	switch {
	case !exists(f, view, db, table):
		return unknownTable(db + "." + table)
	case swap && !there:
		return unknownTable(db + "." + other)
	case !swap && there:
		return &wire.Err{Code: 1050, State: "42S01", Message: fmt.Sprintf("Table '%s' already exists", other)}
	}
	def, instead := find(view, db, table), find(view, db, other)
	if swap {
		c.append(f, change{db: db, table: table, def: instead}, change{db: db, table: other, def: def})
	} else {
		c.append(f, change{db: db, table: table, drop: true}, change{db: db, table: other, def: def})
	}
	return nil
}

// sync waits until f has replayed all that had been done in the cluster before: SYNC.
func (s *session) sync(ctx context.Context) error {
	c := s.fe.cluster
	if err := c.awaitLeader(ctx); err != nil {
		return err
	}
	c.mu.Lock()
	goal, wait := len(c.journal.changes), time.Duration(0)
	if len(c.view(s.fe)) < goal {
		wait = c.journal.lag - time.Since(c.journal.changes[goal-1].at)
	}
	c.mu.Unlock()
	if wait > 0 {
		return s.sleep(ctx, wait)
	}
	return nil
}

func unknownDatabase(db string) *wire.Err {
	return &wire.Err{Code: 1049, State: "42000", Message: fmt.Sprintf("Unknown database '%s'", db)}
}

func noDatabase() *wire.Err {
	return &wire.Err{Code: 1046, State: "3D000", Message: "No database selected"}
}

// qualify puts the current database in front of a table's name.
func (s *session) qualify(path string) (string, error) {
	path = strings.ToLower(path)
	switch {
	case strings.Contains(path, "."):
		return path, nil
	case s.state.db == "":
		return "", noDatabase()
	}
	return s.state.db + "." + path, nil
}

package fesim

import (
	"fmt"
	"slices"
	"strings"
)

// insertStatement parses INTO | OVERWRITE [TABLE] name [(columns)], and VALUES (…)[, (…)] or a query.
func (p *parser) insertStatement(stmt *statement) error {
	overwrite := p.oneOf("into", "overwrite") == "overwrite"
	p.word("table")
	path, err := p.path()
	if err != nil {
		return err
	}
	if p.word("with", "label") {
		p.next()
	}
	var columns []string
	if p.peek().text == "(" && !p.atQuery() {
		p.next()
		if columns, err = p.names(); err != nil {
			return err
		}
	}
	stmt.scans = true
	var values [][]expr
	var q *query
	if p.atQuery() {
		q, err = p.query()
	} else if err = p.expectWord("values"); err == nil {
		values, err = p.valueLists()
	}
	if err != nil {
		return err
	}
	stmt.run = func(e *env) (*result, error) {
		rows, err := insertedRows(e, values, q)
		if err != nil {
			return nil, err
		}
		return e.insert(path, columns, rows, overwrite)
	}
	return nil
}

// valueLists parses (a, b), (c, d), …
func (p *parser) valueLists() ([][]expr, error) {
	var rows [][]expr
	for {
		if err := p.expect("("); err != nil {
			return nil, err
		}
		row, err := p.arguments()
		if err != nil {
			return nil, err
		}
		rows = append(rows, row)
		if !p.symbol(",") {
			return rows, nil
		}
	}
}

func insertedRows(e *env, values [][]expr, q *query) ([][]value, error) {
	if q != nil {
		r, err := q.relation(e)
		if err != nil {
			return nil, err
		}
		return slices.Collect(r.rows), nil
	}
	rows := make([][]value, len(values))
	for i, list := range values {
		for _, x := range list {
			v, err := x(e)
			if err != nil {
				return nil, err
			}
			rows[i] = append(rows[i], v)
		}
	}
	return rows, nil
}

// insert puts rows into a table; of those for the ledger the first value is the id, and the others are dropped. The leader does it, which knows all tables.
func (e *env) insert(path string, columns []string, rows [][]value, overwrite bool) (*result, error) {
	c := e.s.fe.cluster
	var writes []write
	if strings.TrimPrefix(strings.ToLower(path), "fesim.") == "ledger" {
		for _, row := range rows {
			writes = append(writes, write{id: text(row[0])})
		}
	} else {
		def, err := e.leaderDefinition(path)
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			placed, err := def.place(columns, row)
			if err != nil {
				return nil, err
			}
			writes = append(writes, write{def: def, row: placed})
		}
		if overwrite {
			c.mu.Lock()
			def.rows = nil
			c.mu.Unlock()
		}
	}
	return &result{affected: uint64(len(rows))}, c.insert(e.ctx, e.s.state.txn, writes)
}

// place puts the values of a row where the table has their columns.
func (def *tableDef) place(columns []string, row []value) ([]value, error) {
	if len(columns) == 0 {
		for _, c := range def.columns {
			columns = append(columns, c.name)
		}
	}
	if len(row) != len(columns) {
		return nil, fail("Getting analyzing error. Detail message: Inserted target column count: %d doesn't match select/value column count: %d.", len(columns), len(row))
	}
	placed := make([]value, len(def.columns))
	for i, c := range def.columns {
		at := slices.IndexFunc(columns, func(name string) bool { return strings.EqualFold(name, c.name) })
		if at < 0 {
			placed[i] = c.convert(c.def)
			continue
		}
		placed[i] = c.convert(row[at])
	}
	return placed, nil
}

// leaderDefinition is a table that was created, as the leader knows it.
func (e *env) leaderDefinition(path string) (*tableDef, error) {
	path, err := e.qualify(path)
	if err != nil {
		return nil, err
	}
	db, name, _ := strings.Cut(path, ".")
	c := e.s.fe.cluster
	c.mu.Lock()
	defer c.mu.Unlock()
	if !exists(e.s.fe, c.journal.changes, db, name) {
		return nil, unknownTable(path)
	}
	return find(c.journal.changes, db, name), nil
}

// deleteStatement parses name WHERE condition.
func (p *parser) deleteStatement(stmt *statement) error {
	path, err := p.path()
	if err != nil {
		return err
	}
	if err := p.expectWord("where"); err != nil {
		return err
	}
	where, err := p.expression()
	stmt.scans = true
	stmt.run = func(e *env) (*result, error) {
		def, err := e.leaderDefinition(path)
		if err != nil {
			return nil, err
		}
		e.s.fe.cluster.mu.Lock()
		rows := def.rows
		e.s.fe.cluster.mu.Unlock()
		columns := def.wireColumns()
		kept := slices.DeleteFunc(slices.Clone(rows), func(row []value) bool {
			v, failed := where(e.at(columns, row))
			if failed != nil {
				err = failed
			}
			return failed == nil && truth(v)
		})
		if err != nil {
			return nil, err
		}
		e.s.fe.cluster.mu.Lock()
		defer e.s.fe.cluster.mu.Unlock()
		def.rows = kept
		return &result{affected: uint64(len(rows) - len(kept))}, nil
	}
	return err
}

func (p *parser) truncateStatement(stmt *statement) error {
	path, err := p.path()
	stmt.run = done(func(e *env) error {
		def, err := e.leaderDefinition(path)
		if err != nil {
			return err
		}
		e.s.fe.cluster.mu.Lock()
		defer e.s.fe.cluster.mu.Unlock()
		def.rows = nil
		return nil
	})
	return err
}

// describeStatement parses DESC name and EXPLAIN query.
func (p *parser) describeStatement(stmt *statement) error {
	p.oneOf("verbose", "costs", "logical", "analyze")
	if p.atQuery() {
		q, err := p.query()
		stmt.run = func(e *env) (*result, error) {
			if _, err := q.describe(e); err != nil {
				return nil, err
			}
			return table([]string{"Explain String"}, []value{"PLAN FRAGMENT 0"}, []value{fmt.Sprintf("  %d parts", len(q.parts))}), nil
		}
		return err
	}
	path, err := p.path()
	stmt.run = func(e *env) (*result, error) { return e.showColumns(path, false, true) }
	return err
}

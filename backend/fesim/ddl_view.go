package fesim

import (
	"fmt"
	"strings"

	"segue/backend/wire"
)

// createView parses CREATE [OR REPLACE] [MATERIALIZED] VIEW [IF NOT EXISTS] name [(columns)] … AS query.
func (p *parser) createView(stmt *statement, kind tableKind, replace bool) error {
	lenient := p.word("if", "not", "exists")
	path, err := p.path()
	if err != nil {
		return err
	}
	def := &tableDef{kind: kind, model: "DUPLICATE"}
	if p.symbol("(") {
		if err := p.columnDefs(def); err != nil {
			return err
		}
	}
	from := p.at
	q, err := p.tableOptions(def)
	if err != nil {
		return err
	}
	if q == nil {
		return p.unexpected()
	}
	for from < len(p.tokens) && !strings.EqualFold(p.tokens[from].text, "as") {
		from++
	}
	text := p.text[p.tokens[min(from+1, len(p.tokens)-1)].from:p.before()]
	stmt.run = done(func(e *env) error {
		made := *def
		columns, err := q.describe(e)
		if err != nil {
			return err
		}
		named := made.columns
		made.columns = columnDefs(columns)
		for i, c := range named {
			if i < len(made.columns) {
				made.columns[i].name = c.name
			}
		}
		made.query, made.db = text, e.s.state.db
		made.complete()
		return e.create(path, &made, lenient, replace)
	})
	return nil
}

// create enters a table or a view into the journal.
func (e *env) create(path string, def *tableDef, lenient, replace bool) error {
	path, err := e.qualify(path)
	if err != nil {
		return err
	}
	f := e.s.fe
	db, table, _ := strings.Cut(path, ".")
	there := false
	err = f.cluster.alter(e.ctx, f, change{db: db, table: table, def: def}, func(view []change) error {
		if !exists(f, view, db, "") {
			return unknownDatabase(db)
		}
		if there = exists(f, view, db, table); there && !replace {
			return &wire.Err{Code: 1050, State: "42S01", Message: fmt.Sprintf("Table '%s' already exists", table)}
		}
		return nil
	})
	return unless(lenient && there, err)
}

// dropTable parses DROP [TEMPORARY] TABLE | [MATERIALIZED] VIEW [IF EXISTS] name. A temporary table hides one of the same name.
func (p *parser) dropTable(stmt *statement, temporary bool) error {
	lenient := p.word("if", "exists")
	path, err := p.path()
	p.skip()
	temp := baseName(path)
	stmt.run = done(func(e *env) error {
		if e.s.state.tempTables[temp] {
			delete(e.s.state.tempTables, temp)
			return nil
		}
		if temporary {
			return unless(lenient, unknownTable(path))
		}
		path, err := e.qualify(path)
		if err != nil {
			return err
		}
		f := e.s.fe
		db, table, _ := strings.Cut(path, ".")
		missing := false
		err = f.cluster.alter(e.ctx, f, change{db: db, table: table, drop: true}, func(view []change) error {
			if missing = !exists(f, view, db, table); missing {
				return unknownTable(path)
			}
			return nil
		})
		return unless(lenient && missing, err)
	})
	return err
}

// alterTable parses ALTER TABLE name RENAME to and ALTER TABLE name SWAP WITH other.
func (p *parser) alterTable(stmt *statement) error {
	path, err := p.path()
	if err != nil {
		return err
	}
	swap := p.word("swap", "with")
	if !swap {
		if err := p.expectWord("rename"); err != nil {
			return err
		}
		p.word("to")
	}
	to, err := p.path()
	stmt.run = done(func(e *env) error {
		path, err := e.qualify(path)
		if err != nil {
			return err
		}
		db, table, _ := strings.Cut(path, ".")
		return e.s.fe.cluster.exchange(e.ctx, e.s.fe, db, table, baseName(to), swap)
	})
	return err
}

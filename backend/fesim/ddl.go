package fesim

import (
	"fmt"
	"strings"

	"segue/backend/wire"
)

// createDatabase parses CREATE DATABASE [IF NOT EXISTS] name.
func (p *parser) createDatabase(stmt *statement) error {
	lenient := p.word("if", "not", "exists")
	db, err := p.name()
	stmt.run = done(func(e *env) error {
		f := e.s.fe
		there := false
		err := f.cluster.alter(e.ctx, f, change{db: db}, func(view []change) error {
			if there = exists(f, view, db, ""); there {
				return &wire.Err{Code: 1007, State: "HY000", Message: fmt.Sprintf("Can't create database '%s'; database exists", db)}
			}
			return nil
		})
		return unless(lenient && there, err)
	})
	return err
}

// dropDatabase parses DROP DATABASE [IF EXISTS] name [FORCE].
func (p *parser) dropDatabase(stmt *statement) error {
	lenient := p.word("if", "exists")
	db, err := p.name()
	p.word("force")
	stmt.run = done(func(e *env) error {
		f := e.s.fe
		missing := false
		err := f.cluster.alter(e.ctx, f, change{db: db, drop: true}, func(view []change) error {
			if missing = !exists(f, view, db, ""); missing {
				return &wire.Err{Code: 1008, State: "HY000", Message: fmt.Sprintf("Can't drop database '%s'; database doesn't exist", db)}
			}
			return nil
		})
		return unless(lenient && missing, err)
	})
	return err
}

// createTable parses CREATE TABLE [IF NOT EXISTS] name, and takes the rest as it comes. The table keeps nothing that is put into it.
func (p *parser) createTable(stmt *statement) error {
	lenient := p.word("if", "not", "exists")
	path, err := p.path()
	p.skip()
	stmt.run = done(func(e *env) error {
		path, err := e.s.qualify(path)
		if err != nil {
			return err
		}
		f := e.s.fe
		db, table, _ := strings.Cut(path, ".")
		there := false
		err = f.cluster.alter(e.ctx, f, change{db: db, table: table}, func(view []change) error {
			if !exists(f, view, db, "") {
				return unknownDatabase(db)
			}
			if there = exists(f, view, db, table); there {
				return &wire.Err{Code: 1050, State: "42S01", Message: fmt.Sprintf("Table '%s' already exists", table)}
			}
			return nil
		})
		return unless(lenient && there, err)
	})
	return err
}

// dropTable parses DROP [TEMPORARY] TABLE [IF EXISTS] name. A temporary table hides one of the same name.
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
		path, err := e.s.qualify(path)
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

// unless is err, or nil if it is forgiven by IF EXISTS or IF NOT EXISTS.
func unless(forgiven bool, err error) error {
	if forgiven {
		return nil
	}
	return err
}

// baseName is a table's name without its database.
func baseName(path string) string {
	return strings.ToLower(path[strings.LastIndexByte(path, '.')+1:])
}

// insertable says whether rows may be put into a table that was created; INSERT is the leader's, which knows all tables.
func (s *session) insertable(path string) error {
	path, err := s.qualify(path)
	if err != nil {
		return err
	}
	db, table, _ := strings.Cut(path, ".")
	c := s.fe.cluster
	c.mu.Lock()
	defer c.mu.Unlock()
	if !exists(s.fe, c.journal.changes, db, table) {
		return unknownTable(path)
	}
	return nil
}

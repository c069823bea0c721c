package fesim

import (
	"fmt"
	"strings"

	"segue/backend/wire"
)

// createDatabase parses CREATE DATABASE [IF NOT EXISTS] [catalog.]name.
func (p *parser) createDatabase(stmt *statement) error {
	lenient := p.word("if", "not", "exists")
	path, err := p.path()
	p.skip() // PROPERTIES
	db := baseName(path)
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
	path, err := p.path()
	p.word("force")
	db := baseName(path)
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

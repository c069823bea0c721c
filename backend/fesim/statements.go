package fesim

import (
	"fmt"
	"slices"
	"strings"

	"segue/backend/wire"
)

// done is the result of a statement that gives an OK only.
func done(f func(*env) error) func(*env) (*result, error) {
	return func(e *env) (*result, error) {
		if err := f(e); err != nil {
			return nil, err
		}
		return &result{}, nil
	}
}

// useStatement parses what follows USE: db, catalog.db, or 'catalog x'.
func (p *parser) useStatement(stmt *statement) error {
	var name string
	var err error
	if t := p.peek(); t.kind == literal {
		name = p.next().text
	} else {
		name, err = p.path()
	}
	stmt.run = done(func(e *env) error { return orNil(e.s.initDB(name)) })
	return err
}

// transactionStatement parses BEGIN, START TRANSACTION, COMMIT and ROLLBACK, from the last word of their first part on.
func (p *parser) transactionStatement(stmt *statement) error {
	verb := strings.ToLower(p.next().text)
	p.word("work")
	if verb == "transaction" {
		p.skip() // WITH CONSISTENT SNAPSHOT, READ ONLY
	}
	stmt.run = done(func(e *env) error {
		st, c := &e.s.state, e.s.fe.cluster
		switch {
		case verb == "begin" || verb == "transaction":
			if st.txn != 0 {
				return nil // a repeated BEGIN goes on with the transaction there is
			}
			txn, err := c.begin(e.ctx)
			st.txn = txn
			return err
		case st.txn == 0:
			return nil
		}
		txn := st.txn
		st.txn = 0
		if verb == "commit" {
			return c.commit(e.ctx, txn)
		}
		c.rollback(txn)
		return nil
	})
	return nil
}

// killStatement parses KILL [QUERY | CONNECTION] n.
func (p *parser) killStatement(stmt *statement) error {
	query := p.word("query")
	if !query {
		p.word("connection")
	}
	id, err := p.integer()
	stmt.run = done(func(e *env) error { return e.s.killOther(uint32(id), query) })
	return err
}

// killOther looks for the session on this FE only.
func (s *session) killOther(id uint32, query bool) error {
	s.life.mu.Lock()
	victim := s.life.sessions[id]
	s.life.mu.Unlock()
	if victim == nil {
		return &wire.Err{Code: 1094, State: "HY000", Message: fmt.Sprintf("Unknown thread id: %d", id)}
	}
	victim.mu.Lock()
	owner := victim.shown.User
	victim.mu.Unlock()
	if owner != s.state.user && !s.operator() {
		return denied("OPERATE")
	}
	switch {
	case query:
		victim.killQuery()
	case victim == s:
		s.mu.Lock()
		s.closing = true // after the answer
		s.mu.Unlock()
	default:
		victim.kill()
	}
	return nil
}

// executeAsStatement parses EXECUTE AS user WITH NO REVERT.
func (p *parser) executeAsStatement(stmt *statement) error {
	user, err := p.nameOrString()
	if err != nil {
		return err
	}
	if t := p.peek(); t.kind == userVar { // the host of user@host
		p.next()
	}
	if err := p.expectWord("with", "no", "revert"); err != nil {
		return err
	}
	stmt.run = done(func(e *env) error {
		if !slices.Contains(e.s.fe.opts.Impersonators, e.s.state.identity) {
			return denied("IMPERSONATE")
		}
		if e.s.fe.plugin(user) == "" {
			return fail("Getting analyzing error. Detail message: cannot find user '%s'.", user)
		}
		e.s.state.identity, e.s.state.role = user, "NONE"
		return nil
	})
	return nil
}

// createTemporaryTable parses CREATE TEMPORARY TABLE [IF NOT EXISTS] name, and takes the rest as it comes.
func (p *parser) createTemporaryTable(stmt *statement) error {
	p.word("if", "not", "exists")
	name, err := p.tableName()
	if err != nil {
		return err
	}
	p.skip()
	stmt.run = done(func(e *env) error { e.s.state.tempTables[name] = true; return nil })
	return nil
}

// tableName reads a table's name, without its database.
func (p *parser) tableName() (string, error) {
	path, err := p.path()
	return baseName(path), err
}

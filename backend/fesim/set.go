package fesim

import (
	"context"
	"strings"

	"segue/backend/wire"
)

// assignment is one part of a SET.
type assignment func(*env) error

// setStatement parses what follows SET. A SET of a system variable, of NAMES and of TRANSACTION does not count as a statement for a
// leaving FE; one of user variables does.
func (p *parser) setStatement(stmt *statement) error {
	var all []assignment
	for {
		a, preQuery, err := p.assignment()
		if err != nil {
			return err
		}
		stmt.preQuery = stmt.preQuery || preQuery
		all = append(all, a)
		if !p.symbol(",") {
			break
		}
	}
	stmt.run = func(e *env) (*result, error) {
		for _, a := range all {
			if err := a(e); err != nil {
				return nil, err
			}
		}
		return &result{}, nil
	}
	return nil
}

func (p *parser) assignment() (a assignment, preQuery bool, err error) {
	t := p.peek()
	switch {
	case t.kind == userVar:
		a, err = p.setUserVariable()
		return a, false, err
	case p.word("password"), p.word("property"):
		p.skip()
		return func(*env) error { return nil }, false, nil
	case p.following().text == "=" || p.following().text == ":=": // SET catalog = 'x' is no SET CATALOG
	case p.word("names"):
		a, err = p.setNames()
		return a, true, err
	case p.word("character", "set"), p.word("charset"):
		_, err = p.nameOrString()
		return func(*env) error { return nil }, true, err
	case p.word("role"):
		a, err = p.setRole()
		return a, false, err
	case p.word("catalog"):
		name, err := p.nameOrString()
		return func(e *env) error { return orNil(e.s.setCatalog(name)) }, false, err
	case p.word("warehouse"):
		name, err := p.nameOrString()
		return func(e *env) error { e.s.state.vars.put("warehouse", name); return nil }, false, err
	}
	a, err = p.setVariable()
	return a, true, err
}

// orNil keeps a nil *wire.Err from becoming an error that is not nil.
func orNil(e *wire.Err) error {
	if e == nil {
		return nil
	}
	return e
}

func (p *parser) assign() error {
	if !p.symbol("=") && !p.symbol(":=") {
		return p.unexpected()
	}
	return nil
}

// maxUserVariables is ConnectContext's bound.
const maxUserVariables = 1024

func (p *parser) setUserVariable() (assignment, error) {
	name := p.next().text
	if err := p.assign(); err != nil {
		return nil, err
	}
	x, err := p.expression()
	return func(e *env) error {
		v, err := x(e)
		if err != nil {
			return err
		}
		if _, ok := e.s.state.userVars[name]; !ok && len(e.s.state.userVars) >= maxUserVariables {
			return fail("User variable exceeds the maximum limit of %d", maxUserVariables)
		}
		e.s.state.userVars[name] = v
		return nil
	}, err
}

func (p *parser) setNames() (assignment, error) {
	charset, err := p.nameOrString()
	if err == nil && p.word("collate") {
		_, err = p.nameOrString()
	}
	return func(e *env) error {
		if strings.EqualFold(charset, "default") {
			charset = "utf8"
		}
		for _, name := range []string{"character_set_client", "character_set_connection", "character_set_results"} {
			e.s.state.vars.put(name, strings.ToLower(charset))
		}
		return nil
	}, err
}

// setRole parses SET ROLE ALL | NONE | DEFAULT | role[, role].
func (p *parser) setRole() (assignment, error) {
	role, err := p.nameOrString()
	for err == nil && p.symbol(",") {
		var more string
		more, err = p.nameOrString()
		role += ", " + more
	}
	return func(e *env) error {
		if strings.EqualFold(role, "none") || strings.EqualFold(role, "default") {
			role = "NONE"
		}
		e.s.state.role = role
		return nil
	}, err
}

// setVariable parses [SESSION | GLOBAL | LOCAL] name = value, @@[scope.]name = value, and SET … TRANSACTION.
func (p *parser) setVariable() (assignment, error) {
	at := p.peek().kind == sysVar
	if at {
		p.next()
	}
	scope := p.oneOf("session", "global", "local")
	if at && scope != "" {
		if err := p.expect("."); err != nil {
			return nil, err
		}
	}
	if !at && p.word("transaction") {
		p.skip() // isolation levels are accepted and do nothing
		return func(*env) error { return nil }, nil
	}
	name, err := p.name()
	if err != nil {
		return nil, err
	}
	if err := p.assign(); err != nil {
		return nil, err
	}
	x, err := p.setValue()
	name = strings.ToLower(name)
	return func(e *env) error {
		v, err := x(e)
		if err != nil {
			return err
		}
		if scope == "global" {
			return e.s.setGlobal(e.ctx, name, v)
		}
		return e.s.setVariable(name, v)
	}, err
}

// setValue parses a value, which may be a bare word.
func (p *parser) setValue() (expr, error) {
	t := p.peek()
	if t.kind == word && p.following().text != "(" {
		switch strings.ToLower(t.text) {
		case "null", "not", "true", "false":
		default:
			p.next()
			return constant(t.text), nil
		}
	}
	return p.expression()
}

// newValue checks what a variable is to become.
func newValue(name string, v value) (value, error) {
	if old, ok := defaultVariables[name]; ok && v == value("DEFAULT") {
		v = old
	}
	v, err := convert(name, v)
	if err != nil {
		return nil, err
	}
	return v, nil
}

// setVariable sets a variable of the session.
func (s *session) setVariable(name string, v value) error {
	v, err := newValue(name, v)
	if err != nil {
		return err
	}
	if name == "catalog" {
		return orNil(s.setCatalog(text(v)))
	}
	s.state.vars.put(name, v)
	if other, ok := aliases[name]; ok {
		s.state.vars.put(other, v)
	}
	return nil
}

// setGlobal sets a variable on the leader, for all sessions that begin after it.
func (s *session) setGlobal(ctx context.Context, name string, v value) error {
	v, err := newValue(name, v)
	if err != nil {
		return err
	}
	if !s.operator() {
		return denied("OPERATE")
	}
	if err := s.fe.cluster.awaitLeader(ctx); err != nil {
		return err
	}
	s.fe.cluster.setGlobal(name, v)
	return nil
}

package fesim

import (
	"strings"
)

// prepareStatement parses PREPARE name FROM 'text' (or FROM @variable).
func (p *parser) prepareStatement(stmt *statement) error {
	name, err := p.name()
	if err != nil {
		return err
	}
	if err := p.expectWord("from"); err != nil {
		return err
	}
	source, err := p.primary()
	stmt.run = done(func(e *env) error {
		v, err := source(e)
		if err != nil {
			return err
		}
		made, err := prepare(text(v))
		if err != nil {
			return err
		}
		e.s.state.prepared[strings.ToLower(name)] = made
		return nil
	})
	return err
}

// executeStatement parses EXECUTE name [USING @a, @b].
func (p *parser) executeStatement(stmt *statement) error {
	name, err := p.name()
	if err != nil {
		return err
	}
	var using []string
	if p.word("using") {
		for {
			t := p.next()
			if t.kind != userVar {
				p.at--
				return p.unexpected()
			}
			using = append(using, t.text)
			if !p.symbol(",") {
				break
			}
		}
	}
	stmt.run = func(e *env) (*result, error) {
		made, ok := e.s.state.prepared[strings.ToLower(name)]
		if !ok {
			return nil, notFound(name)
		}
		params := make([]value, len(using))
		for i, v := range using {
			params[i] = e.s.state.userVars[v]
		}
		return made.stmt.run(&env{s: e.s, ctx: e.ctx, params: params})
	}
	return nil
}

func (p *parser) deallocateStatement(stmt *statement) error {
	name, err := p.name()
	stmt.run = done(func(e *env) error {
		key := strings.ToLower(name)
		if e.s.state.prepared[key] == nil {
			return notFound(name)
		}
		delete(e.s.state.prepared, key)
		return nil
	})
	return err
}

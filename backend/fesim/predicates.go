package fesim

import (
	"slices"
	"strings"
	"time"
)

// isNull parses what follows IS.
func (p *parser) isNull(x expr) (expr, error) {
	not := p.word("not")
	if err := p.expectWord("null"); err != nil {
		return nil, err
	}
	return func(e *env) (value, error) {
		v, err := x(e)
		return boolean((v == nil) != not), err
	}, nil
}

// in parses what follows IN: a list, or a query.
func (p *parser) in(x expr, not bool) (expr, error) {
	if err := p.expect("("); err != nil {
		return nil, err
	}
	among := func(e *env) ([]value, error) { return nil, nil }
	if p.atQuery() {
		q, err := p.query()
		if err != nil {
			return nil, err
		}
		if err := p.expect(")"); err != nil {
			return nil, err
		}
		among = func(e *env) ([]value, error) { return q.firsts(e) }
	} else {
		list, err := p.arguments()
		if err != nil {
			return nil, err
		}
		among = func(e *env) ([]value, error) {
			values := make([]value, len(list))
			for i, item := range list {
				v, err := item(e)
				if err != nil {
					return nil, err
				}
				values[i] = v
			}
			return values, nil
		}
	}
	return func(e *env) (value, error) {
		v, err := x(e)
		if err != nil {
			return nil, err
		}
		values, err := among(e)
		if err != nil || v == nil {
			return nil, err
		}
		if slices.ContainsFunc(values, func(other value) bool { return other != nil && compare(v, other) == 0 }) {
			return boolean(!not), nil
		}
		if slices.Contains(values, nil) {
			return nil, nil
		}
		return boolean(not), nil
	}, nil
}

// firsts are the values of a query's first column.
func (q *query) firsts(e *env) ([]value, error) {
	r, err := q.relation(e)
	if err != nil {
		return nil, err
	}
	var values []value
	for row := range r.rows {
		values = append(values, row[0])
	}
	return values, nil
}

func (p *parser) between(x expr, not bool) (expr, error) {
	low, err := p.sum()
	if err != nil {
		return nil, err
	}
	if err := p.expectWord("and"); err != nil {
		return nil, err
	}
	high, err := p.sum()
	return func(e *env) (value, error) {
		var v [3]value
		for i, y := range []expr{x, low, high} {
			var err error
			if v[i], err = y(e); err != nil || v[i] == nil {
				return nil, err
			}
		}
		return boolean((compare(v[0], v[1]) >= 0 && compare(v[0], v[2]) <= 0) != not), nil
	}, err
}

// scalar parses (query), whose one value it is; NULL if there is none.
func (p *parser) scalar() (expr, error) {
	p.next()
	q, err := p.query()
	if err != nil {
		return nil, err
	}
	return func(e *env) (value, error) {
		values, err := q.firsts(e)
		if err != nil || len(values) == 0 {
			return nil, err
		}
		return values[0], nil
	}, p.expect(")")
}

// exists parses what follows EXISTS.
func (p *parser) exists() (expr, error) {
	if err := p.expect("("); err != nil {
		return nil, err
	}
	q, err := p.query()
	if err != nil {
		return nil, err
	}
	return func(e *env) (value, error) {
		values, err := q.firsts(e)
		return boolean(len(values) > 0), err
	}, p.expect(")")
}

// branch is one WHEN … THEN ….
type branch struct{ when, then expr }

// caseExpression parses what follows CASE.
func (p *parser) caseExpression() (expr, error) {
	var of, otherwise expr
	var err error
	if t := p.peek(); !strings.EqualFold(t.text, "when") {
		if of, err = p.expression(); err != nil {
			return nil, err
		}
	}
	var branches []branch
	for p.word("when") {
		var b branch
		if b.when, err = p.expression(); err != nil {
			return nil, err
		}
		if err := p.expectWord("then"); err != nil {
			return nil, err
		}
		if b.then, err = p.expression(); err != nil {
			return nil, err
		}
		branches = append(branches, b)
	}
	if p.word("else") {
		if otherwise, err = p.expression(); err != nil {
			return nil, err
		}
	}
	if err := p.expectWord("end"); err != nil {
		return nil, err
	}
	return func(e *env) (value, error) {
		var subject value
		if of != nil {
			var err error
			if subject, err = of(e); err != nil {
				return nil, err
			}
		}
		for _, b := range branches {
			v, err := b.when(e)
			if err != nil {
				return nil, err
			}
			if of == nil && truth(v) || of != nil && v != nil && subject != nil && compare(v, subject) == 0 {
				return b.then(e)
			}
		}
		if otherwise == nil {
			return nil, nil
		}
		return otherwise(e)
	}, nil
}

// interval parses what follows INTERVAL: a number and a unit. It is its length in seconds; months have 30 days here.
func (p *parser) interval() (expr, error) {
	n, err := p.unary()
	if err != nil {
		return nil, err
	}
	unit, err := p.name()
	length := map[string]time.Duration{
		"second": time.Second, "minute": time.Minute, "hour": time.Hour, "day": 24 * time.Hour, "week": 7 * 24 * time.Hour,
		"month": 30 * 24 * time.Hour, "quarter": 91 * 24 * time.Hour, "year": 365 * 24 * time.Hour,
	}[strings.ToLower(unit)]
	return func(e *env) (value, error) {
		v, err := n(e)
		return number(v) * length.Seconds(), err
	}, err
}

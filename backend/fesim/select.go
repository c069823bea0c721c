package fesim

import (
	"strings"
)

// item is one of a select list.
type item struct {
	name  string
	eval  expr
	star  bool
	count bool // COUNT(*)
}

// selection is a SELECT.
type selection struct {
	items         []item
	source        *source // nil: one row without columns
	where         expr    // nil: every row
	limit, offset int64   // limit -1: none
}

// selectStatement parses what follows SELECT.
func (p *parser) selectStatement(stmt *statement) error {
	q := &selection{limit: -1}
	stmt.isSelect = true
	first := p.peek()
	stmt.preQuery = first.kind == sysVar ||
		p.following().text == "(" && (strings.EqualFold(first.text, "connection_id") || strings.EqualFold(first.text, "session_id"))
	for {
		it, err := p.item()
		if err != nil {
			return err
		}
		q.items = append(q.items, it)
		stmt.columns = append(stmt.columns, it.name)
		if !p.symbol(",") {
			break
		}
	}
	if p.word("from") {
		if err := p.from(q); err != nil {
			return err
		}
	}
	if p.word("where") {
		where, err := p.expression()
		if err != nil {
			return err
		}
		q.where = where
	}
	if err := p.limits(q); err != nil {
		return err
	}
	stmt.run, stmt.scans = q.run, q.source != nil
	if q.source != nil && q.items[0].star {
		stmt.columns = nil
		for _, c := range q.source.columns() {
			stmt.columns = append(stmt.columns, c.name)
		}
	}
	return nil
}

// item parses an item of a select list with its alias.
func (p *parser) item() (item, error) {
	if p.symbol("*") {
		return item{name: "*", star: true}, nil
	}
	from := p.peek().from
	it := item{}
	if p.word("count") {
		if p.symbol("(") && p.symbol("*") && p.symbol(")") {
			it.count = true
		} else {
			return it, p.unexpected()
		}
	} else {
		x, err := p.expression()
		if err != nil {
			return it, err
		}
		it.eval = x
	}
	it.name = strings.Trim(p.text[from:p.before()], "`'\"")
	var err error
	if p.word("as") {
		it.name, err = p.nameOrString()
	} else if t := p.peek(); t.kind == quoted || t.kind == literal || t.kind == word && !isClause(t.text) {
		p.next()
		it.name = t.text
	}
	return it, err
}

func isClause(s string) bool {
	switch strings.ToLower(s) {
	case "from", "where", "limit", "order", "group", "union", "into":
		return true
	}
	return false
}

// from parses a table: dual, fesim.rows(…), fesim.ledger or a temporary table.
func (p *parser) from(q *selection) error {
	name, err := p.path()
	if err != nil {
		return err
	}
	name = strings.TrimPrefix(strings.ToLower(name), "fesim.")
	if name == "dual" {
		return nil
	}
	q.source = &source{name: name}
	if name != "rows" {
		return nil
	}
	if err := p.expect("("); err != nil {
		return err
	}
	for !p.symbol(")") {
		if len(q.source.args) > 0 {
			if err := p.expect(","); err != nil {
				return err
			}
		}
		arg, err := p.expression()
		if err != nil {
			return err
		}
		q.source.args = append(q.source.args, arg)
	}
	return nil
}

// limits parses LIMIT n, LIMIT offset, n and LIMIT n OFFSET offset.
func (p *parser) limits(q *selection) error {
	if !p.word("limit") {
		return nil
	}
	n, err := p.integer()
	if err != nil {
		return err
	}
	q.limit = n
	switch {
	case p.symbol(","):
		q.offset = n
		q.limit, err = p.integer()
	case p.word("offset"):
		q.offset, err = p.integer()
	}
	return err
}

func (p *parser) integer() (int64, error) {
	if t := p.peek(); t.kind == numeral {
		if n, ok := numeralValue(t.text).(int64); ok {
			p.next()
			return n, nil
		}
	}
	return 0, p.unexpected()
}

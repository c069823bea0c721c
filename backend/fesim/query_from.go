package fesim

import (
	"iter"
	"slices"
	"strings"
	"time"

	"segue/backend/wire"
)

// source is what stands behind FROM.
type source interface {
	// open returns the columns and the rows. The rows of a sample are left out.
	open(e *env) (*relation, error)
}

// relation is what a query reads from.
type relation struct {
	columns []column
	rows    iter.Seq[[]value]
	pause   time.Duration // between two rows
}

// named is a table, a view, or what WITH has named.
type named struct{ path, alias string }

// generated is fesim.rows(n, bytes[, pause]).
type generated struct {
	args  []expr
	alias string
}

// derived is (query) AS alias.
type derived struct {
	query *query
	alias string
}

// joined is two sources with JOIN between them.
type joined struct {
	left, right source
	on          expr // nil: all with all
	using       []string
	outer       bool // LEFT JOIN
}

// from parses sources with commas and joins between them.
func (p *parser) from() (source, error) {
	src, err := p.source()
	for err == nil {
		switch {
		case p.symbol(","), p.word("cross", "join"):
			src, err = p.joined(src, false, false)
		case p.word("left", "outer", "join"), p.word("left", "join"):
			src, err = p.joined(src, true, true)
		case p.word("inner", "join"), p.word("join"):
			src, err = p.joined(src, false, true)
		default:
			return src, nil
		}
	}
	return nil, err
}

func (p *parser) joined(left source, outer, condition bool) (source, error) {
	right, err := p.source()
	if err != nil {
		return nil, err
	}
	j := &joined{left: left, right: right, outer: outer}
	switch {
	case condition && p.word("on"):
		j.on, err = p.expression()
	case condition && p.word("using"):
		if err = p.expect("("); err == nil {
			j.using, err = p.names()
		}
	}
	return j, err
}

// source parses one source with its alias; dual is none.
func (p *parser) source() (source, error) {
	if p.symbol("(") {
		if !p.atQuery() {
			inner, err := p.from()
			if err != nil {
				return nil, err
			}
			return inner, p.expect(")")
		}
		q, err := p.query()
		if err != nil {
			return nil, err
		}
		if err := p.expect(")"); err != nil {
			return nil, err
		}
		alias, err := p.alias()
		return &derived{query: q, alias: alias}, err
	}
	path, err := p.path()
	if err != nil {
		return nil, err
	}
	lower := strings.ToLower(path)
	var args []expr
	if (lower == "fesim.rows" || lower == "rows") && p.symbol("(") {
		if args, err = p.arguments(); err != nil {
			return nil, err
		}
	}
	alias, err := p.alias()
	switch {
	case err != nil:
		return nil, err
	case lower == "dual":
		return nil, nil
	case args != nil:
		return &generated{args: args, alias: alias}, nil
	}
	return &named{path: path, alias: alias}, nil
}

func (p *parser) alias() (string, error) {
	if p.word("as") {
		return p.nameOrString()
	}
	if t := p.peek(); t.kind == quoted || t.kind == word && !isClause(t.text) {
		p.next()
		return t.text, nil
	}
	return "", nil
}

// as gives the columns of a relation their table's name.
func (r *relation) as(alias string) *relation {
	columns := slices.Clone(r.columns)
	for i := range columns {
		columns[i].table = alias
	}
	return &relation{columns: columns, rows: r.rows, pause: r.pause}
}

func (src *named) open(e *env) (*relation, error) {
	alias := src.alias
	if alias == "" {
		alias = baseName(src.path)
	}
	for at := e; at != nil; at = at.outer {
		if r := at.ctes[strings.ToLower(src.path)]; r != nil {
			return r.as(alias), nil
		}
	}
	r, err := e.table(src.path)
	if err != nil {
		return nil, err
	}
	return r.as(alias), nil
}

func (src *derived) open(e *env) (*relation, error) {
	r, err := src.query.relation(e)
	if err != nil {
		return nil, err
	}
	return r.as(src.alias), nil
}

// open joins row by row: all of the right for each of the left.
func (src *joined) open(e *env) (*relation, error) {
	left, err := src.left.open(e)
	if err != nil {
		return nil, err
	}
	right, err := src.right.open(e)
	if err != nil {
		return nil, err
	}
	columns := append(slices.Clone(left.columns), right.columns...)
	if src.on != nil {
		if _, err := src.on(e.sampleOf(columns)); err != nil {
			return nil, err
		}
	}
	rights := slices.Collect(right.rows)
	return &relation{columns: columns, rows: func(yield func([]value) bool) {
		for l := range left.rows {
			found := false
			for _, r := range rights {
				row := append(slices.Clone(l), r...)
				if !src.matches(e, columns, len(l), row) {
					continue
				}
				if found = true; !yield(row) {
					return
				}
			}
			if !found && src.outer && !yield(append(slices.Clone(l), make([]value, len(right.columns))...)) {
				return
			}
		}
	}}, nil
}

func (src *joined) matches(e *env, columns []column, lefts int, row []value) bool {
	for _, name := range src.using {
		is := func(c column) bool { return strings.EqualFold(c.name, name) }
		l, r := slices.IndexFunc(columns[:lefts], is), slices.IndexFunc(columns[lefts:], is)
		if l < 0 || r < 0 || row[l] == nil || row[lefts+r] == nil || compare(row[l], row[lefts+r]) != 0 {
			return false
		}
	}
	if src.on == nil {
		return true
	}
	v, err := src.on(e.at(columns, row))
	return err == nil && truth(v)
}

func (src *generated) open(e *env) (*relation, error) {
	var args [3]int
	if len(src.args) < 2 || len(src.args) > len(args) {
		return nil, fail("Getting analyzing error. Detail message: fesim.rows(n, bytes[, pause]) takes two or three numbers.")
	}
	for i, arg := range src.args {
		v, err := arg(e)
		if err != nil {
			return nil, err
		}
		args[i] = max(0, int(number(v)))
	}
	n, size := args[0], min(args[1], maxText)
	r := &relation{columns: []column{{name: "id", typ: wire.TypeLongLong}, {name: "payload", typ: wire.TypeVarString}}, pause: time.Duration(args[2]) * time.Millisecond}
	r.rows = func(yield func([]value) bool) {
		for id := range n {
			if !yield([]value{int64(id), Payload(id, size)}) {
				return
			}
		}
	}
	return r.as(src.alias), nil
}

// Payload is the text of size bytes in row id of fesim.rows: letters that differ from row to row.
func Payload(id, size int) string {
	const letters = "abcdefghijklmnopqrstuvwxyz"
	at := id % len(letters)
	return strings.Repeat(letters, (at+size)/len(letters)+1)[at : at+size]
}

func ledgerRows(ledger map[string]int) iter.Seq[[]value] {
	return func(yield func([]value) bool) {
		for id, n := range ledger {
			for range n {
				if !yield([]value{id}) {
					return
				}
			}
		}
	}
}

// tableColumns returns the columns of a table, for COM_FIELD_LIST.
func (s *session) tableColumns(name string) ([]column, bool) {
	r, err := (&env{s: s, ctx: s.life.ctx, sample: true}).table(name)
	if err != nil {
		return nil, false
	}
	return r.columns, true
}

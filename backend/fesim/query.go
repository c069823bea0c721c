package fesim

import (
	"strings"
)

// query is a SELECT, or several with UNION between them, with what stands around it.
type query struct {
	ctes          []cte
	parts         []*selection // united
	all           []bool       // UNION ALL before the part
	order         []ordering
	limit, offset int64 // limit -1: none
}

// cte is one WITH name AS (query).
type cte struct {
	name    string
	columns []string // nil: those of the query
	query   *query
}

// ordering is an expression of ORDER BY.
type ordering struct {
	expr
	position int64 // ORDER BY 2; 0: none
	desc     bool
}

// selection is one SELECT … HAVING.
type selection struct {
	items    []item
	distinct bool
	from     source // nil: one row without columns
	where    expr   // nil: every row
	groups   []grouping
	having   expr
	grouped  bool // by GROUP BY or by a function over rows
	order    []ordering
	limit    int64
	offset   int64
}

// grouping is an expression of GROUP BY.
type grouping struct {
	expr
	position int64  // GROUP BY 2; 0: none
	name     string // a name alone may be an item's alias
}

// item is one of a select list.
type item struct {
	name  string
	eval  expr
	star  bool
	table string // of table.*
}

// selectStatement parses a query that is a statement.
func (p *parser) selectStatement(stmt *statement) error {
	first := p.peek()
	if p.word("select") {
		first = p.peek()
		p.at--
	}
	q, err := p.query()
	if err != nil {
		return err
	}
	stmt.isSelect = true
	stmt.preQuery = first.kind == sysVar ||
		p.tokens[p.indexOf(first)+1].text == "(" && (strings.EqualFold(first.text, "connection_id") || strings.EqualFold(first.text, "session_id"))
	stmt.run, stmt.describe = q.run, q.describe
	for _, part := range q.parts {
		stmt.scans = stmt.scans || part.from != nil
	}
	return nil
}

// indexOf finds a token that is not the last one.
func (p *parser) indexOf(t token) int {
	at := 0
	for at < len(p.tokens)-2 && p.tokens[at].from < t.from {
		at++
	}
	return at
}

// atQuery says whether a query begins here: SELECT, WITH, or parentheses around one.
func (p *parser) atQuery() bool {
	at := p.at
	for at < len(p.tokens) && p.tokens[at].kind == symbol && p.tokens[at].text == "(" {
		at++
	}
	if at == len(p.tokens) || p.tokens[at].kind != word {
		return false
	}
	w := strings.ToLower(p.tokens[at].text)
	return w == "select" || w == "with"
}

// query parses [WITH …] SELECT … [UNION [ALL] …] [ORDER BY …] [LIMIT …].
func (p *parser) query() (*query, error) {
	if err := p.descend(); err != nil {
		return nil, err
	}
	defer p.ascend()
	q := &query{limit: -1}
	if p.word("with") {
		if err := p.ctes(q); err != nil {
			return nil, err
		}
	}
	all := false
	for {
		part, err := p.selection()
		if err != nil {
			return nil, err
		}
		q.parts, q.all = append(q.parts, part), append(q.all, all)
		if !p.word("union") {
			break
		}
		all = p.word("all")
		p.word("distinct")
	}
	order, err := p.orderBy()
	if err != nil {
		return nil, err
	}
	limit, offset, err := p.limits()
	if one := q.parts[0]; len(q.parts) == 1 {
		one.order, one.limit, one.offset = order, limit, offset
	} else {
		q.order, q.limit, q.offset = order, limit, offset
	}
	return q, err
}

func (p *parser) ctes(q *query) error {
	p.word("recursive")
	for {
		name, err := p.name()
		if err != nil {
			return err
		}
		c := cte{name: strings.ToLower(name)}
		if p.symbol("(") {
			if c.columns, err = p.names(); err != nil {
				return err
			}
		}
		if err := p.expectWord("as"); err != nil {
			return err
		}
		if err := p.expect("("); err != nil {
			return err
		}
		if c.query, err = p.query(); err != nil {
			return err
		}
		if err := p.expect(")"); err != nil {
			return err
		}
		q.ctes = append(q.ctes, c)
		if !p.symbol(",") {
			return nil
		}
	}
}

// names parses a list of names up to the parenthesis that closes it.
func (p *parser) names() ([]string, error) {
	var list []string
	for {
		name, err := p.name()
		if err != nil {
			return nil, err
		}
		list = append(list, name)
		if p.symbol(")") {
			return list, nil
		}
		if err := p.expect(","); err != nil {
			return nil, err
		}
	}
}

// selection parses one SELECT, or a query in parentheses.
func (p *parser) selection() (*selection, error) {
	if p.symbol("(") {
		inner, err := p.query()
		if err != nil {
			return nil, err
		}
		return &selection{items: []item{{star: true}}, from: &derived{query: inner}, limit: -1}, p.expect(")")
	}
	if err := p.expectWord("select"); err != nil {
		return nil, err
	}
	outer := p.selecting
	q := &selection{limit: -1}
	p.selecting = q
	defer func() { p.selecting = outer }()
	q.distinct = p.oneOf("distinct", "all") == "distinct"
	for {
		it, err := p.item()
		if err != nil {
			return nil, err
		}
		q.items = append(q.items, it)
		if !p.symbol(",") {
			break
		}
	}
	return q, p.clauses(q)
}

// clauses parses FROM, WHERE, GROUP BY and HAVING.
func (p *parser) clauses(q *selection) error {
	var err error
	if p.word("from") {
		if q.from, err = p.from(); err != nil {
			return err
		}
	}
	if p.word("where") {
		if q.where, err = p.expression(); err != nil {
			return err
		}
	}
	if p.word("group", "by") {
		q.grouped = true
		for {
			g, err := p.grouping()
			if err != nil {
				return err
			}
			q.groups = append(q.groups, g)
			if !p.symbol(",") {
				break
			}
		}
	}
	if p.word("having") {
		if q.having, err = p.expression(); err != nil {
			return err
		}
	}
	return nil
}

func (p *parser) grouping() (grouping, error) {
	var g grouping
	t, next := p.peek(), p.following()
	alone := next.kind == end || next.kind == word || next.kind == symbol && next.text != "." && next.text != "("
	switch {
	case t.kind == numeral && alone:
		var err error
		g.position, err = p.position()
		return g, err
	case alone && (t.kind == word || t.kind == quoted):
		g.name = t.text
	}
	x, err := p.expression()
	g.expr = x
	return g, err
}

// position parses the position of an item, from 1 on.
func (p *parser) position() (int64, error) {
	n, err := p.integer()
	if err == nil && n < 1 {
		return 0, fail("Getting analyzing error. Detail message: position %d is not in select list.", n)
	}
	return n, err
}

func (p *parser) orderBy() ([]ordering, error) {
	if !p.word("order", "by") {
		return nil, nil
	}
	var list []ordering
	for {
		var o ordering
		t, next := p.peek(), p.following()
		if t.kind == numeral && (next.kind != symbol || next.text == "," || next.text == ")" || next.text == ";") {
			var err error
			if o.position, err = p.position(); err != nil {
				return nil, err
			}
		} else {
			x, err := p.expression()
			if err != nil {
				return nil, err
			}
			o.expr = x
		}
		o.desc = p.oneOf("asc", "desc") == "desc"
		if p.word("nulls") {
			p.oneOf("first", "last")
		}
		list = append(list, o)
		if !p.symbol(",") {
			return list, nil
		}
	}
}

// item parses an item of a select list with its alias.
func (p *parser) item() (item, error) {
	if p.symbol("*") {
		return item{name: "*", star: true}, nil
	}
	if t := p.peek(); (t.kind == word || t.kind == quoted) && p.following().text == "." && p.at+2 < len(p.tokens) && p.tokens[p.at+2].text == "*" {
		p.at += 3
		return item{name: "*", star: true, table: t.text}, nil
	}
	from := p.peek().from
	x, err := p.expression()
	if err != nil {
		return item{}, err
	}
	it := item{eval: x, name: p.text[from:p.before()]}
	if last := p.tokens[p.at-1]; last.from > from && p.tokens[p.at-2].text == "." || last.from == from {
		it.name = last.text // of a.b, the name is b
	}
	it.name = strings.Trim(it.name, "`'\"")
	if p.word("as") {
		it.name, err = p.nameOrString()
	} else if t := p.peek(); t.kind == quoted || t.kind == literal || t.kind == word && !isClause(t.text) {
		p.next()
		it.name = t.text
	}
	return it, err
}

// isClause says that a word is no alias.
func isClause(s string) bool {
	switch strings.ToLower(s) {
	case "from", "where", "limit", "order", "group", "union", "into", "having", "on", "join", "left", "right", "inner", "cross", "full", "using", "as", "set", "outer", "natural", "for":
		return true
	}
	return false
}

// limits parses LIMIT n, LIMIT offset, n and LIMIT n OFFSET offset.
func (p *parser) limits() (limit, offset int64, err error) {
	if !p.word("limit") {
		return -1, 0, nil
	}
	n, err := p.integer()
	if err != nil {
		return -1, 0, err
	}
	switch {
	case p.symbol(","):
		offset = n
		n, err = p.integer()
	case p.word("offset"):
		offset, err = p.integer()
	}
	return n, offset, err
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

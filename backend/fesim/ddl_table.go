package fesim

import (
	"slices"
	"strings"
	"time"
)

// createTable parses CREATE TABLE [IF NOT EXISTS] name, its columns, its options, and AS query; what of these is not understood is passed over.
func (p *parser) createTable(stmt *statement) error {
	lenient := p.word("if", "not", "exists")
	path, err := p.path()
	if err != nil {
		return err
	}
	def := &tableDef{model: "DUPLICATE"}
	if p.symbol("(") {
		if err := p.columnDefs(def); err != nil {
			return err
		}
	}
	q, err := p.tableOptions(def)
	if err != nil {
		return err
	}
	stmt.scans = q != nil
	stmt.run = func(e *env) (*result, error) {
		made := *def
		if q != nil {
			if err := made.fill(e, q); err != nil {
				return nil, err
			}
		}
		made.complete()
		return &result{affected: uint64(len(made.rows))}, e.create(path, &made, lenient, false)
	}
	return nil
}

// fill takes a query's columns and rows.
func (def *tableDef) fill(e *env, q *query) error {
	r, err := q.relation(e)
	if err != nil {
		return err
	}
	if r, err = r.kept(e); err != nil {
		return err
	}
	def.rows = slices.Collect(r.rows)
	named := def.columns
	def.columns = columnDefs(typed(r.columns, def.rows))
	for i, c := range named {
		if i < len(def.columns) {
			def.columns[i].name = c.name
		}
	}
	return nil
}

// complete gives a table what it was not told: a column if it has none, and its keys.
func (def *tableDef) complete() {
	def.made = time.Now()
	if len(def.columns) == 0 {
		def.columns = []columnDef{{name: "id", typ: "varchar(65533)"}}
	}
	if len(def.keys) == 0 {
		def.keys = []string{def.columns[0].name}
	}
	def.columns = slices.Clone(def.columns)
	for i := range def.columns {
		c := &def.columns[i]
		c.key = slices.ContainsFunc(def.keys, func(k string) bool { return strings.EqualFold(k, c.name) })
	}
}

// columnDefs parses the columns of a table, up to the parenthesis that closes them.
func (p *parser) columnDefs(def *tableDef) error {
	for {
		switch t := p.peek(); {
		case t.kind == word && slices.Contains([]string{"index", "key", "primary", "unique", "constraint"}, strings.ToLower(t.text)) && p.following().kind != quoted && p.following().text != ",":
			p.skipTo(",", ")")
		default:
			c, err := p.columnDef()
			if err != nil {
				return err
			}
			def.columns = append(def.columns, c)
		}
		if p.symbol(")") {
			return nil
		}
		if err := p.expect(","); err != nil {
			return err
		}
	}
}

// columnDef parses one column: its name, its type, and what is said of it. CREATE TABLE … AS may give the name alone.
func (p *parser) columnDef() (columnDef, error) {
	name, err := p.name()
	c := columnDef{name: name, typ: "varchar(65533)"}
	if t := p.peek(); err != nil || t.kind != word {
		return c, err
	}
	from := p.peek().from
	p.next()
	if s := p.peek().text; s == "(" || s == "<" {
		p.next()
		p.skipTo(map[string]string{"(": ")", "<": ">"}[s])
		p.next()
	}
	c.typ = fullType(strings.ToLower(p.text[from:p.before()]))
	for {
		switch {
		case p.word("not", "null"):
			c.notNull = true
		case p.word("default"):
			if t := p.next(); t.kind == literal || t.kind == numeral {
				c.def = t.text
			}
			if p.symbol("(") {
				p.skipTo(")")
				p.next()
			}
		case p.word("comment"):
			c.comment = p.next().text
		case p.peek().text == "," || p.peek().text == ")" || p.peek().kind == end:
			return c, nil
		default:
			p.next() // NULL, KEY, AUTO_INCREMENT, SUM, …
		}
	}
}

// fullType is a type as SHOW COLUMNS has it.
func fullType(typ string) string {
	switch typ {
	case "int", "integer":
		return "int(11)"
	case "bigint":
		return "bigint(20)"
	case "smallint":
		return "smallint(6)"
	case "tinyint":
		return "tinyint(4)"
	case "boolean", "bool":
		return "tinyint(1)"
	case "string", "text":
		return "varchar(65533)"
	case "varchar":
		return "varchar(1048576)"
	case "decimal":
		return "decimal(10, 0)"
	}
	return typ
}

// skipTo passes over tokens up to one of these, outside of parentheses.
func (p *parser) skipTo(stops ...string) {
	depth := 0
	for t := p.peek(); t.kind != end; t = p.peek() {
		switch {
		case depth == 0 && t.kind == symbol && slices.Contains(stops, t.text):
			return
		case t.text == "(" && t.kind == symbol:
			depth++
		case t.text == ")" && t.kind == symbol:
			depth--
		}
		p.next()
	}
}

// tableOptions parses what stands behind the columns, up to the query of CREATE … AS, which it returns; nil if there is none.
func (p *parser) tableOptions(def *tableDef) (*query, error) {
	for t := p.peek(); t.kind != end && t.text != ";"; t = p.peek() {
		switch {
		case p.word("comment"):
			p.symbol("=")
			def.comment = p.next().text
		case p.word("as"):
			return p.query()
		case p.peek().kind == word && p.following().kind == word && strings.EqualFold(p.following().text, "key"):
			model := strings.ToUpper(p.next().text)
			p.next()
			if p.symbol("(") {
				keys, err := p.names()
				if err != nil {
					return nil, err
				}
				def.model, def.keys = model, keys
			}
		case p.symbol("("):
			p.skipTo(")")
			p.next()
		case p.atQuery():
			return p.query()
		default:
			p.next()
		}
	}
	return nil, nil
}

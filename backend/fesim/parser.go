package fesim

import (
	"context"
	"strings"

	"segue/backend/wire"
)

// statement is a parsed statement. It belongs to the session that parsed it.
type statement struct {
	text     string
	params   int                          // number of ?
	isSelect bool                         // may be prepared
	scans    bool                         // it reads or writes a table: BEs take part
	preQuery bool                         // SqlUtils.isPreQuerySQL: no reason for a leaving FE to close the session
	describe func(*env) ([]column, error) // of a SELECT: the columns, without running it
	run      func(*env) (*result, error)
	failed   bool
}

// env is what a statement is evaluated in.
type env struct {
	s       *session
	ctx     context.Context
	params  []value
	columns []column // of row
	row     []value
	from    string // SHOW … FROM

	outer  *env                 // what stands around a subquery
	ctes   map[string]*relation // what WITH has named
	group  *group               // the rows that COUNT and the like are about; nil: none
	in     *tableDef            // of which this is the query; nil: none
	db     string               // … and the database that it was made in
	schema map[string]*relation // of information_schema, as far as the statement has read it; of the outermost one
	sample bool                 // only types and errors are wanted
}

// parser reads statements from tokens.
type parser struct {
	text   string
	tokens []token
	at     int
	params int
	depth  int

	selecting *selection // the SELECT whose expressions are being parsed
}

// parse parses all statements of a COM_QUERY. Empty statements are dropped.
func parse(text string) ([]*statement, error) {
	tokens, err := scan(text)
	if err != nil {
		return nil, err
	}
	p := &parser{text: text, tokens: tokens}
	var stmts []*statement
	for {
		for p.symbol(";") {
		}
		if p.peek().kind == end {
			return stmts, nil
		}
		from := p.peek().from
		p.params = 0
		stmt := &statement{}
		if err := p.statement(stmt); err != nil {
			return nil, err
		}
		if next := p.peek(); next.kind != end && !p.symbol(";") {
			return nil, p.unexpected()
		}
		stmt.text, stmt.params = text[from:p.before()], p.params
		stmts = append(stmts, stmt)
	}
}

// before returns where the last token ended.
func (p *parser) before() int {
	if p.at == 0 {
		return 0
	}
	return p.tokens[p.at-1].to
}

func (p *parser) peek() token { return p.tokens[p.at] }

// following returns the token behind the next one.
func (p *parser) following() token { return p.tokens[min(p.at+1, len(p.tokens)-1)] }

func (p *parser) next() token {
	t := p.tokens[p.at]
	if t.kind != end {
		p.at++
	}
	return t
}

// word accepts these keywords, all or none of them.
func (p *parser) word(words ...string) bool {
	for i, w := range words {
		if p.at+i >= len(p.tokens) {
			return false
		}
		if t := p.tokens[p.at+i]; t.kind != word || !strings.EqualFold(t.text, w) {
			return false
		}
	}
	p.at += len(words)
	return true
}

// oneOf accepts one of these keywords, and returns it as it is given here; "" if none is there.
func (p *parser) oneOf(words ...string) string {
	for _, w := range words {
		if p.word(w) {
			return w
		}
	}
	return ""
}

func (p *parser) symbol(s string) bool {
	if t := p.peek(); t.kind == symbol && t.text == s {
		p.at++
		return true
	}
	return false
}

// name accepts an identifier.
func (p *parser) name() (string, error) {
	if t := p.peek(); t.kind == word || t.kind == quoted {
		p.at++
		return t.text, nil
	}
	return "", p.unexpected()
}

// nameOrString accepts an identifier or a string.
func (p *parser) nameOrString() (string, error) {
	if t := p.peek(); t.kind == literal {
		p.at++
		return t.text, nil
	}
	return p.name()
}

// path accepts name, or name.name, …
func (p *parser) path() (string, error) {
	s, err := p.name()
	for err == nil && p.symbol(".") {
		var more string
		more, err = p.name()
		s += "." + more
	}
	return s, err
}

func (p *parser) expect(s string) error {
	if !p.symbol(s) {
		return p.unexpected()
	}
	return nil
}

func (p *parser) expectWord(words ...string) error {
	if !p.word(words...) {
		return p.unexpected()
	}
	return nil
}

func (p *parser) unexpected() *wire.Err { return syntaxError(p.text, p.peek().from) }

// skip drops tokens up to the end of the statement.
func (p *parser) skip() {
	for t := p.peek(); t.kind != end && (t.kind != symbol || t.text != ";"); t = p.peek() {
		p.at++
	}
}

// syntaxError words the error as ErrorMsgProxy does.
func syntaxError(text string, at int) *wire.Err {
	line := 1 + strings.Count(text[:at], "\n")
	column := at - (strings.LastIndexByte(text[:at], '\n') + 1)
	found, _, _ := strings.Cut(text[at:], " ")
	if found == "" {
		found = "<EOF>"
	}
	return fail("Getting syntax error at line %d, column %d. Detail message: Unexpected input '%.40s'.", line, column, found)
}

// statement parses one statement up to its end.
func (p *parser) statement(stmt *statement) error {
	switch {
	case p.atQuery():
		return p.selectStatement(stmt)
	case p.word("set"):
		return p.setStatement(stmt)
	case p.word("show"):
		return p.showStatement(stmt)
	case p.word("use"):
		return p.useStatement(stmt)
	case p.word("begin"), p.word("start", "transaction"), p.word("commit"), p.word("rollback"):
		p.at--
		return p.transactionStatement(stmt)
	case p.word("insert", "into"), p.word("insert", "overwrite"):
		p.at--
		return p.insertStatement(stmt)
	case p.word("delete", "from"):
		return p.deleteStatement(stmt)
	case p.word("truncate", "table"):
		return p.truncateStatement(stmt)
	case p.word("kill"):
		return p.killStatement(stmt)
	case p.word("execute", "as"):
		return p.executeAsStatement(stmt)
	case p.word("prepare"):
		return p.prepareStatement(stmt)
	case p.word("execute"):
		return p.executeStatement(stmt)
	case p.word("deallocate", "prepare"), p.word("drop", "prepare"):
		return p.deallocateStatement(stmt)
	case p.word("create", "temporary", "table"):
		return p.createTemporaryTable(stmt)
	case p.word("create", "database"), p.word("create", "schema"):
		return p.createDatabase(stmt)
	case p.word("drop", "database"), p.word("drop", "schema"):
		return p.dropDatabase(stmt)
	case p.word("create", "table"):
		return p.createTable(stmt)
	case p.word("create", "view"):
		return p.createView(stmt, view, false)
	case p.word("create", "or", "replace", "view"):
		return p.createView(stmt, view, true)
	case p.word("create", "materialized", "view"):
		return p.createView(stmt, materializedView, false)
	case p.word("alter", "view"):
		return p.createView(stmt, view, true)
	case p.word("alter", "table"), p.word("alter", "materialized", "view"):
		return p.alterTable(stmt)
	case p.word("refresh", "materialized", "view"), p.word("analyze"):
		p.skip()
		stmt.run = done(func(*env) error { return nil })
		return nil
	case p.word("desc"), p.word("describe"), p.word("explain"):
		return p.describeStatement(stmt)
	case p.word("drop", "temporary", "table"):
		return p.dropTable(stmt, true)
	case p.word("drop", "table"), p.word("drop", "view"), p.word("drop", "materialized", "view"):
		return p.dropTable(stmt, false)
	case p.word("alter", "system"):
		return p.alterSystem(stmt)
	case p.word("add"):
		return p.blacklistStatement(stmt, true)
	case p.word("delete"): // from a table: above
		return p.blacklistStatement(stmt, false)
	case p.word("admin"):
		return p.adminStatement(stmt)
	case p.word("sync"):
		stmt.run = done(func(e *env) error { return e.s.sync(e.ctx) })
		return nil
	}
	return p.unexpected()
}

package fesim

import (
	"strconv"
	"strings"
)

// expr is a parsed expression: a function of where it is evaluated.
type expr func(*env) (value, error)

// maxDepth bounds how deep expressions nest: the parser calls itself.
const maxDepth = 1000

func (p *parser) descend() error {
	if p.depth++; p.depth > maxDepth {
		return fail("Getting syntax error. Detail message: the expression is nested too deeply.")
	}
	return nil
}

func (p *parser) ascend() { p.depth-- }

func constant(v value) expr { return func(*env) (value, error) { return v, nil } }

// expression parses an expression; or, and, not, comparison, sum, product and unary minus bind in this order, the last the most.
func (p *parser) expression() (expr, error) {
	if err := p.descend(); err != nil {
		return nil, err
	}
	defer p.ascend()
	return p.binary(p.conjunction, map[string]operator{"or": nil, "||": nil})
}

func (p *parser) conjunction() (expr, error) {
	return p.binary(p.negation, map[string]operator{"and": nil, "&&": nil})
}

func (p *parser) negation() (expr, error) {
	if err := p.descend(); err != nil {
		return nil, err
	}
	defer p.ascend()
	if p.word("not") || p.symbol("!") {
		x, err := p.negation()
		return func(e *env) (value, error) {
			v, err := x(e)
			if v == nil || err != nil {
				return nil, err
			}
			return boolean(!truth(v)), nil
		}, err
	}
	return p.comparison()
}

func (p *parser) comparison() (expr, error) {
	x, err := p.binary(p.sum, map[string]operator{
		"=": opCompare(func(c int) bool { return c == 0 }), "<>": opCompare(func(c int) bool { return c != 0 }), "!=": opCompare(func(c int) bool { return c != 0 }),
		"<": opCompare(func(c int) bool { return c < 0 }), "<=": opCompare(func(c int) bool { return c <= 0 }),
		">": opCompare(func(c int) bool { return c > 0 }), ">=": opCompare(func(c int) bool { return c >= 0 }),
		"like": func(a, b value) value { return boolean(like(text(a), text(b))) },
	})
	for err == nil {
		not := (strings.EqualFold(p.following().text, "in") || strings.EqualFold(p.following().text, "like") || strings.EqualFold(p.following().text, "between")) && p.word("not")
		switch {
		case p.word("is"):
			x, err = p.isNull(x)
		case p.word("in"):
			x, err = p.in(x, not)
		case p.word("between"):
			x, err = p.between(x, not)
		case not && p.word("like"):
			var pattern expr
			pattern, err = p.sum()
			x = applied(x, pattern, func(a, b value) value { return boolean(!like(text(a), text(b))) })
		default:
			return x, nil
		}
	}
	return nil, err
}

func (p *parser) sum() (expr, error) {
	return p.binary(p.product, map[string]operator{"+": opAdd, "-": opSub})
}

func (p *parser) product() (expr, error) {
	return p.binary(p.unary, map[string]operator{"*": opMul, "/": opDiv, "%": opMod})
}

// binary parses operands with operators between them, from left to right. Operators that are words are in lower case.
func (p *parser) binary(operand func() (expr, error), operators map[string]operator) (expr, error) {
	x, err := operand()
	for err == nil {
		t := p.peek()
		if t.kind != symbol && t.kind != word {
			return x, nil
		}
		op, ok := operators[strings.ToLower(t.text)]
		if !ok {
			return x, nil
		}
		p.next()
		left := x
		var right expr
		right, err = operand()
		if op == nil {
			x = logical(left, right, strings.EqualFold(t.text, "or") || t.text == "||")
			continue
		}
		x = applied(left, right, op)
	}
	return nil, err
}

// applied computes an operator of two values; it is NULL if one of them is.
func applied(left, right expr, op operator) expr {
	return func(e *env) (value, error) {
		a, err := left(e)
		if err != nil {
			return nil, err
		}
		b, err := right(e)
		if err != nil || a == nil || b == nil {
			return nil, err
		}
		return op(a, b), nil
	}
}

// logical is OR, or AND, of two values that may be NULL.
func logical(left, right expr, or bool) expr {
	return func(e *env) (value, error) {
		a, err := left(e)
		if err != nil {
			return nil, err
		}
		b, err := right(e)
		switch {
		case err != nil:
			return nil, err
		case a != nil && truth(a) == or, b != nil && truth(b) == or:
			return boolean(or), nil
		case a == nil || b == nil:
			return nil, nil
		}
		return boolean(!or), nil
	}
}

func (p *parser) unary() (expr, error) {
	if err := p.descend(); err != nil {
		return nil, err
	}
	defer p.ascend()
	if p.symbol("-") {
		x, err := p.unary()
		return func(e *env) (value, error) {
			v, err := x(e)
			if v == nil || err != nil {
				return nil, err
			}
			return opSub(int64(0), v), nil
		}, err
	}
	if p.symbol("+") {
		return p.unary()
	}
	x, err := p.primary()
	if err == nil && p.word("collate") {
		_, err = p.nameOrString()
	}
	return x, err
}

// primary parses what has no operator.
func (p *parser) primary() (expr, error) {
	t := p.peek()
	switch t.kind {
	case literal:
		p.next()
		return constant(t.text), nil
	case numeral:
		p.next()
		return constant(numeralValue(t.text)), nil
	case question:
		p.next()
		at := p.params
		p.params++
		return func(e *env) (value, error) {
			switch {
			case at >= len(e.params) && e.sample:
				return nil, nil
			case at >= len(e.params):
				return nil, fail("Getting syntax error. Detail message: Unexpected input '?'.")
			}
			return e.params[at], nil
		}, nil
	case userVar:
		p.next()
		return func(e *env) (value, error) { return e.s.state.userVars[t.text], nil }, nil
	case sysVar:
		p.next()
		return p.systemVariable()
	case word, quoted:
		return p.identifier()
	case symbol:
		if p.peek().text == "(" && p.atQuery() {
			return p.scalar()
		}
		if p.symbol("(") {
			x, err := p.expression()
			if err == nil {
				err = p.expect(")")
			}
			return x, err
		}
	case end:
	}
	return nil, p.unexpected()
}

func numeralValue(s string) value {
	if i, err := strconv.ParseInt(s, 10, 64); err == nil {
		return i
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return s
	}
	return f
}

// systemVariable parses what follows @@.
func (p *parser) systemVariable() (expr, error) {
	name, err := p.name()
	if err != nil {
		return nil, err
	}
	scope := "session"
	if s := strings.ToLower(name); p.symbol(".") {
		scope = s
		if name, err = p.name(); err != nil {
			return nil, err
		}
	}
	name = strings.ToLower(name)
	return func(e *env) (value, error) { return e.s.state.variable(name, scope == "global") }, nil
}

// identifier parses a keyword value, CASE, EXISTS, a function call or a column.
func (p *parser) identifier() (expr, error) {
	t := p.next()
	name := strings.ToLower(t.text)
	if t.kind == word {
		switch name {
		case "null":
			return constant(nil), nil
		case "true":
			return constant(int64(1)), nil
		case "false":
			return constant(int64(0)), nil
		case "case":
			return p.caseExpression()
		case "exists":
			return p.exists()
		case "binary", "distinct":
			return p.unary()
		case "date", "timestamp", "datetime":
			if p.peek().kind == literal {
				return constant(p.next().text), nil
			}
		case "interval":
			return p.interval()
		case "current_timestamp", "current_user", "current_date":
			if p.peek().text != "(" {
				return call(name, nil), nil
			}
		case "select", "from", "where", "limit", "group", "order", "having", "union", "on", "join":
			p.at--
			return nil, p.unexpected()
		}
		if p.symbol("(") {
			return p.call(name)
		}
	}
	return p.column(name)
}

// column parses what follows the first name of a column.
func (p *parser) column(name string) (expr, error) {
	table := ""
	for p.symbol(".") {
		next, err := p.name()
		if err != nil {
			return nil, err
		}
		table, name = name, strings.ToLower(next)
	}
	return func(e *env) (value, error) {
		for at := e; at != nil; at = at.outer {
			for i, c := range at.columns {
				if strings.EqualFold(c.name, name) && (table == "" || strings.EqualFold(c.table, table)) {
					return at.row[i], nil
				}
			}
		}
		return nil, fail("Getting analyzing error. Detail message: Column '%s' cannot be resolved.", name)
	}, nil
}

// call parses the arguments of a function.
func (p *parser) call(name string) (expr, error) {
	if aggregates[name] != nil {
		return p.aggregate(name)
	}
	switch name {
	case "cast":
		return p.cast("as")
	case "convert":
		return p.cast(",")
	}
	if _, ok := functions[name]; !ok {
		return nil, fail("Getting analyzing error. Detail message: No matching function with signature: %s().", name)
	}
	args, err := p.arguments()
	return call(name, args), err
}

// arguments parses expressions up to the parenthesis that closes them.
func (p *parser) arguments() ([]expr, error) {
	args := []expr{}
	for !p.symbol(")") {
		if len(args) > 0 {
			if err := p.expect(","); err != nil {
				return nil, err
			}
		}
		arg, err := p.expression()
		if err != nil {
			return nil, err
		}
		args = append(args, arg)
	}
	return args, nil
}

// cast parses what follows CAST(; between the value and the type stands AS or, of CONVERT, a comma.
func (p *parser) cast(between string) (expr, error) {
	x, err := p.expression()
	if err != nil {
		return nil, err
	}
	if p.word("using") {
		p.next()
		return x, p.expect(")")
	}
	if !p.word(between) && !p.symbol(between) {
		return nil, p.unexpected()
	}
	c := columnDef{typ: strings.ToLower(p.peek().text)}
	p.skipTo(")")
	if c.typ == "signed" || c.typ == "unsigned" {
		c.typ = "bigint"
	}
	return func(e *env) (value, error) {
		v, err := x(e)
		return c.convert(v), err
	}, p.expect(")")
}

// call evaluates the arguments, then the function.
func call(name string, args []expr) expr {
	f := functions[name]
	return func(e *env) (value, error) {
		values := make([]value, len(args))
		for i, arg := range args {
			v, err := arg(e)
			if err != nil {
				return nil, err
			}
			values[i] = v
		}
		return f(e, values)
	}
}

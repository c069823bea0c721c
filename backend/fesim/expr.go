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
	return p.binary(p.conjunction, map[string]operator{"or": opOr, "||": opOr})
}

func (p *parser) conjunction() (expr, error) {
	return p.binary(p.negation, map[string]operator{"and": opAnd, "&&": opAnd})
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
	if err != nil || !p.word("is") {
		return x, err
	}
	not := p.word("not")
	if err := p.expectWord("null"); err != nil {
		return nil, err
	}
	return func(e *env) (value, error) {
		v, err := x(e)
		return boolean((v == nil) != not), err
	}, nil
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
		x = func(e *env) (value, error) {
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
	return nil, err
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
	return p.primary()
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
			if at >= len(e.params) {
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

// identifier parses a keyword value, a function call or a column.
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
		case "current_timestamp", "current_user", "current_date":
			if p.peek().text != "(" {
				return call(name, nil), nil
			}
		case "select", "from", "where", "limit":
			p.at--
			return nil, p.unexpected()
		}
		if p.symbol("(") {
			return p.call(name)
		}
	}
	for p.symbol(".") {
		next, err := p.name()
		if err != nil {
			return nil, err
		}
		name = strings.ToLower(next)
	}
	return func(e *env) (value, error) {
		for i, c := range e.columns {
			if strings.EqualFold(c.name, name) {
				return e.row[i], nil
			}
		}
		return nil, fail("Getting analyzing error. Detail message: Column '%s' cannot be resolved.", name)
	}, nil
}

// call parses the arguments of a function.
func (p *parser) call(name string) (expr, error) {
	if _, ok := functions[name]; !ok {
		return nil, fail("Getting analyzing error. Detail message: No matching function with signature: %s().", name)
	}
	var args []expr
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
		if name == "cast" && p.word("as") { // the type does not matter here
			for depth := 0; depth > 0 || p.peek().text != ")"; p.next() {
				switch p.peek().text {
				case "(":
					depth++
				case ")":
					depth--
				case "":
					return nil, p.unexpected()
				}
			}
		}
	}
	return call(name, args), nil
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

package fesim

import (
	"iter"
	"slices"
	"strings"
)

// group is the rows over which a function such as COUNT is computed.
type group struct {
	columns []column
	rows    [][]value
}

// produced is a row of a result with the environment that it was computed in.
type produced struct {
	env *env
	row []value
}

// gather computes all rows at once: groups, HAVING, DISTINCT, ORDER BY and LIMIT.
func (q *selection) gather(e *env, columns []column, items []item, out []column, rows iter.Seq[[]value]) (*relation, error) {
	var list []produced
	add := func(at *env) error {
		values, err := evaluate(at, items)
		if err != nil {
			return err
		}
		full := e.at(append(slices.Clone(out), columns...), append(slices.Clone(values), at.row...)) // ORDER BY and HAVING know the aliases too
		full.group = at.group
		if q.having != nil {
			v, err := q.having(full)
			if err != nil {
				return err
			}
			if !truth(v) {
				return nil
			}
		}
		list = append(list, produced{full, values})
		return nil
	}
	envs, err := q.environments(e, columns, items, rows)
	if err != nil {
		return nil, err
	}
	for _, at := range envs {
		if err := add(at); err != nil {
			return nil, err
		}
	}
	if q.distinct {
		seen := make(map[string]bool)
		list = slices.DeleteFunc(list, func(p produced) bool {
			k := key(p.row)
			was := seen[k]
			seen[k] = true
			return was
		})
	}
	if err := sortRows(list, q.order, func(p produced) *env { return p.env }, func(p produced) []value { return p.row }); err != nil {
		return nil, err
	}
	var result [][]value
	for _, p := range list {
		result = append(result, p.row)
	}
	return &relation{columns: typed(out, result), rows: slices.Values(cut(result, q.limit, q.offset))}, nil
}

// environments are those of the rows, or of the groups, to be produced.
func (q *selection) environments(e *env, columns []column, items []item, rows iter.Seq[[]value]) ([]*env, error) {
	var list []*env
	if !q.grouped {
		for row := range rows {
			list = append(list, e.at(columns, row))
		}
		return list, nil
	}
	by := make([]expr, len(q.groups))
	for i, g := range q.groups {
		x, err := g.resolve(e, columns, items)
		if err != nil {
			return nil, err
		}
		by[i] = x
	}
	groups := make(map[string]*env)
	for row := range rows {
		at := e.at(columns, row)
		keys := make([]value, len(by))
		for i, x := range by {
			v, err := x(at)
			if err != nil {
				return nil, err
			}
			keys[i] = v
		}
		k := key(keys)
		if groups[k] == nil {
			at.group = &group{columns: columns}
			groups[k] = at
			list = append(list, at)
		}
		groups[k].group.rows = append(groups[k].group.rows, row)
	}
	if len(list) == 0 && len(by) == 0 {
		at := e.at(columns, make([]value, len(columns)))
		at.group = &group{columns: columns}
		list = append(list, at)
	}
	return list, nil
}

// resolve is the expression that a GROUP BY means: a column, an item's position, or its alias.
func (g grouping) resolve(e *env, columns []column, items []item) (expr, error) {
	if g.position > 0 {
		if g.position > int64(len(items)) {
			return nil, fail("Getting analyzing error. Detail message: GROUP BY position %d is not in select list.", g.position)
		}
		return items[g.position-1].eval, nil
	}
	if _, err := g.expr(e.sampleOf(columns)); err == nil || g.name == "" {
		return g.expr, err
	}
	for _, it := range items {
		if strings.EqualFold(it.name, g.name) {
			return it.eval, nil
		}
	}
	return g.expr, nil
}

// aggregates are the functions over the rows of a group; NULLs are left out before.
var aggregates = map[string]func(values []value) value{
	"count": func(values []value) value { return int64(len(values)) },
	"sum": func(values []value) value {
		var sum value
		for _, v := range values {
			if sum == nil {
				sum = int64(0)
			}
			if _, ok := v.(string); ok {
				v = number(v)
			}
			sum = opAdd(sum, v)
		}
		return sum
	},
	"avg": func(values []value) value {
		if len(values) == 0 {
			return nil
		}
		sum := 0.0
		for _, v := range values {
			sum += number(v)
		}
		return sum / float64(len(values))
	},
	"min": func(values []value) value { return extreme(values, -1) },
	"max": func(values []value) value { return extreme(values, 1) },
	"any_value": func(values []value) value {
		if len(values) == 0 {
			return nil
		}
		return values[0]
	},
	"group_concat": func(values []value) value {
		if len(values) == 0 {
			return nil
		}
		texts := make([]string, len(values))
		for i, v := range values {
			texts[i] = text(v)
		}
		return strings.Join(texts, ", ")
	},
}

func extreme(values []value, sign int) value {
	var best value
	for _, v := range values {
		if best == nil || compare(v, best)*sign > 0 {
			best = v
		}
	}
	return best
}

// aggregate parses the argument of a function over rows.
func (p *parser) aggregate(name string) (expr, error) {
	if p.selecting != nil {
		p.selecting.grouped = true
	}
	only := p.word("distinct")
	var arg expr
	if !p.symbol("*") {
		x, err := p.expression()
		if err != nil {
			return nil, err
		}
		arg = x
	}
	if _, err := p.orderBy(); err != nil {
		return nil, err
	}
	if p.word("separator") {
		p.next()
	}
	if err := p.expect(")"); err != nil {
		return nil, err
	}
	return func(e *env) (value, error) {
		g := e.group
		for at := e.outer; g == nil && at != nil; at = at.outer {
			g = at.group
		}
		if g == nil {
			return nil, fail("Getting analyzing error. Detail message: %s is not allowed here.", name)
		}
		var values [][]value
		for _, row := range g.rows {
			var v value = int64(1)
			if arg != nil {
				var err error
				if v, err = arg(e.at(g.columns, row)); err != nil {
					return nil, err
				}
			}
			if v != nil {
				values = append(values, []value{v})
			}
		}
		if only {
			values = distinct(values)
		}
		list := make([]value, len(values))
		for i, v := range values {
			list[i] = v[0]
		}
		return aggregates[name](list), nil
	}, nil
}

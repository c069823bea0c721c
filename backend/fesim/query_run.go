package fesim

import (
	"cmp"
	"iter"
	"maps"
	"slices"
	"strings"

	"segue/backend/wire"
)

// run evaluates a query that is a statement. The rows of a simple one are computed while they are sent.
func (q *query) run(e *env) (*result, error) {
	r, err := q.relation(e)
	if err != nil {
		return nil, err
	}
	return &result{columns: r.columns, rows: r.rows, pause: r.pause}, nil
}

// describe returns the names of the columns, without evaluating a row.
func (q *query) describe(e *env) ([]column, error) {
	sample := *e
	sample.sample = true
	r, err := q.relation(&sample)
	if err != nil {
		return nil, err
	}
	return r.columns, nil
}

// relation evaluates a query.
func (q *query) relation(e *env) (*relation, error) {
	if len(q.ctes) > 0 {
		inner := *e
		inner.ctes, inner.outer = make(map[string]*relation), e
		maps.Copy(inner.ctes, e.ctes)
		e = &inner
		for _, c := range q.ctes {
			r, err := c.query.relation(e)
			if err != nil {
				return nil, err
			}
			if r, err = r.kept(e); err != nil {
				return nil, err
			}
			for i, name := range c.columns {
				if i < len(r.columns) {
					r.columns[i].name = name
				}
			}
			e.ctes[c.name] = r
		}
	}
	r, err := q.parts[0].relation(e)
	if err != nil || len(q.parts) == 1 {
		return r, err
	}
	return q.union(e, r)
}

// kept is the relation with its rows computed, once.
func (r *relation) kept(e *env) (*relation, error) {
	var rows [][]value
	for row := range r.rows {
		rows = append(rows, row)
	}
	if e.ctx.Err() != nil {
		return nil, e.ctx.Err()
	}
	return &relation{columns: slices.Clone(r.columns), rows: slices.Values(rows)}, nil
}

// union puts the parts behind each other, and orders what comes of it.
func (q *query) union(e *env, first *relation) (*relation, error) {
	rows := slices.Collect(first.rows)
	for i, part := range q.parts[1:] {
		r, err := part.relation(e)
		if err != nil {
			return nil, err
		}
		if len(r.columns) != len(first.columns) {
			return nil, fail("Getting analyzing error. Detail message: Operands have unequal number of columns.")
		}
		rows = slices.AppendSeq(rows, r.rows)
		if !q.all[i+1] {
			rows = distinct(rows)
		}
	}
	out := &relation{columns: typed(first.columns, rows), rows: slices.Values(rows)}
	return out.ordered(e, q.order, q.limit, q.offset)
}

// ordered sorts the rows of a relation by its own columns, and cuts them.
func (r *relation) ordered(e *env, order []ordering, limit, offset int64) (*relation, error) {
	rows := slices.Collect(r.rows)
	if err := sortRows(rows, order, func(row []value) *env { return e.at(r.columns, row) }, func(row []value) []value { return row }); err != nil {
		return nil, err
	}
	return &relation{columns: r.columns, rows: slices.Values(cut(rows, limit, offset))}, nil
}

func cut(rows [][]value, limit, offset int64) [][]value {
	rows = rows[min(offset, int64(len(rows))):]
	if limit >= 0 {
		rows = rows[:min(limit, int64(len(rows)))]
	}
	return rows
}

// sortRows sorts what has rows in some form.
func sortRows[T any](list []T, order []ordering, in func(T) *env, out func(T) []value) error {
	if len(order) == 0 {
		return nil
	}
	keys := make(map[int][]value, len(list))
	indices := make([]int, len(list))
	for i, t := range list {
		indices[i] = i
		for _, o := range order {
			if o.position > 0 {
				row := out(t)
				if o.position > int64(len(row)) {
					return fail("Getting analyzing error. Detail message: ORDER BY position %d is not in select list.", o.position)
				}
				keys[i] = append(keys[i], row[o.position-1])
				continue
			}
			v, err := o.expr(in(t))
			if err != nil {
				return err
			}
			keys[i] = append(keys[i], v)
		}
	}
	slices.SortStableFunc(indices, func(a, b int) int {
		for i, o := range order {
			if c := compareNulls(keys[a][i], keys[b][i]); c != 0 {
				if o.desc {
					return -c
				}
				return c
			}
		}
		return cmp.Compare(a, b)
	})
	sorted := make([]T, len(list))
	for i, at := range indices {
		sorted[i] = list[at]
	}
	copy(list, sorted)
	return nil
}

// compareNulls puts NULL first.
func compareNulls(a, b value) int {
	switch {
	case a == nil && b == nil:
		return 0
	case a == nil:
		return -1
	case b == nil:
		return 1
	}
	return compare(a, b)
}

// distinct drops rows that were there before.
func distinct(rows [][]value) [][]value {
	seen := make(map[string]bool, len(rows))
	return slices.DeleteFunc(rows, func(row []value) bool {
		k := key(row)
		was := seen[k]
		seen[k] = true
		return was
	})
}

// key is a text that only equal rows have.
func key(row []value) string {
	var b strings.Builder
	for _, v := range row {
		if v == nil {
			b.WriteString("\x00N")
			continue
		}
		b.WriteString("\x00V" + text(v))
	}
	return b.String()
}

// typed gives columns the types of the values that they have.
func typed(columns []column, rows [][]value) []column {
	columns = slices.Clone(columns)
	for i := range columns {
		for _, row := range rows {
			if row[i] == nil {
				continue
			}
			t := columnFor("", row[i]).typ
			if columns[i].typ = t; t == wire.TypeVarString || t == wire.TypeDouble {
				break
			}
		}
	}
	return columns
}

// at is the environment of one row.
func (e *env) at(columns []column, row []value) *env {
	return &env{s: e.s, ctx: e.ctx, params: e.params, columns: columns, row: row, outer: e, db: e.db, sample: e.sample}
}

// sampleOf is an environment with a row of zeros and empty strings, to learn the types of expressions and what is wrong with them.
func (e *env) sampleOf(columns []column) *env {
	row := make([]value, len(columns))
	for i, c := range columns {
		switch c.typ {
		case wire.TypeLongLong:
			row[i] = int64(0)
		case wire.TypeDouble:
			row[i] = float64(0)
		default:
			row[i] = ""
		}
	}
	at := e.at(columns, row)
	at.sample, at.group = true, &group{columns: columns, rows: [][]value{row}}
	return at
}

// relation evaluates one SELECT.
func (q *selection) relation(e *env) (*relation, error) {
	in := &relation{rows: slices.Values([][]value{{}})}
	if q.from != nil {
		var err error
		if in, err = q.from.open(e); err != nil {
			return nil, err
		}
	}
	columns := q.expand(in.columns)
	if columns == nil {
		return nil, fail("Getting analyzing error. Detail message: * needs a table.")
	}
	sample := e.sampleOf(in.columns)
	if q.from == nil {
		sample.sample = e.sample
	}
	out, err := q.check(sample, columns)
	if err != nil {
		return nil, err
	}
	if e.sample {
		return &relation{columns: out, rows: func(func([]value) bool) {}}, nil
	}
	rows := q.filter(e, in)
	if q.from == nil && !q.grouped {
		return q.single(e, columns, out, rows)
	}
	if q.grouped || len(q.order) > 0 || q.distinct {
		return q.gather(e, in.columns, columns, out, rows)
	}
	return &relation{columns: out, pause: in.pause, rows: func(yield func([]value) bool) {
		n := int64(0)
		for row := range rows {
			if n++; n <= q.offset {
				continue
			}
			if q.limit >= 0 && n > q.offset+q.limit {
				return
			}
			values, err := evaluate(e.at(in.columns, row), columns)
			if err != nil || !yield(values) {
				return
			}
		}
	}}, nil
}

// check evaluates everything once, to find what is wrong with it and the types of the columns.
func (q *selection) check(sample *env, columns []item) ([]column, error) {
	if q.from == nil { // an expression without a table is evaluated once, when it is run
		for _, it := range columns {
			if it.eval == nil {
				return nil, fail("Getting analyzing error. Detail message: * needs a table.")
			}
		}
		if !sample.sample {
			out := make([]column, len(columns))
			for i, it := range columns {
				out[i] = column{name: it.name, typ: wire.TypeVarString}
			}
			return out, nil
		}
	}
	values, err := evaluate(sample, columns)
	if err != nil {
		return nil, err
	}
	out := make([]column, len(columns))
	for i, it := range columns {
		out[i] = columnFor(it.name, values[i])
	}
	if q.where != nil {
		if _, err := q.where(sample); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// single is a SELECT without a table.
func (q *selection) single(e *env, items []item, out []column, rows iter.Seq[[]value]) (*relation, error) {
	var list [][]value
	if q.where != nil {
		v, err := q.where(e)
		if err != nil {
			return nil, err
		}
		if !truth(v) {
			rows = func(func([]value) bool) {}
		}
	}
	values, err := evaluate(e, items)
	if err != nil {
		return nil, err
	}
	for range rows {
		list = append(list, values)
	}
	return &relation{columns: typed(out, [][]value{values}), rows: slices.Values(cut(list, q.limit, q.offset))}, nil
}

// expand puts the columns of a table in the place of *; nil if there are none.
func (q *selection) expand(columns []column) []item {
	var items []item
	for _, it := range q.items {
		if !it.star {
			items = append(items, it)
			continue
		}
		for i, c := range columns {
			if it.table == "" || strings.EqualFold(it.table, c.table) {
				items = append(items, item{name: c.name, eval: func(e *env) (value, error) { return e.row[i], nil }})
			}
		}
	}
	return items
}

// evaluate computes the items of one row.
func evaluate(e *env, items []item) ([]value, error) {
	row := make([]value, len(items))
	for i, it := range items {
		v, err := it.eval(e)
		if err != nil {
			return nil, err
		}
		row[i] = v
	}
	return row, nil
}

// filter applies WHERE.
func (q *selection) filter(e *env, in *relation) iter.Seq[[]value] {
	if q.where == nil || q.from == nil {
		return in.rows
	}
	return func(yield func([]value) bool) {
		for row := range in.rows {
			v, err := q.where(e.at(in.columns, row))
			if err == nil && truth(v) && !yield(row) {
				return
			}
		}
	}
}

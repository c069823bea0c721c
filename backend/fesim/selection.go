package fesim

import "iter"

// run evaluates the SELECT. The rows of a table are computed while they are sent.
func (q *selection) run(e *env) (*result, error) {
	if q.source == nil {
		return q.single(e)
	}
	rows, pause, err := q.source.open(e)
	if err != nil {
		return nil, err
	}
	columns := q.source.columns()
	sample := q.source.sample(e)
	if q.where != nil { // what is wrong with it shows at any row
		if _, err := q.where(sample); err != nil {
			return nil, err
		}
	}
	rows = q.filter(e, columns, rows)
	if q.items[0].count {
		n := int64(0)
		for range rows {
			n++
		}
		return &result{columns: []column{columnFor(q.items[0].name, n)}, rows: one([]value{n})}, nil
	}
	r := &result{columns: columns, pause: pause, rows: rows}
	if q.items[0].star {
		return r, nil
	}
	return q.project(e, sample, r)
}

// project computes the items for each row.
func (q *selection) project(e *env, sample *env, r *result) (*result, error) {
	types, err := q.evaluate(sample)
	if err != nil {
		return nil, err
	}
	columns, rows := r.columns, r.rows
	r.columns = nil
	for i, it := range q.items {
		r.columns = append(r.columns, columnFor(it.name, types[i]))
	}
	r.rows = func(yield func([]value) bool) {
		for row := range rows {
			out, err := q.evaluate(e.at(columns, row))
			if err != nil || !yield(out) {
				return
			}
		}
	}
	return r, nil
}

// at is the environment of one row.
func (e *env) at(columns []column, row []value) *env {
	return &env{s: e.s, ctx: e.ctx, params: e.params, columns: columns, row: row}
}

// single is a SELECT without a table.
func (q *selection) single(e *env) (*result, error) {
	empty := q.limit == 0 || q.offset > 0
	if q.where != nil {
		v, err := q.where(e)
		if err != nil {
			return nil, err
		}
		empty = empty || !truth(v)
	}
	row, err := q.evaluate(e)
	if err != nil {
		return nil, err
	}
	r := &result{rows: one(row)}
	for i, it := range q.items {
		r.columns = append(r.columns, columnFor(it.name, row[i]))
	}
	if empty {
		r.rows = func(func([]value) bool) {}
	}
	return r, nil
}

// evaluate computes the items of one row.
func (q *selection) evaluate(e *env) ([]value, error) {
	row := make([]value, len(q.items))
	for i, it := range q.items {
		if it.eval == nil {
			return nil, fail("Getting analyzing error. Detail message: * and COUNT(*) stand alone, in front of a table.")
		}
		v, err := it.eval(e)
		if err != nil {
			return nil, err
		}
		row[i] = v
	}
	return row, nil
}

func one(row []value) iter.Seq[[]value] {
	return func(yield func([]value) bool) { yield(row) }
}

// filter applies WHERE, LIMIT and OFFSET.
func (q *selection) filter(e *env, columns []column, rows iter.Seq[[]value]) iter.Seq[[]value] {
	return func(yield func([]value) bool) {
		seen := int64(0)
		for row := range rows {
			if q.where != nil {
				v, err := q.where(e.at(columns, row))
				if err != nil || !truth(v) {
					continue
				}
			}
			seen++
			if seen <= q.offset {
				continue
			}
			if q.limit >= 0 && seen > q.offset+q.limit || !yield(row) {
				return
			}
		}
	}
}

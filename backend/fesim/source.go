package fesim

import (
	"iter"
	"strings"
	"time"

	"segue/backend/wire"
)

// source is what stands behind FROM.
type source struct {
	name string
	args []expr // of fesim.rows
}

// columns returns the columns of a table; a table that does not exist has one.
func (src *source) columns() []column {
	if src.name == "rows" {
		return []column{{"id", wire.TypeLongLong}, {"payload", wire.TypeVarString}}
	}
	if t, ok := schemaTables[src.name]; ok {
		return t(nil).columns
	}
	return []column{{"id", wire.TypeVarString}}
}

// schemaTables are those of information_schema. Without an environment they have columns and no rows.
var schemaTables = map[string]func(*env) *result{
	"information_schema.be_configs": beConfigs,
	"information_schema.loads":      loads,
}

// sample is an environment with a row of zeros and empty strings, to learn the types of expressions.
func (src *source) sample(e *env) *env {
	columns := src.columns()
	row := make([]value, len(columns))
	for i, c := range columns {
		row[i] = ""
		if c.typ == wire.TypeLongLong {
			row[i] = int64(0)
		}
	}
	return e.at(columns, row)
}

// open returns the rows of a table and, for fesim.rows, the pause between them.
func (src *source) open(e *env) (rows iter.Seq[[]value], pause time.Duration, err error) {
	switch {
	case src.name == "rows":
		return src.generate(e)
	case src.name == "ledger":
		return ledgerRows(e.s.fe.cluster.Ledger()), 0, nil
	case schemaTables[src.name] != nil:
		return schemaTables[src.name](e).rows, 0, nil
	case e.s.state.tempTables[src.name]:
		return func(func([]value) bool) {}, 0, nil
	}
	path, err := e.s.qualify(src.name)
	if err != nil {
		return nil, 0, err
	}
	if !e.s.fe.hasTable(path) {
		return nil, 0, unknownTable(src.name)
	}
	return func(func([]value) bool) {}, 0, nil
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

// generate is fesim.rows(n, bytes[, pause]).
func (src *source) generate(e *env) (rows iter.Seq[[]value], pause time.Duration, err error) {
	var args [3]int
	if len(src.args) < 2 || len(src.args) > len(args) {
		return nil, 0, fail("Getting analyzing error. Detail message: fesim.rows(n, bytes[, pause]) takes two or three numbers.")
	}
	for i, arg := range src.args {
		v, err := arg(e)
		if err != nil {
			return nil, 0, err
		}
		args[i] = max(0, int(number(v)))
	}
	n, size := args[0], min(args[1], maxText)
	return func(yield func([]value) bool) {
		for id := range n {
			if !yield([]value{int64(id), Payload(id, size)}) {
				return
			}
		}
	}, time.Duration(args[2]) * time.Millisecond, nil
}

// Payload is the text of size bytes in row id of fesim.rows: letters that differ from row to row.
func Payload(id, size int) string {
	const letters = "abcdefghijklmnopqrstuvwxyz"
	at := id % len(letters)
	return strings.Repeat(letters, (at+size)/len(letters)+1)[at : at+size]
}

// tableColumns returns the columns of a table, for COM_FIELD_LIST.
func (s *session) tableColumns(name string) ([]column, bool) {
	if name == "rows" || name == "ledger" || s.state.tempTables[name] {
		return (&source{name: name}).columns(), true
	}
	return nil, false
}

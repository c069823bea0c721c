package fesim

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"segue/backend/wire"
)

// tableDef is a table, or a view, that was created; what is in it, too. It is replaced, not changed, but for its rows, which the cluster's mutex guards.
type tableDef struct {
	kind    tableKind
	columns []columnDef
	model   string   // DUPLICATE, PRIMARY, UNIQUE or AGGREGATE
	keys    []string // of the model
	comment string
	made    time.Time
	query   string // of a view
	db      string // in which a view was made

	rows [][]value
}

type tableKind uint8

const (
	baseTable tableKind = iota
	view
	materializedView // computed when it is asked for, like a view
)

// columnDef is a column of a table.
type columnDef struct {
	name, typ, comment string // the type as SHOW COLUMNS has it: bigint(20)
	notNull            bool
	def                value // default; nil: none
	key                bool
}

// base is the type's name alone.
func (c *columnDef) base() string {
	base, _, _ := strings.Cut(c.typ, "(")
	base, _, _ = strings.Cut(base, "<")
	return strings.ToLower(base)
}

// convert turns a value into one of the column's type.
func (c *columnDef) convert(v value) value {
	if v == nil {
		return nil
	}
	switch c.wireType() {
	case wire.TypeLongLong:
		return int64(number(v))
	case wire.TypeDouble:
		return number(v)
	default:
		return text(v)
	}
}

func (c *columnDef) wireType() wire.FieldType {
	switch c.base() {
	case "tinyint", "smallint", "int", "integer", "bigint", "boolean":
		return wire.TypeLongLong
	case "float", "double", "decimal":
		return wire.TypeDouble
	}
	return wire.TypeVarString
}

// find is the last definition of a table in a view of f's; nil if there is none.
func find(view []change, db, table string) *tableDef {
	for _, ch := range slices.Backward(view) {
		if ch.db == db && (ch.table == table || ch.table == "" && ch.drop) {
			return ch.def
		}
	}
	return nil
}

// definition is that of a table as f knows it, given as db.table; nil if f knows none.
func (f *FE) definition(path string) *tableDef {
	db, table, _ := strings.Cut(path, ".")
	f.cluster.mu.Lock()
	defer f.cluster.mu.Unlock()
	view := f.cluster.view(f)
	if table == "" || !exists(f, view, db, table) {
		return nil
	}
	return find(view, db, table)
}

// qualify is a table's full name: the current database, or that of the view that is being read, and no catalog.
func (e *env) qualify(path string) (string, error) {
	path = strings.TrimPrefix(strings.ToLower(path), catalogs[0]+".")
	if e.db != "" && !strings.Contains(path, ".") {
		return e.db + "." + path, nil
	}
	return e.s.qualify(path)
}

// table opens a table: one of fesim's own, of information_schema, a temporary one, or one that was created.
func (e *env) table(path string) (*relation, error) {
	switch name := strings.TrimPrefix(strings.ToLower(path), "fesim."); {
	case name == "ledger":
		return &relation{columns: []column{{name: "id", typ: wire.TypeVarString}}, rows: ledgerRows(e.s.fe.cluster.Ledger())}, nil
	case name == "rows" && e.sample:
		return &relation{columns: []column{{name: "id", typ: wire.TypeLongLong}, {name: "payload", typ: wire.TypeVarString}}, rows: func(func([]value) bool) {}}, nil
	case e.s.state.tempTables[name]:
		return &relation{columns: []column{{name: "id", typ: wire.TypeVarString}}, rows: func(func([]value) bool) {}}, nil
	}
	path, err := e.qualify(path)
	if err != nil {
		return nil, err
	}
	if name, ok := strings.CutPrefix(path, "information_schema."); ok {
		return e.schemaTable(name)
	}
	def := e.s.fe.definition(path)
	switch {
	case def == nil:
		if r := e.s.fe.cluster.loadedRelation(path); r != nil {
			return r, nil
		}
		return nil, unknownTable(path)
	case def.kind != baseTable:
		return e.view(def)
	}
	e.s.fe.cluster.mu.Lock()
	defer e.s.fe.cluster.mu.Unlock()
	return &relation{columns: def.wireColumns(), rows: slices.Values(def.rows)}, nil
}

func (def *tableDef) wireColumns() []column {
	columns := make([]column, len(def.columns))
	for i, c := range def.columns {
		columns[i] = column{name: c.name, typ: c.wireType()}
	}
	return columns
}

// view evaluates a view's query, in the database in which it was made.
func (e *env) view(def *tableDef) (*relation, error) {
	for at := e; at != nil; at = at.outer {
		if at.in == def {
			return nil, fail("Getting analyzing error. Detail message: the view refers to itself.")
		}
	}
	q, err := parseQuery(def.query)
	if err != nil {
		return nil, err
	}
	r, err := q.relation(&env{s: e.s, ctx: e.ctx, db: def.db, in: def, outer: e, sample: e.sample})
	if err != nil {
		return nil, err
	}
	for i, c := range def.columns[:min(len(def.columns), len(r.columns))] { // a view of * may have got others since
		r.columns[i].name = c.name
	}
	return r, nil
}

func parseQuery(text string) (*query, error) {
	tokens, err := scan(text)
	if err != nil {
		return nil, err
	}
	return (&parser{text: text, tokens: tokens}).query()
}

// columnDefs are the definitions of what a query gives.
func columnDefs(columns []column) []columnDef {
	defs := make([]columnDef, len(columns))
	for i, c := range columns {
		var typ string
		switch c.typ {
		case wire.TypeLongLong:
			typ = "bigint(20)"
		case wire.TypeDouble:
			typ = "double"
		default:
			typ = "varchar(65533)"
		}
		defs[i] = columnDef{name: c.name, typ: typ}
	}
	return defs
}

// create is the statement that SHOW CREATE TABLE or SHOW CREATE VIEW shows.
func (def *tableDef) create(db, name string) string {
	var b strings.Builder
	if def.kind != baseTable {
		what := "VIEW"
		if def.kind == materializedView {
			what = "MATERIALIZED VIEW"
		}
		fmt.Fprintf(&b, "CREATE %s `%s` (", what, name)
		for i, c := range def.columns {
			if i > 0 {
				b.WriteString(", ")
			}
			fmt.Fprintf(&b, "`%s`", c.name)
		}
		fmt.Fprintf(&b, ")\nCOMMENT \"%s\" SECURITY NONE AS %s;", def.comment, def.query)
		return b.String()
	}
	fmt.Fprintf(&b, "CREATE TABLE `%s` (\n", name)
	for i, c := range def.columns {
		null := "NULL"
		if c.notNull {
			null = "NOT NULL"
		}
		fmt.Fprintf(&b, "  `%s` %s %s", c.name, c.typ, null)
		if c.def != nil {
			fmt.Fprintf(&b, " DEFAULT \"%s\"", text(c.def))
		}
		fmt.Fprintf(&b, " COMMENT \"%s\"", c.comment)
		if i < len(def.columns)-1 {
			b.WriteString(",")
		}
		b.WriteString("\n")
	}
	keys := "`" + strings.Join(def.keys, "`, `") + "`"
	fmt.Fprintf(&b, ") ENGINE=OLAP \n%s KEY(%s)\n", def.model, keys)
	if def.comment != "" {
		fmt.Fprintf(&b, "COMMENT \"%s\"\n", def.comment)
	}
	fmt.Fprintf(&b, "DISTRIBUTED BY HASH(`%s`) BUCKETS 1 \nPROPERTIES (\n\"compression\" = \"LZ4\",\n\"fast_schema_evolution\" = \"true\",\n\"replicated_storage\" = \"true\",\n\"replication_num\" = \"1\"\n);", def.keys[0])
	return b.String()
}

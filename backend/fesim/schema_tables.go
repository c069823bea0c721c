package fesim

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"segue/backend"
)

// schemaTable opens a table of information_schema, which is computed once for a statement.
func (e *env) schemaTable(name string) (*relation, error) {
	root := e
	for root.outer != nil {
		root = root.outer
	}
	if r := root.schema[name]; r != nil {
		return r, nil
	}
	t, ok := schemaTables()[name]
	if name == "cluster_info" && e.s.fe.opts.Flavor == backend.TiDB {
		t, ok = schemaTable{clusterInfoColumns, clusterInfo}, true
	}
	if name == "loads" && formerLoads(e.s.fe.opts.Version) {
		t = schemaTable{formerLoadColumns, loadsOfOld}
	}
	if !ok {
		return nil, unknownTable("information_schema." + name)
	}
	var rows [][]value
	if t.rows != nil {
		rows = t.rows(e)
	}
	r := &relation{columns: typed(table(strings.Fields(t.names)).columns, rows), rows: slices.Values(rows)}
	if root.schema == nil {
		root.schema = make(map[string]*relation)
	}
	root.schema[name] = r
	return r, nil
}

func fixedRows(rows ...[]value) func(*env) [][]value {
	return func(*env) [][]value { return rows }
}

func schemata(e *env) [][]value {
	var rows [][]value
	for _, db := range e.s.fe.databases() {
		rows = append(rows, []value{"def", db, "utf8", "utf8_general_ci", nil, "NO"})
	}
	return rows
}

// tableOf is a table with its names.
type tableOf struct {
	db, name string
	def      *tableDef
}

// allTables are those that the FE knows, in order; those of information_schema and of fesim have no definition.
func (f *FE) allTables() []tableOf {
	dbs := f.databases()
	f.cluster.mu.Lock()
	made := make(map[string][]tableOf)
	for _, ch := range f.cluster.view(f) {
		made[ch.db] = slices.DeleteFunc(made[ch.db], func(t tableOf) bool { return t.name == ch.table || ch.table == "" && ch.drop })
		if ch.table != "" && !ch.drop {
			made[ch.db] = append(made[ch.db], tableOf{ch.db, ch.table, ch.def})
		}
	}
	f.cluster.mu.Unlock()
	var list []tableOf
	for _, db := range dbs {
		switch db {
		case "information_schema":
			for _, name := range slices.Sorted(maps.Keys(schemaTables())) {
				list = append(list, tableOf{db: db, name: name})
			}
		case "fesim":
			list = append(list, tableOf{db: db, name: "ledger"})
		}
		list = append(list, made[db]...)
	}
	return list
}

// typeName is the TABLE_TYPE.
func (t *tableOf) typeName() string {
	switch {
	case t.db == "information_schema":
		return "SYSTEM VIEW"
	case t.def != nil && t.def.kind != baseTable:
		return "VIEW"
	}
	return "BASE TABLE"
}

func schemaTableRows(e *env) [][]value {
	var rows [][]value
	for _, t := range e.s.fe.allTables() {
		engine, count, made, comment := "StarRocks", value(int64(0)), value(nil), ""
		if t.def != nil {
			made, comment = t.def.made.Format(time.DateTime), t.def.comment
			e.s.fe.cluster.mu.Lock()
			count = int64(len(t.def.rows))
			e.s.fe.cluster.mu.Unlock()
		}
		if t.typeName() != "BASE TABLE" {
			engine, count = "", nil
		}
		rows = append(rows, []value{
			"def", t.db, t.name, t.typeName(), engine, nil, "", count, int64(0), int64(0), nil, nil, nil, nil, made, made, nil, "utf8_general_ci", nil, "", comment,
		})
	}
	return rows
}

// columnsOf are a table's columns.
func (e *env) columnsOf(t tableOf) []columnDef {
	switch {
	case t.def != nil:
		return t.def.columns
	case t.db == "information_schema":
		return columnDefs(table(strings.Fields(schemaTables()[t.name].names)).columns)
	}
	return []columnDef{{name: "id", typ: "varchar(65533)"}}
}

func schemaColumns(e *env) [][]value {
	var rows [][]value
	for _, t := range e.s.fe.allTables() {
		for i, c := range e.columnsOf(t) {
			nullable, key := "YES", ""
			if c.notNull {
				nullable = "NO"
			}
			if c.key && t.def != nil {
				key = map[string]string{"PRIMARY": "PRI", "UNIQUE": "UNI", "AGGREGATE": "AGG"}[t.def.model]
				if key == "" {
					key = "DUP"
				}
			}
			length, precision, scale := c.lengths()
			rows = append(rows, []value{
				"def", t.db, t.name, c.name, int64(i + 1), c.def, nullable, c.base(), length, length, precision, scale, nil, nil, nil, c.typ, key, "", "",
				c.comment, precision, scale, "", nil,
			})
		}
	}
	return rows
}

// lengths are how long a text may be, and a number's digits and those behind the point.
func (c *columnDef) lengths() (length, precision, scale value) {
	_, args, _ := strings.Cut(strings.TrimSuffix(c.typ, ")"), "(")
	first, second, _ := strings.Cut(args, ",")
	n, _ := strconv.ParseInt(strings.TrimSpace(first), 10, 64)
	m, _ := strconv.ParseInt(strings.TrimSpace(second), 10, 64)
	switch base := c.base(); base {
	case "char", "varchar", "string", "varbinary":
		return n, nil, nil
	case "decimal":
		return nil, n, m
	case "double", "float":
		return nil, map[string]value{"double": int64(22), "float": int64(12)}[base], nil
	case "tinyint", "smallint", "int", "bigint", "largeint", "boolean":
		return nil, map[string]value{"tinyint": int64(3), "smallint": int64(5), "int": int64(10), "bigint": int64(19), "largeint": int64(39), "boolean": int64(3)}[base], int64(0)
	}
	return nil, nil, nil
}

func schemaViews(e *env) [][]value {
	var rows [][]value
	for _, t := range e.s.fe.allTables() {
		if t.def != nil && t.def.kind != baseTable {
			rows = append(rows, []value{"def", t.db, t.name, t.def.query, "NONE", "NO", "", "", "utf8", "utf8_general_ci"})
		}
	}
	return rows
}

func schemaMaterialized(e *env) [][]value {
	var rows [][]value
	for i, t := range e.s.fe.allTables() {
		if t.def != nil && t.def.kind == materializedView {
			made := t.def.made.Format(time.DateTime)
			rows = append(rows, []value{int64(40001 + i), t.db, t.name, "ASYNC", "true", "", "UNPARTITIONED", int64(0), "", made, made, "0.1", "SUCCESS", int64(0), t.def.create(t.db, t.name)})
		}
	}
	return rows
}

func schemaConfigs(e *env) [][]value {
	var rows [][]value
	for i, t := range e.s.fe.allTables() {
		if t.def == nil || t.def.kind != baseTable {
			continue
		}
		model := map[string]string{"PRIMARY": "PRI_KEYS", "UNIQUE": "UNQ_KEYS", "AGGREGATE": "AGG_KEYS", "DUPLICATE": "DUP_KEYS"}[t.def.model]
		keys := "`" + strings.Join(t.def.keys, "`, `") + "`"
		primary := ""
		if model != "DUP_KEYS" {
			primary = keys
		}
		rows = append(rows, []value{
			t.db, t.name, "OLAP", model, primary, "", "`" + t.def.keys[0] + "`", "HASH", int64(1), keys,
			`{"compression":"LZ4","fast_schema_evolution":"true","replicated_storage":"true","replication_num":"1"}`, int64(50001 + i),
		})
	}
	return rows
}

func sessionVariables(e *env) [][]value {
	var rows [][]value
	for _, name := range slices.Sorted(maps.Keys(defaultVariables)) {
		rows = append(rows, []value{name, shownVariable(name, e.s.state.vars.get(name))})
	}
	return rows
}

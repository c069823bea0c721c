package fesim

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// schemaTable is one table of information_schema.
type schemaTable struct {
	names string // of the columns, with blanks between them
	rows  func(e *env) [][]value
}

// schemaTables are those of information_schema, by name.
func schemaTables() map[string]schemaTable {
	return map[string]schemaTable{
		"be_configs": {"BE_ID NAME VALUE TYPE DEFAULT MUTABLE", beConfigs},
		"loads":      {loadColumns, loads},
		"schemata":   {"CATALOG_NAME SCHEMA_NAME DEFAULT_CHARACTER_SET_NAME DEFAULT_COLLATION_NAME SQL_PATH DEFAULT_ENCRYPTION", schemata},
		"tables":     {tableColumnNames, schemaTableRows},
		"columns":    {columnColumns, schemaColumns},
		"views":      {"TABLE_CATALOG TABLE_SCHEMA TABLE_NAME VIEW_DEFINITION CHECK_OPTION IS_UPDATABLE DEFINER SECURITY_TYPE CHARACTER_SET_CLIENT COLLATION_CONNECTION", schemaViews},
		"tables_config": {"TABLE_SCHEMA TABLE_NAME TABLE_ENGINE TABLE_MODEL PRIMARY_KEY PARTITION_KEY DISTRIBUTE_KEY DISTRIBUTE_TYPE DISTRIBUTE_BUCKET SORT_KEY PROPERTIES TABLE_ID",
			schemaConfigs},
		"materialized_views": {`MATERIALIZED_VIEW_ID TABLE_SCHEMA TABLE_NAME REFRESH_TYPE IS_ACTIVE INACTIVE_REASON PARTITION_TYPE TASK_ID TASK_NAME
			LAST_REFRESH_START_TIME LAST_REFRESH_FINISHED_TIME LAST_REFRESH_DURATION LAST_REFRESH_STATE TABLE_ROWS MATERIALIZED_VIEW_DEFINITION`, schemaMaterialized},
		"engines":           {"ENGINE SUPPORT COMMENT TRANSACTIONS XA SAVEPOINTS", fixedRows([]value{"OLAP", "YES", "Default storage engine", "NO", "NO", "NO"})},
		"character_sets":    {"CHARACTER_SET_NAME DEFAULT_COLLATE_NAME DESCRIPTION MAXLEN", fixedRows([]value{"utf8", "utf8_general_ci", "UTF-8 Unicode", int64(3)})},
		"collations":        {"COLLATION_NAME CHARACTER_SET_NAME ID IS_DEFAULT IS_COMPILED SORTLEN", fixedRows([]value{"utf8_general_ci", "utf8", int64(33), "Yes", "Yes", int64(1)})},
		"session_variables": {"VARIABLE_NAME VARIABLE_VALUE", sessionVariables},
		"global_variables":  {"VARIABLE_NAME VARIABLE_VALUE", sessionVariables},

		"keywords": {"WORD RESERVED", fixedRows([]value{"SELECT", int64(1)}, []value{"CATALOG", int64(0)})},

		// An FE has these for the sake of MySQL's clients, and nothing in them.
		"statistics":              {"TABLE_CATALOG TABLE_SCHEMA TABLE_NAME NON_UNIQUE INDEX_SCHEMA INDEX_NAME SEQ_IN_INDEX COLUMN_NAME COLLATION CARDINALITY SUB_PART PACKED NULLABLE INDEX_TYPE COMMENT", nil},
		"key_column_usage":        {"CONSTRAINT_CATALOG CONSTRAINT_SCHEMA CONSTRAINT_NAME TABLE_CATALOG TABLE_SCHEMA TABLE_NAME COLUMN_NAME ORDINAL_POSITION POSITION_IN_UNIQUE_CONSTRAINT REFERENCED_TABLE_SCHEMA REFERENCED_TABLE_NAME REFERENCED_COLUMN_NAME", nil},
		"table_constraints":       {"CONSTRAINT_CATALOG CONSTRAINT_SCHEMA CONSTRAINT_NAME TABLE_SCHEMA TABLE_NAME CONSTRAINT_TYPE", nil},
		"referential_constraints": {"CONSTRAINT_CATALOG CONSTRAINT_SCHEMA CONSTRAINT_NAME UNIQUE_CONSTRAINT_CATALOG UNIQUE_CONSTRAINT_SCHEMA UNIQUE_CONSTRAINT_NAME MATCH_OPTION UPDATE_RULE DELETE_RULE TABLE_NAME REFERENCED_TABLE_NAME", nil},
		"routines":                {"SPECIFIC_NAME ROUTINE_CATALOG ROUTINE_SCHEMA ROUTINE_NAME ROUTINE_TYPE DTD_IDENTIFIER ROUTINE_BODY ROUTINE_DEFINITION EXTERNAL_NAME EXTERNAL_LANGUAGE PARAMETER_STYLE IS_DETERMINISTIC SQL_DATA_ACCESS SQL_PATH SECURITY_TYPE CREATED LAST_ALTERED SQL_MODE ROUTINE_COMMENT DEFINER CHARACTER_SET_CLIENT COLLATION_CONNECTION DATABASE_COLLATION", nil},
		"triggers":                {"TRIGGER_CATALOG TRIGGER_SCHEMA TRIGGER_NAME EVENT_MANIPULATION EVENT_OBJECT_CATALOG EVENT_OBJECT_SCHEMA EVENT_OBJECT_TABLE ACTION_ORDER ACTION_CONDITION ACTION_STATEMENT ACTION_ORIENTATION ACTION_TIMING ACTION_REFERENCE_OLD_TABLE ACTION_REFERENCE_NEW_TABLE ACTION_REFERENCE_OLD_ROW ACTION_REFERENCE_NEW_ROW CREATED SQL_MODE DEFINER CHARACTER_SET_CLIENT COLLATION_CONNECTION DATABASE_COLLATION", nil},
		"events":                  {"EVENT_CATALOG EVENT_SCHEMA EVENT_NAME DEFINER TIME_ZONE EVENT_BODY EVENT_DEFINITION EVENT_TYPE EXECUTE_AT INTERVAL_VALUE INTERVAL_FIELD SQL_MODE STARTS ENDS STATUS ON_COMPLETION CREATED LAST_ALTERED LAST_EXECUTED EVENT_COMMENT ORIGINATOR CHARACTER_SET_CLIENT COLLATION_CONNECTION DATABASE_COLLATION", nil},
		"partitions":              {"TABLE_CATALOG TABLE_SCHEMA TABLE_NAME PARTITION_NAME SUBPARTITION_NAME PARTITION_ORDINAL_POSITION PARTITION_METHOD SUBPARTITION_METHOD PARTITION_EXPRESSION PARTITION_DESCRIPTION TABLE_ROWS", nil},
		"schema_privileges":       {"GRANTEE TABLE_CATALOG TABLE_SCHEMA PRIVILEGE_TYPE IS_GRANTABLE", nil},
		"table_privileges":        {"GRANTEE TABLE_CATALOG TABLE_SCHEMA TABLE_NAME PRIVILEGE_TYPE IS_GRANTABLE", nil},
		"user_privileges":         {"GRANTEE TABLE_CATALOG PRIVILEGE_TYPE IS_GRANTABLE", nil},
		"column_privileges":       {"GRANTEE TABLE_CATALOG TABLE_SCHEMA TABLE_NAME COLUMN_NAME PRIVILEGE_TYPE IS_GRANTABLE", nil},
		"task_runs":               {"QUERY_ID TASK_NAME CREATE_TIME FINISH_TIME STATE CATALOG DATABASE DEFINITION EXPIRE_TIME ERROR_CODE ERROR_MESSAGE PROGRESS EXTRA_MESSAGE PROPERTIES JOB_ID", nil},
	}
}

const (
	tableColumnNames = `TABLE_CATALOG TABLE_SCHEMA TABLE_NAME TABLE_TYPE ENGINE VERSION ROW_FORMAT TABLE_ROWS AVG_ROW_LENGTH DATA_LENGTH MAX_DATA_LENGTH INDEX_LENGTH
		DATA_FREE AUTO_INCREMENT CREATE_TIME UPDATE_TIME CHECK_TIME TABLE_COLLATION CHECKSUM CREATE_OPTIONS TABLE_COMMENT`
	columnColumns = `TABLE_CATALOG TABLE_SCHEMA TABLE_NAME COLUMN_NAME ORDINAL_POSITION COLUMN_DEFAULT IS_NULLABLE DATA_TYPE CHARACTER_MAXIMUM_LENGTH
		CHARACTER_OCTET_LENGTH NUMERIC_PRECISION NUMERIC_SCALE DATETIME_PRECISION CHARACTER_SET_NAME COLLATION_NAME COLUMN_TYPE COLUMN_KEY EXTRA PRIVILEGES
		COLUMN_COMMENT COLUMN_SIZE DECIMAL_DIGITS GENERATION_EXPRESSION SRS_ID`
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

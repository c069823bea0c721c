package fesim

import (
	"slices"
	"strings"
	"time"
)

// showCreate parses SHOW CREATE TABLE | VIEW | MATERIALIZED VIEW | DATABASE name.
func (p *parser) showCreate(stmt *statement) error {
	switch {
	case p.word("database"), p.word("schema"):
		path, err := p.path()
		stmt.run = func(e *env) (*result, error) {
			if !e.s.fe.hasDatabase(baseName(path)) {
				return nil, unknownDatabase(path)
			}
			return table([]string{"Database", "Create Database"}, []value{path, "CREATE DATABASE `" + path + "`"}), nil
		}
		return err
	case p.word("table"), p.word("view"), p.word("materialized", "view"):
	default:
		return p.unexpected()
	}
	path, err := p.path()
	stmt.run = func(e *env) (*result, error) {
		t, err := e.tableOf(path)
		if err != nil {
			return nil, err
		}
		names, kind := []string{"Table", "Create Table"}, baseTable
		def := t.def
		if def == nil {
			def = &tableDef{columns: e.columnsOf(t)}
			def.model = "DUPLICATE"
			def.complete()
		} else {
			kind = def.kind
		}
		row := []value{t.name, def.create(t.db, t.name)}
		switch kind {
		case view:
			names, row = []string{"View", "Create View", "character_set_client", "collation_connection"}, append(row, "utf8", "utf8_general_ci")
		case materializedView:
			names = []string{"Materialized View", "Create Materialized View"}
		case baseTable:
		}
		return table(names, row), nil
	}
	return err
}

// tableOf finds a table by its name.
func (e *env) tableOf(path string) (tableOf, error) {
	full, err := e.qualify(path)
	if err != nil {
		return tableOf{}, err
	}
	db, name, _ := strings.Cut(full, ".")
	t := tableOf{db: db, name: name, def: e.s.fe.definition(full)}
	if t.def == nil && full != "fesim.ledger" {
		if _, ok := schemaTables()[name]; !ok || db != "information_schema" {
			return t, unknownTable(full)
		}
	}
	return t, nil
}

// showColumns are the columns of a table, as DESC and SHOW [FULL] COLUMNS have them.
func (e *env) showColumns(path string, full, desc bool) (*result, error) {
	t, err := e.tableOf(path)
	if err != nil {
		return nil, err
	}
	names := []string{"Field", "Type", "Null", "Key", "Default", "Extra"}
	if full {
		names = []string{"Field", "Type", "Collation", "Null", "Key", "Default", "Extra", "Privileges", "Comment"}
	}
	var rows [][]value
	for _, c := range e.columnsOf(t) {
		null, key := "YES", "NO"
		if c.notNull {
			null = "NO"
		}
		if c.key && t.def != nil {
			key = "YES"
		}
		if desc {
			key = map[string]string{"YES": "true", "NO": "false"}[key]
		}
		if full {
			rows = append(rows, []value{c.name, c.typ, "", null, key, c.def, "", "", c.comment})
		} else {
			rows = append(rows, []value{c.name, c.typ, null, key, c.def, ""})
		}
	}
	return table(names, rows...), nil
}

// showIndexes: there are none here.
var showIndexes = empty("Table", "Non_unique", "Key_name", "Seq_in_index", "Column_name", "Collation", "Cardinality", "Sub_part", "Packed", "Null", "Index_type", "Comment")

// inDB are the tables of the database that the statement names, or the current one.
func (e *env) inDB() (string, []tableOf, error) {
	db := e.from
	if db == "" {
		db = e.s.state.db
	}
	db = baseName(db)
	if db == "" {
		return "", nil, noDatabase()
	}
	return db, slices.DeleteFunc(e.s.fe.allTables(), func(t tableOf) bool { return t.db != db }), nil
}

func showTables(full bool) func(*env) (*result, error) {
	return func(e *env) (*result, error) {
		db, tables, err := e.inDB()
		if err != nil {
			return nil, err
		}
		names := []string{"Tables_in_" + db}
		if full {
			names = append(names, "Table_type")
		}
		var rows [][]value
		for _, t := range tables {
			row := []value{t.name}
			if full {
				row = append(row, t.typeName())
			}
			rows = append(rows, row)
		}
		return table(names, rows...), nil
	}
}

func showTableStatus(e *env) (*result, error) {
	_, tables, err := e.inDB()
	if err != nil {
		return nil, err
	}
	names := strings.Fields(`Name Engine Version Row_format Rows Avg_row_length Data_length Max_data_length Index_length Data_free Auto_increment Create_time
		Update_time Check_time Collation Checksum Create_options Comment`)
	var rows [][]value
	for _, t := range tables {
		made, comment := value(nil), ""
		if t.def != nil {
			made, comment = t.def.made.Format(time.DateTime), t.def.comment
		}
		if t.typeName() == "VIEW" {
			comment = "VIEW"
		}
		rows = append(rows, []value{t.name, "StarRocks", nil, "", "0", "0", "0", nil, nil, nil, nil, made, made, nil, "utf8_general_ci", nil, "", comment})
	}
	return table(names, rows...), nil
}

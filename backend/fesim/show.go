package fesim

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// showStatement parses what follows SHOW.
func (p *parser) showStatement(stmt *statement) error {
	full := false
	for w := " "; w != ""; w = p.oneOf("full", "global", "session", "local", "all", "extended") {
		full = full || w == "full"
	}
	if p.word("create") {
		return p.showCreate(stmt)
	}
	if p.word("columns") || p.word("fields") {
		return p.showTableColumns(stmt, full)
	}
	if p.oneOf("index", "indexes", "keys") != "" {
		return p.showTableIndexes(stmt)
	}
	var list func(*env) (*result, error)
	switch {
	case p.word("variables"):
		list = showVariables
	case p.word("status"):
		list = empty("Variable_name", "Value")
	case p.word("warnings"), p.word("errors"):
		list = empty("Level", "Code", "Message")
	case p.word("databases"), p.word("schemas"):
		list = showDatabases
	case p.word("catalogs"):
		list = showCatalogs
	case p.word("temporary", "tables"):
		list = showTemporaryTables
	case p.word("tables"):
		list = showTables(full)
	case p.word("table", "status"):
		list = showTableStatus
	case p.word("materialized", "views"), p.word("materialized", "view"):
		list = showMaterialized
	case p.word("procedure", "status"), p.word("function", "status"):
		list = empty("Db", "Name", "Type", "Definer", "Modified", "Created", "Security_type", "Comment", "character_set_client", "collation_connection", "Database Collation")
	case p.word("functions"), p.word("builtin", "functions"):
		list = empty("Signature", "Return Type", "Function Type", "Intermediate Type", "Properties")
	case p.word("triggers"):
		list = empty("Trigger", "Event", "Table", "Statement", "Timing", "Created", "sql_mode", "Definer", "character_set_client", "collation_connection", "Database Collation")
	case p.word("events"):
		list = empty("Db", "Name", "Definer", "Time zone", "Type", "Execute at", "Interval value", "Interval field", "Starts", "Ends", "Status", "Originator")
	case p.word("privileges"):
		list = empty("Privilege", "Context", "Comment")
	case p.word("storage"), p.word("open", "tables"):
		list = empty("Database", "Table", "In_use", "Name_locked")
	case p.word("roles"):
		list = fixed([]string{"Name", "Builtin", "Comment"}, []value{"root", "true", "built-in root role"})
	case p.word("warehouses"):
		list = fixed([]string{"Id", "Name", "State", "NodeCount"}, []value{"0", "default_warehouse", "AVAILABLE", "1"})
	case p.word("processlist"):
		list = showProcesslist
	case p.word("frontends"):
		list = showFrontends
	case p.word("backends"):
		list = showBackends
	case p.word("backend", "blacklist"), p.word("compute", "node", "blacklist"):
		list = showBlacklist
	case p.word("compute", "nodes"):
		list = showComputeNodes
	case p.word("proc"):
		var err error
		if list, err = p.showProc(); err != nil {
			return err
		}
	case p.word("load"):
		list = showLoad
	case p.word("routine", "load"):
		list = showRoutineLoad
	case p.word("alter", "table", "column"):
		list = showAlterTable
	case p.word("alter", "table", "optimize"):
		list = showOptimize
	case p.word("alter", "table", "rollup"), p.word("alter", "materialized", "view"):
		list = showRollup
	case p.word("authentication"):
		list = showAuthentication
	case p.word("engines"):
		list = fixed([]string{"Engine", "Support", "Comment", "Transactions", "XA", "Savepoints"}, []value{"OLAP", "YES", "Default storage engine", "NO", "NO", "NO"})
	case p.word("collation"):
		list = fixed([]string{"Collation", "Charset", "Id", "Default", "Compiled", "Sortlen"}, []value{"utf8_general_ci", "utf8", "33", "Yes", "Yes", "1"})
	case p.word("character", "set"), p.word("charset"):
		list = fixed([]string{"Charset", "Description", "Default collation", "Maxlen"}, []value{"utf8", "UTF-8 Unicode", "utf8_general_ci", "3"})
	case p.word("plugins"):
		list = empty("Name", "Status", "Type", "Library", "License")
	case p.word("grants"):
		list = showGrants
	default:
		return p.unexpected()
	}
	return p.showFilter(stmt, list)
}

// showFilter parses FROM db, FOR user, LIKE and WHERE. LIKE is about the first column.
func (p *parser) showFilter(stmt *statement, list func(*env) (*result, error)) error {
	from := ""
	if p.oneOf("from", "in", "for") != "" {
		var err error
		if t := p.peek(); t.kind == literal {
			from = p.next().text
		} else if from, err = p.path(); err != nil {
			return err
		}
		if p.peek().kind == userVar {
			p.next()
		}
	}
	pattern := ""
	if p.word("like") {
		t := p.next()
		if t.kind != literal {
			p.at--
			return p.unexpected()
		}
		pattern = t.text
	}
	q := &selection{from: &named{}, limit: -1}
	if p.word("where") {
		where, err := p.expression()
		if err != nil {
			return err
		}
		q.where = where
	}
	var err error
	if q.order, err = p.orderBy(); err != nil {
		return err
	}
	if q.limit, q.offset, err = p.limits(); err != nil {
		return err
	}
	stmt.run = func(e *env) (*result, error) {
		e = &env{s: e.s, ctx: e.ctx, params: e.params, from: from}
		r, err := list(e)
		if err != nil {
			return nil, err
		}
		if q.where != nil {
			if _, err := q.where(e.at(r.columns, make([]value, len(r.columns)))); err != nil {
				return nil, err
			}
		}
		kept, err := (&relation{columns: r.columns, rows: q.filter(e, &relation{columns: r.columns, rows: r.rows})}).ordered(e, q.order, q.limit, q.offset)
		if err != nil {
			return nil, err
		}
		rows := kept.rows
		r.rows = func(yield func([]value) bool) {
			for row := range rows {
				if (pattern == "" || like(text(row[0]), pattern)) && !yield(row) {
					return
				}
			}
		}
		return r, nil
	}
	return nil
}

// showTableColumns parses what follows SHOW [FULL] COLUMNS.
func (p *parser) showTableColumns(stmt *statement, full bool) error {
	path, err := p.inTable()
	if err != nil {
		return err
	}
	return p.showFilter(stmt, func(e *env) (*result, error) { return e.showColumns(path(e), full, false) })
}

// showTableIndexes parses what follows SHOW INDEX.
func (p *parser) showTableIndexes(stmt *statement) error {
	path, err := p.inTable()
	if err != nil {
		return err
	}
	return p.showFilter(stmt, func(e *env) (*result, error) {
		if _, err := e.tableOf(path(e)); err != nil {
			return nil, err
		}
		return showIndexes(e)
	})
}

// inTable parses FROM table; FROM db may follow.
func (p *parser) inTable() (func(*env) string, error) {
	if p.oneOf("from", "in") == "" {
		return nil, p.unexpected()
	}
	path, err := p.path()
	return func(e *env) string {
		if e.from != "" && !strings.Contains(path, ".") {
			return e.from + "." + path
		}
		return path
	}, err
}

func showMaterialized(e *env) (*result, error) {
	_, tables, err := e.inDB()
	if err != nil {
		return nil, err
	}
	var rows [][]value
	for _, t := range tables {
		if t.def != nil && t.def.kind == materializedView {
			rows = append(rows, []value{"1", t.db, t.name, "ASYNC", "true", "", t.def.create(t.db, t.name)})
		}
	}
	return table([]string{"id", "database_name", "name", "refresh_type", "is_active", "inactive_reason", "text"}, rows...), nil
}

func fixed(names []string, rows ...[]value) func(*env) (*result, error) {
	return func(*env) (*result, error) { return table(names, rows...), nil }
}

func empty(names ...string) func(*env) (*result, error) { return fixed(names) }

func showVariables(e *env) (*result, error) {
	var rows [][]value
	for _, name := range slices.Sorted(maps.Keys(defaultVariables)) {
		rows = append(rows, []value{name, shownVariable(name, e.s.state.vars.get(name))})
	}
	return table([]string{"Variable_name", "Value"}, rows...), nil
}

func showDatabases(e *env) (*result, error) {
	var rows [][]value
	for _, db := range e.s.fe.databases() {
		rows = append(rows, []value{db})
	}
	return table([]string{"Database"}, rows...), nil
}

func showCatalogs(*env) (*result, error) {
	rows := [][]value{{catalogs[0], "Internal", "An internal catalog contains this cluster's self-managed tables."}}
	for _, name := range catalogs[1:] {
		rows = append(rows, []value{name, name, nil})
	}
	return table([]string{"Catalog", "Type", "Comment"}, rows...), nil
}

func showTemporaryTables(e *env) (*result, error) {
	var rows [][]value
	for _, name := range slices.Sorted(maps.Keys(e.s.state.tempTables)) {
		rows = append(rows, []value{name})
	}
	return table([]string{"Tables_in_" + e.s.state.db}, rows...), nil
}

// showProcesslist knows the sessions of this FE only.
func showProcesslist(e *env) (*result, error) {
	sessions := e.s.life.all()
	slices.SortFunc(sessions, func(a, b *session) int { return int(int64(a.id) - int64(b.id)) })
	var rows [][]value
	for _, other := range sessions {
		other.mu.Lock()
		shown, since, running := other.shown, other.since, other.running
		other.mu.Unlock()
		if shown.User == "" || shown.User != e.s.state.user && !e.s.operator() {
			continue
		}
		state := "OK"
		if running {
			state = "RUNNING"
		}
		rows = append(rows, []value{
			e.s.fe.opts.Name, strconv.FormatUint(uint64(other.id), 10), shown.User, shown.Host, shown.DB, shown.Command,
			since.Format(time.DateTime), strconv.Itoa(int(time.Since(since).Seconds())), state, shown.Info, "false", "default_warehouse",
		})
	}
	return table(strings.Fields("ServerName Id User Host Db Command ConnectionStartTime Time State Info IsPending Warehouse"), rows...), nil
}

func showAuthentication(e *env) (*result, error) {
	var rows [][]value
	for _, user := range slices.Sorted(maps.Keys(e.s.fe.opts.Users)) {
		has := "Yes"
		if e.s.fe.opts.Users[user] == "" {
			has = "No"
		}
		rows = append(rows, []value{"'" + user + "'@'%'", has, "MYSQL_NATIVE_PASSWORD", nil})
	}
	for _, user := range slices.Sorted(maps.Keys(e.s.fe.opts.LDAPUsers)) {
		rows = append(rows, []value{"'" + user + "'@'%'", "No", "AUTHENTICATION_LDAP_SIMPLE", nil})
	}
	return table(strings.Fields("UserIdentity Password AuthPlugin UserForAuthPlugin"), rows...), nil
}

func showGrants(e *env) (*result, error) {
	user := "'" + e.s.state.identity + "'@'%'"
	return table([]string{"UserIdentity", "Catalog", "Grants"}, []value{user, nil, "GRANT 'root' TO " + user}), nil
}

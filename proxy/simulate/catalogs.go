package simulate

import (
	"strings"

	proto "segue/backend/wire"
)

// Catalogs of StarRocks, and what COM_RESET_CONNECTION leaves there.

const defaultCatalog = "default_catalog"

// uses makes a database the current one, whose catalog may be named in front of it.
func (m *memory) uses(name string) {
	if catalog, db, both := strings.Cut(name, "."); both {
		m.catalog, name = catalog, db
	}
	m.Database = name
}

// resets is COM_RESET_CONNECTION: session variables are gone, and nothing else.
func (m *memory) resets() {
	m.System, m.catalog = map[string]string{}, ""
}

func (m *memory) inCatalog() value {
	if m.catalog == "" {
		return text(defaultCatalog)
	}
	return text(m.catalog)
}

// catalog changes the current one, with a database or without, or resets the session.
func (c *client) catalog(tag string, alone bool) *statement {
	t := c.twin
	if !alone || c.w.calm && len(t.ids) > 0 {
		return nil
	}
	name := "cat" + number(1+c.d.IntN(3)).text
	switch c.d.IntN(3) {
	case 0:
		s := query("u"+tag, "SET CATALOG "+name)
		s.ok = func(*answer) { t.catalog, t.database = maybe{text(name)}, maybe{{null: true}} }
		s.maybe = func() { t.catalog, t.database = nil, nil }
		return s
	case 1:
		s := query("u"+tag, "USE "+name+".db7")
		if c.d.one(2) {
			s = &statement{tag: "u" + tag, what: "COM_INIT_DB " + name + ".db7", c: proto.ComInitDB, body: []byte(name + ".db7")}
		}
		s.ok = func(*answer) { t.catalog, t.database = maybe{text(name)}, maybe{text("db7")} }
		s.maybe = func() { t.catalog, t.database = nil, nil }
		return s
	}
	if !t.catalog.is(text(defaultCatalog)) {
		return nil
	}
	s := &statement{tag: "r" + tag, what: "COM_RESET_CONNECTION", c: proto.ComResetConnection}
	c.began = false
	s.ok = func(*answer) { // whoever resets gives up what was lost with a backend, and hears no more of it
		t.unsure, t.open, t.writes, t.temps = t.unsure || t.open, false, nil, nil
		for _, n := range systemNames {
			*t.system[n] = maybe{text(defaults[n])}
		}
	}
	s.maybe = func() {
		for _, n := range systemNames {
			*t.system[n] = nil
		}
	}
	return s
}

// catalogColumns is of how many columns the answer is to a question for programs, and for what is to be known of them; 0: it is none.
func catalogColumns(s string) int {
	for table, columns := range map[string]int{
		"information_schema.ROUTINES": 4, "information_schema.TRIGGERS": 3, "information_schema.VIEWS": 3, "performance_schema.session_variables": 1,
		"information_schema.SCHEMA_PRIVILEGES": 2, "information_schema.USER_PRIVILEGES": 1,
		"information_schema.TABLE_PRIVILEGES": 1, "information_schema.APPLICABLE_ROLES": 1,
	} {
		if strings.Contains(s, " FROM "+table+" ") {
			return columns
		}
	}
	if strings.HasPrefix(s, "CAST(@@session.session_track_system_variables AS BINARY)") {
		return 1
	}
	return 0
}

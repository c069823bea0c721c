package proxy

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"segue/backend"
	"segue/backend/client"
	"segue/backend/wire"
	"segue/proxy/track"
)

// errUnjudged keeps a session where it is.
var errUnjudged = errors.New("the server has not told what stored functions, triggers and views it has, so that it is not known what they have done to the session")

// census asks a server for its programs, and for what must be known to judge them. The texts are read as they come.
type census struct {
	s       *session
	catalog *track.Catalog
	over    func() // all answers have come
	dialect track.Dialect
	version uint32
	ext     uint32
	told    bool // the session is told what becomes of it
	began   int64
	spent   time.Duration // by reading what has come, as far as the loop's clock does not tell
	asOf    int64         // track.Changes by then
	reader  *track.ProgramReader
	rights  rights

	global, schemas, tables, roles, variables, tracked, routines, triggers, views answer
}

const (
	// censusMillis bounds each of its nine questions: all of them together end before inquiryTimeout.
	censusMillis = 400

	maxPrograms     = 30_000   // rows of an answer
	maxProgramBytes = 16 << 20 // of an answer
)

// answer is a table of no more than so many rows and bytes.
type answer struct {
	client.Table
	columns int
	rows    int
	size    int
	over    bool // there were more
	ended   bool // its last packet has come
}

func (t *answer) take(part client.Part, payload []byte) error {
	switch part {
	case client.Row:
		t.rows++
		t.size += len(payload)
		t.over = t.over || t.rows > maxPrograms || t.size > maxProgramBytes || len(t.Columns) != t.columns
		if t.over {
			return nil
		}
	case client.Last:
		t.ended = true
	default:
	}
	return t.Take(part, payload)
}

// whole reports whether all of it has come, and no ERR_Packet behind some rows.
func (t *answer) whole() bool { return t.ended && !t.over && len(t.Columns) == t.columns }

// askPrograms are the questions for what a catalog is to hold; over is called when they have been answered.
func (s *session) askPrograms(catalog *track.Catalog, now int64, over func()) []turn {
	c := &census{
		s: s, over: over, catalog: catalog, dialect: s.track.Dialect(), version: s.track.Version(), ext: s.who.hello.Response().ExtCapabilities(), told: s.track.Capabilities().Has(wire.ClientSessionTrack),
		began: now, asOf: s.w.server.programs.changes.Count(),
	}
	return []turn{c.ask, c.answered}
}

// ask implements turn. What is the server's own does nothing to a session but to assign user variables. What judges texts comes before them.
func (c *census) ask(wire.Status) (list []client.Command, err error) {
	const (
		others  = " NOT IN ('sys','mysql','information_schema','performance_schema')"
		grantee = " WHERE GRANTEE=CONCAT('''',REPLACE(CURRENT_USER(),'@','''@'''),'''')"
	)
	q := &inquest{flavor: backend.MySQL, millis: censusMillis}
	ask := func(t *answer, row func([]client.Value), from string, columns ...string) {
		t.Ext, t.columns, t.Each = c.ext, len(columns), row
		for i, x := range columns {
			columns[i] = "CAST(" + x + " AS BINARY)"
		}
		list = append(list, client.Command{Command: wire.ComQuery, Text: q.selects(columns, maxPrograms+1, from), Take: t.take, Lenient: true, Eager: true})
	}
	body := func(x string) string { return "IF(LENGTH(" + x + ")<65536, " + x + ", NULL)" }
	ask(&c.global, nil, " FROM information_schema.USER_PRIVILEGES"+grantee, "PRIVILEGE_TYPE")
	ask(&c.schemas, nil, " FROM information_schema.SCHEMA_PRIVILEGES"+grantee, "TABLE_SCHEMA", "PRIVILEGE_TYPE")
	ask(&c.tables, nil, " FROM information_schema.TABLE_PRIVILEGES"+grantee, "PRIVILEGE_TYPE")
	if c.dialect == track.MariaDB || c.version >= 80019 {
		ask(&c.roles, nil, " FROM information_schema.APPLICABLE_ROLES", "ROLE_NAME")
	}
	if c.dialect == track.MariaDB {
		ask(&c.variables, nil, " FROM information_schema.SYSTEM_VARIABLES WHERE VARIABLE_SCOPE<>'GLOBAL'", "VARIABLE_NAME")
	} else {
		ask(&c.variables, nil, " FROM performance_schema.session_variables", "VARIABLE_NAME")
	}
	if c.dialect == track.MariaDB { // of MySQL's releases not all have the table
		status := func(name string) string {
			return "(SELECT VARIABLE_VALUE FROM information_schema.GLOBAL_STATUS WHERE VARIABLE_NAME='" + name + "')"
		}
		ask(&c.tracked, nil, "", "@@session.session_track_system_variables", status("EXECUTED_TRIGGERS"), status("UPTIME"))
	} else {
		ask(&c.tracked, nil, "", "@@session.session_track_system_variables")
	}
	ask(&c.routines, c.routine, " FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA"+others, "ROUTINE_SCHEMA", "ROUTINE_NAME", body("ROUTINE_DEFINITION"), "ROUTINE_TYPE")
	ask(&c.triggers, c.trigger, " FROM information_schema.TRIGGERS WHERE EVENT_OBJECT_SCHEMA"+others, "EVENT_OBJECT_SCHEMA", "EVENT_OBJECT_TABLE", body("ACTION_STATEMENT"))
	ask(&c.views, c.view, " FROM information_schema.VIEWS WHERE TABLE_SCHEMA"+others, "TABLE_SCHEMA", "TABLE_NAME", body("VIEW_DEFINITION"))
	return list, nil
}

// answered takes the answers. Where they are not whole what has been known stands, if anything has. MySQL with autocommit off has begun a transaction, in which
// is nothing else.
func (c *census) answered(status wire.Status) (list []client.Command, err error) {
	if status.Has(wire.StatusInTrans) {
		list = append(list, client.Query("COMMIT AND NO CHAIN NO RELEASE"))
	}
	c.over()
	if !c.hasTexts() || !c.hasTerms() {
		return list, nil
	}
	now := c.s.w.now()
	var p *track.Programs
	c.reads(func() {
		r := c.texts()
		p = r.Programs()
	})
	hasRead(c.catalog, p, c.asOf, now, now-c.began+int64(c.spent))
	c.s.track.CatchUp()
	return list, nil
}

func (c *census) hasTexts() bool { return c.routines.whole() && c.triggers.whole() && c.views.whole() }

// hasTerms reports whether it has been told what texts are judged by.
func (c *census) hasTerms() bool {
	return c.global.whole() && c.schemas.whole() && c.tables.whole() && c.variables.whole() && c.tracked.whole() && (c.roles.whole() || c.roles.columns == 0)
}

// reads counts the time of what f does.
func (c *census) reads(f func()) {
	began := time.Now()
	f()
	c.spent += time.Since(began)
}

// texts is what reads the texts, now that it is known how they are to be judged.
func (c *census) texts() *track.ProgramReader {
	if c.reader == nil {
		c.rights = c.account()
		c.reader = track.NewProgramReader(track.System{Dialect: c.dialect, Version: c.version, Variables: c.untold(), Sees: c.rights.sees, Blind: c.rights.blind(), Calm: c.calm()})
	}
	return c.reader
}

func (c *census) add(kind track.ProgramKind, row []client.Value) {
	c.reads(func() { c.texts().Add(&track.Program{Kind: kind, Schema: row[0], Name: row[1], Body: row[2]}) })
}

func (c *census) routine(row []client.Value) {
	kind := track.Routine
	switch x := string(row[3]); {
	case x == "PROCEDURE":
		kind = track.Procedure
	case strings.HasPrefix(x, "PACKAGE"):
		kind = track.Package
	}
	c.add(kind, row)
}

func (c *census) trigger(row []client.Value) { c.add(track.Trigger, row) }

// view takes a view; its text is empty where the account may not read it. Where an account can run no function a view of its is taken to run none.
func (c *census) view(row []client.Value) {
	if len(row[2]) > 0 {
		c.add(track.View, row)
		return
	}
	row[2] = nil
	if c.texts(); c.routines.rows > 0 || !c.routines.whole() || c.rights.runs() {
		c.add(track.View, row)
	}
}

// calmAfter is how long a server must have run without executing a trigger.
const calmAfter = 10 * time.Minute

// calm reports whether it has.
func (c *census) calm() bool {
	if !c.tracked.whole() || len(c.tracked.Rows) != 1 || len(c.tracked.Rows[0]) != 3 {
		return false
	}
	seconds, err := strconv.Atoi(string(c.tracked.Rows[0][2]))
	return err == nil && string(c.tracked.Rows[0][1]) == "0" && seconds >= int(calmAfter/time.Second)
}

// untold are the system variables of a session of which its server does not tell, nil if that is not known.
func (c *census) untold() map[string]bool {
	if !c.variables.whole() || len(c.variables.Rows) == 0 {
		return nil
	}
	var names []string
	for _, row := range c.variables.Rows {
		names = append(names, string(row[0]))
	}
	tracked := ""
	if c.tracked.whole() && len(c.tracked.Rows) == 1 && c.told {
		tracked = string(c.tracked.Rows[0][0])
	}
	return track.SystemVariables(names, tracked)
}

package proxy

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"segue/backend"
	"segue/backend/client"
	"segue/backend/wire"
	"segue/proxy/track"
)

// The texts of a server's stored functions, procedures, triggers and views are read by a session of each account, while it is idle, and then again from
// time to time: see track.Programs. A session that is to move before that has been done reads them first.

const (
	// programsFor is how long they are believed to be the same. What is defined through Segue makes it shorter: see track.Changes.
	programsFor = time.Minute
	// programsShare is how many times as long as it takes to read them they are believed at least.
	programsShare = 100
	// programsAt is how long a session must have been idle to read them, if it has run anything: its client may ask for FOUND_ROWS().
	programsAt = 200 * time.Millisecond
	// programsAgain is when they are read again where that has not come to an end.
	programsAgain = 10 * time.Second

	maxPrograms     = 5000    // of each kind
	maxProgramBytes = 3 << 20 // of an answer
	maxCatalogs     = 1 << 12
)

// programs are what is known of those of all servers.
type programs struct {
	changes track.Changes

	mu       sync.Mutex
	catalogs map[catalogKey]*catalog
}

type catalogKey struct {
	backend *backend.Backend
	user    string
}

// catalog is what one account has been told by one server.
type catalog struct {
	*track.Catalog
	due atomic.Int64 // when it is to be read again; as Server.elapsed
}

// of gives the catalog of an account on a backend.
func (p *programs) of(b *backend.Backend, user string) *catalog {
	p.mu.Lock()
	defer p.mu.Unlock()
	key := catalogKey{b, user}
	c := p.catalogs[key]
	if c == nil {
		if p.catalogs == nil || len(p.catalogs) >= maxCatalogs { // sessions keep theirs
			p.catalogs = map[catalogKey]*catalog{}
		}
		c = &catalog{Catalog: track.NewCatalog(&p.changes)}
		p.catalogs[key] = c
	}
	return c
}

// catalogue gives a session the catalog of its account on a backend, in which it looks its statements up.
func (s *session) catalogue(o *track.Options, b *backend.Backend) {
	if s.programs = s.catalogOf(o, b); s.programs != nil {
		o.Catalog = s.programs.Catalog
	}
}

// catalogOf is that, nil where there are no programs that matter.
func (s *session) catalogOf(o *track.Options, b *backend.Backend) *catalog {
	if o.Dialect != track.MySQL && o.Dialect != track.MariaDB {
		return nil
	}
	return s.w.server.programs.of(b, s.who.user())
}

// isDue reports whether it is to be read.
func (c *catalog) isDue(now int64) bool {
	return c != nil && (now >= c.due.Load() || c.Programs() == nil && now >= c.due.Load()-int64(programsFor)+int64(tendEvery))
}

// claim has nobody else read it for some time, and reports whether nobody has before.
func (c *catalog) claim(now int64) bool {
	due := c.due.Load()
	return c.isDue(now) && c.due.CompareAndSwap(due, now+int64(programsFor+programsAgain))
}

// readable reports whether this is the moment for the session to read its catalog.
func (s *session) readable(now int64) bool {
	return s.programs.isDue(now) && (!s.track.Stirred() || s.track.Unjudged() || now-s.since >= int64(programsAt))
}

// census reads them.
type census struct {
	s       *session
	catalog *catalog
	dialect track.Dialect
	told    bool // the session is told what becomes of it
	began   int64
	asOf    int64 // track.Changes by then

	routines, triggers, views, variables, schemas, tables, global, roles, tracked bounded
}

// bounded is a table of no more than so many bytes.
type bounded struct {
	client.Table
	size int
	over bool // there were more
}

func (t *bounded) take(part client.Part, payload []byte) error {
	if part == client.Row {
		if t.size += len(payload) + 96; t.size > maxProgramBytes {
			t.over = true
			return nil
		}
	}
	return t.Take(part, payload)
}

// askPrograms are the questions, on the connection that the session has.
func (s *session) askPrograms() []turn {
	return s.askProgramsOf(s.programs, s.track.Dialect(), s.track.Capabilities())
}

// askProgramsOf are those on a connection that it is about to have.
func (s *session) askProgramsOf(into *catalog, d track.Dialect, caps wire.Capability) []turn {
	c := &census{
		s: s, catalog: into, dialect: d, told: caps.Has(wire.ClientSessionTrack),
		began: s.w.now(), asOf: s.w.server.programs.changes.Count(),
	}
	return []turn{c.ask, c.answered}
}

// ask implements turn. What is the server's own does nothing to a session but to assign user variables.
func (c *census) ask(wire.Status) (list []client.Command, err error) {
	const (
		others  = " NOT IN ('sys','mysql','information_schema','performance_schema')"
		grantee = " WHERE GRANTEE=CONCAT('''',REPLACE(CURRENT_USER(),'@','''@'''),'''')"
	)
	ext := c.s.who.hello.Response().ExtCapabilities()
	q := &inquest{flavor: backend.MySQL, seconds: 1}
	ask := func(t *bounded, from string, columns ...string) {
		t.Ext = ext
		for i, x := range columns {
			columns[i] = "CAST(" + x + " AS BINARY)"
		}
		list = append(list, client.Command{Command: wire.ComQuery, Text: q.selects(columns, maxPrograms, from), Take: t.take, Lenient: true, Eager: true})
	}
	body := func(x string) string { return "IF(LENGTH(" + x + ")<65536, " + x + ", NULL)" }
	ask(&c.routines, " FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA"+others, "ROUTINE_SCHEMA", "ROUTINE_NAME", body("ROUTINE_DEFINITION"), "ROUTINE_TYPE")
	ask(&c.triggers, " FROM information_schema.TRIGGERS WHERE EVENT_OBJECT_SCHEMA"+others, "EVENT_OBJECT_SCHEMA", "EVENT_OBJECT_TABLE", body("ACTION_STATEMENT"))
	ask(&c.views, " FROM information_schema.VIEWS WHERE TABLE_SCHEMA"+others, "TABLE_SCHEMA", "TABLE_NAME", body("VIEW_DEFINITION"))
	if c.dialect == track.MariaDB {
		ask(&c.variables, " FROM information_schema.SYSTEM_VARIABLES WHERE VARIABLE_SCOPE<>'GLOBAL'", "VARIABLE_NAME")
	} else {
		ask(&c.variables, " FROM performance_schema.session_variables", "VARIABLE_NAME")
	}
	ask(&c.schemas, " FROM information_schema.SCHEMA_PRIVILEGES"+grantee, "TABLE_SCHEMA", "PRIVILEGE_TYPE")
	ask(&c.global, " FROM information_schema.USER_PRIVILEGES"+grantee, "PRIVILEGE_TYPE")
	ask(&c.tables, " FROM information_schema.TABLE_PRIVILEGES"+grantee, "PRIVILEGE_TYPE")
	ask(&c.roles, " FROM information_schema.APPLICABLE_ROLES", "ROLE_NAME")
	ask(&c.tracked, "", "@@session.session_track_system_variables")
	return list, nil
}

// answered takes the answers. Where there are none what has been known stands, if anything has.
func (c *census) answered(wire.Status) ([]client.Command, error) {
	now := c.s.w.now()
	switch p := c.read(); {
	case p != nil:
		c.catalog.Put(p, c.asOf)
		c.catalog.due.Store(now + max(int64(programsFor), programsShare*(now-c.began)))
	case c.catalog.Programs() == nil:
		c.catalog.Put(track.UnknownPrograms(), c.asOf)
		c.catalog.due.Store(now + int64(programsAgain))
	}
	c.s.track.CatchUp()
	return nil, nil
}

// read makes of them what a session needs to know, nil if the server has not answered, or too much.
func (c *census) read() *track.Programs {
	for _, t := range []struct {
		*bounded
		columns int
	}{{&c.routines, 4}, {&c.triggers, 3}, {&c.views, 3}} {
		if len(t.Columns) != t.columns || t.over || len(t.Rows) >= maxPrograms {
			return nil
		}
	}
	list := make([]track.Program, 0, len(c.routines.Rows)+len(c.triggers.Rows)+len(c.views.Rows))
	for _, row := range c.routines.Rows {
		kind := track.Routine
		if strings.HasPrefix(string(row[3]), "PACKAGE") {
			kind = track.Package
		}
		list = append(list, track.Program{Kind: kind, Schema: row[0], Name: row[1], Body: row[2]})
	}
	for _, row := range c.triggers.Rows {
		list = append(list, track.Program{Kind: track.Trigger, Schema: row[0], Name: row[1], Body: row[2]})
	}
	for _, row := range c.views.Rows {
		x := track.Program{Kind: track.View, Schema: row[0], Name: row[1], Body: row[2]}
		if len(x.Body) == 0 { // which is how a server says that the account may not read it
			x.Body = nil
		}
		list = append(list, x)
	}
	r := c.rights()
	return track.NewPrograms(list, track.System{Variables: c.untold(), Sees: r.sees, Blind: r.blind() && !c.showsTriggers()})
}

// showsTriggers reports whether the server shows that there are triggers which the account may not read: some releases do.
func (c *census) showsTriggers() bool {
	return slices.ContainsFunc(c.triggers.Rows, func(row []client.Value) bool { return row[2] == nil })
}

// untold are the system variables of a session of which its server does not tell, nil if that is not known.
func (c *census) untold() map[string]bool {
	var names []string
	for _, row := range c.variables.Rows {
		names = append(names, string(row[0]))
	}
	if len(names) == 0 || c.variables.over {
		return nil
	}
	tracked := ""
	if len(c.tracked.Rows) == 1 && c.told {
		tracked = string(c.tracked.Rows[0][0])
	}
	return track.SystemVariables(names, tracked)
}

// right is a set of what an account may do.
type right uint8

const (
	readsTables right = 1 << iota
	writesTables
	runsPrograms
	seesTriggers
)

func rightOf(name string) right {
	switch name {
	case "SELECT":
		return readsTables
	case "INSERT", "UPDATE", "DELETE":
		return readsTables | writesTables
	case "EXECUTE", "CREATE ROUTINE", "ALTER ROUTINE":
		return runsPrograms
	case "TRIGGER":
		return seesTriggers
	}
	return 0
}

// rights are an account's, of which those by roles are not known.
type rights struct {
	global  right
	others  right            // on single tables, and what roles may give
	schemas map[string]right // by name
	all     bool             // it may read all, programs among them as those are in tables as well
}

func (c *census) rights() rights {
	r := rights{schemas: map[string]right{}}
	for _, row := range c.global.Rows {
		r.global |= rightOf(string(row[0]))
		r.all = r.all || string(row[0]) == "SELECT"
	}
	for _, row := range c.schemas.Rows {
		r.schemas[strings.ReplaceAll(string(row[0]), `\_`, "_")] |= rightOf(string(row[1]))
	}
	for _, row := range c.tables.Rows {
		r.others |= rightOf(string(row[0]))
	}
	if len(c.roles.Rows) > 0 {
		r.others |= writesTables
	}
	return r
}

// sees reports whether all tables, triggers and programs of a schema are seen.
func (r *rights) sees(schema []byte) bool {
	const all = readsTables | runsPrograms | seesTriggers
	return r.all && r.global&seesTriggers != 0 || r.schemas[string(schema)]&all == all
}

// blind reports whether the account may write to a table without seeing its triggers.
func (r *rights) blind() bool {
	if r.global&seesTriggers != 0 {
		return false
	}
	for _, has := range r.schemas {
		if has&(writesTables|seesTriggers) == writesTables {
			return true
		}
	}
	return (r.global|r.others)&writesTables != 0
}

package proxy

import (
	"strings"

	"segue/proxy/track"
)

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

// account are those of the account. What has not been told whole it may not do, and all that is done without its seeing it.
func (c *census) account() rights {
	r := rights{schemas: map[string]right{}}
	if !c.global.whole() || !c.schemas.whole() || !c.tables.whole() || len(c.global.Rows)+len(c.schemas.Rows)+len(c.tables.Rows) == 0 {
		r.others = writesTables | runsPrograms
		return r
	}
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
	if !c.roles.whole() && (c.dialect == track.MariaDB || c.version >= 80000) || len(c.roles.Rows) > 0 {
		r.others |= writesTables | runsPrograms
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

// runs reports whether the account may run programs of some schema.
func (r *rights) runs() bool {
	all := r.global | r.others
	for _, has := range r.schemas {
		all |= has
	}
	return all&runsPrograms != 0
}

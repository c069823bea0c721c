package proxy

import (
	"testing"
	"time"

	"segue/backend/client"
	"segue/proxy/track"
)

// TestRights: which schemas an account sees whole, and whether it may write to tables whose triggers it does not see.
func TestRights(t *testing.T) {
	rows := func(list ...[]string) (out [][]client.Value) {
		for _, row := range list {
			var values []client.Value
			for _, v := range row {
				values = append(values, client.Value(v))
			}
			out = append(out, values)
		}
		return out
	}
	for name, c := range map[string]struct {
		global, schemas, tables, roles [][]client.Value
		sees, blind                    bool
	}{
		"all":           {global: rows([]string{"SELECT"}, []string{"INSERT"}, []string{"TRIGGER"}), sees: true},
		"reads all":     {global: rows([]string{"SELECT"})},
		"writes all":    {global: rows([]string{"SELECT"}, []string{"INSERT"}), blind: true},
		"all of one":    {schemas: rows([]string{"a\\_b", "SELECT"}, []string{"a\\_b", "UPDATE"}, []string{"a\\_b", "TRIGGER"}, []string{"a\\_b", "EXECUTE"}), sees: true},
		"of another":    {schemas: rows([]string{"c", "SELECT"}, []string{"c", "TRIGGER"}, []string{"c", "EXECUTE"})},
		"no triggers":   {schemas: rows([]string{"a_b", "INSERT"}, []string{"a_b", "EXECUTE"}), blind: true},
		"one table":     {tables: rows([]string{"DELETE"}), blind: true},
		"reads a table": {tables: rows([]string{"SELECT"})},
		"a role":        {roles: rows([]string{"r"}), blind: true},
		"nothing":       {},
	} {
		var k census
		k.global.Rows, k.schemas.Rows, k.tables.Rows, k.roles.Rows = c.global, c.schemas, c.tables, c.roles
		r := k.rights()
		if r.sees([]byte("a_b")) != c.sees || r.blind() != c.blind {
			t.Errorf("%s: sees %v, blind %v", name, r.sees([]byte("a_b")), r.blind())
		}
	}
}

// TestCatalogIsRead: by one session at a time, again after a while, and soon once something has been defined.
func TestCatalogIsRead(t *testing.T) {
	var p programs
	c := p.of(nil, "u")
	if p.of(nil, "u") != c || p.of(nil, "v") == c {
		t.Error("catalogs are mixed up")
	}
	now := int64(time.Hour)
	if !c.claim(now) || c.claim(now) || c.isDue(now+int64(time.Second)) || !c.isDue(now+int64(programsAgain)+int64(tendEvery)) {
		t.Error("what is being read is read by another, or never again")
	}
	clean := track.NewPrograms(nil, track.System{})
	c.Put(clean, 0)
	c.due.Store(now + int64(programsFor))
	if c.isDue(now+int64(programsFor)-1) || !c.isDue(now+int64(programsFor)) {
		t.Error("it is not read once a minute")
	}
	c.Put(clean, -1) // something has been defined since
	if c.Programs() != nil || !c.isDue(now+int64(tendEvery)) {
		t.Error("what is out of date is not read again")
	}
}

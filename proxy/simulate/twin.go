package simulate

import (
	"fmt"
	"slices"
	"strings"
)

// maybe is what a value may be; nil: anything.
type maybe []value

func (m maybe) String() string { return fmt.Sprint([]value(m)) }

// sees holds what was seen against it, and knows better from then on.
func (m *maybe) sees(v value) bool {
	if *m == nil {
		*m = maybe{v}
		return true
	}
	ok := slices.ContainsFunc(*m, v.same)
	*m = maybe{v}
	return ok
}

// twin is a session as its client knows that it must be.
type twin struct {
	database maybe
	user     map[string]*maybe
	system   map[string]*maybe
	open     bool  // a transaction is
	unsure   bool  // … or is not
	manual   maybe // autocommit=0
	temps    maybe // how many temporary tables there are
	writes   []string
	prepared map[uint32]string // what their answer begins with, by id
	ids      []uint32          // of prepared
	inserted maybe             // LAST_INSERT_ID()
	locks    maybe             // how many it has
	next     maybe             // whether the next transaction is read only
	only     maybe             // … this one is
	catalog  maybe
	texts    map[string]string // the tags of statements that PREPARE has prepared, by name
	left     residue
	reading  *reading
	binding  *binding
}

var (
	userNames   = []string{"@a", "@b", "@c"}
	systemNames = []string{"time_zone", "net_write_timeout"}
)

func newTwin(database string) *twin {
	t := &twin{user: map[string]*maybe{}, system: map[string]*maybe{}, prepared: map[uint32]string{}, inserted: maybe{number(0)}, manual: maybe{number(0)}, temps: maybe{number(0)}, locks: maybe{number(0)}, texts: map[string]string{}}
	t.next, t.only, t.catalog = maybe{number(0)}, maybe{number(0)}, maybe{text(defaultCatalog)}
	t.database = maybe{{null: database == "", text: database}}
	for _, n := range userNames {
		t.user[n] = &maybe{{null: true}}
	}
	for _, n := range systemNames {
		t.system[n] = &maybe{text(defaults[n])}
	}
	return t
}

// variable is what is known of a variable.
func (t *twin) variable(name string) *maybe {
	if m := t.user[name]; m != nil {
		return m
	}
	return t.system[name]
}

// mayBe notes that v may have become a variable's value, or not.
func (t *twin) mayBe(name string, v value) {
	if m := t.variable(name); *m != nil {
		*m = append(slices.Clip(*m), v)
	}
}

// bereft notes that all is gone that ends with a connection, but for a transaction.
func (t *twin) bereft() {
	t.temps, t.locks, t.left = maybe{number(0)}, maybe{number(0)}, residue{}
	t.next, t.only = maybe{number(0)}, maybe{number(0)}
	if t.reading != nil {
		t.reading.open = false
	}
	if t.binding != nil {
		t.binding.long = nil
	}
}

// bereftOf notes that variables are as in a new session.
func (t *twin) bereftOf(names string) {
	for _, n := range userNames {
		if strings.Contains(names, n) {
			*t.user[n] = maybe{{null: true}}
		}
	}
	for _, n := range systemNames {
		if strings.Contains(names, n) {
			*t.system[n] = maybe{text(defaults[n])}
		}
	}
}

// drop forgets a prepared statement.
func (t *twin) drop(id uint32) {
	delete(t.prepared, id)
	if at := slices.Index(t.ids, id); at >= 0 {
		t.ids = slices.Delete(t.ids, at, at+1)
	}
}

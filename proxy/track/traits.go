package track

import (
	"strings"
	"unique"
)

// Trait is something of a session that its backend can be asked for, to be compared with what another says.
type Trait struct {
	Name    string   // for the operator: it tells of no value
	Columns []string // what to select
	// Want is what the columns are to be where that is known without a backend's word, nil where it is not.
	Want []string
}

// TraitDatabase is the name of the current database's.
const TraitDatabase = "the database"

// mostTraits bounds what is asked for.
const mostTraits = 300

// Traits are those of all that is tracked and can be asked for: the database, the role, variables.
func (s *State) Traits() (list []Trait) {
	if name := s.current(); name != (text{}) && !foreign(name.Value()) && !strings.Contains(name.Value(), ".") {
		list = append(list, Trait{TraitDatabase, []string{"DATABASE()"}, []string{name.Value()}})
	}
	if s.held == nil {
		return list
	}
	for i := range s.held.settings {
		if len(list) >= mostTraits {
			break
		}
		if t := s.held.settings[i].trait(s.dialect, s.version); len(t.Columns) > 0 {
			list = append(list, t)
		}
	}
	return list
}

// trait is what x can be seen by.
func (x *setting) trait(d Dialect, version uint32) Trait {
	switch key := x.key.Value(); {
	case isUserVariable(key):
		return x.variableTrait(d)
	case key == "ROLE" && (d == MariaDB || d == TiDB || d == MySQL && version >= 80000):
		return Trait{Name: "the role", Columns: []string{"CURRENT_ROLE()"}}
	case key == "ISOLATION" && d == MariaDB:
		return Trait{Name: "@@tx_isolation", Columns: []string{"@@session.tx_isolation"}}
	case key == "NAMES", key == "CHARACTER SET":
		return Trait{Name: "character sets", Columns: []string{"@@session.character_set_client", "@@session.character_set_results", "@@session.character_set_connection"}}
	case !strings.HasPrefix(key, "@@session."), delicate(key), versioned(key):
		return Trait{}
	default:
		return Trait{Name: "@@" + strings.TrimPrefix(key, "@@session."), Columns: []string{key}}
	}
}

// versioned reports the variables that two servers may well show otherwise although they have been set alike: the clock, and lists that newer versions make
// longer.
func versioned(key string) bool {
	switch strings.TrimPrefix(key, "@@session.") {
	case "timestamp", "optimizer_switch", "optimizer_trace", "optimizer_trace_features", "pseudo_thread_id":
		return true
	}
	return false
}

// variableTrait is what a user's variable can be seen by: it may be long.
func (x *setting) variableTrait(d Dialect) Trait {
	key := x.key.Value()
	if d.fe() || delicate(key) { // an FE has a backend compute what is more than a name
		return Trait{}
	}
	t := Trait{Name: key, Columns: []string{"LENGTH(" + key + ")", "MD5(" + key + ")", "CHARSET(" + key + ")", "COLLATION(" + key + ")"}}
	if x.text == (text{}) {
		return t
	}
	if _, value, _ := strings.Cut(x.text.Value(), "="); isPlainNumber(value) {
		t.Columns, t.Want = []string{key}, []string{value}
	}
	return t
}

// isPlainNumber reports whether s is an integer as a server would write it.
func isPlainNumber(s string) bool {
	digits := strings.TrimPrefix(s, "-")
	if digits == "" || len(digits) > 18 || digits[0] == '0' && len(s) > 1 {
		return false
	}
	for i := range len(digits) {
		if !isDigit(digits[i]) {
			return false
		}
	}
	return true
}

// NoDatabase tells that the session has no current database any more.
func (s *State) NoDatabase() {
	s.database = text{}
	if h := s.held; h != nil {
		h.late = text{}
		h.forget(unique.Make(useKey))
		s.byDatabase()
		s.recheck()
	}
}

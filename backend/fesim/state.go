package fesim

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"segue/backend/wire"
)

// state is what a session holds on its FE and what a move must bring along (or cannot).
type state struct {
	user       string // qualifiedUser: who logged in
	identity   string // currentUserIdentity: as whom statements run
	role       string
	db         string
	sessionID  string
	queries    int // statements so far
	vars       variables
	userVars   map[string]value
	tempTables map[string]bool
	prepared   map[string]*prepared
	txn        uint64 // 0: none
}

func newState(s *session, user string) state {
	st := state{
		user: user, identity: user, role: "NONE", userVars: make(map[string]value),
		tempTables: make(map[string]bool), prepared: make(map[string]*prepared),
	}
	st.sessionID = s.newUUID()
	st.resetVariables(s)
	return st
}

// resetVariables gives every session variable its default: all that COM_RESET_CONNECTION does.
func (st *state) resetVariables(s *session) {
	st.vars = variables{fe: s.fe, globals: s.fe.cluster.globalVariables()}
}

// variable returns a variable's value.
func (st *state) variable(name string, global bool) (value, error) {
	if _, ok := defaultVariables[name]; !ok {
		return nil, unknownVariable(name)
	}
	if global {
		return (&variables{fe: st.vars.fe, globals: st.vars.fe.cluster.globalVariables()}).get(name), nil
	}
	return st.vars.get(name), nil
}

func unknownVariable(name string) *wire.Err {
	return &wire.Err{Code: 1193, State: "HY000", Message: fmt.Sprintf("Unknown system variable '%s'", name)}
}

// convert checks a new value of a variable and gives it the variable's type.
func convert(name string, v value) (value, *wire.Err) {
	old, ok := defaultVariables[name]
	if !ok {
		return nil, unknownVariable(name)
	}
	if _, ok := old.(int64); !ok {
		if v == nil {
			return nil, nil
		}
		return text(v), nil
	}
	switch word := strings.ToLower(text(v)); {
	case word == "on" || word == "true":
		return int64(1), nil
	case word == "off" || word == "false":
		return int64(0), nil
	case v != nil && numeralValue(word) != any(word):
		return int64(number(v)), nil
	}
	return nil, &wire.Err{Code: 1232, State: "42000", Message: fmt.Sprintf("Incorrect argument type to variable '%s'", name)}
}

func (st *state) catalog() string { return text(st.vars.get("catalog")) }

// database is NULL when there is none.
func (st *state) database() value {
	if st.db == "" {
		return nil
	}
	return st.db
}

// waitTimeout is wait_timeout, not scaled.
func (st *state) waitTimeout() time.Duration {
	return time.Duration(number(st.vars.get("wait_timeout"))) * time.Second
}

// lastQueryID is the id of the statement before the present one.
func (st *state) lastQueryID(s *session) value {
	if st.queries < 2 {
		return nil
	}
	return fmt.Sprintf("%08x-0000-0000-0000-%012x", s.id, st.queries-1)
}

// newUUID returns something in the form of a UUID.
func (s *session) newUUID() string {
	return fmt.Sprintf("%08x-%04x-4%03x-8%03x-%012x", s.id, s.fe.intN(1<<16), s.fe.intN(1<<12), s.fe.intN(1<<12), s.fe.intN(1<<40))
}

func (s *session) host() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.shown.Host
}

// catalogs are those that USE and SET CATALOG know.
var catalogs = []string{"default_catalog", "hive", "iceberg"}

func (f *FE) hasCatalog(name string) bool { return slices.Contains(catalogs, name) }

func (s *session) setCatalog(name string) *wire.Err {
	if !s.fe.hasCatalog(name) {
		return &wire.Err{Code: 5078, State: "42000", Message: fmt.Sprintf("Unknown catalog '%s'", name)}
	}
	s.state.vars.put("catalog", name)
	return nil
}

// operator reports whether the session's user has OPERATE.
func (s *session) operator() bool { return slices.Contains(s.fe.opts.Operators, s.state.identity) }

func denied(privilege string) *wire.Err {
	return &wire.Err{Code: 5203, State: "42000", Message: fmt.Sprintf("Access denied; you need (at least one of) the %s privilege(s) on SYSTEM for this operation.", privilege)}
}

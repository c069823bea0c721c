package fesim

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"segue/backend"
	"segue/backend/wire"
)

// command executes one command (ConnectProcessor.dispatch) and sends its answer; false if the connection is to end.
func (s *session) command(ctx context.Context, payload []byte) bool {
	if s.life.closing.Load() && s.state.txn == 0 {
		return false // TiDB: closed at the next command, without an answer
	}
	rest := payload[1:]
	switch c := wire.Command(payload[0]); c {
	case wire.ComQuit:
		_ = s.ok(0, 0)
		return false
	case wire.ComInitDB:
		return s.done(s.initDB(string(rest)))
	case wire.ComQuery:
		return s.query(ctx, string(rest))
	case wire.ComFieldList:
		return s.fieldList(rest)
	case wire.ComPing:
		if s.fe.opts.Flavor == backend.TiDB && s.life.draining.Load() {
			return s.err(&wire.Err{Code: 1053, State: "08S01", Message: "Server shutdown in progress"})
		}
		return s.done(nil)
	case wire.ComChangeUser:
		return s.changeUser(payload)
	case wire.ComStmtPrepare:
		return s.stmtPrepare(string(rest))
	case wire.ComStmtExecute:
		return s.stmtExecute(ctx, rest)
	case wire.ComStmtClose:
		s.stmtClose(rest)
		return true
	case wire.ComStmtReset:
		return s.done(nil)
	case wire.ComResetConnection:
		s.state.resetVariables(s)
		return s.done(nil)
	case wire.ComSleep, wire.ComCreateDB, wire.ComDropDB, wire.ComRefresh, wire.ComShutdown, wire.ComStatistics, wire.ComProcessInfo,
		wire.ComConnect, wire.ComProcessKill, wire.ComDebug, wire.ComTime, wire.ComStmtSendLongData, wire.ComDaemon:
		return s.err(fail("Unsupported command(%s)", c))
	default:
		return s.err(&wire.Err{Code: 1047, State: "08S01", Message: "Unknown command(null)"})
	}
}

// ok sends an OK_Packet.
func (s *session) ok(affected uint64, more wire.Status) error {
	return s.packet((&wire.OK{AffectedRows: affected, Status: s.status() | more}).Append(nil, capabilities))
}

// err sends an ERR_Packet; false if the connection is to end. An error that is not the FE's own ends it.
func (s *session) err(err error) bool {
	e, ok := errors.AsType[*wire.Err](err)
	if !ok {
		return false
	}
	if e.Message == "" {
		e = &wire.Err{Code: e.Code, State: e.State, Message: "Unknown error"}
	}
	return s.packet(e.Append(nil)) == nil
}

// done sends an OK, or the ERR that e is.
func (s *session) done(e *wire.Err) bool {
	if e != nil {
		return s.err(e)
	}
	return s.ok(0, 0) == nil
}

// query is COM_QUERY. Statements are always separated, whatever the client's capabilities; the first error ends the chain, and a syntax
// error anywhere keeps all of them from being executed.
func (s *session) query(ctx context.Context, text string) bool {
	stmts, err := parse(text)
	if err != nil {
		s.last = &statement{}
		return s.err(err)
	}
	if len(stmts) == 0 {
		return s.done(nil)
	}
	for i, stmt := range stmts {
		more := wire.StatusMoreResults
		if i == len(stmts)-1 {
			more = 0
		}
		if !s.execute(ctx, stmt, &env{s: s, ctx: ctx}, more, false) {
			return false
		}
		if s.last.failed {
			break
		}
	}
	return true
}

// execute runs one statement and sends its result.
func (s *session) execute(ctx context.Context, stmt *statement, e *env, more wire.Status, binary bool) bool {
	s.last = stmt
	stmt.failed = false
	if s.fault.CutBefore {
		return false
	}
	s.mu.Lock()
	s.shown.Info = stmt.text
	s.mu.Unlock()
	s.state.queries++
	s.fe.count(func(st *Stats) { st.Statements++ })
	err := s.perform(ctx, stmt, e, more, binary)
	if s.fault.CutAfter {
		return false
	}
	if err != nil {
		stmt.failed = true
		return s.err(err)
	}
	return true
}

// perform runs a statement, on a BE if it needs one, and sends what comes of it.
func (s *session) perform(ctx context.Context, stmt *statement, e *env, more wire.Status, binary bool) error {
	if stmt.scans {
		placed, end, err := s.fe.cluster.place(ctx, s.fe, stmt.isSelect)
		if err != nil {
			return err
		}
		defer end()
		ctx, e.ctx = placed, placed
	}
	r, err := stmt.run(e)
	if err != nil || s.fault.CutAfter {
		return err
	}
	return s.send(ctx, r, more, binary)
}

// initDB is COM_INIT_DB, which takes "db", "catalog.db", "catalog x" and "warehouse x".
func (s *session) initDB(name string) *wire.Err {
	words := strings.Fields(name)
	if len(words) == 2 {
		switch strings.ToLower(words[0]) {
		case "catalog":
			return s.setCatalog(words[1])
		case "warehouse":
			s.state.vars.put("warehouse", words[1])
			return nil
		}
	}
	return s.enter(name)
}

// fieldList is COM_FIELD_LIST.
func (s *session) fieldList(rest []byte) bool {
	table, _, _ := bytes.Cut(rest, []byte{0})
	columns, ok := s.tableColumns(strings.TrimPrefix(string(table), "fesim."))
	if !ok {
		return s.err(unknownTable(string(table)))
	}
	for _, c := range columns {
		def := c.definition()
		def.Trailer = []byte{0xfb} // default value NULL
		if s.packet(def.Append(nil, 0)) != nil {
			return false
		}
	}
	return s.packet((&wire.EOF{Status: s.status()}).Append(nil)) == nil
}

// changeUser is COM_CHANGE_USER: checked against the greeting's salt, without AuthSwitchRequest.
func (s *session) changeUser(payload []byte) bool {
	var m wire.ChangeUser
	if err := m.Decode(payload, s.client.Capabilities); err != nil {
		return s.err(fail("%v", err))
	}
	if s.state.txn != 0 {
		return s.err(&wire.Err{Code: 1105, State: "HY000", Message: "COM_CHANGE_USER is not allowed while an explicit transaction is active"})
	}
	if plugin := s.fe.plugin(m.Username); m.AuthPlugin != "" && plugin != "" && plugin != m.AuthPlugin || !s.fe.authentic(m.Username, s.salt, m.AuthResponse) {
		return s.err(s.denied(m.Username, len(m.AuthResponse) > 0))
	}
	// What becomes of user variables and prepared statements was not found; as in MySQL they go.
	s.state = newState(s, m.Username)
	if m.Database != "" {
		if e := s.enter(m.Database); e != nil {
			return s.err(e)
		}
	}
	s.mu.Lock()
	s.shown.User, s.shown.DB = m.Username, s.state.db
	s.mu.Unlock()
	return s.done(nil)
}

func unknownTable(name string) *wire.Err {
	return &wire.Err{Code: 5502, State: "42S02", Message: fmt.Sprintf("Getting analyzing error. Detail message: Unknown table '%s'.", name)}
}

package fesim

import (
	"fmt"
	"strings"

	"segue/backend"
	"segue/backend/wire"
)

// connect is the connection phase; false if the connection is to end.
func (s *session) connect() bool {
	f := s.fe.faults()
	s.fault = f
	if f.AcceptSilent {
		s.hang()
		return false
	}
	if f.GreetingDelay > 0 && s.sleep(s.life.ctx, f.GreetingDelay) != nil {
		return false
	}
	if !s.fe.thaw(s.life.ctx.Done()) || f.EOFBeforeGreeting || !s.proxyHeader() {
		return false
	}
	if f.GreetingERR != nil {
		return s.refuse(f.GreetingERR)
	}
	if err := s.overLimit(); err != nil && s.fe.opts.LimitBeforeLogin {
		return s.refuse(err)
	}
	if !s.greet(f) {
		return false
	}
	payload, seq, err := s.r.Next()
	if err != nil {
		return false
	}
	s.seq = seq + 1
	switch {
	case f.ResetAfterAuth:
		_ = s.conn.SetLinger(0)
		return false
	case f.EOFAfterAuth:
		return false
	case f.HangAfterAuth:
		s.hang()
		return false
	}
	if err := s.client.Decode(payload); err != nil {
		return s.refuse(fail("%v", err))
	}
	return s.login(f)
}

// refuse sends an ERR and ends the connection.
func (s *session) refuse(e *wire.Err) bool {
	if s.packet(e.Append(nil)) == nil {
		_ = s.flush()
	}
	return false
}

// greet sends the HandshakeV10 (MysqlHandshakePacket).
func (s *session) greet(f Fault) bool {
	greeting := wire.HandshakeV10{
		ServerVersion: s.fe.opts.ServerVersion, ConnectionID: s.id, AuthData: s.salt, Capabilities: capabilities,
		Charset: charsetUTF8, Status: s.status(), AuthPlugin: wire.PluginNativePassword,
	}
	s.out, s.seq = wire.AppendPacket(s.out, 0, greeting.Append(nil))
	if f.TruncateGreeting {
		s.out = s.out[:len(s.out)/2]
	}
	if s.flush() != nil || f.TruncateGreeting {
		return false
	}
	s.fe.count(func(st *Stats) { st.Greetings++ })
	return !f.EOFAfterGreeting
}

// overLimit tells that the FE has as many sessions as it may have.
func (s *session) overLimit() *wire.Err {
	s.life.mu.Lock()
	defer s.life.mu.Unlock()
	return s.overLimitLocked()
}

// overLimitLocked needs life.mu.
func (s *session) overLimitLocked() *wire.Err {
	limit := s.fe.opts.MaxConnections
	if s.life.loggedIn < limit {
		return nil
	}
	return ConnectionLimit(limit, s.life.loggedIn, s.fe.opts.Name)
}

// admit counts the session as one that is logged in (ConnectScheduler.registerConnection).
func (s *session) admit() *wire.Err {
	s.life.mu.Lock()
	defer s.life.mu.Unlock()
	if err := s.overLimitLocked(); err != nil {
		return err
	}
	user := s.client.Username
	if limit := s.fe.opts.MaxUserConnections; s.life.byUser[user] >= limit {
		return UserConnectionLimit(user, limit)
	}
	s.life.byUser[user]++
	s.life.loggedIn++
	s.admitted = true
	return nil
}

// enter makes db, or catalog.db, the current database.
func (s *session) enter(name string) *wire.Err {
	catalog, db, ok := strings.Cut(name, ".")
	if !ok {
		catalog, db = s.state.catalog(), name
	}
	if !s.fe.hasCatalog(catalog) {
		return &wire.Err{Code: 5078, State: "42000", Message: fmt.Sprintf("Unknown catalog '%s'", catalog)}
	}
	if ok && db == "" { // "catalog." is a catalog alone
		s.state.vars.put("catalog", catalog)
		return nil
	}
	if !s.fe.hasDatabase(db) {
		return unknownDatabase(db)
	}
	s.state.vars.put("catalog", catalog)
	s.state.db = db
	s.mu.Lock()
	s.shown.DB = db
	s.mu.Unlock()
	return nil
}

// status returns the flags of OK and EOF packets. An FE never sets IN_TRANS or AUTOCOMMIT; TiDB does.
func (s *session) status() wire.Status {
	var st wire.Status
	tidb := s.fe.opts.Flavor == backend.TiDB
	if tidb || s.fe.opts.ReportAutocommit {
		st |= wire.StatusAutocommit
	}
	if tidb && s.state.txn != 0 {
		st |= wire.StatusInTrans
	}
	return st
}

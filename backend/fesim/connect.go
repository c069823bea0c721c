package fesim

import (
	"bufio"
	"bytes"
	"crypto/sha1"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"segue/backend"
	"segue/proxy/wire"
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

// login authenticates, enters the database and sends the OK.
func (s *session) login(f Fault) bool {
	user := s.client.Username
	answer, ok := s.switchAuth(f)
	if !ok {
		return false
	}
	if !s.fe.authentic(user, s.salt, answer) {
		return s.refuse(s.denied(user, len(answer) > 0))
	}
	if f.LoginERR != nil {
		return s.refuse(f.LoginERR)
	}
	if err := s.admit(); err != nil {
		return s.refuse(err)
	}
	s.state = newState(s, user)
	if db := s.client.Database; db != "" {
		if err := s.enter(db); err != nil {
			return s.refuse(err)
		}
	}
	s.mu.Lock()
	s.loggedIn, s.since, s.timeout = true, time.Now(), s.state.waitTimeout()
	s.shown.User, s.shown.DB, s.shown.Command = user, s.state.db, "Sleep"
	s.mu.Unlock()
	// Counted before the OK is sent: a client that has its OK finds itself in the statistics.
	s.fe.count(func(st *Stats) { st.Logins++; st.LastLogin = time.Now() })
	return s.packet((&wire.OK{Status: s.status()}).Append(nil, capabilities)) == nil && s.flush() == nil
}

// switchAuth sends an AuthSwitchRequest, with the same salt, if the client's plugin is not the user's; there is none for an unknown user.
func (s *session) switchAuth(f Fault) (answer []byte, ok bool) {
	answer = s.client.AuthResponse
	want := s.fe.plugin(s.client.Username)
	have := s.client.AuthPlugin
	if have == "" {
		have = wire.PluginNativePassword // MySQL 5.1
	}
	if want == "" || want == have {
		return answer, true
	}
	request := wire.NewAuthSwitchRequest(want, s.salt)
	if s.packet(request.Append(nil)) != nil || s.flush() != nil || f.EOFAfterSwitch {
		return nil, false
	}
	payload, seq, err := s.r.Next()
	if err != nil {
		return nil, false
	}
	s.seq = seq + 1
	return bytes.Clone(payload), true
}

// plugin returns the client plugin of a user, "" if there is no such user.
func (f *FE) plugin(user string) string {
	if _, ok := f.opts.LDAPUsers[user]; ok {
		return wire.PluginClearPassword
	}
	if _, ok := f.opts.Users[user]; ok {
		return wire.PluginNativePassword
	}
	return ""
}

// authentic checks what a client answered.
func (f *FE) authentic(user string, salt, answer []byte) bool {
	if password, ok := f.opts.LDAPUsers[user]; ok {
		return string(bytes.TrimSuffix(answer, []byte{0})) == password
	}
	password, ok := f.opts.Users[user]
	if !ok {
		return false
	}
	if password == "" {
		return len(answer) == 0
	}
	return checkNative(salt, nativeHash(password), answer)
}

// nativeHash returns SHA1(SHA1(password)), also of a password that is given as *HEX.
func nativeHash(password string) []byte {
	if strings.HasPrefix(password, "*") {
		if b, err := hex.DecodeString(password[1:]); err == nil && len(b) == sha1.Size {
			return b
		}
	}
	stage1 := sha1.Sum([]byte(password))
	stage2 := sha1.Sum(stage1[:])
	return stage2[:]
}

// checkNative verifies an answer of mysql_native_password as a server does, which knows only the hash.
func checkNative(salt, hash, answer []byte) bool {
	if len(answer) != sha1.Size {
		return false
	}
	mask := sha1.Sum(append(bytes.Clone(salt), hash...))
	for i := range mask {
		mask[i] ^= answer[i]
	}
	stage2 := sha1.Sum(mask[:])
	return subtle.ConstantTimeCompare(stage2[:], hash) == 1
}

func (s *session) denied(user string, password bool) *wire.Err {
	with := "NO"
	if password {
		with = "YES"
	}
	return &wire.Err{Code: 1045, State: "28000", Message: fmt.Sprintf("Access denied for user '%s' (using password: %s)", user, with)}
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
	return fail("Reach cluster-wide connection limit, qe_max_connection=%d, connectionMap.size=%d, node=%s", limit, s.life.loggedIn, s.fe.opts.Name)
}

// admit counts the session as one that is logged in (ConnectScheduler.registerConnection).
func (s *session) admit() *wire.Err {
	s.life.mu.Lock()
	defer s.life.mu.Unlock()
	if err := s.overLimitLocked(); err != nil {
		return err
	}
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
	if !slices.Contains(s.fe.opts.Databases, db) {
		return &wire.Err{Code: 1049, State: "42000", Message: fmt.Sprintf("Unknown database '%s'", db)}
	}
	s.state.vars["catalog"] = catalog
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

// proxyHeader reads the PROXY protocol v1 header of a trusted peer, one byte at a time so as to read nothing behind it.
func (s *session) proxyHeader() bool {
	if !s.fe.opts.ProxyProtocol {
		return true
	}
	_ = s.conn.SetReadDeadline(time.Now().Add(s.fe.opts.scaled(s.fe.opts.ProxyTimeout)))
	line, err := bufio.NewReaderSize(&byteReader{s.conn, 107}, 16).ReadString('\n')
	_ = s.conn.SetReadDeadline(time.Time{})
	fields := strings.Fields(line)
	switch {
	case err == nil && len(fields) >= 2 && fields[0] == "PROXY" && fields[1] == "UNKNOWN":
		return true
	case err == nil && len(fields) == 6 && fields[0] == "PROXY" && (fields[1] == "TCP4" || fields[1] == "TCP6"):
		s.mu.Lock()
		s.shown.Host = net.JoinHostPort(fields[2], fields[4])
		s.mu.Unlock()
		return true
	case err == nil:
		err = fmt.Errorf("malformed header")
	}
	return s.refuse(fail("PROXY protocol header required but not received: %v", err))
}

// byteReader reads single bytes, left of them at most.
type byteReader struct {
	conn net.Conn
	left int
}

// Read implements io.Reader.
func (r *byteReader) Read(b []byte) (int, error) {
	if r.left == 0 {
		return 0, fmt.Errorf("header too long")
	}
	r.left--
	return r.conn.Read(b[:min(1, len(b))])
}

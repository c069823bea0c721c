package fesim

import (
	"bytes"
	"crypto/sha1"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"segue/backend/wire"
)

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

package proxy

import (
	"errors"
	"fmt"

	"segue/backend/client"
	"segue/backend/wire"
	"segue/proxy/login"
)

// A COM_CHANGE_USER is a login in mid-session, which is relayed. Where nobody can listen to one side of the session, and to the other somebody can, what one side says is nothing
// for the other: a password in clear, or the request for a key. Such a login is not finished. Nor does it get around what an account requires of its clients' connections.

// stands notes how the session reaches the backend that it stands on by now.
func (s *session) stands() { s.who.crossed = s.who.over.Safe() != s.back.over.Safe() }

// isGuarded reports whether it is a COM_CHANGE_USER that is to be looked at.
func (c command) isGuarded() bool {
	return commandOf(c.b) == wire.ComChangeUser && (c.s.who.crossed || c.s.w.server.options().requires())
}

// requires reports whether there are accounts that not every client may log in to.
func (o *Options) requires() bool {
	for i := range o.Users {
		if o.Users[i].Requires != (client.Requirement{}) {
			return true
		}
	}
	return false
}

// bars ends the session of a client that may not become m's user by a connection like its own, and reports whether it has.
func (s *session) bars(m *wire.ChangeUser) bool {
	var err error
	switch account := s.w.server.options().Account(m.Username); {
	case s.w.server.options().requires() && !login.PlainName(m.Username, m.Charset):
		err = errors.New("its name is not in a character set by which Segue knows whose it is")
	case account != nil:
		err = account.Requires.Met(s.who.seen())
	}
	if err == nil {
		return false
	}
	err = fmt.Errorf("user %q: %w", wire.Shown(m.Username, wire.MaxShown), err)
	s.endNow(Refused, err, &wire.Err{Code: codeAccessDenied, State: "28000", Message: "segue: " + err.Error()})
	return true
}

var errUnread = errors.New("there are accounts here that not every client may log in to, or one side of the session is on TLS and the other is not: what cannot be read is not passed on")

// endUnread ends a session of which something could not be read that may be a login.
func (s *session) endUnread() {
	s.endNow(Protocol, errUnread, errPacket(codeHandshake, errUnread.Error()))
}

// mayHide reports whether the session can not be read any more, and its client could hide a login in that.
func (s *session) mayHide() bool {
	return s.track.Opaque() != 0 && s.end == Open && (s.who.crossed || s.w.server.options().requires())
}

var errCrossed = errors.New("COM_CHANGE_USER: one side of the session is on TLS and the other is not, so that the password cannot be passed on; backend_tls, or a new connection, does")

// isTorn looks at an answer of a backend to a COM_CHANGE_USER whose client's own answer would be nothing for the backend, and ends the session at one. It reports
// whether it has, and how many bytes it has to see for that, if b is too short.
func (s *session) isTorn(b []byte) (torn, more bool) {
	if !s.track.ChangesUser() || len(b) < wire.HeaderLen+1 {
		return false, s.track.ChangesUser() && len(b) < wire.HeaderLen+1
	}
	n, _ := wire.DecodeHeader(b)
	payload := b[wire.HeaderLen:]
	switch {
	case payload[0] != 0xfe && payload[0] != 0x01 || n > maxChangeUser:
		return false, false
	case len(payload) < n:
		return false, true
	}
	payload = payload[:n]
	var request wire.AuthSwitchRequest
	switch {
	case n > 1 && payload[0] == 0x01 && payload[1] == wire.SHA2FullAuth:
	case payload[0] == 0xfe && request.Decode(payload) == nil && saysWhole(request.Plugin):
	default:
		return false, false
	}
	s.endNow(Refused, errCrossed, &wire.Err{Code: codeAccessDenied, State: "28000", Message: "segue: " + errCrossed.Error()})
	return true, false
}

// saysWhole reports whether a client says its password itself to a plugin.
func saysWhole(plugin string) bool {
	return plugin == wire.PluginSHA256Password || login.InClear(plugin)
}

package proxy

import (
	"segue/backend"
	"segue/proxy/track"
	"segue/proxy/wire"
)

// changeUser returns the COM_CHANGE_USER to be sent in place of the client's, nil if that may pass as it is. The client proves
// its password to the salt of the backend that it logged in to. Another one is made to ask with its own, by the name of a plugin
// that no account has; a StarRocks FE does not ask again, and refuses.
func (s *session) changeUser(look track.Look, chunk []byte) []byte {
	flavor := s.server.options().Flavor
	if s.away.moves == 0 || look.Command != wire.ComChangeUser || !look.Whole || flavor == backend.StarRocks || flavor == backend.Doris {
		return nil
	}
	caps := s.hello.response().Capabilities
	var m wire.ChangeUser
	if m.Decode(chunk[wire.HeaderLen:look.Len], caps) != nil || m.NoCharset || !caps.Has(wire.ClientPluginAuth) || len(m.AuthResponse) == 0 {
		return nil
	}
	m.AuthResponse, m.AuthPlugin = nil, authSwitchPlugin
	packet, _ := wire.AppendPacket(nil, look.Seq, m.Append(nil, caps))
	return packet
}

// whoLocked brings the session's user in line with what the client has made of it by COM_CHANGE_USER. The credential was that
// of the user before.
func (s *session) whoLocked() {
	user := s.track.User()
	if user == "" || user == s.user {
		return
	}
	r := s.hello.response()
	r.Username = user
	s.user, s.hello, s.cred = user, newHello(r), nil
}

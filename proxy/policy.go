package proxy

import (
	"strings"

	"segue/backend"
	"segue/backend/client"
	"segue/proxy/login"
)

// Account implements login.Users.
func (o *Options) Account(user string) *client.Account {
	if n := len(user); n > 1 && user[0] == '\'' && user[n-1] == '\'' { // MySQL and MariaDB take those off (parse_client_handshake_packet)
		user = user[1 : n-1]
	}
	for i := range o.Users {
		if u := &o.Users[i]; u.Name == user || u.Requires != (client.Requirement{}) && len(u.Name) >= longUser && strings.HasPrefix(user, u.Name) {
			return u.account()
		}
	}
	return nil
}

// longUser is from where on a server may take a name for a shorter one (USERNAME_CHAR_LENGTH of MySQL; others take more).
const longUser = 32

// Impersonate implements login.Users.
func (o *Options) Impersonate(user string) *client.Credential { return o.impersonation(user) }

// Policy implements login.Users.
func (o *Options) Policy() login.Policy {
	p := login.Policy{
		Witnessed: witnessed(o.Flavor), TLS: o.TLS.Server != nil, Required: o.TLS.Required,
		Requires: o.requires(), Compression: o.BackendCompression, Learns: o.LearnUsers, Trust: client.Trust{AnyKey: o.AnyKey}, Key: o.key,
	}
	if p.TLS {
		p.Fingerprint = o.TLS.Server.Fingerprint()
	}
	return p
}

// witnessed reports whether servers tell what becomes of a session: of those that Segue knows MySQL and MariaDB do.
func witnessed(f backend.Flavor) bool { return f == backend.MySQL }

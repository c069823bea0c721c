package proxy

import (
	"time"

	"segue/backend"
	"segue/backend/client"
	"segue/backend/wire"
	"segue/proxy/ledger"
)

// identity is who the session's client is, and what it can be logged in again with.
type identity struct {
	hello  client.Hello       // what the client said of itself, for later logins
	cred   *client.Credential // nil: nothing was learned
	token  *token             // of TiDB's, kept for when the backend is gone; nil: there is none
	salted bool               // its client has proved who it is to a salt that is not its first backend's
	masked bool               // the backend takes the session's user for the service account

	over    client.Transport // what its client's connection goes over
	crossed bool             // … and nobody can listen to that, or to the backend's, but to the other
	peer    *client.Peer     // what is known of the client's connection; nil: that it is not on TLS
}

// token is a credential that a TiDB server has made out, and when.
type token struct {
	cred *client.Credential
	at   int64 // as Server.elapsed
}

// seen is what is known of the client's connection.
func (i *identity) seen() client.Peer {
	if i.peer == nil {
		return client.Peer{}
	}
	return *i.peer
}

// user is the client's.
func (i *identity) user() string { return i.hello.User() }

// become follows what the client has made of itself by COM_CHANGE_USER. The credential was that of the user before.
func (i *identity) become(user string) {
	if user == "" || user == i.user() {
		return
	}
	r := i.hello.Response()
	r.Username = user
	i.hello, i.cred = client.NewHello(r), nil
}

// credentials are what the client can be logged in again with at the moment now, the best first: each is worth a try when the backend has refused
// the one before it. The configured password comes before the one that the session logged in with, which may have been changed since.
func (i *identity) credentials(o *Options, now int64) (list []*client.Credential) {
	if u := o.user(i.user()); u != nil && u.HasPassword {
		c := u.account().Credential()
		if i.cred.Clear() {
			c = c.InClear()
		}
		list = append(list, c)
	}
	if i.cred != nil && !i.expired() && (len(list) == 0 || !i.cred.Same(list[0])) {
		list = append(list, i.cred)
	}
	if len(list) == 0 {
		if c := o.impersonation(i.user()); c != nil {
			list = append(list, c)
		}
	}
	if len(list) == 0 && i.token != nil && now-i.token.at < int64(tokenGood) {
		list = append(list, i.token.cred)
	}
	return list
}

// known reports whether there is something to log in with for the client.
func (i *identity) known(o *Options, now int64) bool {
	return i.cred != nil && !i.expired() || len(i.credentials(o, now)) > 0
}

// expired reports whether the client can not be logged in again by the token that it has shown, as its time is over.
func (i *identity) expired() bool { return i.cred != nil && i.cred.Expired(time.Now()) }

// tokenless reports whether the session can be rebuilt by a token alone.
func (i *identity) tokenless(o *Options) bool {
	if o.Flavor != backend.TiDB || i.cred != nil {
		return false
	}
	u := o.user(i.user())
	return u == nil || !u.HasPassword
}

// stale reports whether the token, if there is one, is to be replaced.
func (i *identity) stale(now int64) bool {
	return i.token == nil || now-i.token.at >= int64(tokenAge)
}

// terms are what has been agreed on with the session's backend, for questions, which are asked one by one.
func (s *session) terms() client.Terms {
	return client.Terms{Capabilities: s.track.Capabilities(), ExtCapabilities: s.who.hello.Response().ExtCapabilities(), Status: s.track.Status(), OneByOne: true}
}

// credentials are what the session can be logged in again with.
func (s *session) credentials() []*client.Credential {
	return s.who.credentials(s.w.server.options(), s.w.now())
}

// hasCredential reports whether there is something to log in with for the session's client.
func (s *session) hasCredential() bool { return s.who.known(s.w.server.options(), s.w.now()) }

// evidence passes on what traffic shows of a backend.
func (s *Server) evidence(b *backend.Backend, cause error) {
	if on := s.OnEvidence; on != nil && b != nil {
		on(b, cause)
	}
}

// misdirected passes on that a backend is not, or has not, the one that leads.
func (s *Server) misdirected(b *backend.Backend) {
	if on := s.OnMisdirected; on != nil && b != nil {
		on(b)
	}
}

// hidden enters a failure of a backend that the session's client has not seen, and never will, because of an action; or, without one, that it has.
func (s *session) hidden(kind ledger.Kind, action ledger.Action, backend string, cause error) {
	i := ledger.Incident{Time: time.Now(), Session: s.id, Client: s.client.address(), User: wire.Shown(s.who.user(), wire.MaxShown), Backend: backend, Kind: kind, Action: action}
	if cause != nil {
		i.Cause = wire.Shown(cause.Error(), 4*wire.MaxShown)
	}
	s.w.server.ledger.Enter(i)
}

// Failures tells what has failed since the start, and what clients saw of it.
func (s *Server) Failures() ledger.Failures { return s.ledger.Failures() }

// Ledger is where they are entered, for others that serve the same clients. What is entered there is logged as long as the server serves.
func (s *Server) Ledger() *ledger.Ledger { return s.ledger }

// impersonation is the credential of last resort; nil if there is none.
func (o *Options) impersonation(user string) *client.Credential {
	service := o.service()
	if service == nil || !impersonates(o.Flavor) {
		return nil
	}
	return client.Service(service.Name, service.Password, user)
}

// impersonates reports whether servers of a flavor know EXECUTE AS.
func impersonates(f backend.Flavor) bool { return f.IsFE() }

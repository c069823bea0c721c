package proxy

import (
	"context"
	"strings"
	"testing"
	"time"

	"segue/backend"
	"segue/backend/fesim"
	"segue/backend/secure"
	"segue/backend/wire"
)

// sessionStates is a TiDB server that answers SHOW SESSION_STATES with these packets.
func sessionStates(packets ...[]byte) func(c *peerConn) {
	return func(c *peerConn) {
		if !c.login() {
			return
		}
		for {
			payload, _, err := c.r.Next()
			if err != nil || payload[0] != byte(wire.ComQuery) {
				return
			}
			switch string(payload[1:]) {
			case trialText:
				c.send(1, peerOK)
			case "SHOW SESSION_STATES":
				c.send(1, packets...)
			default:
				c.t.Errorf("asked %q", payload)
			}
		}
	}
}

func TestTryUser(t *testing.T) {
	f := fe(t, fesim.Options{
		Users: map[string]string{"app": "pw", "svc": "s", "none": ""}, LDAPUsers: map[string]string{"ldap": "pw"}, Impersonators: []string{"svc"},
	})
	row := func(values ...string) (row []byte) {
		for _, v := range values {
			row = wire.AppendLenencString(row, v)
		}
		return row
	}
	denied := append([]byte{0xff, 0x95, 0x1f}, "#HY000no cert"...)
	user := func(name, password string) User { return User{Name: name, Password: password, HasPassword: true} }
	service := func(name, password string) User {
		return User{Name: name, Password: password, HasPassword: true, Service: true}
	}
	for _, c := range []struct {
		name    string
		address string
		flavor  backend.Flavor
		user    User
		as      string
		movable bool
		refused bool
		cause   string
	}{
		{"password", f.MySQLAddress(), backend.StarRocks, user("app", "pw"), "", true, false, ""},
		{"no password", f.MySQLAddress(), backend.StarRocks, user("none", ""), "", true, false, ""},
		{"wrong password", f.MySQLAddress(), backend.StarRocks, user("app", "hunter2"), "", false, true, "ERROR 1045"},
		{"hash", "127.0.0.1:1", backend.StarRocks, *hashUser("pw"), "", true, false, "by hash: not tried"},
		{"LDAP", f.MySQLAddress(), backend.StarRocks, user("ldap", "pw"), "", true, false, "in clear"},
		{"service", f.MySQLAddress(), backend.StarRocks, service("svc", "s"), "app", true, false, "EXECUTE AS 'app' works"},
		{"service without the privilege", f.MySQLAddress(), backend.StarRocks, service("app", "pw"), "svc", false, true, "GRANT IMPERSONATE ON USER 'svc' TO USER 'app'"},
		{"service, a name that cannot be written", f.MySQLAddress(), backend.StarRocks, service("svc", "s"), "o'brien", false, true, "name another user"},
		{"nobody there", "127.0.0.1:1", backend.StarRocks, user("app", "pw"), "", false, false, "refused"},
		{
			"TiDB with a token", newPeer(t, sessionStates([]byte{2}, peerDef, peerDef, peerEOF, row("{states}", "{token}"), peerEOF)).ln.Addr().String(),
			backend.TiDB, user("app", "pw"), "", true, false, "session token: yes",
		},
		{
			"TiDB without a token", newPeer(t, sessionStates([]byte{2}, peerDef, peerDef, peerEOF, row("{states}", ""), peerEOF)).ln.Addr().String(),
			backend.TiDB, user("app", "pw"), "", true, false, "session token: no; set security.session-token-signing-cert",
		},
		{"TiDB without a certificate", newPeer(t, sessionStates(denied)).ln.Addr().String(), backend.TiDB, user("app", "pw"), "", true, false, "session token: no (ERROR 8085 (HY000): no cert); set"},
		{"hangs", newPeer(t, func(c *peerConn) { <-c.over }).ln.Addr().String(), backend.StarRocks, user("app", "hunter2"), "", false, false, "timed out"},
		{"hangs behind the login", newPeer(t, func(c *peerConn) { c.login(); <-c.over }).ln.Addr().String(), backend.TiDB, user("app", "hunter2"), "", false, false, "timed out"},
	} {
		t.Run(c.name, func(t *testing.T) {
			limit := patience
			if strings.HasPrefix(c.name, "hangs") {
				limit = 100 * time.Millisecond
			}
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			defer cancel()
			r := backend.NewRegistry(backend.Options{})
			r.Apply([]backend.Spec{{Name: "a", Address: c.address}})
			got := TryUser(ctx, r.Backends()[0], c.flavor, c.user, c.as)
			if got.Movable != c.movable || got.Refused != c.refused || !strings.Contains(got.Cause, c.cause) || (c.cause == "") != (got.Cause == "") || strings.Contains(got.Cause, "hunter2") {
				t.Errorf("%+v", got)
			}
		})
	}
}

// A trial goes inside TLS where a move would.
func TestTryUserInsideTLS(t *testing.T) {
	p, err := secure.New(secure.Required, secure.Material{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	r := backend.NewRegistry(backend.Options{})
	r.Apply([]backend.Spec{{Name: "a", Address: fe(t, fesim.Options{Users: map[string]string{"app": "hunter2"}}).MySQLAddress(), TLS: p}})
	got := TryUser(ctx, r.Backends()[0], backend.MySQL, User{Name: "app", Password: "hunter2", HasPassword: true}, "")
	if got.Movable || !got.Refused || !strings.Contains(got.Cause, "TLS: the server offers none") {
		t.Errorf("%+v", got)
	}
}

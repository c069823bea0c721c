package health

import (
	"crypto/tls"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/go-mysql-org/go-mysql/mysql"
	"github.com/go-mysql-org/go-mysql/server"

	"segue/backend"
	"segue/backend/client"
	"segue/backend/secure"
	"segue/backend/secure/securetest"
	"segue/backend/wire"
)

// secured is a backend at address.
func secured(address string, p *secure.Policy) (*backend.Registry, *backend.Backend) {
	r := registryOf(backend.Spec{Name: "fe-1", Address: address, TLS: p})
	return r, r.Backends()[0]
}

// A probe logs in inside TLS, and a certificate that does not do is a failure that is told once, and not tried again at once: servers count.
func TestLoginInsideTLS(t *testing.T) {
	ca, stranger := securetest.New(t, "ca"), securetest.New(t, "stranger")
	pair := ca.Issue(t, securetest.Leaf{Names: []string{"db"}, RSA: true})
	users := provider{server.NewInMemoryProvider()}
	users.AddUser(probeUser, probePassword)
	srv := server.NewServer("8.0.33", mysql.DEFAULT_COLLATION_ID, mysql.AUTH_CACHING_SHA2_PASSWORD, nil, &tls.Config{Certificates: []tls.Certificate{pair.TLS(t)}})
	shaken := make(chan error, 10)
	address := listen(t, func(conn net.Conn) {
		defer conn.Close()
		c, err := srv.NewCustomizedConn(conn, users, server.EmptyHandler{})
		if shaken <- err; err == nil {
			c.HandleCommand()
		}
	})
	good := securetest.Policy(t, secure.VerifyIdentity, secure.Material{CA: ca.PEM(), ServerName: "db"})
	bad := securetest.Policy(t, secure.VerifyIdentity, secure.Material{CA: stranger.PEM(), ServerName: "db"})
	r, b := secured(address, good)
	c := &MySQL{User: probeUser, Password: probePassword}
	if got := c.Check(t.Context(), b); got.Verdict != Passed || got.Cause != "" {
		t.Fatalf("%+v", got)
	}
	if err := <-shaken; err != nil {
		t.Errorf("the server: %v", err)
	}
	r.Apply([]backend.Spec{{Name: "fe-1", Address: address, TLS: bad}})
	for i := range 3 {
		if got := c.Check(t.Context(), b); got.Verdict != Failed || !strings.Contains(got.Cause, "the certificate of db") || !strings.Contains(got.Cause, "ca_file") {
			t.Errorf("round %d: %+v", i, got)
		}
	}
	r.Apply([]backend.Spec{{Name: "fe-1", Address: address, TLS: good}})
	if got := c.Check(t.Context(), b); got.Verdict != Passed || got.Cause != "" {
		t.Errorf("another policy, and it is not tried: %+v", got)
	}
	handshakes, failed := 0, 0
	for range 2 + 2 { // one that was refused, two greetings alone, and the last
		if err := <-shaken; err != nil {
			failed++
		}
		handshakes++
	}
	if failed != 3 || handshakes != 4 {
		t.Errorf("%d handshakes, %d failed", handshakes, failed)
	}
}

// A server without TLS, where it is insisted on, takes no session: the greeting alone tells.
func TestGreetingWithoutTLS(t *testing.T) {
	with := starrocks
	with.Capabilities |= wire.ClientSSL
	for _, c := range []struct {
		mode secure.Mode
		g    wire.HandshakeV10
		want Verdict
	}{
		{secure.Preferred, starrocks, Passed},
		{secure.Required, starrocks, Failed},
		{secure.Required, with, Passed},
	} {
		_, b := secured(listen(t, send(packet(0, c.g.Append(nil)))), securetest.Policy(t, c.mode, secure.Material{}))
		got := (&MySQL{}).Check(t.Context(), b)
		if got.Verdict != c.want || (c.want == Failed) != strings.Contains(got.Cause, "mysql TLS: the server offers none") {
			t.Errorf("%v: %+v", c.mode, got)
		}
	}
}

// A TLS handshake that hangs ends with the check.
func TestTLSHangs(t *testing.T) {
	g := starrocks
	g.Capabilities |= wire.ClientSSL
	_, b := secured(play(t, step{g.Append(nil), wire.IsSSLRequest}), securetest.Policy(t, secure.Required, secure.Material{}))
	o := Options{User: probeUser, Password: probePassword, Timeout: 300 * time.Millisecond, Trust: client.Trust{}}
	found := Examine(t.Context(), b, o)
	if len(found) != 1 || found[0].Verdict != Failed || !strings.Contains(found[0].Cause, "no answer in") {
		t.Errorf("%+v", found)
	}
}

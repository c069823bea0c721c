package e2e

import (
	"crypto/tls"
	"errors"
	"net"
	"testing"
	"time"

	"segue/backend"
	own "segue/backend/client"
	"segue/backend/secure"
	"segue/backend/secure/securetest"
	"segue/backend/wire"
	proxy "segue/proxy"
)

// TestBug20StrangersDoNotBlockTheHost: a server counts TLS handshakes that its client ends, and blocks the host. So Segue brings them to their end, whatever it
// makes of the certificate.
func TestBug20StrangersDoNotBlockTheHost(t *testing.T) {
	a, stranger := newAuthority(t), newAuthority(t)
	server := startServer(t, "127.0.0.1", append([]string{"max-connect-errors=30"}, a.files(t, securetest.Leaf{}).mariadb()...)...)
	if err := server.fill(t.Context()); err != nil {
		t.Fatalf("fill server: %v", err)
	}
	at := &plugged{name: "MariaDB", address: startFarHost(t, server.address())}
	p := stranger.policy(t, secure.VerifyCA, securetest.Pair{})
	for range maxConnectErrors + 1 {
		_, _, c, err := at.logIn(t, "tcp", p, "e2e_empty", own.Password(""))
		if !errors.As(err, new(*secure.CertificateError)) {
			t.Fatalf("a stranger: %v", err)
		}
		c.Close()
	}
	if got := login(t, at.address, "e2e_empty", "", "fixtures"); got != "e2e_empty@%" {
		t.Errorf("login behind that: %s", got)
	}
	segue := newSegue(t, []backend.Spec{{Name: "server", Address: at.address, TLS: p}}, proxy.Options{Flavor: backend.MySQL, ConnectBudget: 50 * time.Millisecond})
	segue.run(t)
	for range maxConnectErrors + 1 {
		if got := login(t, segue.address, "e2e_empty", "", "fixtures"); got == "e2e_empty@%" {
			t.Fatal("a stranger is believed")
		}
	}
	if got := login(t, at.address, "e2e_empty", "", "fixtures"); got != "e2e_empty@%" {
		t.Errorf("login behind Segue's: %s", got)
	}
	for range maxConnectErrors + 1 { // as others do
		nc, err := net.Dial("tcp", at.address)
		if err != nil {
			t.Fatal(err)
		}
		c := own.New(nc)
		g, err := c.Greet(t.Context())
		if err != nil { // it is blocked already
			c.Close()
			break
		}
		request := wire.SSLRequest{Capabilities: own.OwnResponse(g, "").Capabilities | wire.ClientSSL}
		b, _ := wire.AppendPacket(nil, 1, request.Append(nil))
		if _, err := nc.Write(b); err != nil {
			t.Fatal(err)
		}
		if tls.Client(nc, p.Client(at.address)).Handshake() == nil {
			t.Fatal("a stranger is believed")
		}
		c.Close()
	}
	waitFor(t, "the server to block the host", func() bool { return login(t, at.address, "e2e_empty", "", "fixtures") == codeHostBlocked })
}

package secure_test

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"testing"

	"segue/backend/secure"
	"segue/backend/secure/securetest"
)

func TestModeText(t *testing.T) {
	for text, want := range map[string]secure.Mode{
		"disabled": secure.Disabled, "preferred": secure.Preferred, "required": secure.Required, "verify-ca": secure.VerifyCA,
		"verify-identity": secure.VerifyIdentity, "VERIFY_IDENTITY": secure.VerifyIdentity, "Required": secure.Required,
	} {
		var m secure.Mode
		if err := m.UnmarshalText([]byte(text)); err != nil || m != want {
			t.Errorf("%q: %v, %v", text, m, err)
		}
		if b, err := want.MarshalText(); err != nil || !strings.EqualFold(strings.ReplaceAll(text, "_", "-"), string(b)) {
			t.Errorf("%v: %q, %v", want, b, err)
		}
	}
	for _, text := range []string{"", "verify", "verify-full", "mode(1)", "true"} {
		m := secure.Required
		if err := m.UnmarshalText([]byte(text)); err == nil || m != secure.Required || !strings.Contains(err.Error(), "verify-identity") {
			t.Errorf("%q: %v, %v", text, m, err)
		}
	}
	if b, err := secure.Mode(5).MarshalText(); err == nil {
		t.Errorf("a mode that is none: %q", b)
	}
}

// What cannot be meant is refused, and what is to be done is said.
func TestNewRefuses(t *testing.T) {
	ca := securetest.New(t, "ca")
	pair, other := ca.Issue(t, securetest.Leaf{}), ca.Issue(t, securetest.Leaf{})
	for name, c := range map[string]struct {
		mode secure.Mode
		m    secure.Material
		want string
	}{
		"no such mode":         {9, secure.Material{}, "no such mode"},
		"disabled, with a CA":  {secure.Disabled, secure.Material{CA: ca.PEM()}, "set mode verify-identity"},
		"disabled, and a name": {secure.Disabled, secure.Material{ServerName: "x"}, "server_name"},
		"CA, not looked at":    {secure.Required, secure.Material{CA: ca.PEM()}, "mode required looks at no certificate"},
		"CA that is none":      {secure.VerifyCA, secure.Material{CA: []byte("x")}, "ca_file: there is no certificate as PEM in it; name a PEM file, with lines BEGIN CERTIFICATE"},
		"no CA":                {secure.VerifyCA, secure.Material{}, "name the CA's file"},
		"no key":               {secure.Required, secure.Material{Cert: pair.Cert}, "no key_file"},
		"no certificate":       {secure.Required, secure.Material{Key: pair.Key}, "no cert_file"},
		"another's key":        {secure.Required, secure.Material{Cert: pair.Cert, Key: other.Key}, "name a certificate and its key"},
		"a key that is none":   {secure.Required, secure.Material{Cert: pair.Cert, Key: pair.Cert}, "name a certificate and its key"},
	} {
		if p, err := secure.New(c.mode, c.m); err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "PRIVATE") && name != "a key that is none" {
			t.Errorf("%s: %v, %v", name, p, err)
		}
	}
}

func TestPolicyEqual(t *testing.T) {
	ca := securetest.New(t, "ca")
	pair := ca.Issue(t, securetest.Leaf{})
	none, disabled := (*secure.Policy)(nil), securetest.Policy(t, secure.Disabled, secure.Material{})
	if !none.Equal(disabled) || !disabled.Equal(none) || none.Client("x") != nil || disabled.Client("x") != nil || none.String() != "disabled" {
		t.Error("no policy is not disabled")
	}
	a := securetest.Policy(t, secure.VerifyCA, secure.Material{CA: ca.PEM(), Cert: pair.Cert, Key: pair.Key})
	if !a.Equal(securetest.Policy(t, secure.VerifyCA, secure.Material{CA: ca.PEM(), Cert: pair.Cert, Key: pair.Key})) {
		t.Error("one material, two policies")
	}
	for name, b := range map[string]*secure.Policy{
		"nil": nil, "mode": securetest.Policy(t, secure.VerifyIdentity, secure.Material{CA: ca.PEM(), Cert: pair.Cert, Key: pair.Key}),
		"name":        securetest.Policy(t, secure.VerifyCA, secure.Material{CA: ca.PEM(), Cert: pair.Cert, Key: pair.Key, ServerName: "x"}),
		"certificate": securetest.Policy(t, secure.VerifyCA, secure.Material{CA: ca.PEM()}),
	} {
		if a.Equal(b) || b.Equal(a) {
			t.Errorf("another %s makes no difference", name)
		}
	}
	first, again := a.Client("h:1"), a.Client("h:1")
	if first != again || first == a.Client("h:2") {
		t.Error("connections to one host do not share what they need, or those to two do")
	}
}

func TestClientNames(t *testing.T) {
	p, named := securetest.Policy(t, secure.Required, secure.Material{}), securetest.Policy(t, secure.Required, secure.Material{ServerName: "said"})
	for host, want := range map[string]string{
		"db:3306": "db", "db": "db", "10.0.0.1:3306": "10.0.0.1", "[2001:db8::1]:3306": "2001:db8::1", "2001:db8::1": "2001:db8::1", "[2001:db8::1]": "2001:db8::1",
		"unix:/run/mysqld/mysqld.sock": "localhost",
	} {
		if got := p.Client(host).ServerName; got != want || named.Client(host).ServerName != "said" {
			t.Errorf("%s: %q, want %q", host, got, want)
		}
	}
}

// shake makes a TLS handshake between a policy's client and a server, by TCP; it gives what the client saw.
func shake(t *testing.T, p *secure.Policy, host string, server *tls.Config) (tls.ConnectionState, error) {
	t.Helper()
	return shakeBy(t, p.Client(host), server)
}

func shakeBy(t *testing.T, client, server *tls.Config) (tls.ConnectionState, error) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	done := make(chan struct{})
	go func() {
		defer close(done)
		nc, err := ln.Accept()
		if err != nil {
			return
		}
		defer nc.Close()
		c := tls.Server(nc, server)
		if c.Handshake() == nil {
			c.Write([]byte("x"))
			io.Copy(io.Discard, c)
		}
	}()
	nc, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	c := tls.Client(nc, client)
	if err = c.Handshake(); err == nil {
		_, err = c.Read(make([]byte, 1)) // by TLS 1.3 a server judges a client's certificate after the client's handshake has ended
	}
	state := c.ConnectionState()
	nc.Close()
	<-done
	return state, err
}

// What each mode takes, and what it says of what it does not take.
func TestHandshakes(t *testing.T) {
	root := securetest.New(t, "root")
	between := root.Intermediate(t, "between")
	stranger := securetest.New(t, "stranger")
	good := between.Issue(t, securetest.Leaf{Names: []string{"db-1.example", "127.0.0.1"}})
	mine := between.Issue(t, securetest.Leaf{CommonName: "segue"})
	const all = "preferred required verify-ca verify-identity"
	for _, c := range []struct {
		name   string
		host   string
		server securetest.Pair
		m      secure.Material
		ok     string // the modes that take it
		want   string // what the last of the others says
	}{
		{"right name", "db-1.example:3306", good, secure.Material{}, all, ""},
		{"right address", "127.0.0.1:3306", good, secure.Material{}, all, ""},
		{"host alone", "db-1.example", good, secure.Material{}, all, ""},
		{"wrong name", "db-2.example:3306", good, secure.Material{}, "preferred required verify-ca", `of db-2.example: it is for "db-1.example, 127.0.0.1"; set server_name`},
		{"the name is said", "10.0.0.7:3306", good, secure.Material{ServerName: "db-1.example"}, all, ""},
		{"common name alone", "db-1.example", between.Issue(t, securetest.Leaf{CommonName: "db-1.example"}), secure.Material{}, "preferred required verify-ca", "no longer counts"},
		{"no name", "db-1.example", between.Issue(t, securetest.Leaf{}), secure.Material{}, "preferred required verify-ca", "it is for no name"},
		{"expired", "db-1.example", between.Issue(t, securetest.Leaf{Names: []string{"db-1.example"}, Expired: true}), secure.Material{}, "preferred required", "it expired at "},
		{"not yet valid", "db-1.example", between.Issue(t, securetest.Leaf{Names: []string{"db-1.example"}, Future: true}), secure.Material{}, "preferred required", "it is valid from "},
		{"stranger", "db-1.example", stranger.Issue(t, securetest.Leaf{Names: []string{"db-1.example"}}), secure.Material{}, "preferred required", `name the CA that has signed it in ca_file`},
		{"without what is between", "db-1.example", between.Issue(t, securetest.Leaf{Names: []string{"db-1.example"}, Alone: true}), secure.Material{}, "preferred required", "what is between"},
	} {
		for _, mode := range []secure.Mode{secure.Preferred, secure.Required, secure.VerifyCA, secure.VerifyIdentity} {
			m := c.m
			if mode.Verifies() {
				m.CA = root.PEM()
			}
			for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
				p, shows := securetest.Policy(t, mode, m), &tls.Config{Certificates: []tls.Certificate{c.server.TLS(t)}, MinVersion: version, MaxVersion: version}
				_, err := shake(t, p, c.host, shows)
				switch state, failed := shakeBy(t, p.Unjudged(c.host), shows); {
				case failed != nil:
					t.Errorf("%s, %v, to be judged later: %v", c.name, mode, failed)
				default:
					if later := p.Judge(c.host, state.PeerCertificates); (later == nil) != (err == nil) || later != nil && later.Error() != err.Error() {
						t.Errorf("%s, %v: %v, and judged later %v", c.name, mode, err, later)
					}
				}
				ok := strings.Contains(" "+c.ok+" ", " "+mode.String()+" ")
				switch {
				case ok && err != nil:
					t.Errorf("%s, %v: %v", c.name, mode, err)
				case !ok && (err == nil || !errors.As(err, new(*secure.CertificateError))):
					t.Errorf("%s, %v: it is taken: %v", c.name, mode, err)
				case !ok && mode == secure.VerifyIdentity && !strings.Contains(secure.Explain(err).Error(), c.want):
					t.Errorf("%s: %q, want %q", c.name, secure.Explain(err), c.want)
				}
			}
		}
	}
	asks := &tls.Config{Certificates: []tls.Certificate{good.TLS(t)}, ClientAuth: tls.RequireAnyClientCert}
	if _, err := shake(t, securetest.Policy(t, secure.Required, secure.Material{}), "x", asks); err == nil || !strings.Contains(secure.Explain(err).Error(), "name cert_file and key_file") {
		t.Errorf("a server that asks for a certificate: %v", err)
	}
	if _, err := shake(t, securetest.Policy(t, secure.Required, secure.Material{Cert: mine.Cert, Key: mine.Key}), "x", asks); err != nil {
		t.Errorf("a server that asks for a certificate, and gets one: %v", err)
	}
	old := &tls.Config{Certificates: []tls.Certificate{good.TLS(t)}, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}
	if _, err := shake(t, securetest.Policy(t, secure.Required, secure.Material{}), "x", old); err == nil || !strings.Contains(secure.Explain(err).Error(), "TLS 1.2 or later") {
		t.Errorf("TLS 1.1: %v", err)
	}
}

// A TLS session is taken up again, and what it rests on judged again; a server that has another certificate by now is not believed for the sake of the first.
func TestSessionsAreTakenUpAgain(t *testing.T) {
	root, stranger := securetest.New(t, "root"), securetest.New(t, "stranger")
	leaf := securetest.Leaf{Names: []string{"db"}}
	p := securetest.Policy(t, secure.VerifyIdentity, secure.Material{CA: root.PEM()})
	server := &tls.Config{Certificates: []tls.Certificate{root.Issue(t, leaf).TLS(t)}}
	for i, again := range []bool{false, true, true} {
		if s, err := shake(t, p, "db:3306", server); err != nil || s.DidResume != again {
			t.Fatalf("connection %d: taken up again: %v, %v", i+1, s.DidResume, err)
		}
	}
	if s, err := shake(t, p, "db:3307", server); err != nil || s.DidResume {
		t.Errorf("another server's session is taken up: %v", err)
	}
	if _, err := shake(t, p, "db:3306", &tls.Config{Certificates: []tls.Certificate{stranger.Issue(t, leaf).TLS(t)}}); !errors.As(err, new(*secure.CertificateError)) {
		t.Errorf("a stranger is believed: %v", err)
	}
}

// What is no TLS, or ends.
func TestExplain(t *testing.T) {
	near, far := net.Pipe()
	go func() {
		io.ReadFull(far, make([]byte, 5))
		go io.Copy(io.Discard, far)
		far.Write([]byte("\x17\x00\x00\x01\xff\x15\x04Access denied"))
	}()
	err := tls.Client(near, securetest.Policy(t, secure.Required, secure.Material{}).Client("x")).Handshake()
	if err == nil || secure.Explain(err).Error() != "TLS: the server offers it, and answers with something else" {
		t.Errorf("%v", err)
	}
	near.Close()
	far.Close()
	for _, c := range []error{io.EOF, io.ErrUnexpectedEOF} {
		if e := secure.Explain(c); !errors.Is(e, c) || !strings.Contains(e.Error(), "its log says why") {
			t.Errorf("%v", e)
		}
	}
}

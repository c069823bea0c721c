package client

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-mysql-org/go-mysql/mysql"

	"segue/backend/secure"
	"segue/backend/secure/securetest"
	"segue/backend/wire"
)

// loggedInBy connects, and logs in as the policy says.
func loggedInBy(ctx context.Context, t *testing.T, p *secure.Policy, address string, cred *Credential) (*Conn, error) {
	t.Helper()
	c, g, err := greeted(ctx, t, address)
	if err != nil {
		return nil, err
	}
	c.Secure(p, address)
	return c, c.Login(ctx, cred, OwnResponse(g, "app"))
}

// Another's server, by its own code, lets our logins in inside TLS: in full without a key of its, from its cache, and by what sha256_password says.
func TestLoginInsideTLSAgainstOracle(t *testing.T) {
	ca := securetest.New(t, "ca")
	pair := ca.Issue(t, securetest.Leaf{Names: []string{"127.0.0.1"}, RSA: true})
	p := securetest.Policy(t, secure.VerifyIdentity, secure.Material{CA: ca.PEM()})
	for _, plugin := range []string{mysql.AUTH_NATIVE_PASSWORD, mysql.AUTH_CACHING_SHA2_PASSWORD, mysql.AUTH_SHA256_PASSWORD} {
		address := oracleShowing(t, plugin, pair.TLS(t))
		ctx := within(t, patience)
		for _, round := range []string{"first", "cached"} {
			c, err := loggedInBy(ctx, t, p, address, Password("correct horse"))
			if err == nil {
				err = c.Run(ctx, true, Command{Command: wire.ComPing})
			}
			if err != nil || c.Transport() != TLS {
				t.Errorf("%s, %s: %v", plugin, round, err)
				continue
			}
			c.Quit()
		}
		var e *Error
		if _, err := loggedInBy(ctx, t, p, address, Password("wrong")); !errors.As(err, &e) || e.Kind != Denied {
			t.Errorf("%s, wrong password: %v", plugin, err)
		}
		stranger := securetest.Policy(t, secure.VerifyIdentity, secure.Material{CA: securetest.New(t, "stranger").PEM()})
		if _, err := loggedInBy(ctx, t, stranger, address, Password("correct horse")); !errors.As(err, &e) || e.Kind != Unsecured || !errors.As(err, new(*secure.CertificateError)) {
			t.Errorf("%s, a certificate that does not do: %v", plugin, err)
		}
	}
}

// sha256_password by plain TCP: with the key that is known, with whatever key is shown, and not at all.
func TestSHA256PasswordInTheClear(t *testing.T) {
	pair := securetest.New(t, "ca").Issue(t, securetest.Leaf{RSA: true}).TLS(t)
	address := oracleShowing(t, mysql.AUTH_SHA256_PASSWORD, pair)
	key := string(publicPEM(t, pair.PrivateKey))
	for name, c := range map[string]struct {
		cred *Credential
		ok   bool
	}{
		"the known key": {Password("correct horse").Trusting(Trust{Key: key}), true},
		"any key":       {Password("correct horse").Trusting(Trust{AnyKey: true}), true},
		"wrong":         {Password("wrong").Trusting(Trust{AnyKey: true}), false},
		"nobody's":      {Password("correct horse"), false},
	} {
		_, err := loggedIn(within(t, patience), t, address, "app", c.cred)
		var unprovable *UnprovableError
		if c.ok != (err == nil) || name == "nobody's" && (!errors.As(err, &unprovable) || !unprovable.Whole) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// player is a server that says what it is told to: a server says: its greeting, and what follows each packet of the client's. It gives what it has heard.
type player struct {
	greeting []byte
	shows    *tls.Config
	answers  [][]byte
}

func (s *player) serve(t *testing.T) (address string, heard <-chan [][]byte) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	said := make(chan [][]byte, 1)
	go func() {
		nc, err := ln.Accept()
		if err != nil {
			return
		}
		defer nc.Close()
		said <- s.talk(nc)
	}()
	return ln.Addr().String(), said
}

func (s *player) talk(nc net.Conn) (heard [][]byte) {
	nc.Write(s.greeting)
	r := wire.NewReader(nc, MaxHandshake)
	for i := 0; ; {
		payload, seq, err := r.Next()
		if err != nil {
			return heard
		}
		heard = append(heard, bytes.Clone(payload))
		if wire.IsSSLRequest(payload) {
			if s.shows == nil {
				return heard
			}
			c := tls.Server(nc, s.shows)
			if c.Handshake() != nil {
				return append(heard, []byte("no handshake"))
			}
			defer c.Close()
			nc, r = c, wire.NewReader(c, MaxHandshake)
			continue
		}
		if i == len(s.answers) {
			return heard
		}
		out, _ := wire.AppendPacket(nil, seq+1, s.answers[i])
		nc.Write(out)
		i++
	}
}

func packetOf(seq uint8, payload []byte) []byte {
	out, _ := wire.AppendPacket(nil, seq, payload)
	return out
}

// What the modes do with a server that offers TLS, and with one that does not: no mode that insists falls back, and the server is left in good manners.
func TestModes(t *testing.T) {
	ca := securetest.New(t, "ca")
	shows := &tls.Config{Certificates: []tls.Certificate{ca.Issue(t, securetest.Leaf{}).TLS(t)}}
	plain := greeting(wire.PluginNativePassword)
	offers := *plain
	offers.Capabilities |= wire.ClientSSL
	for _, mode := range []secure.Mode{secure.Disabled, secure.Preferred, secure.Required} {
		for _, offered := range []bool{false, true} {
			s := player{greeting: packetOf(0, plain.Append(nil)), answers: [][]byte{okPacket}}
			if offered {
				s.greeting, s.shows = packetOf(0, offers.Append(nil)), shows
			}
			if !offered && mode.Insists() {
				s.answers = [][]byte{errPacket(1045, "no")} // to who takes leave
			}
			address, heard := s.serve(t)
			c, err := loggedInBy(within(t, patience), t, securetest.Policy(t, mode, secure.Material{}), address, Password("pw"))
			if c == nil {
				t.Fatal(err)
			}
			want := Plain
			if offered && mode.Wants() {
				want = TLS
			}
			c.Close()
			got := <-heard
			if !offered && mode.Insists() {
				var e *Error
				if !errors.As(err, &e) || e.Kind != Unsecured || !errors.As(err, new(*InsecureError)) || e.Blameless() {
					t.Errorf("%v, not offered: %v", mode, err)
				}
				if len(got) != 1 || !bytes.Contains(got[0], []byte("segue_client_left")) || bytes.Contains(got[0], []byte("app")) {
					t.Errorf("%v, not offered: the server heard %q", mode, got)
				}
				continue
			}
			if err != nil || c.Transport() != want || (want == TLS) != (len(got) == 2) {
				t.Errorf("%v, offered: %v: %v, %v, %q", mode, offered, c.Transport(), err, got)
				continue
			}
			var r wire.HandshakeResponse41
			if err := r.Decode(got[len(got)-1]); err != nil || r.Username != "app" || r.Capabilities.Has(wire.ClientSSL) != (want == TLS) {
				t.Errorf("%v, offered: %v: %+v, %v", mode, offered, r, err)
			}
		}
	}
}

// What comes in the clear behind a greeting is not taken for what comes inside TLS: CVE-2021-3935 and its like.
func TestBug18_NothingInTheClearBehindTheGreeting(t *testing.T) {
	g := greeting(wire.PluginNativePassword)
	g.Capabilities |= wire.ClientSSL
	s := player{greeting: append(packetOf(0, g.Append(nil)), packetOf(2, okPacket)...), shows: &tls.Config{}}
	address, heard := s.serve(t)
	c, err := loggedInBy(within(t, patience), t, securetest.Policy(t, secure.Required, secure.Material{}), address, Password("pw"))
	if c == nil {
		t.Fatal(err)
	}
	var e *Error
	if !errors.As(err, &e) || e.Kind != Malformed || !strings.Contains(err.Error(), "more in clear") {
		t.Errorf("%v", err)
	}
	if c.Close(); len(<-heard) > 0 {
		t.Error("the server has been told something")
	}
}

// A server that wants what the credential does not have is left inside TLS.
func TestFarewellInsideTLS(t *testing.T) {
	g := greeting(wire.PluginNativePassword)
	g.Capabilities |= wire.ClientSSL
	s := player{
		greeting: packetOf(0, g.Append(nil)), shows: &tls.Config{Certificates: []tls.Certificate{securetest.New(t, "ca").Issue(t, securetest.Leaf{}).TLS(t)}},
		answers: [][]byte{wire.NewAuthSwitchRequest("auth_gssapi_client", []byte(saltB)).Append(nil), errPacket(1045, "no")},
	}
	address, heard := s.serve(t)
	c, err := loggedInBy(within(t, patience), t, securetest.Policy(t, secure.Required, secure.Material{}), address, Password("pw"))
	if !errors.As(err, new(*UnprovableError)) {
		t.Fatal(err)
	}
	c.Close()
	if got := <-heard; len(got) != 3 || len(got[2]) != 0 {
		t.Errorf("the server heard %q", got)
	}
}

// A server whose certificate does not do hears nothing of the login, and counts it as denied, not as cut off.
func TestBug20_FarewellToAStranger(t *testing.T) {
	g := greeting(wire.PluginNativePassword)
	g.Capabilities |= wire.ClientSSL
	s := player{
		greeting: packetOf(0, g.Append(nil)), shows: &tls.Config{Certificates: []tls.Certificate{securetest.New(t, "stranger").Issue(t, securetest.Leaf{}).TLS(t)}},
		answers: [][]byte{errPacket(1045, "no")},
	}
	address, heard := s.serve(t)
	c, err := loggedInBy(within(t, patience), t, securetest.Policy(t, secure.VerifyCA, secure.Material{CA: securetest.New(t, "ca").PEM()}), address, Password("pw"))
	var e *Error
	if !errors.As(err, &e) || e.Kind != Unsecured || !errors.As(err, new(*secure.CertificateError)) {
		t.Fatal(err)
	}
	c.Close()
	got := <-heard
	var request wire.SSLRequest
	var response wire.HandshakeResponse41
	if len(got) != 2 || request.Decode(got[0]) != nil || response.Decode(got[1]) != nil || response.Username != "segue_client_left" || len(response.AuthResponse) > 0 ||
		response.Capabilities != request.Capabilities { // MariaDB reads the second by the first's
		t.Errorf("the server heard %q", got)
	}
}

// The sequence ids go on through the SSLRequest, and it says what the answer says.
func TestLoginOpens(t *testing.T) {
	g := greeting(wire.PluginNativePassword)
	g.Capabilities |= wire.ClientSSL
	hello := &wire.HandshakeResponse41{Capabilities: serverCaps | wire.ClientSSL, Username: "u", Charset: 45, MaxPacketSize: 7}
	hello.SetExtCapabilities(0x2a)
	for _, c := range []struct {
		via  Via
		want Outcome
	}{
		{Via{}, Continues},
		{Via{Plain, secure.Disabled}, Continues},
		{Via{Plain, secure.Preferred}, Secures},
		{Via{Plain, secure.VerifyIdentity}, Secures},
		{Via{UnixSocket, secure.Preferred}, Continues}, // as MySQL's clients
		{Via{UnixSocket, secure.Required}, Secures},
		{Via{TLS, secure.Required}, Continues},
	} {
		l := NewLogin(Password("pw"), g, hello)
		out, outcome := l.Open(nil, 0, c.via)
		payload, seq, _ := unframed(t, out)
		if outcome != c.want || seq != 1 || wire.IsSSLRequest(payload) != (c.want == Secures) {
			t.Errorf("%+v: %v, %q", c.via, outcome, out)
			continue
		}
		inside := c.via.Transport == TLS
		if outcome == Secures {
			var request wire.SSLRequest
			if err := request.Decode(payload); err != nil || request.Charset != 45 || request.MaxPacketSize != 7 || request.Filler != hello.Filler {
				t.Errorf("%+v: %+v, %v", c.via, request, err)
			}
			payload, seq, _ = unframed(t, l.Secured(nil))
			if inside = true; seq != 2 {
				t.Errorf("%+v: sequence id %d", c.via, seq)
			}
		}
		var r wire.HandshakeResponse41
		if err := r.Decode(payload); err != nil || r.Username != "u" || r.Capabilities.Has(wire.ClientSSL) != inside || hello.Capabilities&wire.ClientSSL == 0 {
			t.Errorf("%+v: %+v, %v", c.via, r, err)
		}
		if out, outcome := l.Answer(nil, okPacket, seq+1); outcome != LoggedIn || len(out) > 0 || l.Terms().Capabilities.Has(wire.ClientSSL) != inside {
			t.Errorf("%+v: %v, %v", c.via, outcome, l.Err())
		}
	}
	g.Capabilities &^= wire.ClientSSL
	for mode, want := range map[secure.Mode]Outcome{secure.Disabled: Continues, secure.Preferred: Continues, secure.Required: Insecure, secure.VerifyCA: Insecure} {
		l := NewLogin(Password("pw"), g, hello)
		if out, outcome := l.Open(nil, 0, Via{Mode: mode}); outcome != want || (len(out) == 0) != (want == Insecure) {
			t.Errorf("not offered, %v: %v, %q", mode, outcome, out)
		}
	}
}

// Which plugins get what over which transport.
func TestLoginAnswersByTransport(t *testing.T) {
	whole := []byte("pw\x00")
	pw := Password("pw")
	anyKey := pw.Trusting(Trust{AnyKey: true})
	bearer := Bearer([]byte("\x01\x05token"))
	for _, c := range []struct {
		cred             *Credential
		plugin           string
		full             bool // the full authentication of it
		plain, unix, tls []byte
	}{
		{pw, wire.PluginClearPassword, false, nil, whole, whole},
		{pw.InClear(), wire.PluginClearPassword, false, whole, whole, whole},
		{pw, wire.PluginCachingSHA2Password, true, nil, whole, whole},
		{anyKey, wire.PluginCachingSHA2Password, true, []byte{2}, whole, whole},
		{pw, wire.PluginTiDBSM3Password, true, nil, whole, whole},
		{anyKey, wire.PluginTiDBSM3Password, true, nil, whole, whole},
		{pw, wire.PluginSHA256Password, false, nil, []byte{1}, whole},
		{anyKey, wire.PluginSHA256Password, false, []byte{1}, []byte{1}, whole},
		{Password(""), wire.PluginSHA256Password, false, []byte{0}, []byte{0}, []byte{0}},
		{Password(""), wire.PluginTiDBSM3Password, false, []byte{}, []byte{}, []byte{}},
		{Password(""), wire.PluginClearPassword, false, nil, nil, nil}, // LDAP takes it for a bind of nobody
		{Native([20]byte{1}), wire.PluginClearPassword, false, nil, nil, nil},
		{Native([20]byte{1}), wire.PluginSHA256Password, false, nil, nil, nil},
		{Native([20]byte{1}), wire.PluginEd25519, false, nil, nil, nil},
		{bearer, wire.PluginOpenIDConnect, false, nil, []byte("\x01\x05token"), []byte("\x01\x05token")},
		{bearer, wire.PluginClearPassword, false, nil, nil, nil},
		{bearer, wire.PluginNativePassword, false, nil, nil, nil},
		{pw, wire.PluginOpenIDConnect, false, nil, nil, nil},
	} {
		for over, want := range map[Transport][]byte{Plain: c.plain, UnixSocket: c.unix, TLS: c.tls} {
			l := NewLogin(c.cred, greeting(wire.PluginNativePassword), aUser)
			first, _ := l.Open(nil, 0, Via{Transport: over})
			out, outcome := l.Answer(nil, wire.NewAuthSwitchRequest(c.plugin, []byte(saltB)).Append(nil), 2)
			if c.full && outcome == Continues {
				out, outcome = l.Answer(nil, fullAuth, 4)
			}
			got, _, ok := unframed(t, out)
			if bytes.Contains(first, []byte("pw")) || bytes.Contains(first, []byte("token")) {
				t.Errorf("%s over %d: a secret that nobody has asked for: %q", c.cred, over, first)
			}
			if want == nil {
				if outcome != Unprovable || ok {
					t.Errorf("%s asked for %s over %d: %v, %q", c.cred, c.plugin, over, outcome, out)
				}
				continue
			}
			if outcome != Continues || !ok || !bytes.Equal(got, want) {
				t.Errorf("%s asked for %s over %d: %v, %q, want %q", c.cred, c.plugin, over, outcome, got, want)
			}
		}
	}
}

// A connection knows what it is.
func TestTransportOf(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	ln, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	nc, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	near, far := net.Pipe()
	defer near.Close()
	defer far.Close()
	if TransportOf(nc) != UnixSocket || TransportOf(near) != Plain || New(nc).Transport() != UnixSocket {
		t.Error("a socket is not told from others")
	}
	for err, kind := range map[error]Kind{os.ErrDeadlineExceeded: Timeout, context.Canceled: Timeout, io.EOF: Unsecured} {
		if e := HandshakeError(err); e.Kind != kind || !strings.HasPrefix(e.Error(), "TLS: ") || !errors.Is(e, err) {
			t.Errorf("%v: %v, %v", err, e.Kind, e)
		}
	}
}

// parsec asks for the rest of its salt, which may come bare or in an AuthMoreData.
func TestLoginByParsec(t *testing.T) {
	salt, extended := bytes.Repeat([]byte("S"), 32), []byte("P\x00SSSSSSSSSSSSSSSSSS")
	for _, c := range []struct {
		cred *Credential
		rest []byte
		want Outcome
	}{
		{Password("pw"), extended, Continues},
		{Password("pw"), append([]byte{1}, extended...), Continues},
		{Password("pw"), []byte("P\x09SSSSSSSSSSSSSSSSSS"), Garbled},
		{Native([20]byte{1}), extended, Unprovable},
	} {
		l := NewLogin(c.cred, greeting(wire.PluginNativePassword), aUser)
		l.First(nil, 0)
		out, outcome := l.Answer(nil, (&wire.AuthSwitchRequest{Plugin: wire.PluginParsec, Data: salt}).Append(nil), 2)
		if outcome == Continues {
			if payload, _, ok := unframed(t, out); !ok || len(payload) > 0 {
				t.Errorf("%q in place of a question", payload)
			}
			out, outcome = l.Answer(nil, c.rest, 4)
		}
		if payload, seq, ok := unframed(t, out); outcome != c.want || ok != (c.want == Continues) || ok && (len(payload) != 96 || seq != 5) {
			t.Errorf("%s, %q: %v, %q, %v", c.cred, c.rest, outcome, out, l.Err())
		}
	}
}

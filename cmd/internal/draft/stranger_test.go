package draft

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"segue/backend"
	"segue/backend/discover/sql"
	"segue/backend/fesim"
	"segue/backend/secure"
	"segue/backend/secure/securetest"
	"segue/backend/wire"
)

// thief is a server that offers TLS and asks whoever logs in for the password in clear.
type thief struct {
	address string
	mu      sync.Mutex
	heard   string
}

func steals(t *testing.T, pair tls.Certificate) *thief {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &thief{address: l.Addr().String()}
	var wg sync.WaitGroup
	t.Cleanup(func() { l.Close(); wg.Wait() })
	wg.Go(func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { defer nc.Close(); s.serve(nc, &tls.Config{Certificates: []tls.Certificate{pair}}) })
		}
	})
	return s
}

func (s *thief) serve(nc net.Conn, config *tls.Config) {
	hello := wire.HandshakeV10{
		ServerVersion: "8.0.36", ConnectionID: 1, Charset: 33, AuthPlugin: wire.PluginNativePassword, AuthData: []byte("01234567890123456789"),
		Capabilities: wire.ClientProtocol41 | wire.ClientPluginAuth | wire.ClientSecureConnection | wire.ClientSSL | wire.ClientLongPassword | wire.ClientTransactions,
	}
	send := func(seq byte, payload []byte) {
		_, _ = nc.Write(append([]byte{byte(len(payload)), byte(len(payload) >> 8), 0, seq}, payload...))
	}
	send(0, hello.Append(nil))
	seq, answer := s.hear(nc)
	const sslRequest = 32
	if len(answer) == sslRequest {
		nc = tls.Server(nc, config)
		seq, answer = s.hear(nc)
	}
	if len(answer) == 0 {
		return
	}
	send(seq+1, wire.NewAuthSwitchRequest(wire.PluginClearPassword, nil).Append(nil))
	s.hear(nc)
}

// hear reads a packet.
func (s *thief) hear(nc net.Conn) (seq byte, payload []byte) {
	header := make([]byte, wire.HeaderLen)
	if _, err := io.ReadFull(nc, header); err != nil {
		return 0, nil
	}
	size, seq := wire.DecodeHeader(header)
	payload = make([]byte, size)
	_, _ = io.ReadFull(nc, payload)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.heard += string(payload)
	return seq, payload
}

func (s *thief) hasIt() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Contains(s.heard, "geheim")
}

// Who is not known is not told the password, however it is asked for; who shows the certificate that is wanted is, and who is to be believed.
func TestAskGivesNoPasswordAway(t *testing.T) {
	ca := securetest.New(t, "ca")
	pair := ca.Issue(t, securetest.Leaf{Names: []string{"127.0.0.1"}}).TLS(t)
	for name, test := range map[string]struct {
		tls  *secure.Policy
		told bool
	}{
		"nothing is said of TLS": {nil, false},
		"another authority":      {securetest.Policy(t, secure.VerifyIdentity, secure.Material{CA: securetest.New(t, "other").PEM()}), false},
		"its authority":          {securetest.Policy(t, secure.VerifyIdentity, secure.Material{CA: ca.PEM()}), true},
		"whoever answers":        {securetest.Policy(t, secure.Required, secure.Material{}), true},
	} {
		s := steals(t, pair)
		f := ask(t, Options{Address: s.address, User: "app", Password: "geheim", TLS: test.tls})
		if s.hasIt() != test.told {
			t.Errorf("%s: told: %t", name, s.hasIt())
		}
		if test.tls == nil && !strings.Contains(f.Text(), "or --tls required: whoever answers gets the password\n") {
			t.Errorf("%s: the file does not say what to do:\n%s", name, f.Text())
		}
	}
}

// What to do about a login that is refused is not cut off: it fits in a line.
func TestRemarksFit(t *testing.T) {
	for _, err := range []error{errors.New("x"), sql.ErrClearPassword, sql.ErrUntrustedKey} {
		a := asker{file: &File{TLS: true}}
		a.refused(err)
		if do := a.file.Remarks[0].Do; shown(do) != do || !strings.Contains(do, "--ca-file") {
			t.Errorf("%v: %s", err, shown(do))
		}
	}
}

// On servers that another one names nobody logs in, unless they are known by their certificates.
func TestAskLogsInWhereItWasTold(t *testing.T) {
	c, err := fesim.NewCluster(3, fesim.Options{Users: map[string]string{"root": "geheim"}})
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	f := ask(t, Options{Address: c.FEs()[1].MySQLAddress(), User: "root", Password: "geheim"})
	if len(f.Nodes) != 3 || f.Flavor != backend.StarRocks {
		t.Errorf("%+v", f)
	}
	for i, fe := range c.FEs() {
		if got := fe.Stats().Logins; (got > 0) != (i == 1) {
			t.Errorf("%s: %d logins", fe.Name(), got)
		}
	}
}

// The mode and the authorities that it was asked with stand in the file.
func TestTextHasTheTLSThatWasGiven(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ca.crt")
	if err := os.WriteFile(path, securetest.New(t, "ca").PEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	f := File{TLS: true, Nodes: []Node{{Address: "a:9030"}}, Mode: "verify-identity", CA: path}
	if c := loads(t, f.Text()); c.Backends[0].TLS.Mode() != secure.VerifyIdentity {
		t.Errorf("%s", f.Text())
	}
	f = File{TLS: true, Nodes: []Node{{Address: "a:9030"}}, Mode: "disabled"}
	if c := loads(t, f.Text()); c.Backends[0].TLS.Mode() != secure.Disabled {
		t.Errorf("%s", f.Text())
	}
}

package e2e

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net"
	"sync"
	"testing"

	"segue/backend"
	own "segue/backend/client"
	"segue/backend/secure"
	"segue/backend/secure/securetest"
	"segue/backend/wire"
)

// recorder stands before an address, and keeps what is said through it.
type recorder struct {
	ln     net.Listener
	target string

	mu    sync.Mutex
	taken []*recording
}

// recording is both ways of one connection.
type recording struct{ there, back bytes.Buffer }

func startRecorder(t *testing.T, target string) *recorder {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("listen: %v", err)
	}
	r := &recorder{ln: ln, target: target}
	t.Cleanup(func() { _ = ln.Close() })
	go r.serve()
	return r
}

func (r *recorder) address() string { return r.ln.Addr().String() }

func (r *recorder) serve() {
	for {
		near, err := r.ln.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", r.target)
		if err != nil {
			_ = near.Close()
			continue
		}
		of := &recording{}
		r.mu.Lock()
		r.taken = append(r.taken, of)
		r.mu.Unlock()
		go r.pass(near, far, &of.back)
		go r.pass(far, near, &of.there)
	}
}

func (r *recorder) pass(to, from net.Conn, into *bytes.Buffer) {
	defer func() { _, _ = to.Close(), from.Close() }()
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		r.mu.Lock()
		into.Write(buf[:n])
		r.mu.Unlock()
		if _, failed := to.Write(buf[:n]); failed != nil || err != nil {
			return
		}
	}
}

// recorded gives what has been said by the connections that have come since it was called last.
func (r *recorder) recorded() (list [][2][]byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, of := range r.taken {
		list = append(list, [2][]byte{bytes.Clone(of.there.Bytes()), bytes.Clone(of.back.Bytes())})
	}
	r.taken = nil
	return list
}

// secrets are what nobody who listens may read: the password, and what servers store of it or is as good as it.
func secrets(password string) map[string][]byte {
	once, whole := sha1.Sum([]byte(password)), sha256.Sum256([]byte(password))
	twice, wholeTwice := sha1.Sum(once[:]), sha256.Sum256(whole[:])
	found := map[string][]byte{"the password": []byte(password)}
	for name, digest := range map[string][]byte{"SHA1": once[:], "SHA1 twice": twice[:], "SHA256": whole[:], "SHA256 twice": wholeTwice[:]} {
		found[name] = digest
		found[name+" in digits"] = []byte(hex.EncodeToString(digest))
		found[name+" in large digits"] = bytes.ToUpper([]byte(hex.EncodeToString(digest)))
	}
	return found
}

// TestMoveTLSSniff: who listens on either side reads no password and nothing as good, whichever side is on TLS; and where one is, not even who logs in.
func TestMoveTLSSniff(t *testing.T) {
	a := newAuthority(t)
	on := a.secure(t)
	tried := 0
	for _, s := range pluggedServers(t, a) {
		behind := startRecorder(t, s.address)
		spec := s.spec
		spec.Address = behind.address()
		for _, mode := range []secure.Mode{secure.Disabled, secure.VerifyIdentity} {
			for _, known := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s %s known %t", s.name, mode, known), func(t *testing.T) {
					accounts := s.known()
					p := startProgram(t, s.flavor, []backend.Spec{spec}, on.offers("optional"), on.speaks(mode), users(accounts, known), "users_learned: true")
					front := *p
					between := startRecorder(t, p.address)
					front.address = between.address()
					for _, inside := range []bool{false, true} {
						for _, acc := range accounts {
							if acc.user == "none" {
								continue
							}
							c := cell{inside, mode, known, acc}
							between.recorded()
							behind.recorded()
							_, err := s.logInBy(t, &front, a, c)
							if (err == nil) != c.can() {
								t.Errorf("%s: %v", c, err)
							}
							tried++
							judgeRecords(t, c.String()+", to Segue", between.recorded(), acc.user, inside)
							judgeRecords(t, c.String()+", to the backend", behind.recorded(), acc.user, mode.Wants())
						}
					}
				})
			}
		}
	}
	t.Logf("%d logins", tried)
}

// judgeRecords looks for what should not be there; secured, for anything in the clear but greetings and requests for TLS.
func judgeRecords(t *testing.T, what string, list [][2][]byte, user string, secured bool) {
	t.Helper()
	spoken := false
	for _, both := range list {
		for way, said := range both {
			for name, secret := range secrets(pluggedPassword) {
				if bytes.Contains(said, secret) {
					t.Errorf("%s: %s can be read, in direction %d", what, name, way)
				}
			}
		}
		if !secured || len(both[0]) == 0 {
			continue
		}
		spoken = true
		if bytes.Contains(both[0], []byte(user+"\x00")) {
			t.Errorf("%s: the user's name can be read", what)
		}
		if bytes.Contains(both[0], []byte("SELECT")) || bytes.Contains(both[1], []byte("CURRENT_USER")) {
			t.Errorf("%s: a statement can be read", what)
		}
		rest, ok := behindRequest(both[0])
		if !ok || !areRecords(rest) {
			t.Errorf("%s: there is more in the clear than a request for TLS: %q", what, both[0][:min(len(both[0]), 100)])
		}
		if rest, ok = behindPacket(both[1]); !ok || !areRecords(rest) {
			t.Errorf("%s: there is more in the clear than a greeting: %q", what, both[1][:min(len(both[1]), 200)])
		}
	}
	if secured && !spoken {
		t.Errorf("%s: nothing was recorded", what)
	}
}

// behindRequest is what follows the SSLRequest that a recording has to begin with.
func behindRequest(b []byte) ([]byte, bool) {
	if len(b) < 36 || b[0] != 32 || b[3] != 1 {
		return b, false
	}
	var r wire.SSLRequest
	return b[36:], r.Decode(b[4:36]) == nil
}

// behindPacket is what follows the first packet.
func behindPacket(b []byte) ([]byte, bool) {
	if len(b) < 4 {
		return b, false
	}
	n := 4 + (int(b[0]) | int(b[1])<<8 | int(b[2])<<16)
	if len(b) < n {
		return b, false
	}
	return b[n:], true
}

// areRecords reports whether all of it is records of TLS; the last may be cut.
func areRecords(b []byte) bool {
	for len(b) > 0 {
		if b[0] < 20 || b[0] > 23 || len(b) > 1 && b[1] != 3 {
			return false
		}
		if len(b) < 5 {
			return true
		}
		b = b[min(len(b), 5+int(b[3])<<8+int(b[4])):]
	}
	return true
}

// known are the accounts that are logged in to by their password.
func (s *plugged) known() (list []account) {
	for _, acc := range s.accounts {
		if !acc.byToken {
			list = append(list, acc)
		}
	}
	return list
}

// logInBy logs in by Segue's own client, which has every plugin, as a client would.
func (s *plugged) logInBy(t *testing.T, p *segueProgram, a *authority, c cell) (string, error) {
	t.Helper()
	front, policy := &plugged{name: "segue", address: p.address}, a.policy(t, secure.Disabled, securetest.Pair{})
	if c.inside {
		policy = a.policy(t, secure.VerifyIdentity, securetest.Pair{})
	}
	who, _, conn, err := front.logIn(t, "tcp", policy, c.acc.user, own.Password(c.acc.password()).Trusting(own.Trust{AnyKey: true}))
	if err == nil {
		conn.Quit()
	}
	return who, err
}

package e2e

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"

	own "segue/backend/client"
	"segue/backend/secure"
	"segue/backend/secure/securetest"
	"segue/backend/wire"
)

// issuer makes out JSON Web Tokens.
type issuer struct{ key *rsa.PrivateKey }

func newIssuer(t *testing.T) *issuer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatalf("make key: %v", err)
	}
	return &issuer{key}
}

// keySet writes what servers know the tokens by, a JWKS, and returns its place.
func (i *issuer) keySet(t *testing.T) string {
	t.Helper()
	b64 := base64.RawURLEncoding.EncodeToString
	path := filepath.Join(t.TempDir(), "jwks.json")
	text := fmt.Sprintf(`{"keys":[{"kty":"RSA","alg":"RS256","use":"sig","kid":"e2e","n":%q,"e":%q}]}`,
		b64(i.key.N.Bytes()), b64(big.NewInt(int64(i.key.E)).Bytes()))
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatalf("write key set: %v", err)
	}
	return path
}

// token is one for a user, good until then.
func (i *issuer) token(t *testing.T, user string, until time.Time) string {
	t.Helper()
	claims, err := json.Marshal(map[string]any{
		"sub": user, "iss": "e2e", "email": user + "@e2e.example", "iat": time.Now().Add(-time.Minute).Unix(), "exp": until.Unix(),
	})
	if err != nil {
		t.Fatalf("make token: %v", err)
	}
	b64 := base64.RawURLEncoding.EncodeToString
	text := b64([]byte(`{"alg":"RS256","typ":"JWT","kid":"e2e"}`)) + "." + b64(claims)
	digest := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(rand.Reader, i.key, crypto.SHA256, digest[:])
	if err != nil {
		t.Fatalf("sign token: %v", err)
	}
	return text + "." + b64(signature)
}

// A token that a client has said to TiDB lets Segue in as long as it is good, and tells how long that is.
func TestMovePluginsTiDBAuthToken(t *testing.T) {
	i, a := newIssuer(t), newAuthority(t)
	files := a.files(t, securetest.Leaf{Names: []string{"127.0.0.1"}})
	s := newTiDB(t, writeSigningCerts(t), 0, append(files.tidb(), fmt.Sprintf("auth-token-jwks = %q", i.keySet(t)))...)
	if err := s.waitReady(t.Context()); err != nil {
		t.Fatalf("wait for tidb-server: %v\n%s", err, tail(s.log(), 20))
	}
	s.exec(t, `CREATE USER bearer IDENTIFIED WITH tidb_auth_token REQUIRE TOKEN_ISSUER 'e2e' ATTRIBUTE '{"email": "bearer@e2e.example"}'`)
	at := &plugged{name: "TiDB", address: s.address()}
	p := a.policy(t, secure.VerifyIdentity, securetest.Pair{})
	said := func(until time.Time) *own.Credential {
		ch := own.Challenge{Plugin: wire.PluginClearPassword, Answer: wire.WholePassword([]byte(i.token(t, "bearer", until))), Over: own.TLS}
		return ch.Said()
	}
	until := time.Now().Add(time.Hour)
	good, old := said(until), said(time.Now().Add(-time.Second))
	if end, ok := good.Expires(); !ok || end.Unix() != until.Unix() || good.Expired(time.Now()) || !old.Expired(time.Now()) {
		t.Errorf("it expires at %v", end)
	}
	if who, inside, _, err := at.logIn(t, "tcp", p, "bearer", good); err != nil || who != "bearer" || !inside {
		t.Errorf("%q, TLS: %v, %v", who, inside, err)
	}
	if _, _, _, err := at.logIn(t, "tcp", p, "bearer", old); !isDenied(err) {
		t.Errorf("expired: %v", err)
	}
	if _, _, _, err := at.logIn(t, "tcp", nil, "bearer", good); err == nil {
		t.Error("what was said inside TLS has been said in the clear")
	}
}

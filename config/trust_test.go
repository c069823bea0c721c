package config

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"path/filepath"
	"strings"
	"testing"

	"segue/backend/client"
)

// keys writes a pair of keys as a MySQL server has them, and gives the public one.
func keys(t *testing.T, dir string) string {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	public := string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	write(t, filepath.Join(dir, "public.pem"), public)
	write(t, filepath.Join(dir, "private.pem"), string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})))
	return public
}

// A password is given to the server whose key is named, or to anybody if that is said; otherwise to nobody.
func TestTrust(t *testing.T) {
	dir := t.TempDir()
	public := keys(t, dir)
	path := filepath.Join(dir, "segue.yaml")
	const users = "users:\n- {name: a, password: x, server_public_key_file: public.pem}\n- {name: b, password: x}\n- {name: c, hash: '" + hashOfSecret + "'}\n"
	known, anybody := client.Trust{Key: public}, client.Trust{AnyKey: true}
	for _, test := range []struct {
		text             string
		a, b, c, probing client.Trust
	}{
		{one + users, known, client.Trust{}, client.Trust{}, client.Trust{}},
		{one + users + "health: {user: p, server_public_key_file: public.pem}\n", known, client.Trust{}, client.Trust{}, known},
		{one + "get_server_public_key: true\n" + users + "health: {user: p}\n", known, anybody, client.Trust{}, anybody},
	} {
		write(t, path, test.text)
		c, err := Load(path)
		if err != nil {
			t.Fatal(err)
		}
		u := c.Proxy.Users
		if u[0].Trust != test.a || u[1].Trust != test.b || u[2].Trust != test.c || c.Health.Trust != test.probing {
			t.Errorf("%s%v %v %v %v", test.text, u[0].Trust, u[1].Trust, u[2].Trust, c.Health.Trust)
		}
	}

	// Another key takes effect like another password.
	before, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	keys(t, dir)
	after, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(Diff(before, after).Lines, "; "); got != "user a changed" || before.seen.sum == after.seen.sum {
		t.Errorf("%q", got)
	}
}

func TestTrustProblems(t *testing.T) {
	dir := t.TempDir()
	keys(t, dir)
	write(t, filepath.Join(dir, "words.pem"), "hunter2\n")
	path := filepath.Join(dir, "segue.yaml")
	for _, test := range []struct{ name, text, want string }{
		{"not there", "users: [{name: a, password: x, server_public_key_file: no.pem}]\n", `user "a": server_public_key_file no.pem: no such file or directory; it must be the server's public key as PEM`},
		{"no key", "users: [{name: a, password: x, server_public_key_file: words.pem}]\n", `server_public_key_file words.pem: the server's public key is no PEM`},
		{"the private one", "users: [{name: a, password: x, server_public_key_file: private.pem}]\n", `server_public_key_file private.pem: holds a private key; that belongs to the server alone`},
		{"without a name", "users: [{name: a, password: x, server_public_key_file: ''}]\n", `server_public_key_file is empty; name a file`},
		{"a list", "users: [{name: a, password: x, server_public_key_file: [a]}]\n", `server_public_key_file is a list; write a single value`},
		{"by hash", "users: [{name: a, hash: '" + hashOfSecret + "', server_public_key_file: public.pem}]\n", `has a server_public_key_file and a hash alone`},
		{"without a user", "health: {server_public_key_file: public.pem}\n", `health.server_public_key_file without health.user; add the user`},
		{"neither true nor false", "get_server_public_key: 1\n", `get_server_public_key: "1" is neither true nor false`},
	} {
		t.Run(test.name, func(t *testing.T) {
			write(t, path, one+test.text)
			_, err := Load(path)
			if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "\n") {
				t.Errorf("%v, want %s", err, test.want)
			}
		})
	}
}

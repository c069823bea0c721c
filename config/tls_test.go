package config

import (
	"crypto/tls"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"segue/backend/secure"
)

// pair writes a certificate of its own and its key.
func pair(t *testing.T, folder, name string) (cert, key string) {
	t.Helper()
	c, k, err := secure.SelfSigned([]string{"segue.example"}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(folder, name+".crt"), filepath.Join(folder, name+".key")
	write(t, cert, string(c))
	write(t, key, string(k))
	if err := os.Chmod(key, 0o600); err != nil {
		t.Fatal(err)
	}
	return cert, key
}

func TestTLS(t *testing.T) {
	dir := t.TempDir()
	cert, key := pair(t, dir, "one")
	c, err := Parse("", []byte(one+"tls: {cert_file: "+cert+", key_file: "+key+", client_ca_file: "+cert+", min_version: \"1.3\"}\n"+
		"admin_tls: {cert_file: "+cert+", key_file: "+key+", client_ca_file: "+cert+"}\n"+
		"users: [{name: a, require: certificate, require_subject: CN=a}]\n"))
	if err != nil {
		t.Fatal(err)
	}
	if c.TLS.Mode != TLSOptional || !c.TLS.On() || c.TLS.Server.MinVersion != tls.VersionTLS13 || c.TLS.Expires.IsZero() || len(c.TLS.Server.ClientCA) == 0 {
		t.Errorf("%+v", c.TLS.Mode)
	}
	if !c.Access.Certificates || c.Access.Writers(true) != WithToken {
		t.Error("a certificate is no token")
	}
	if r := c.Proxy.Users[0].Requires; !r.TLS || !r.Certificate || r.Subject != "CN=a" {
		t.Errorf("%+v", r)
	}
}

func TestTLSProblems(t *testing.T) {
	dir := t.TempDir()
	cert, key := pair(t, dir, "one")
	_, other := pair(t, dir, "two")
	empty := filepath.Join(dir, "empty")
	write(t, empty, "\n")
	for text, want := range map[string]string{
		"tls: {mode: optional}\n":                                                              "tls has no certificate; name cert_file and key_file, or write self_signed: true",
		"admin_tls: {min_version: \"1.2\"}\n":                                                  "admin_tls has no certificate; name cert_file and key_file",
		"admin_tls: {self_signed: true}\n":                                                     "unknown key \"self_signed\" in admin_tls",
		"tls: {mode: on, self_signed: true}\n":                                                 "tls.mode: unknown word \"on\"",
		"tls: {key_file: " + key + "}\n":                                                       "tls.key_file without tls.cert_file",
		"tls: {cert_file: " + cert + ", self_signed: true}\n":                                  "tls has a certificate and is to be self-signed",
		"tls: {cert_file: " + cert + "}\n":                                                     "there is no private key as PEM in it",
		"tls: {cert_file: " + cert + ", key_file: " + other + "}\n":                            "the private key is not that of the certificate",
		"tls: {cert_file: " + key + ", key_file: " + key + "}\n":                               "there is no certificate as PEM in it",
		"tls: {cert_file: " + cert + ", key_file: " + filepath.Join(dir, "no") + "}\n":         "no such file or directory",
		"tls: {cert_file: " + cert + ", key_file: " + empty + "}\n":                            "there is nothing in it",
		"tls: {cert_file: " + cert + ", key_file: " + key + ", client_ca_file: " + key + "}\n": "there is no certificate as PEM in it",
		"tls: {cert_file: " + cert + ", key_file: " + key + ", min_version: 1.1}\n":            "tls.min_version: unknown word \"1.1\"",
		"users: [{name: a, require: tls}]\n":                                                   "user \"a\" is for clients on TLS alone, and no client is offered that",
		"tls: {self_signed: true}\nusers: [{name: a, require: certificate}]\n":                 "user \"a\" is for clients with a certificate, and no client is asked for one",
		"users_learned: true\n":                                                                "users_learned is for clients on TLS or a UNIX socket, and there are none",
		"backend_tls: {mode: verify}\n":                                                        "backend_tls.mode: unknown word \"verify\"",
		"backend_tls: {mode: verify-ca}\n":                                                     "backend_tls.ca_file: mode verify-ca needs one",
		"backend_tls: {mode: required, ca_file: " + cert + "}\n":                               "backend_tls.ca_file: mode required looks at no certificate",
		"backend_tls: {ca_file: " + key + "}\n":                                                "backend_tls.ca_file: there is no certificate as PEM in it",
		"backend_tls: {cert_file: " + cert + ", key_file: " + other + "}\n":                    "backend_tls.cert_file, key_file: private key does not match",
		"backend_tls: {mode: [x]}\n":                                                           "backend_tls.mode is a list",
	} {
		_, err := Parse("segue.yaml", []byte(one+text))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "-----") {
			t.Errorf("%q: a key is told: %v", text, err)
		}
	}
}

// A backend's own section wins over that for all.
func TestBackendTLS(t *testing.T) {
	cert, _ := pair(t, t.TempDir(), "ca")
	c, err := Parse("", []byte("backend_tls: {ca_file: "+cert+"}\nbackends:\n- a:1\n- {address: b:1, tls: {mode: required}}\n- {address: c:1, tls: {mode: disabled}}\n"))
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []secure.Mode{secure.VerifyIdentity, secure.Required, secure.Disabled} {
		if got := c.Backends[i].TLS.Mode(); got != want {
			t.Errorf("backend %d: %s, want %s", i, got, want)
		}
	}
}

// A certificate that is replaced is noticed, as Kubernetes replaces one; a bad pair is a problem, and the next good one is taken.
func TestWatchSeesCertificate(t *testing.T) {
	dir := t.TempDir()
	cert, key := pair(t, dir, "tls")
	path := filepath.Join(t.TempDir(), "segue.yaml")
	write(t, path, one+"tls: {cert_file: "+cert+", key_file: "+key+"}\n")
	w := watch(t, path)
	first, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	other, otherKey := pair(t, t.TempDir(), "tls")
	if err := os.Rename(other, cert); err != nil {
		t.Fatal(err)
	}
	if n := w.next(); n.err == nil || !strings.Contains(n.err.Error(), "the private key is not that of the certificate") {
		t.Fatalf("a bad pair: %v", n.err)
	}
	if err := os.Rename(otherKey, key); err != nil {
		t.Fatal(err)
	}
	if n := w.next(); n.err != nil || n.config.TLS.Server.Same(first.TLS.Server) {
		t.Errorf("the certificate is the one of before: %v", n.err)
	}
}

func TestDiffOfTLS(t *testing.T) {
	dir := t.TempDir()
	load := func(name, more string) *Config {
		cert, key := pair(t, dir, name)
		c, err := Parse("", []byte(one+"tls: {cert_file: "+cert+", key_file: "+key+more+"}\n"))
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	a, b := load("a", ""), load("b", ", mode: required")
	none, err := Parse("", []byte(one))
	if err != nil {
		t.Fatal(err)
	}
	for want, of := range map[string][2]*Config{
		"":                                {a, a},
		"tls.mode: off -> optional":       {none, a},
		"tls.mode: optional -> required":  {a, b},
		"tls: another certificate: one t": {a, b},
	} {
		text := strings.Join(Diff(of[0], of[1]).Lines, "\n")
		if want == "" && text != "" || !strings.Contains(text, want) {
			t.Errorf("%q, want %q", text, want)
		}
	}
}

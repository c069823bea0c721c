package config

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAccess(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"token": "t0ken\n", "empty": "\n", "spaces": "a b\n", "two": "a\nb\n", "umlaut": "tökén\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	name := filepath.Join(dir, "c.yaml")
	for text, want := range map[string]string{
		"admin: unix:/run/segue/admin.sock\nadmin_mode: 0660\nadmin_group: ops\n": "",
		"admin_hosts: [segue, segue.example]\nadmin_token_file: token\n":          "",
		"admin: unix:admin.sock\n":                        `admin: "admin.sock" is no whole path; write it as in /run/segue/admin.sock`,
		"admin: unix:/run/\n":                             `admin: "/run/" is no whole path; write it as in /run/segue/admin.sock`,
		"admin: unix:/" + strings.Repeat("x", 120) + "\n": `admin: the path has 121 bytes; it may have 107; choose another folder`,
		"takeover: {socket: takeover.sock}\n":             `takeover.socket: "takeover.sock" is no whole path; write it as in /run/segue/admin.sock`,
		"takeover: {offer: maybe}\n":                      `takeover.offer: "maybe" is neither true nor false; write true or false`,
		"admin_mode: 0060\n":                              `admin_mode: "0060" is no mode of a socket that its owner can use; write it as chmod takes it: 0600, 0660`,
		"admin_mode: 4660\n":                              `admin_mode: "4660" is no mode of a socket that its owner can use; write it as chmod takes it: 0600, 0660`,
		"admin_mode: rw\n":                                `admin_mode: "rw" is no mode of a socket that its owner can use; write it as chmod takes it: 0600, 0660`,
		"admin_hosts: segue\n":                            `admin_hosts is the value "segue", not a list; write it as in [segue.example, segue]`,
		"admin_hosts: [\"a:1\"]\n":                        `admin_hosts has the value "a:1", which is no host name; write a name without a port, as in segue.example`,
		"admin_read: token\n":                             `admin_read asks for a token, and there is none; add admin_token_file`,
		"admin_write: token\n":                            `admin_write asks for a token, and there is none; add admin_token_file`,
		"admin_write: nobody\n":                           `admin_write: unknown word "nobody"; known: anyone, token`,
		"admin_token_file: none\n":                        `admin_token_file none: no such file or directory; it must be a file with the password alone, readable for Segue`,
		"admin_token_file: empty\nadmin_read: token\n":    "admin_token_file empty is empty; let its only line be the token: `openssl rand -hex 32` makes one",
		"admin_token_file: spaces\n":                      "admin_token_file spaces has characters that no HTTP header can carry; let its only line be printable ASCII without spaces: `openssl rand -hex 32` makes one",
		"admin_token_file: umlaut\n":                      "admin_token_file umlaut has characters that no HTTP header can carry; let its only line be printable ASCII without spaces: `openssl rand -hex 32` makes one",
		"admin_token_file: two\n":                         `admin_token_file two: has more than one line; it must be a file with the password alone, readable for Segue`,
	} {
		_, err := Parse(name, []byte(one+text))
		got := ""
		if err != nil {
			_, got, _ = strings.Cut(err.Error(), " ")
		}
		if got != want {
			t.Errorf("%q:\n%s\nwant\n%s", text, got, want)
		}
	}
}

func TestWriters(t *testing.T) {
	for _, test := range []struct {
		access        Access
		local, remote Who
	}{
		{Access{}, Anyone, Nobody},
		{Access{Token: "x"}, WithToken, WithToken},
		{Access{Write: Anyone}, Anyone, Anyone},
		{Access{Write: Anyone, Token: "x"}, Anyone, Anyone},
		{Access{Write: WithToken, Token: "x"}, WithToken, WithToken},
	} {
		if local, remote := test.access.Writers(true), test.access.Writers(false); local != test.local || remote != test.remote {
			t.Errorf("%+v: %s, %s", test.access, local, remote)
		}
	}
	for address, want := range map[string]bool{
		"127.0.0.1:1": true, "localhost:1": true, "[::1]:1": true, "unix:/x": true, ":1": false, "0.0.0.0:1": false, "10.0.0.1:1": false, "segue:1": false,
	} {
		if IsLocal(address) != want {
			t.Errorf("%s: %v", address, !want)
		}
	}
}

// What others may read or change though there is a secret in it is warned of, wherever the secret is.
func TestExposure(t *testing.T) {
	closed := t.TempDir()                  // no other user gets here
	open, err := os.MkdirTemp("", "segue") //nolint:usetesting // every folder above it is open to others
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(open) })
	if err := os.Chmod(open, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	const in = "there is a secret in this file, and everybody on this machine may "
	for _, test := range []struct {
		dir, text    string
		mode, secret fs.FileMode
		want         string // of the one warning
	}{
		{open, one, 0o644, 0o600, ""},
		{open, one, 0o646, 0o600, "everybody on this machine may write this file"},
		{open, one + "users: [{name: a, password: x}]\n", 0o640, 0o600, ""},
		{open, one + "users: [{name: a, password: x}]\n", 0o666, 0o600, in + "read and write it"},
		{open, one + "users: [{name: b, password_file: secret}, {name: a, hash: \"*6BB4837EB74329105EE4568DDA7DC67ED2CA2AD9\"}]\n", 0o644, 0o600, in + "read it"},
		{open, one + "health: {user: a, password: x}\n", 0o644, 0o600, in + "read it"},
		{open, one + "health: {user: a, password: \"\"}\n", 0o644, 0o600, ""},
		{open, "backends: [{address: \"fe1:9030\", health: \"http://fe1:8030/api/health?token=x\"}]\n", 0o644, 0o600, in + "read it"},
		{open, "backends: [{address: \"fe1:9030\", health: \"http://u:p@fe1:8030/api/health\"}]\n", 0o644, 0o600, in + "read it"},
		{open, "backends: [{address: \"fe1:9030\", health: \"http://fe1:8030/api/health\"}]\n", 0o644, 0o600, ""},
		{open, one + "users: [{name: a, password_file: secret}]\n", 0o644, 0o640, ""},
		{open, one + "users: [{name: a, password_file: secret}]\n", 0o644, 0o644, `user "a": password_file secret: everybody on this machine may read it`},
		{open, one + "health: {user: a, password_file: secret}\n", 0o644, 0o602, `health.password_file secret: everybody on this machine may write it`},
		{open, one + "admin_token_file: secret\n", 0o644, 0o604, `admin_token_file secret: everybody on this machine may read it`},
		{closed, one + "users: [{name: a, password: x}, {name: b, password_file: secret}]\n", 0o666, 0o666, ""},
	} {
		path, secret := filepath.Join(test.dir, "segue.yaml"), filepath.Join(test.dir, "secret")
		for name, with := range map[string]fs.FileMode{path: test.mode, secret: test.secret} {
			if err := os.WriteFile(name, []byte(map[bool]string{true: test.text, false: "pass\n"}[name == path]), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(name, with); err != nil {
				t.Fatal(err)
			}
		}
		c, err := Load(path)
		if err != nil {
			t.Fatal(err)
		}
		var got strings.Builder
		for _, w := range c.Warnings {
			got.WriteString(w.What)
		}
		if got.String() != test.want {
			t.Errorf("%04o %04o %s\ngot  %q\nwant %q", test.mode, test.secret, test.text, got.String(), test.want)
		}
	}
}

// No secret of a health URL is told by what a reload changes, wherever in the URL it is.
func TestDiffMasksURLs(t *testing.T) {
	const secret = "s3cret"
	for _, url := range []string{
		"http://fe1:8030/api/health?token=" + secret, "http://fe1:8030/api/health?a=1&token=" + secret + "&b", "http://fe1:8030/api/health?" + secret,
		"http://u:" + secret + "@fe1:8030/api/health", "http://u:p@fe1:8030/api/health?token=" + secret + "#" + secret, "http://fe1:8030/api/health#" + secret,
		"http://" + secret + "@fe1:8030/api/health", "http://fe1:8030/api/health?a;token=" + secret, "http://fe1:8030/%?" + secret,
	} {
		parse := func(url string) *Config {
			c, err := Parse("c.yaml", []byte(one))
			if err != nil {
				t.Fatal(err)
			}
			c.Backends[0].HealthURL = url
			return c
		}
		for _, d := range []Changes{Diff(parse("http://fe1:8030/x"), parse(url)), Diff(parse(url), parse("http://fe1:8030/x"))} {
			if len(d.Lines) != 1 || strings.Contains(d.Lines[0], secret) {
				t.Errorf("%s: %q", url, d.Lines)
			}
		}
	}
}

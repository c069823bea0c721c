package config

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	proxy "segue/proxy"
)

const hashOfSecret = "*14E65567ABDB5135D0CFD9A70B3032C179A49EE7" // SELECT PASSWORD('secret')

func TestUserProblems(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{"a word", "users: app\n", "2:8: users is the value \"app\", not a list; write `- {name: …, password_file: …}` lines below it"},
		{"a list of words", "users: [hunter2]\n", "2:9: users[0] is not a set of keys; write {name: …} and one of password, password_file and hash"},
		{"unknown key", "users: [{name: app, pasword: hunter2}]\n", `2:21: unknown key "pasword" in users[0]; did you mean "password"?
2:9: user "app" has no password, password_file or hash; give one of them; password_file keeps the secret out of here`},
		{"no name", "users: [{password: hunter2}]\n", `2:9: a user has no name; add name: the account as clients write it, without a host`},
		{"empty name", "users: [{name: '', password: hunter2}]\n", `2:16: a user's name is empty or has a line break; write the account as clients do, without a host`},
		{"name that is a list", "users: [{name: [a], password: hunter2}]\n", `2:16: users[0].name is a list; write a single value`},
		{"two secrets", "users: [{name: app, password: hunter2, hash: '" + hashOfSecret + "'}]\n", `2:46: user "app" has more than one of password, password_file and hash; keep one; password_file keeps the secret out of here`},
		{"three secrets", "users: [{name: app, hash: x, password_file: y, password: hunter2}]\n", `2:45: user "app" has more than one of password, password_file and hash; keep one; password_file keeps the secret out of here`},
		{"password without a value", "users: [{name: app, password: }]\n", `2:31: users[0].password has no value; give it one, or take the key out for its default
2:9: user "app" has no password, password_file or hash; give one of them; password_file keeps the secret out of here`},
		{"password that is a list", "users: [{name: app, password: [hunter2]}]\n", `2:31: user "app": users[0].password is a list; write a single value`},
		{"hash without star", "users: [{name: app, hash: 14E65567ABDB5135D0CFD9A70B3032C179A49EE7}]\n", `2:27: user "app": hash does not begin with *; write what mysql_native_password stores, in quotes: "*" and 40 hexadecimal digits`},
		{"hash cut short", "users: [{name: app, hash: '*14E65567ABDB5135D0CFD9A70B3032C179A49EE'}]\n", `2:27: user "app": hash is not 40 hexadecimal digits behind the *, but 39 characters; copy it again: SHOW CREATE USER or mysql.user has it`},
		{"hash with a slip", "users: [{name: app, hash: '*14E65567ABDB5135D0CFD9A70B3032C179A49EEO'}]\n", `2:27: user "app": hash is not 40 hexadecimal digits behind the *, but 40 characters; copy it again: SHOW CREATE USER or mysql.user has it`},
		{"hash of another plugin", "users: [{name: app, hash: '$A$005$hunter2'}]\n", `2:27: user "app": hash is one of caching_sha2_password; that cannot be used; give password or password_file`},
		{"file that is not there", "users: [{name: app, password_file: no/such}]\n", `2:36: user "app": password_file no/such: no such file or directory; it must be a file with the password alone, readable for Segue`},
		{"file without a name", "users: [{name: app, password_file: ''}]\n", `2:36: user "app": password_file is empty; name a file`},
		{"password that was to be filled in", "users: [{name: app, password: '${APP_PASSWORD}'}]\n", `2:31: user "app": password reads like a variable, and none is filled in here; ` + inAFile},
		{"name that was to be filled in", "users: [{name: '$APP_USER', password: hunter2}]\n", `2:16: a user's name reads like a variable, and none is filled in here; write the account as clients do, without a host`},
		{"twice", "users:\n- {name: app, password: a}\n- {name: app, password: b}\n", `4:10: two users are called "app"; the first is in line 3; keep one`},
		{"service without EXECUTE AS", "flavor: tidb\nusers: [{name: s, password: a, service: true}]\n", `3:41: user "s" is a service account, and tidb has no EXECUTE AS; take service out`},
		{"service by hash", "users: [{name: s, hash: '" + hashOfSecret + "', service: true}]\n", `2:79: user "s" is a service account with a hash alone; give its password or password_file: Segue is to log in as it`},
		{"service that is a word", "users: [{name: s, password: a, service: 'yes'}]\n", `2:41: users[0].service: "yes" is neither true nor false; write true or false`},
		{"two services", "users:\n- {name: s, password: a, service: true}\n- {name: t, password: b, service: true}\n", `4:35: two users are service accounts; the first is in line 3; keep one`},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := problemsOf(t, one+test.text)
			want := strings.Split(test.want, "\n")
			for _, w := range want {
				found := false
				for _, g := range got {
					found = found || g == w
				}
				if !found || len(got) != len(want) {
					t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), test.want)
				}
			}
			if text := strings.Join(got, "\n"); strings.Contains(text, "hunter2") || strings.Contains(text, hashOfSecret[1:20]) {
				t.Errorf("a secret is told: %s", text)
			}
		})
	}
}

func TestUsers(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "segue.yaml")
	write(t, filepath.Join(dir, "app"), "from a file\n")
	write(t, path, one+`users:
- {name: app, password_file: app}
- {name: none, password: ""}
- {name: digits, password: 0123, service: false}
- {name: h, hash: "`+strings.ToLower(hashOfSecret)+`"}
- {name: s, password: svc, service: true}
`)
	c, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	hash := [20]byte{0x14, 0xe6, 0x55, 0x67, 0xab, 0xdb, 0x51, 0x35, 0xd0, 0xcf, 0xd9, 0xa7, 0x0b, 0x30, 0x32, 0xc1, 0x79, 0xa4, 0x9e, 0xe7}
	want := []proxy.User{
		{Name: "app", Password: "from a file", HasPassword: true},
		{Name: "none", HasPassword: true},
		{Name: "digits", Password: "0123", HasPassword: true},
		{Name: "h", Hash: hash, HasHash: true},
		{Name: "s", Password: "svc", HasPassword: true, Service: true},
	}
	if !reflect.DeepEqual(c.Proxy.Users, want) {
		t.Errorf("got %d users that are not those wanted: %v", len(c.Proxy.Users), c.Proxy.Users)
	}
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, shown := range []string{fmt.Sprintf("%v %+v %#v %s %x", c, c, c, c.Proxy.Users, c.Proxy.Users), string(text)} {
		for _, secret := range []string{"from a file", "0123", "svc", fmt.Sprintf("%x", "svc"), "0x14, 0xe6", "[20 230 85", "FOZVZ"} {
			if strings.Contains(shown, secret) {
				t.Errorf("%q is shown in %s", secret, shown)
			}
		}
	}
}

func TestDiffOfUsers(t *testing.T) {
	before := mustParse(t, one+"users: [{name: a, password: hunter1}, {name: b, password: x}, {name: c, password: y}]\n")
	after := mustParse(t, one+"users: [{name: d, password: hunter3}, {name: a, password: hunter2}, {name: b, password: x}]\n")
	want := []string{"user d added", "user a changed", "user c removed"}
	if got := Diff(before, after); !reflect.DeepEqual(got.Lines, want) || got.Restart != nil {
		t.Errorf("got %+v", got)
	}
}

// nextPassword waits for a call with this password for the first user.
func (w *watched) nextPassword(want string) {
	w.t.Helper()
	n := w.next()
	if n.err != nil || n.config.Proxy.Users[0].Password != want {
		w.t.Fatalf("got %v, %v, which is not what was wanted", n.config, n.err)
	}
}

// TestWatchSecrets: a password file in another folder is read again when it changes; one that is gone or bad is said, once.
func TestWatchSecrets(t *testing.T) {
	path, secret := filepath.Join(t.TempDir(), "segue.yaml"), filepath.Join(t.TempDir(), "app")
	write(t, secret, "first\n")
	write(t, path, one+"users: [{name: app, password_file: '"+secret+"'}]\n")
	w := watch(t, path)

	write(t, secret, "second\n")
	w.nextPassword("second")

	write(t, secret, "two\nlines\n")
	if n := w.next(); n.config != nil || n.err == nil || !strings.Contains(n.err.Error(), `user "app": password_file `+secret+": has more than one line") {
		t.Fatalf("got %+v", n)
	}
	write(t, secret, "third\n")
	w.nextPassword("third")

	if err := os.Remove(secret); err != nil {
		t.Fatal(err)
	}
	if n := w.next(); n.err == nil || !strings.Contains(n.err.Error(), "no such file or directory") {
		t.Fatalf("got %+v", n)
	}
	write(t, secret, "fourth\n")
	w.nextPassword("fourth")

	// Another file, in a folder that was not watched before.
	other := filepath.Join(t.TempDir(), "app")
	write(t, other, "fifth\n")
	write(t, path, one+"users: [{name: app, password_file: '"+other+"'}]\n")
	w.nextPassword("fifth")
	write(t, other, "sixth\n")
	w.nextPassword("sixth")
}

// TestWatchKubernetesSecret swaps the symbolic link that Kubernetes swaps when a Secret changes.
func TestWatchKubernetesSecret(t *testing.T) {
	dir := t.TempDir()
	swap := func(folder, text string) {
		t.Helper()
		if err := os.Mkdir(filepath.Join(dir, folder), 0o700); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, folder, "password"), text)
		if err := os.Symlink(folder, filepath.Join(dir, "..data_tmp")); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(filepath.Join(dir, "..data_tmp"), filepath.Join(dir, "..data")); err != nil {
			t.Fatal(err)
		}
	}
	swap("..2026_1", "first\n")
	if err := os.Symlink(filepath.Join("..data", "password"), filepath.Join(dir, "password")); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "segue.yaml")
	write(t, path, one+"users: [{name: app, password_file: '"+filepath.Join(dir, "password")+"'}]\n")
	w := watch(t, path)
	swap("..2026_2", "second\n")
	w.nextPassword("second")
}

// TestReferenceHasEveryKey holds the reference to the schema.
func TestReferenceHasEveryKey(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "deploy", "docs", "reference", "configuration.md"))
	if err != nil {
		t.Fatal(err)
	}
	p := newParser("x", new(reader))
	for _, section := range p.schema(&document{config: Default()}) {
		for _, k := range append(section.keys, key{}) {
			full := strings.Trim(section.name+"."+k.name, ".")
			if k.name == "" && section.keys != nil {
				continue
			}
			// `health.user`, `.password`: the section is named once in a row.
			if !strings.Contains(string(text), "| `"+full+"`") && !strings.Contains(string(text), ", `"+full+"`") && (k.name == "" || !strings.Contains(string(text), ", `."+k.name+"`")) {
				t.Errorf("the reference lacks %q", full)
			}
		}
	}
	for _, k := range p.userKeys(&userEntry{}) {
		if !strings.Contains(string(text), k.name) {
			t.Errorf("the reference lacks %q of a user", k.name)
		}
	}
}

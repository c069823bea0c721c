package config

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"segue/backend/secure/securetest"
)

// A credential of systemd is found by its name, wherever the configuration lies, and for every key that names a file.
func TestCredentials(t *testing.T) {
	dir, folder := t.TempDir(), t.TempDir()
	t.Setenv(credentialsVariable, folder)
	pair := securetest.New(t, "test").Issue(t, securetest.Leaf{Names: []string{"segue.example"}})
	for name, text := range map[string]string{"probe": "hunter2\n", "tls.crt": string(pair.Cert), "tls.key": string(pair.Key), "token": "abc"} {
		write(t, filepath.Join(folder, name), text)
	}
	path := filepath.Join(dir, "segue.yaml")
	write(t, path, one+`health: {user: probe, password_file: "credential:probe"}
discover: {user: a, password_file: credential:probe, kubernetes: {service: fe, token_file: credential:token}}
users: [{name: app, password_file: credential:probe}]
admin_token_file: credential:token
tls: {cert_file: credential:tls.crt, key_file: credential:tls.key}
`)
	c, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if c.Health.Password != "hunter2" || c.Discover.Password != "hunter2" || c.Proxy.Users[0].Password != "hunter2" || c.Access.Token != "abc" || !c.TLS.On() ||
		c.Discover.Kubernetes.TokenFile != filepath.Join(folder, "token") {
		t.Errorf("%+v", c)
	}
	if got, err := Load("", Override{"backends", "a:1", "x"}, Override{"health.user", "u", "x"}, Override{"health.password_file", "credential:probe", "SEGUE_HEALTH_PASSWORD_FILE"}); err != nil || got.Health.Password != "hunter2" {
		t.Errorf("by a variable: %v", err)
	}
}

// What is wrong with a credential is told with what to do about it.
func TestCredentialProblems(t *testing.T) {
	folder := t.TempDir()
	for _, test := range []struct{ folder, value, want string }{
		{folder, "credential:none", "health.password_file credential:none: no such file or directory; it must be a file with the password alone"},
		{"", "credential:probe", "health.password_file credential:probe: there are no credentials here; give it to the unit: LoadCredential=probe:PATH"},
		{folder, "credential:", `"" is no name of a credential; write the name that LoadCredential= has`},
		{folder, "credential:../probe", `"../probe" is no name of a credential`},
		{folder, "credential:..", `".." is no name of a credential`},
		{folder, "credential:a:b", `is no name of a credential`},
	} {
		t.Setenv(credentialsVariable, test.folder)
		got := problemsOf(t, one+"health: {user: u, password_file: \""+test.value+"\"}\n")
		if len(got) != 1 || !strings.Contains(got[0], test.want) {
			t.Errorf("%q: %q", test.value, got)
		}
	}
}

// swapSecret does what the kubelet does with a volume of a Secret: the files are links into ..data, which is a link to a folder that is replaced in one step.
func swapSecret(t *testing.T, dir, folder, text string) {
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

// A secret of Kubernetes that changes is noticed, be it named by the file, or by a variable where there is no file.
func TestSecretVolumeIsSwapped(t *testing.T) {
	for _, withFile := range []bool{true, false} {
		dir := t.TempDir()
		swapSecret(t, dir, "..2026_1", "first\n")
		secret := filepath.Join(dir, "password")
		if err := os.Symlink(filepath.Join("..data", "password"), secret); err != nil {
			t.Fatal(err)
		}
		w := &Watcher{Overrides: []Override{
			{"backends", "a:1", "SEGUE_BACKENDS"}, {"health.user", "u", "SEGUE_HEALTH_USER"}, {"health.password_file", secret, "SEGUE_HEALTH_PASSWORD_FILE"},
		}}
		if withFile {
			w.Path, w.Overrides = filepath.Join(t.TempDir(), "segue.yaml"), nil
			write(t, w.Path, one+"health: {user: u, password_file: "+secret+"}\n")
		}
		current, err := Load(w.Path, w.Overrides...)
		if err != nil {
			t.Fatal(err)
		}
		if len(current.Warnings) > 0 {
			t.Errorf("%v", current.Warnings)
		}
		ctx, stop := context.WithCancel(t.Context())
		passwords := make(chan string, 10)
		w.Changed = func(c *Config, err error) {
			if err != nil {
				t.Error(err)
				return
			}
			passwords <- c.Health.Password
		}
		ended := make(chan error, 1)
		go func() { ended <- w.Run(ctx, current) }()
		swapSecret(t, dir, "..2026_2", "second\n")
		if got := <-passwords; got != "second" {
			t.Errorf("with a file: %t: %q", withFile, got)
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

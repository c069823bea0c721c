package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"segue/backend/fesim"
	"segue/backend/secure/securetest"
)

func TestHealthcheck(t *testing.T) {
	t.Parallel()
	fes := frontends(t, 1, fesim.Options{})
	file := configFile(t, configuration(fes, ""))
	s := serve(t, nil, "--config", file)
	s.ready()
	for _, question := range []string{"live", "ready"} {
		if got := s.segue("healthcheck", question); got.code != exitDone || got.stdout != question+"\n" {
			t.Errorf("%s: exit %d\n%s%s", question, got.code, got.stdout, got.stderr)
		}
	}
	if got := s.segue("healthcheck"); got.code != exitDone || got.stdout != "live\n" {
		t.Errorf("exit %d\n%s%s", got.code, got.stdout, got.stderr)
	}
	if got := s.segue("wait", "--backend"); got.code != exitDone {
		t.Errorf("wait: exit %d\n%s", got.code, got.stderr)
	}
	if got := s.segue("healthcheck", "alive"); got.code != exitUsage || !strings.Contains(got.stderr, "live, which is the default, or ready") {
		t.Errorf("exit %d\n%s", got.code, got.stderr)
	}
	// A file that has got a problem changes nothing for the process that runs, and so nothing for who asks it.
	broken := configFile(t, "admin: "+s.api+"\nbackendz: [\n\n")
	for _, text := range []string{"admin: " + s.api + "\nbackendz: 1\n", "backends: [a]\nadmin: " + s.api + "\n"} {
		if err := os.WriteFile(broken, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, args := range [][]string{{"healthcheck"}, {"healthcheck", "ready"}, {"wait"}} {
			if got := segue(t, []string{"SEGUE_CONFIG=" + broken}, args...); got.code != exitDone {
				t.Errorf("%v with\n%s\nexit %d\n%s", args, text, got.code, got.stderr)
			}
		}
	}
}

func TestHealthcheckOfNone(t *testing.T) {
	t.Parallel()
	nobody := deadAddress(t)
	for _, args := range [][]string{{"healthcheck"}, {"healthcheck", "ready"}, {"wait", "--timeout", "300ms"}} {
		got := segue(t, []string{"SEGUE_ADMIN=" + nobody}, args...)
		if got.code != exitFailed || !strings.Contains(got.stderr, nobody) || !strings.Contains(got.stderr, "refused") {
			t.Errorf("%v: exit %d\n%s", args, got.code, got.stderr)
		}
	}
}

// It is started before Segue, and before the backend.
func TestWait(t *testing.T) {
	t.Parallel()
	api := deadAddress(t)
	live, usable := start(t, []string{"SEGUE_ADMIN=" + api}, "wait", "--timeout", "5m"), start(t, []string{"SEGUE_ADMIN=" + api}, "wait", "--backend", "--timeout", "5m")
	fes := frontends(t, 1, fesim.Options{})
	fes[0].Kill()
	<-fes[0].Exited()
	file := configFile(t, configuration(fes, ""))
	start(t, nil, "serve", "--listen", "127.0.0.1:0", "--admin", api, "--config", file)
	if code := live.wait(); code != exitDone {
		t.Errorf("exit %d\n%s", code, live.stderr)
	}
	if got := segue(t, []string{"SEGUE_ADMIN=" + api}, "wait", "--backend", "--timeout", "300ms"); got.code != exitFailed || !strings.Contains(got.stderr, "no backend is usable (0 of 1)") {
		t.Errorf("exit %d\n%s", got.code, got.stderr)
	}
	select {
	case <-usable.exited:
		t.Errorf("without a backend: exit %d\n%s", usable.code, usable.stderr)
	default:
	}
	if err := fes[0].Start(); err != nil {
		t.Fatal(err)
	}
	if code := usable.wait(); code != exitDone {
		t.Errorf("exit %d\n%s", code, usable.stderr)
	}
}

// Probes name the address alone, whatever else is in the file that Segue is started with: TLS, secrets that are gone, files that nobody can read in time.
func TestHealthcheckOnTLS(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	putPair(t, dir, "tls", securetest.New(t, "test").Issue(t, securetest.Leaf{Names: []string{"segue.example"}}))
	fes := frontends(t, 1, fesim.Options{})
	file, token := filepath.Join(dir, "segue.yaml"), filepath.Join(dir, "token")
	writeFile(t, token, "secret")
	text := configuration(fes, "listen: 127.0.0.1:0\nadmin_tls: {cert_file: tls.crt, key_file: tls.key}\nadmin_token_file: "+token+"\n")
	api := deadAddress(t)
	writeFile(t, file, text+"admin: "+api+"\n")
	start(t, nil, "serve", "--config", file).prints(`admin: https://(\S+)/`)
	if err := os.Remove(token); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ env, args []string }{
		{[]string{"SEGUE_CONFIG=" + file}, []string{"--admin", api}},
		{[]string{"SEGUE_CONFIG=" + file, "SEGUE_ADMIN=" + api}, nil},
		{[]string{"SEGUE_CONFIG=" + file}, []string{"--admin", "https://" + api}},
		{[]string{"SEGUE_CONFIG=" + file, "SEGUE_ADMIN_TOKEN_FILE=" + token, "SEGUE_TOKEN_FILE=" + token}, nil},
		{[]string{"SEGUE_ADMIN=" + api, "SEGUE_ADMIN_TLS_CERT_FILE=" + filepath.Join(dir, "tls.crt")}, nil},
	} {
		for _, question := range []string{"live", "ready"} {
			if got := segue(t, test.env, append([]string{"healthcheck", question}, test.args...)...); got.code != exitDone {
				t.Errorf("%v %v: exit %d\n%s", test.env, test.args, got.code, got.stderr)
			}
		}
	}
	if got := segue(t, []string{"SEGUE_CONFIG=" + file}, "wait", "--admin", api); got.code != exitDone {
		t.Errorf("wait: exit %d\n%s", got.code, got.stderr)
	}
}

func TestIsSameHere(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		at, own string
		want    bool
	}{
		{"127.0.0.1:9131", "127.0.0.1:9131", true},
		{"localhost:9131", "127.0.0.1:9131", true},
		{"[::1]:9131", "10.0.0.5:9131", true},
		{"10.0.0.5:9131", "10.0.0.5:9131", true},
		{"10.0.0.6:9131", "10.0.0.5:9131", false},
		{"127.0.0.1:9132", "127.0.0.1:9131", false},
		{"unix:/run/a.sock", "unix:/run/a.sock", true},
		{"unix:/run/b.sock", "unix:/run/a.sock", false},
		{"127.0.0.1:9131", "", false},
	} {
		if got := isSameHere(test.at, test.own, ""); got != test.want {
			t.Errorf("%s of %s: %v", test.at, test.own, got)
		}
	}
}

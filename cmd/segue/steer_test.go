package main

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"segue/backend"
	"segue/backend/fesim"
	"segue/cmd/internal/admin"
)

// A wait that is given up says how many sessions are left, why each stays, and what is in force.
func TestDrainThatTakesTooLong(t *testing.T) {
	t.Parallel()
	fes := frontends(t, 2, fesim.Options{})
	s := serve(t, nil, "--config", configFile(t, configuration(fes, "drain: {timeout: 5m}\n")))
	var on *fesim.FE
	tx, busy := s.conn(), s.conn()
	for s.on(busy) != s.on(tx) {
		busy = s.conn()
	}
	for _, fe := range fes {
		if fe.Name() == s.on(tx) {
			on = fe
		}
	}
	if _, err := tx.ExecContext(t.Context(), "BEGIN"); err != nil {
		t.Fatal(err)
	}
	if _, err := tx.ExecContext(t.Context(), "INSERT INTO fesim.ledger VALUES ('drain')"); err != nil {
		t.Fatal(err)
	}
	asked := make(chan error, 1)
	go func() {
		_, err := busy.ExecContext(t.Context(), "SELECT SLEEP(3)")
		asked <- err
	}()
	eventually(t, "the statement to run", func() bool { return strings.Contains(s.segue("sessions").stdout, "busy") })
	got := s.segue("drain", on.Name(), "--wait", "--timeout", "200ms")
	want := regexp.MustCompile(`^segue: wait for fe-\d: 2 sessions left after 200ms\. It stays in drain: it gets no new session, and what it has ends when it can, at the latest at ` +
		`drain\.timeout \(5m0s, in (5m0s|4m59s|4m58s)\)\. .segue ready fe-\d. takes it back
(  \d+  127\.0\.0\.1:\d+  root  (pinned: transaction( \d+s)?|busy for \d+s)\n){2}$`)
	if got.code != exitFailed || !want.MatchString(got.stderr) || !strings.Contains(got.stderr, "pinned: transaction") || !strings.Contains(got.stderr, "busy for") {
		t.Errorf("exit %d\n%s", got.code, got.stderr)
	}
	if got := s.segue("drain", on.Name(), "--wait", "--timeout", "200ms", "-o", "json"); got.code != exitFailed || got.stdout != "" || !strings.Contains(errorOf(t, got), "sessions left after 200ms") {
		t.Errorf("exit %d\n%s%s", got.code, got.stdout, got.stderr)
	}
	if err := <-asked; err != nil {
		t.Error(err)
	}
}

// errorOf is the error of a command that was asked for JSON.
func errorOf(t *testing.T, o outcome) string {
	t.Helper()
	var f failure
	if err := json.Unmarshal([]byte(o.stderr), &f); err != nil || f.Error == "" {
		t.Errorf("stderr is no error as JSON: %v\n%s", err, o.stderr)
	}
	return f.Error
}

// The last backend that is usable is taken out if that is said in so many words.
func TestDrainOfTheLast(t *testing.T) {
	t.Parallel()
	fes := frontends(t, 2, fesim.Options{})
	s := serve(t, nil, "--config", configFile(t, configuration(fes, "")))
	if got := s.segue("drain", "fe-1"); got.code != 0 || got.stdout != "fe-1: drain, up, 0 sessions\n" {
		t.Fatalf("exit %d\n%s%s", got.code, got.stdout, got.stderr)
	}
	for _, command := range []string{"drain", "maint"} {
		got := s.segue(command, "fe-2")
		if got.code != exitFailed || !strings.Contains(got.stderr, "fe-2 is the last backend that is usable") || !strings.Contains(got.stderr, "--force") {
			t.Errorf("%s: exit %d\n%s%s", command, got.code, got.stdout, got.stderr)
		}
		if b := s.backend("fe-2"); b.Admin != backend.Ready {
			t.Errorf("%s: %+v", command, b)
		}
		if got := s.segue(command, "fe-1"); got.code != 0 { // which is none of the usable ones
			t.Errorf("%s: exit %d\n%s", command, got.code, got.stderr)
		}
		if got := s.segue(command, "fe-2", "--force"); got.code != 0 || !strings.HasPrefix(got.stdout, "fe-2: "+command) {
			t.Errorf("%s: exit %d\n%s%s", command, got.code, got.stdout, got.stderr)
		}
		if got := s.segue("ready", "fe-2"); got.code != 0 {
			t.Errorf("ready: exit %d\n%s", got.code, got.stderr)
		}
	}
	status := s.segue("status")
	for _, want := range []string{" asked: ready fe-2\n", " asked: maint fe-2\n", " asked: drain fe-1\n"} {
		if !strings.Contains(status.stdout, want) {
			t.Errorf("no %q in\n%s", want, status.stdout)
		}
	}
}

// Every command that asks a running Segue gives its answer as JSON if it is asked to, and its error too.
func TestEveryAnswerAndErrorAsJSON(t *testing.T) {
	t.Parallel()
	fes := frontends(t, 2, fesim.Options{})
	path := configFile(t, configuration(fes, ""))
	s := serve(t, nil, "--config", path)
	for _, command := range []string{
		"status", "backends", "sessions", "drain fe-1", "drain fe-1 --wait", "ready fe-1", "maint fe-1", "ready fe-1", "pause --for 1m", "pause --for 1m --wait", "resume", "resume",
		"reload", "validate " + path, "config --config " + path, "check --config " + path, "version",
	} {
		got := s.segue(append(strings.Fields(command), "-o", "json")...)
		var v any
		if err := json.Unmarshal([]byte(got.stdout), &v); got.code != 0 || err != nil || got.stderr != "" {
			t.Errorf("%s: exit %d, %v\n%s%s", command, got.code, err, got.stdout, got.stderr)
		}
	}
	wrong := configFile(t, "lisen: x\n")
	for command, want := range map[string]struct {
		code int
		text string
	}{
		"drain no-such -o json":                        {exitFailed, "no-such"},
		"drain -o json":                                {exitUsage, "name one backend"},
		"status --admin " + deadAddress(t) + " -ojson": {exitFailed, "is Segue running there?"},
		"status --output=json --admin x":               {exitUsage, `"x" has no port`},
		"status --lisen 1 -o json":                     {exitUsage, "unknown flag"},
		"validate -o json " + wrong:                    {exitUsage, `unknown key "lisen"`},
		"check -o json --config " + wrong:              {exitUsage, `unknown key "lisen"`},
		"frobnicate -o json":                           {exitUsage, "unknown command"},
		"backends --admin " + s.addr + " -o json":      {exitFailed, "is not Segue's admin API: a server of the MySQL protocol, or Segue's `listen`, answers there"},
		"sessions -o json --admin " + strings.TrimSuffix(strings.TrimPrefix(fes[0].HealthURL(), "http://"), "/api/health"): {exitFailed, "is not Segue's admin API: a web server answers there"},
	} {
		got := s.segue(strings.Fields(command)...)
		if text := errorOf(t, got); got.code != want.code || got.stdout != "" || !strings.Contains(text, want.text) {
			t.Errorf("%s: exit %d\n%s%s", command, got.code, got.stdout, got.stderr)
		}
	}
	var f failure
	if err := json.Unmarshal([]byte(s.segue("validate", "-o", "json", wrong).stderr), &f); err != nil || len(f.Problems) != 2 || f.Problems[0].Line != 1 || f.Problems[0].Remedy == "" {
		t.Errorf("%v %+v", err, f)
	}
	if got := s.segue("resume"); got.code != 0 || !strings.HasPrefix(got.stdout, "resumed") {
		t.Errorf("resume of no pause: exit %d\n%s%s", got.code, got.stdout, got.stderr)
	}
}

// What a change of admin needs is said until it is no longer so.
func TestReloadAndRestart(t *testing.T) {
	t.Parallel()
	fes := frontends(t, 1, fesim.Options{})
	path := configFile(t, configuration(fes, "listen: 127.0.0.1:0\nadmin: 127.0.0.1:0\n"))
	p := start(t, nil, "serve", "--config", path)
	env := []string{"SEGUE_ADMIN=" + p.prints(`admin: http://(\S+)/`)}
	reload := func(more, want string, code int) {
		t.Helper()
		writeFile(t, path, configuration(fes, more))
		got := segue(t, env, "reload")
		if got.code != code || !strings.Contains(got.stdout+got.stderr, want) {
			t.Errorf("exit %d\n%s%s", got.code, got.stdout, got.stderr)
		}
	}
	reload("listen: 127.0.0.1:0\nadmin: 127.0.0.1:7\n", path+": loaded\nwaits for a restart: admin\n", 0)
	if got := segue(t, env, "status"); !strings.Contains(got.stdout, "waits for a restart: admin\n") {
		t.Errorf("%s", got.stdout)
	}
	reload("listen: 127.0.0.1:0\nadmin: 127.0.0.1:8\nstate: kept\nhealth: {rise: 3}\n", "waits for a restart: admin, state\n", 0)
	reload("lisen: 1\n", "the configuration is refused, and the one before it stays in force:\n  "+path, exitUsage)
	if got := segue(t, env, "status"); !strings.Contains(got.stdout, "waits for a restart: admin, state\n") || !strings.Contains(got.stdout, "its last change was refused") {
		t.Errorf("%s", got.stdout)
	}
	reload("listen: 127.0.0.1:0\nadmin: 127.0.0.1:0\n", path+": loaded\n", 0)
	if got := segue(t, env, "status"); strings.Contains(got.stdout, "restart") || strings.Contains(got.stdout, "refused") {
		t.Errorf("changed back:\n%s", got.stdout)
	}
}

// --watch shows it again and again, also across a time in which nobody answers.
func TestWatch(t *testing.T) {
	t.Parallel()
	fes := frontends(t, 2, fesim.Options{})
	s := serve(t, nil, "--config", configFile(t, configuration(fes, "")))
	env := []string{"SEGUE_ADMIN=" + s.api}
	backends := start(t, env, "backends", "--watch=100ms", "-o", "json")
	status := start(t, env, "status", "-w")
	sessions := start(t, env, "sessions", "--watch", "1s")
	status.prints("backends: 2 of 2 usable")
	sessions.prints("STATE")
	if _, err := s.client.SetAdmin(t.Context(), "fe-1", backend.Drain, true); err != nil {
		t.Fatal(err)
	}
	status.prints("backends: 1 of 2 usable")
	backends.prints(`"admin":"drain"`)
	for line := range strings.Lines(backends.stdout.String()) {
		var list []admin.Backend
		if err := json.Unmarshal([]byte(line), &list); err != nil && strings.HasSuffix(line, "\n") || err == nil && len(list) != 2 {
			t.Errorf("%v: %s", err, line)
		}
	}
	s.cancel()
	eventually(t, "an error", func() bool { return strings.Contains(backends.stderr.String(), `"error"`) })
	backends.cancel()
	if code := backends.wait(); code != 0 {
		t.Errorf("exit %d", code)
	}
	if got := segue(t, env, "status", "--watch=10ms"); got.code != exitUsage || !strings.Contains(got.stderr, "write 100ms or more") {
		t.Errorf("exit %d %s", got.code, got.stderr)
	}
}

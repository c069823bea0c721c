package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"segue/backend/fesim"
	"segue/backend/secure"
	"segue/config"
)

// TestCheckUsers: for each user and each backend, whether its sessions will be able to move, and why not.
func TestCheckUsers(t *testing.T) {
	t.Parallel()
	o := fesim.Options{
		Users:         map[string]string{"root": "", "app": "hunter2", "report": "hunter3", "svc": "hunter4", "weak": "hunter5"},
		LDAPUsers:     map[string]string{"ldap": "hunter6"},
		Impersonators: []string{"svc"},
	}
	first := frontends(t, 1, o)[0]
	o.Users = map[string]string{"root": "", "app": "rotated", "report": "hunter3", "svc": "hunter4", "weak": "hunter5"}
	second := frontends(t, 1, o)[0]
	text := fmt.Sprintf("backends:\n- {name: fe-1, address: '%s', health: '%s'}\n- {name: fe-2, address: '%s', health: '%s'}\n",
		first.MySQLAddress(), first.HealthURL(), second.MySQLAddress(), second.HealthURL()) + `users:
- {name: app, password: hunter2}
- {name: report, hash: "*14E65567ABDB5135D0CFD9A70B3032C179A49EE7"}
- {name: ldap, password: hunter6}
- {name: svc, password: hunter4, service: true}
`
	path := configFile(t, text)
	got := segue(t, nil, "check", "--config", path, "-o", "json")
	var findings []finding
	if err := json.Unmarshal([]byte(got.stdout), &findings); err != nil || got.code != exitFailed || errorOf(t, got) != "1 of 2 backends not well" {
		t.Fatalf("exit %d, %v:\n%s%s", got.code, err, got.stdout, got.stderr)
	}
	said := map[string]finding{}
	for _, f := range findings {
		if f.Check == "login" {
			said[f.Backend+" "+f.User] = f
		}
	}
	for who, want := range map[string]string{
		"fe-1 app":    "passed: can move",
		"fe-2 app":    "misconfigured: cannot move: ERROR 1045 (28000): Access denied for user 'app' (using password: YES)",
		"fe-1 report": "passed: can move; by hash: not tried; a session can move once it has logged in with mysql_native_password",
		"fe-2 ldap":   "passed: can move; the backend wants the password in clear (LDAP): not tried; a session can move once its client has sent it so",
		"fe-2 svc":    "passed: can move; EXECUTE AS 'root' works",
	} {
		if f := said[who]; f.Verdict+": "+f.Cause != want || (f.Next == "") != (f.Verdict == "passed") {
			t.Errorf("%s: %s: %s, next %q; want %s", who, f.Verdict, f.Cause, f.Next, want)
		}
	}
	if len(said) != 8 {
		t.Errorf("%d logins", len(said))
	}
	table := segue(t, nil, "check", "--config", path)
	for _, want := range []string{"login app", "fe-2, login app: cannot move: ERROR 1045", "-u app -p -e 'SELECT CURRENT_USER()'"} {
		if !strings.Contains(table.stdout, want) {
			t.Errorf("no %q in\n%s", want, table.stdout)
		}
	}
	if all := got.stdout + table.stdout; strings.Contains(all, "hunter") || strings.Contains(all, "14E65567") || strings.Contains(all, "no users") {
		t.Errorf("a secret is shown, or users are missed:\n%s", all)
	}

	// A service account that lacks the privilege, and one that is to become a user who is not there.
	weak := configFile(t, configuration([]*fesim.FE{first}, "users: [{name: weak, password: hunter5, service: true}]\n"))
	if got := segue(t, nil, "check", "--config", weak); got.code != exitFailed ||
		!strings.Contains(got.stdout, "cannot move: EXECUTE AS 'root': ERROR") || !strings.Contains(got.stdout, "GRANT IMPERSONATE ON USER 'root' TO USER 'weak'") {
		t.Errorf("exit %d:\n%s", got.code, got.stdout)
	}
	if got := segue(t, nil, "check", "--config", path, "--impersonate", "ghost"); !strings.Contains(got.stdout, "cannot find user 'ghost'") {
		t.Errorf("exit %d:\n%s", got.code, got.stdout)
	}
}

// A probe password that the servers refuse is a mistake, though they work.
func TestCheckOfAWrongProbePassword(t *testing.T) {
	t.Parallel()
	fes := frontends(t, 1, fesim.Options{Users: map[string]string{"probe": "right"}})
	got := segue(t, nil, "check", "--config", configFile(t, configuration(fes, "health: {user: probe, password: hunter2}\n")))
	if got.code != exitFailed || !strings.Contains(got.stdout, "misconfigured") || !strings.Contains(got.stdout, "correct health.user (probe) or its password") ||
		!strings.Contains(got.stdout, "-u probe -p -e 'SELECT 1'") || strings.Contains(got.stdout, "hunter2") {
		t.Errorf("exit %d:\n%s%s", got.code, got.stdout, got.stderr)
	}
	if got := segue(t, nil, "check", "--config", configFile(t, configuration(fes, "health: {user: probe, password: right}\n"))); got.code != 0 {
		t.Errorf("exit %d:\n%s%s", got.code, got.stdout, got.stderr)
	}
}

func TestCheckWithoutUsers(t *testing.T) {
	t.Parallel()
	fes := frontends(t, 1, fesim.Options{})
	got := segue(t, nil, "check", "--config", configFile(t, configuration(fes, "")))
	if got.code != 0 || !strings.Contains(got.stdout, "\n  warning  users: no users are configured: when a backend leaves, sessions that have a password are ended") {
		t.Errorf("exit %d:\n%s%s", got.code, got.stdout, got.stderr)
	}
}

// What leads further where a connection cannot be secured.
func TestCheckOfTLS(t *testing.T) {
	t.Parallel()
	fes := frontends(t, 1, fesim.Options{Users: map[string]string{"app": "pw", "probe": "pw"}})
	p, err := secure.New(secure.Required, secure.Material{})
	if err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(configFile(t, configuration(fes, "health: {user: probe, password: pw}\nusers: [{name: app, password: pw}]\n")))
	if err != nil {
		t.Fatal(err)
	}
	c.Backends[0].TLS = p
	said := 0
	for _, f := range examine(t.Context(), c, "root") {
		if f.Check == "mysql" || f.Check == "login" {
			said++
			if f.Verdict == "passed" || !strings.Contains(f.Cause, "TLS: the server offers none") || f.Next != "openssl s_client -starttls mysql -showcerts -connect "+fes[0].MySQLAddress()+" </dev/null" {
				t.Errorf("%+v", f)
			}
		}
	}
	if said != 2 {
		t.Errorf("%d findings", said)
	}
}

// TestPasswordFileTakesEffectByItself: neither SIGHUP nor a change of the configuration is needed.
func TestPasswordFileTakesEffectByItself(t *testing.T) {
	t.Parallel()
	fes := frontends(t, 1, fesim.Options{})
	path := configFile(t, configuration(fes, "users: [{name: app, password_file: app.secret}]\n"))
	secret := strings.TrimSuffix(path, "segue.yaml") + "app.secret"
	writeFile(t, secret, "hunter2\n")
	s := serve(t, nil, "--config", path)
	writeFile(t, secret, "hunter3\n")
	eventually(t, "a new password", func() bool { return strings.Contains(s.stderr.String(), "user app changed") })
	writeFile(t, secret, "hunter4\nhunter5\n")
	eventually(t, "refused", func() bool { return s.metric("segue_config_last_reload_successful 0") })
	if log := s.stderr.String(); !strings.Contains(log, "has more than one line") || strings.Contains(log, "hunter") {
		t.Errorf("the log:\n%s", log)
	}
}

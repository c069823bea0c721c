package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"segue/backend"
	"segue/backend/fesim"
	"segue/cmd/internal/admin"
	proxy "segue/proxy"
)

// said is what findings come to, one line each.
func said(found []finding) string {
	var b strings.Builder
	for _, f := range found {
		fmt.Fprintf(&b, "%s %s %s: %s | %s\n", f.Backend, f.Check, f.Verdict, f.Cause, f.Next)
	}
	return b.String()
}

func TestCompareBackends(t *testing.T) {
	t.Parallel()
	one := described{"a", "10.0.0.1:3306", backend.Facts{Known: true, ServerVersion: "11.4.2-MariaDB", Capabilities: 1<<11 | 1<<3, ExtCapabilities: 1 << 2}}
	two := described{"b", "10.0.0.2:3306", backend.Facts{Known: true, ServerVersion: "10.11.6-MariaDB", Capabilities: 1 << 3, ExtCapabilities: 1 << 2}}
	if got := compareCapabilities([]described{one, one}); got != nil {
		t.Errorf("two that are alike: %v", got)
	}
	if got, want := said(compareCapabilities([]described{one, two})), "b capabilities warning: lacks CLIENT_SSL, which other backends offer: "+
		"no client is offered it, and who has been keeps off this backend | mysql -h 10.0.0.2 -P 3306 -u USER -p -e \"SHOW VARIABLES LIKE '%ssl%'\"\n"; got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	if got := said(compareVersions([]described{one, two, two})); !strings.HasPrefix(got, " versions warning: the backends are of several releases: 10.11.6-MariaDB (b, b); 11.4.2-MariaDB (a);") {
		t.Error(got)
	}
	if got := said(compareVersions([]described{one, one})); got != " versions passed: all greet as 11.4.2-MariaDB (a, a) | \n" {
		t.Error(got)
	}
	if got := compareVersions([]described{one}); got != nil {
		t.Error(got)
	}
	if got := said(judgeNumber(1, 7*time.Second)); !strings.Contains(got, "hold.timeout (7s)") || judgeNumber(2, 0) != nil || judgeNumber(0, 0) != nil {
		t.Error(got)
	}
}

func TestJudgeDescriptors(t *testing.T) {
	t.Parallel()
	most, _ := proxy.MostSessions()
	if got := judgeDescriptors(most + 1)[0]; got.Verdict != warning || !strings.Contains(got.Cause, fmt.Sprintf("limits.sessions asks for %d", most+1)) || got.Next == "" {
		t.Errorf("%+v", got)
	}
	if got := judgeDescriptors(min(most, fewSessions))[0]; most >= fewSessions && (got.Verdict != passed || got.Next != "") {
		t.Errorf("%+v", got)
	}
}

func TestJudgeSessions(t *testing.T) {
	t.Parallel()
	session := func(pinned string, differs ...string) admin.Session {
		return admin.Session{SessionInfo: proxy.SessionInfo{Pinned: pinned, Differs: differs}}
	}
	got := said(judgeSessions([]admin.Session{session(""), session("transaction"), session("no-credential"), session("transaction"), session("", "@@sql_mode")}, "h:1"))
	for _, want := range []string{
		" sessions warning: 2 of 5: transaction: a transaction is open, and it stays until drain.timeout unless this ends. What ends it: COMMIT or ROLLBACK",
		"| segue sessions --admin 'h:1' | grep transaction\n",
		"1 of 5: no-credential: Segue cannot log in for it", "1 of 5: differs: rebuilt on another backend",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	if got := said(judgeSessions([]admin.Session{session("")}, "h:1")); got != " sessions passed: all 1 at h:1 can move now | \n" {
		t.Error(got)
	}
}

// A warning fails only who asks for that, and an unwell backend is more than one.
func TestCheckStrict(t *testing.T) {
	t.Parallel()
	fes := frontends(t, 2, fesim.Options{Users: map[string]string{"app": "pw"}})
	path := configFile(t, configuration(fes, "users: [{name: app, password: pw}]\n"))
	if got := segue(t, nil, "check", "--config", path, "--strict"); got.code != 0 || !strings.Contains(got.stdout, "\nAt an upgrade:\n  passed   versions: all greet as") {
		t.Errorf("exit %d:\n%s%s", got.code, got.stdout, got.stderr)
	}
	without := configFile(t, configuration(fes, ""))
	for args, want := range map[string]int{"": 0, "--strict": exitFailed} {
		if got := segue(t, nil, append([]string{"check", "--config", without}, strings.Fields(args)...)...); got.code != want {
			t.Errorf("%q: exit %d:\n%s%s", args, got.code, got.stdout, got.stderr)
		}
	}
	if got := segue(t, nil, "check", "--config", path, "--admin", "127.0.0.1:1"); got.code != 0 || !strings.Contains(got.stdout, "warning  sessions: no word from the Segue at 127.0.0.1:1: ") {
		t.Errorf("exit %d:\n%s%s", got.code, got.stdout, got.stderr)
	}
}

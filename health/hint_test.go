package health

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"segue/backend"
	"segue/backend/wire"
)

// A health URL that has never answered does not keep a backend out whose MySQL port works: clients get through. It is said what is to be put right. Once the
// URL has answered, it counts again.
func TestAWrongHealthURLKeepsNobodyOut(t *testing.T) {
	const hint = ", but the MySQL port answers: its health URL is taken to be http://fe-1:8030/api/health; name another by `health` of the backend"
	for name, ill := range map[string]func(g *rig) string{
		"refused":     func(g *rig) string { g.http.set(Failed, "/api/health refused"); return "/api/health refused" },
		"bad gateway": func(g *rig) string { g.http.set(Failed, "/api/health 502"); return "/api/health 502" },
		"no such host": func(g *rig) string {
			g.http.set(Failed, "/api/health lookup x: no such host")
			return "/api/health lookup x: no such host"
		},
		"leads nowhere": func(g *rig) string {
			g.http.slow(time.Hour, 0)
			return "ended with its context"
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newRig(t, Options{}, "")
				g.registry.Apply([]backend.Spec{{Name: "other", Address: "other:1"}}) // so that the first has not been heard
				g.pass(time.Second)
				cause := ill(g)
				g.registry.Apply([]backend.Spec{{Name: "fe-1", Address: "fe-1:9030", HealthURL: someURL}})
				g.b, _ = g.registry.Lookup("fe-1")
				g.pass(5 * time.Second)
				g.expect(backend.Up, cause+hint)
				changes := strings.Count(strings.Join(g.log.all(), "\n"), "backend health changed")
				g.pass(time.Minute)
				g.expect(backend.Up, cause+hint)
				if after := strings.Count(strings.Join(g.log.all(), "\n"), "backend health changed"); after != changes {
					t.Errorf("it flaps: %s", strings.Join(g.log.all(), "\n"))
				}
				g.mysql.set(Failed, "mysql refused")
				g.m.Observe(g.b, context.Canceled)
				g.pass(10 * time.Second)
				g.expect(backend.Down, cause)
				g.mysql.set(Passed, "")
				g.http.slow(0, 0)
				g.http.set(Passed, "")
				g.pass(5 * time.Second)
				g.expect(backend.Up, "")
				g.http.set(Failed, "/api/health refused")
				g.pass(5 * time.Second)
				g.expect(backend.Down, "/api/health refused")
			})
		})
	}
}

// greets serves a MySQL port that greets, and no more.
func greets(t *testing.T, version string, caps wire.Capability) string {
	t.Helper()
	g := starrocks
	g.ServerVersion, g.Capabilities = version, caps
	return listen(t, func(conn net.Conn) {
		_, _ = conn.Write(packet(0, g.Append(nil)))
		hang(conn)
	})
}

// What is configured wrongly is named, with its place, and is not well.
func TestExamine(t *testing.T) {
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/api/health" {
			fmt.Fprint(w, `{"status":"OK"}`)
		} else {
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(web.Close)
	page := web.URL + "/api/health"
	fe := greets(t, "8.0.33", starrocks.Capabilities)
	dead := refusing(t)
	denied := func() string {
		return play(t, step{starrocks.Append(nil), anything}, step{(&wire.Err{Code: 1045, State: "28000", Message: "Access denied"}).Append(nil), nil})
	}
	for _, c := range []struct {
		name            string
		o               Options
		address, health string
		want            string // check verdict: a part of the cause; …
	}{
		{"well", Options{}, fe, page, "http passed | bootstrap passed | mysql passed"},
		{"wrong probe password", Options{User: "probe", Password: "x"}, denied(), page, "http passed | bootstrap passed | mysql misconfigured: mysql 1045 Access denied: correct health.user (probe) or its password"},
		{"wrong flavor: TiDB", Options{}, greets(t, "8.0.11-TiDB-v8.5.0", wire.ClientProtocol41|wire.ClientSecureConnection|wire.ClientPluginAuth|wire.ClientTransactions), "", "mysql misconfigured: mysql greets as tidb (8.0.11-TiDB-v8.5.0), and flavor is starrocks: write flavor: tidb"},
		{"wrong flavor: MariaDB", Options{Flavor: backend.TiDB}, greets(t, "11.4.2-MariaDB", starrocks.Capabilities|wire.ClientTransactions), "", "write flavor: mysql"},
		{"wrong flavor: FE", Options{Flavor: backend.MySQL}, fe, "", "mysql greets as starrocks or doris (8.0.33), and flavor is mysql"},
		{"wrong health port", Options{Flavor: backend.Doris}, fe, "http://u:hunter2@" + dead + "/api/health?token=hunter2", "http misconfigured: /api/health refused, but the MySQL port answers: correct `health` of the backend, which is http://" + dead + "/api/health | mysql passed"},
		{"HTTP port as MySQL port", Options{Flavor: backend.TiDB, Timeout: 300 * time.Millisecond}, web.Listener.Addr().String(), page, "http passed | mysql misconfigured: mysql no answer in "},
		{"HTTP port as MySQL port, the remedy", Options{Flavor: backend.TiDB, Timeout: 300 * time.Millisecond}, web.Listener.Addr().String(), "", web.Listener.Addr().String() + " speaks HTTP: `address` is to be the MySQL port, 4000 unless it was changed"},
		{"MySQL port as health port", Options{Flavor: backend.Doris}, fe, "http://" + fe + "/api/health", "does not speak HTTP: is " + fe + " the HTTP port?"},
		{"dead", Options{Flavor: backend.Doris}, dead, "http://" + dead + "/api/health", "http failed: /api/health refused | mysql failed: mysql refused"},
	} {
		_, b := oneBackend(c.address, c.health)
		var parts []string
		for _, f := range Examine(t.Context(), b, c.o) {
			parts = append(parts, f.Check+" "+f.Verdict.String()+strings.TrimSuffix(": "+f.Cause, ": "))
		}
		if got := strings.Join(parts, " | "); !strings.Contains(got, c.want) || strings.Contains(got, "hunter2") {
			t.Errorf("%s:\n%s\nwant\n%s", c.name, got, c.want)
		}
	}
}

// The monitor says what Examine does: one wording, in one place.
func TestTheMonitorGivesTheSameHints(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, Options{Flavor: backend.Doris}, "")
		g.b.Learn(backend.Facts{Known: true, ServerVersion: "8.0.11-TiDB-v8.5.0"})
		g.pass(5 * time.Second)
		g.expect(backend.Up, "mysql greets as tidb (8.0.11-TiDB-v8.5.0), and flavor is doris: write flavor: tidb")
	})
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, Options{Flavor: backend.Doris}, "")
		g.mysql.set(Failed, "mysql no answer in 1s in place of a greeting")
		g.speaksHTTP.Store(true)
		g.pass(time.Minute)
		g.expect(backend.Down, "mysql no answer in 1s in place of a greeting; fe-1:9030 speaks HTTP: `address` is to be the MySQL port, 9030 unless it was changed")
	})
}

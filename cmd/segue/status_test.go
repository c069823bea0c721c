package main

import (
	"database/sql"
	"encoding/json"
	"strings"
	"testing"

	"segue/backend"
	"segue/backend/fesim"
	"segue/proxy/ledger"
)

// A kind of which there are many leaves room for the others.
func TestLatest(t *testing.T) {
	seen := make([]ledger.Incident, 100)
	for i := range seen {
		seen[i] = ledger.Incident{Session: uint32(i), Kind: "limit"}
	}
	seen = append(seen, ledger.Incident{Session: 100, Kind: "statement"})
	if got := latest(seen); len(got) != 3 || got[0].Session != 0 || got[1].Session != 1 || got[2].Session != 100 {
		t.Errorf("%+v", got)
	}
}

// What has failed since the start is in `segue status`: what was hidden, and what a client saw, with the session and the cause.
func TestStatusTellsFailures(t *testing.T) {
	t.Parallel()
	fes := frontends(t, 2, fesim.Options{})
	s := serve(t, nil, "--config", configFile(t, configuration(fes, "connect: {budget: 300ms, timeout: 200ms}")))
	if got := s.segue("status"); got.code != 0 || !strings.HasSuffix(got.stdout, "\nfailures: none\n") {
		t.Errorf("nothing has failed: exit %d\n%s%s", got.code, got.stdout, got.stderr)
	}

	c := s.conn()
	fes[0].SetFault(fesim.Fault{GreetingERR: fesim.TooManyConnections()})
	fes[1].SetFault(fesim.Fault{GreetingERR: fesim.TooManyConnections()})
	if _, err := s.db.Conn(t.Context()); err == nil {
		t.Fatal("let in by a full cluster")
	}
	got := s.segue("status")
	var table, last []string
	for line := range strings.Lines(got.stdout) {
		switch words := strings.Fields(line); {
		case len(words) == 0:
		case words[0] == "connect", words[0] == "err":
			table = append(table, strings.Join(words, " "))
		case len(words) > 6 && words[5] == "connect":
			last = words
		}
	}
	if len(table) != 1 || table[0] != "connect 1 -" { // that both backends refused is what the client saw: it is not hidden as well
		t.Errorf("exit %d, table %q\n%s%s", got.code, table, got.stdout, got.stderr)
	}
	if last == nil || last[1] != "2000000002" || !strings.HasPrefix(last[2], "127.0.0.1:") || !strings.Contains(strings.Join(last[6:], " "), "Too many connections") {
		t.Errorf("the last is %q\n%s", last, got.stdout)
	}

	var all status
	if err := json.Unmarshal([]byte(s.segue("status", "-o", "json").stdout), &all); err != nil {
		t.Fatal(err)
	}
	if len(all.Failures) != 1 || all.Failures[0].Kind != "connect" || len(all.Seen) != 1 || all.Seen[0].Session != 2_000_000_002 {
		t.Errorf("as JSON: %+v", all)
	}
	if got := s.segue("failures"); got.code != 0 || !strings.HasPrefix(got.stdout, "KIND") || !strings.Contains(got.stdout, "the last that clients saw:") {
		t.Errorf("failures: exit %d\n%s", got.code, got.stdout)
	}
	var failed ledger.Failures
	if err := json.Unmarshal([]byte(s.segue("failures", "-o", "json").stdout), &failed); err != nil || len(failed.Seen) != 1 {
		t.Errorf("failures as JSON: %v, %+v", err, failed)
	}
	if _, err := c.ExecContext(t.Context(), "SELECT 1"); err != nil {
		t.Error(err)
	}
}

// A backend that is full is up, and said to be full; an account that is refused is said to wait.
func TestStatusTellsFullAndRefused(t *testing.T) {
	t.Parallel()
	fes := frontends(t, 2, fesim.Options{MaxConnections: 1, Users: map[string]string{"root": "", "app": "new"}})
	s := serve(t, nil, "--config", configFile(t, configuration(fes, "users:\n  - {name: app, password: old}\nconnect: {budget: 300ms, timeout: 200ms}\n")))
	s.conn()
	s.conn()
	if _, err := s.db.Conn(t.Context()); err == nil || !strings.Contains(err.Error(), "Reach cluster-wide connection limit") {
		t.Errorf("let in by a full cluster: %v", err)
	}
	for _, fe := range fes {
		if b := s.backend(fe.Name()); b.Health != backend.Up || !b.Full || !strings.HasPrefix(b.Cause, "full: 1064 Reach cluster-wide connection limit") {
			t.Errorf("%+v", b)
		}
	}
	if got := s.segue("backends"); !strings.Contains(got.stdout, "full: 1064") {
		t.Errorf("backends:\n%s", got.stdout)
	}
	if got := s.segue("status"); got.code != 0 || strings.Contains(got.stdout, "account") {
		t.Errorf("status: exit %d\n%s", got.code, got.stdout)
	}
	eventually(t, "the password to be refused", func() bool { // when the next trial is due: it is asked for before the limit
		db, err := sql.Open("mysql", "app:old@tcp("+s.addr+")/test")
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		err = db.PingContext(t.Context())
		return err != nil && strings.Contains(err.Error(), "Access denied")
	})
	if got := s.segue("status"); !strings.Contains(got.stdout, "account app waits on fe-") || !strings.Contains(got.stdout, "ERROR 1045") || strings.Contains(got.stdout, "old") {
		t.Errorf("status:\n%s", got.stdout)
	}
}

package main

import (
	"encoding/json"
	"strings"
	"testing"

	"segue/backend/fesim"
	"segue/proxy"
)

// A kind of which there are many leaves room for the others.
func TestLatest(t *testing.T) {
	seen := make([]proxy.Incident, 100)
	for i := range seen {
		seen[i] = proxy.Incident{Session: uint32(i), Kind: "limit"}
	}
	seen = append(seen, proxy.Incident{Session: 100, Kind: "statement"})
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
	if len(table) != 2 || table[0] != "connect 1 -" || !strings.HasPrefix(table[1], "err - ") || !strings.HasSuffix(table[1], " retried") {
		t.Errorf("exit %d, table %q\n%s%s", got.code, table, got.stdout, got.stderr)
	}
	if last == nil || last[1] != "2000000002" || !strings.HasPrefix(last[2], "127.0.0.1:") || !strings.Contains(strings.Join(last[6:], " "), "Too many connections") {
		t.Errorf("the last is %q\n%s", last, got.stdout)
	}

	var all status
	if err := json.Unmarshal([]byte(s.segue("status", "-o", "json").stdout), &all); err != nil {
		t.Fatal(err)
	}
	if len(all.Failures) != 2 || all.Failures[0].Kind != "connect" || len(all.Seen) != 1 || all.Seen[0].Session != 2_000_000_002 {
		t.Errorf("as JSON: %+v", all)
	}
	if _, err := c.ExecContext(t.Context(), "SELECT 1"); err != nil {
		t.Error(err)
	}
}

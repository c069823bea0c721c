package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"segue/backend"
	"segue/backend/fesim"
	"segue/cmd/internal/admin"
)

// list are the backends of a running Segue.
func (s *serving) list() []admin.Backend {
	s.t.Helper()
	list, err := s.client.Backends(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	return list
}

// at finds the backend with an address.
func (s *serving) at(address string) (b admin.Backend, ok bool) {
	s.t.Helper()
	for _, b := range s.list() {
		if b.Address == address {
			return b, true
		}
	}
	return b, false
}

// One seed is enough: the others are found, each with its own health URL, role and version; one that leaves is seen to leave, and a new leader to lead.
func TestDiscoverBySQL(t *testing.T) {
	t.Parallel()
	fes := frontends(t, 3, fesim.Options{Users: map[string]string{"root": "", "asker": "geheim"}, Operators: []string{"root", "asker"}, FrontendsWithID: true})
	secret := filepath.Join(t.TempDir(), "secret")
	writeFile(t, secret, "geheim\n")
	s := serve(t, nil, "--discover", fes[1].MySQLAddress(), "--user", "asker", "--password-file", secret)
	s.ready()
	eventually(t, "three up", func() bool {
		list := s.list()
		return len(list) == 3 && !slices.ContainsFunc(list, func(b admin.Backend) bool { return b.Health != backend.Up || b.Role == "" })
	})
	for i, f := range fes {
		b, _ := s.at(f.MySQLAddress())
		role, source := "follower", "sql"
		if i == 0 {
			role = "leader"
		}
		if i == 1 {
			source = ""
		}
		if b.Role != role || b.Source != source || b.Version == "" {
			t.Errorf("%s: %+v", f.Name(), b)
		}
	}
	if out := s.segue("backends").stdout; !strings.Contains(out, "ROLE") || !strings.Contains(out, "leader") || !strings.Contains(out, "FROM") || !strings.Contains(out, "configuration") {
		t.Errorf("backends:\n%s", out)
	}
	if out := s.segue("status").stdout; !strings.Contains(out, "discovery: sql of starrocks named 3 nodes, ") {
		t.Errorf("status:\n%s", out)
	}
	// The health URL is the FE's own: its 500 is seen, and its session moves.
	conns := map[string]bool{}
	for range 12 {
		conns[s.on(s.conn())] = true
	}
	if len(conns) != 3 {
		t.Errorf("sessions came to %v", conns)
	}
	held := s.conn()
	for s.on(held) != "fe-3" {
		held = s.conn()
	}
	eventually(t, "it leaves by its own word", func() bool {
		if fes[2].Stats().Open > 0 {
			fes[2].GracefulExit()
		}
		b, _ := s.at(fes[2].MySQLAddress())
		return b.Health != backend.Up
	})
	if on := s.on(held); on == "fe-3" {
		t.Errorf("the session is on %s", on)
	}
	for _, want := range []string{`segue_discovery_answers_total{result="taken",source="sql"}`, `segue_discovery_changes_total{change="added"} 2`, `segue_discovery_backends{origin="found"} 2`} {
		if !strings.Contains(s.metrics(), want) {
			t.Errorf("no %s among the metrics", want)
		}
	}
	if strings.Contains(s.stderr.String(), "geheim") {
		t.Error("the log has the password")
	}
	// Another leads: said by whoever is asked next, which is soon, as a backend has gone.
	if err := fes[2].Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is back", func() bool { b, _ := s.at(fes[2].MySQLAddress()); return b.Health == backend.Up })
	fes[0].Kill()
	eventually(t, "another leads", func() bool {
		return slices.ContainsFunc(s.list(), func(b admin.Backend) bool { return b.Role == "leader" && b.Address != fes[0].MySQLAddress() })
	})
	if len(s.list()) != 3 {
		t.Errorf("one that is down was forgotten: %+v", s.list())
	}
}

// A file adds backends and takes them away: who is no longer named moves its sessions, and is forgotten when they have gone. What an operator has said of one
// holds when it is found again. An empty, broken or missing file changes nothing.
func TestDiscoverByFile(t *testing.T) {
	t.Parallel()
	fes := frontends(t, 3, fesim.Options{})
	dir := t.TempDir()
	path := filepath.Join(dir, "nodes.yaml")
	write := func(fes ...*fesim.FE) {
		var text strings.Builder
		for _, f := range fes {
			fmt.Fprintf(&text, "- {address: %q, name: %s, http: %q, zone: %s}\n", f.MySQLAddress(), f.Name(), strings.Split(f.HealthURL(), "/")[2], "z"+f.Name()[3:])
		}
		writeFile(t, path+".new", text.String())
		if err := os.Rename(path+".new", path); err != nil {
			t.Fatal(err)
		}
	}
	write(fes...)
	state := filepath.Join(dir, "state.json")
	configured := filepath.Join(dir, "segue.yaml")
	writeFile(t, configured, "discover: {file: nodes.yaml, remove_after: 0s}\nstate: "+state+"\n")
	s := serve(t, nil, "--config", configured)
	s.ready()
	up := func(names ...string) {
		t.Helper()
		eventually(t, strings.Join(names, ", ")+" up", func() bool {
			var got []string
			for _, b := range s.list() {
				if b.Health == backend.Up {
					got = append(got, b.Name)
				}
			}
			slices.Sort(got)
			return slices.Equal(got, names)
		})
	}
	up("fe-1", "fe-2", "fe-3")
	if out := segue(t, nil, "check", "--config", configured); out.code != 0 || !strings.Contains(out.stdout, "fe-3") || !strings.Contains(out.stdout, "names 3 nodes") {
		t.Errorf("check: exit %d\n%s%s", out.code, out.stdout, out.stderr)
	}
	if z := s.backend("fe-2").Zone; z != "z2" {
		t.Errorf("zone %q", z)
	}
	held := s.conn()
	for s.on(held) != "fe-3" {
		held = s.conn()
	}
	if out := s.segue("drain", "fe-2"); out.code != 0 {
		t.Fatal(out.stderr)
	}
	write(fes[0])
	eventually(t, "only one is left", func() bool { return len(s.list()) == 1 })
	if on := s.on(held); on != "fe-1" {
		t.Errorf("the session is on %s", on)
	}
	for _, text := range []string{"", "[]\n", "- nonsense\n", "- {addr: 'a:1'}\n", "{"} {
		failed := strings.Count(s.stderr.String(), "discovery failed")
		writeFile(t, path, text)
		eventually(t, "it is noticed", func() bool { return strings.Count(s.stderr.String(), "discovery failed") > failed || text == "[]\n" })
		if len(s.list()) != 1 {
			t.Errorf("%q: %+v", text, s.list())
		}
	}
	if out := s.segue("status").stdout; !strings.Contains(out, "the last answer failed, and changes nothing") {
		t.Errorf("status:\n%s", out)
	}
	write(fes...)
	eventually(t, "all are back", func() bool { return len(s.list()) == 3 && s.backend("fe-2").Health == backend.Up })
	if a := s.backend("fe-2").Admin; a != backend.Drain {
		t.Errorf("what the operator has said of fe-2 is forgotten: %v", a)
	}
	s.signal(os.Interrupt)
	s.wait()
	again := serve(t, nil, "--config", configured)
	eventually(t, "all are found", func() bool { return len(again.list()) == 3 })
	if a := again.backend("fe-2").Admin; a != backend.Drain {
		t.Errorf("what the operator has said of fe-2 is forgotten over a restart: %v", a)
	}
}

// Sessions come to whom is preferred, to others while there is none, and go back.
func TestPreferOfConfiguration(t *testing.T) {
	t.Parallel()
	fes := frontends(t, 2, fesim.Options{Users: map[string]string{"root": ""}})
	text := configuration(fes, "balance: {prefer: local, rebalance_rate: 1000, rebalance_settle: 10ms}\n")
	text = strings.Replace(text, "name: fe-1,", "name: fe-1, zone: a,", 1)
	s := serve(t, []string{"SEGUE_ZONE=a"}, "--config", configFile(t, "users: [{name: root, password: ''}]\n"+text))
	s.ready()
	eventually(t, "both up", func() bool { return s.backend("fe-1").Health == backend.Up && s.backend("fe-2").Health == backend.Up })
	a, b := s.conn(), s.conn()
	if s.on(a) != "fe-1" || s.on(b) != "fe-1" {
		t.Errorf("sessions are on %s and %s", s.on(a), s.on(b))
	}
	if out := s.segue("drain", "fe-1"); out.code != 0 {
		t.Fatal(out.stderr)
	}
	eventually(t, "both have moved", func() bool { return s.backend("fe-1").Sessions == 0 })
	if s.on(a) != "fe-2" || s.on(b) != "fe-2" {
		t.Errorf("sessions are on %s and %s", s.on(a), s.on(b))
	}
	if out := s.segue("ready", "fe-1"); out.code != 0 {
		t.Fatal(out.stderr)
	}
	eventually(t, "both are back home", func() bool { return s.backend("fe-2").Sessions == 0 && s.backend("fe-1").Sessions == 2 })
}

package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"segue/backend"
)

// TestMoveDiffers: where a server makes something else of a session's variable the session stays, tells what differs, and goes once it does not any more.
func TestMoveDiffers(t *testing.T) {
	servers := append(startServers(t, 1), startServers(t, 1, "maximum-net-write-timeout=100")...)
	r := &answersRig{server: servers[0]}
	for i, name := range []string{"wide", "narrow"} {
		if err := servers[i].exec(t.Context(), movesFixtures); err != nil {
			t.Fatal(err)
		}
		r.specs = append(r.specs, backend.Spec{Name: name, Address: servers[i].address()})
	}
	r.program = startProgram(t, backend.MySQL, r.specs)
	r.program.post(t, "/api/v1/backends/narrow/drain")
	s := r.open(t, r.program.address)
	defer func() { _ = s.conn.Quit() }()
	s.mustAsk(t, "SET net_write_timeout=200, @x=CONCAT('a')")
	r.program.post(t, "/api/v1/backends/narrow/ready")
	r.program.post(t, "/api/v1/backends/wide/drain")
	waitFor(t, "what differs to be told", func() bool {
		now := s.info(t)
		return now.Backend == "wide" && slices.Equal(now.Differs, []string{"@@net_write_timeout"})
	})
	if got := s.ask(t, "SELECT @@net_write_timeout, @x"); !strings.HasSuffix(got, "200 'a'") {
		t.Errorf("the session that stays answers %q", got)
	}
	if got := string(r.program.get(t, "/metrics")); !strings.Contains(got, `segue_session_moves_total{from="wide",result="differs",to="narrow"}`) {
		t.Errorf("it is not counted:\n%s", got)
	}
	s.mustAsk(t, "SET net_write_timeout=50")
	waitFor(t, "the session to move", func() bool { now := s.info(t); return now.Backend == "narrow" && now.Differs == nil })
	if got := s.ask(t, "SELECT @@net_write_timeout, @x"); !strings.HasSuffix(got, "50 'a'") {
		t.Errorf("the session that has moved answers %q", got)
	}
}

// TestMoveToAnotherDefault: two servers with different global values. What a session's login has told its client, autocommit, stays; what it has not set itself
// is the new server's.
func TestMoveToAnotherDefault(t *testing.T) {
	servers := append(startServers(t, 1), startServers(t, 1, "autocommit=0", "net-write-timeout=77")...)
	var specs []backend.Spec
	cables := map[string]*cable{}
	for i, name := range []string{"commits", "waits"} {
		if err := servers[i].exec(t.Context(), movesFixtures); err != nil {
			t.Fatal(err)
		}
		cables[name] = startCable(t, servers[i].address())
		specs = append(specs, backend.Spec{Name: name, Address: cables[name].address()})
	}
	r := &answersRig{server: servers[0], specs: specs, program: startProgram(t, backend.MySQL, specs)}
	for _, lost := range []bool{false, true} {
		for from, to := range map[string]string{"commits": "waits", "waits": "commits"} {
			for name, texts := range map[string][]string{
				"never set": nil, "with variables": {"SET @x=5"}, "with a statement prepared": {"PREPARE s FROM 'SELECT 1'", "SET @x=5, net_read_timeout=70"},
				"set": {"SET autocommit=1"}, "set off": {"SET autocommit=0"}, "by default": {"SET autocommit=DEFAULT"}, "begun": {"BEGIN"},
			} {
				t.Run(fmt.Sprintf("%s, lost %v, from %s", name, lost, from), func(t *testing.T) {
					r.program.post(t, "/api/v1/backends/"+to+"/drain")
					s := r.open(t, r.program.address)
					defer func() { _ = s.conn.Quit() }()
					for _, text := range texts {
						s.mustAsk(t, text)
					}
					before := s.ask(t, "SELECT @@autocommit")
					if name == "begun" { // so that nothing but BEGIN has been said
						s.mustAsk(t, "COMMIT")
						s.mustAsk(t, "BEGIN")
					}
					r.program.post(t, "/api/v1/backends/"+to+"/ready")
					r.program.post(t, "/api/v1/backends/"+from+"/drain")
					defer r.program.post(t, "/api/v1/backends/"+from+"/ready")
					if lost {
						cables[from].reset()
					} else if name == "begun" {
						return // it stays for its transaction
					}
					waitFor(t, "the session to move", func() bool { return s.info(t).Backend == to })
					if after := s.ask(t, "SELECT @@autocommit"); after != before {
						t.Errorf("@@autocommit: %s, was %s", after, before)
					}
					if got, want := s.ask(t, "SELECT @@net_write_timeout"), map[string]string{"commits": "60", "waits": "77"}[to]; !strings.HasSuffix(got, want) {
						t.Errorf("@@net_write_timeout: %s, want %s", got, want)
					}
				})
			}
		}
	}
}

// TestLossOfADatabase: a session whose database has been dropped, or closed to it, by the time that it loses its backend is told so, and goes on.
func TestLossOfADatabase(t *testing.T) {
	r := startAnswersRig(t)
	for name, end := range map[string]string{"dropped": "DROP DATABASE passing", "revoked": "REVOKE ALL ON passing.* FROM guest@'%'"} {
		t.Run(name, func(t *testing.T) {
			for _, text := range []string{"CREATE OR REPLACE DATABASE passing", "CREATE OR REPLACE USER guest@'%' IDENTIFIED VIA mysql_native_password USING PASSWORD('" + testPassword + "')", "GRANT ALL ON passing.* TO guest@'%'"} {
				if err := r.server.exec(t.Context(), text); err != nil {
					t.Fatal(err)
				}
			}
			s := r.openAs(t, r.program.address, "guest", "passing")
			defer func() { _ = s.conn.Quit() }()
			s.mustAsk(t, "SET @x=7")
			s.settled(t, false)
			if err := r.server.exec(t.Context(), end); err != nil {
				t.Fatal(err)
			}
			for _, c := range r.cables {
				c.reset()
			}
			if got := s.ask(t, "SELECT @x"); !strings.Contains(got, "without its database") {
				t.Errorf("the session answers %q", got)
			}
			if got := s.ask(t, "SELECT @x, DATABASE() IS NULL"); !strings.HasSuffix(got, "7 1") {
				t.Errorf("the session answers %q", got)
			}
			if other := r.openAs(t, r.program.address, "guest", ""); other.conn.Quit() != nil {
				t.Error("the account is not let in any more")
			}
		})
	}
}

package e2e

import (
	"database/sql"
	"testing"

	"segue/backend"
	"segue/backend/secure"
)

// TestMoveTLSLearned: sessions of accounts that are not in the configuration move, once Segue has been told their passwords inside TLS.
func TestMoveTLSLearned(t *testing.T) {
	a := newAuthority(t)
	on := a.secure(t)
	for name, f := range map[string]struct {
		flavor backend.Flavor
		specs  []backend.Spec
		users  []string
	}{
		"MariaDB": {backend.MySQL, specsOf(startPlugged(t, a, "one", debians), startPlugged(t, a, "two", debians)), []string{"nat", "ed", "none", "tls"}},
		"TiDB":    {backend.TiDB, specsOf(startPluggedTiDBs(t, a, 2)...), []string{"sha2", "nat", "none", "tls"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := startProgram(t, f.flavor, f.specs, on.offers("optional"), on.speaks(secure.VerifyIdentity), "users: []", "users_learned: true")
			for _, user := range f.users {
				password := pluggedPassword
				if user == "none" {
					password = ""
				}
				config := p.driver(user, password)
				config.TLS = a.client(segueName)
				c := keep(t, config)
				if _, err := c.ExecContext(t.Context(), "SET @held = 'mine'"); err != nil {
					t.Fatalf("%s: %v", user, err)
				}
				statement, err := c.PrepareContext(t.Context(), "SELECT ?, @held")
				if err != nil {
					t.Fatalf("%s: %v", user, err)
				}
				for range 3 {
					from := onlySession(t, p, user).Backend
					p.run(t, "drain", from, "--wait", "--timeout", "20s")
					if to := onlySession(t, p, user).Backend; to == from || to == "" {
						t.Fatalf("%s: it is on %q, and was on %q", user, to, from)
					}
					p.run(t, "ready", from)
					wantHeld(t, user, statement)
				}
				_ = c.Close()
				_ = c.Raw(func(any) error { return sql.ErrConnDone })
			}
		})
	}
}

func wantHeld(t *testing.T, user string, statement *sql.Stmt) {
	t.Helper()
	var token, held string
	if err := statement.QueryRowContext(t.Context(), "x").Scan(&token, &held); err != nil || token != "x" || held != "mine" {
		t.Errorf("%s, behind a move: %q, %q, %v", user, token, held, err)
	}
}

// onlySession is that of a user.
func onlySession(t *testing.T, p *segueProgram, user string) (found sessionInfo) {
	t.Helper()
	for _, s := range p.sessionInfos(t) {
		if s.User == user {
			found = s
		}
	}
	return found
}

func specsOf(servers ...*plugged) (specs []backend.Spec) {
	for i, s := range servers {
		spec := s.spec
		spec.Name = []string{"one", "two"}[i]
		specs = append(specs, spec)
	}
	return specs
}

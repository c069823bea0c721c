package e2e

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"segue/backend"
	own "segue/backend/client"
	"segue/backend/secure"
	"segue/backend/secure/securetest"
	"segue/backend/wire"
)

// cell is one combination of a matrix.
type cell struct {
	inside bool        // the client is on TLS
	mode   secure.Mode // towards the backend
	known  bool        // its password is in the configuration
	acc    account
}

func (c cell) String() string {
	side := map[bool]string{false: "plain", true: "TLS"}[c.inside]
	return fmt.Sprintf("%s, client %s, backend %s, known %t", c.acc.user, side, c.mode, c.known)
}

// can reports whether the server lets it in: what it wants of a connection it wants of Segue's. Segue's own client, which stands in for one with SM3, asks for no key.
func (c cell) can() bool {
	if c.acc.user == "sm3" && !c.inside && !c.known {
		return false
	}
	return c.mode.Wants() || c.acc.wants == secure.Disabled && !c.acc.whole
}

// TestMoveTLSMatrix: every plugin of every server, with TLS on either side of Segue, both and none, whether Segue knows the password or not: a client connects, asks, prepares, has
// a result of 2 MB, and does so again.
func TestMoveTLSMatrix(t *testing.T) {
	a := newAuthority(t)
	on := a.secure(t)
	tried := 0
	var table strings.Builder
	for _, s := range pluggedServers(t, a) {
		accounts := slices.DeleteFunc(slices.Clone(s.accounts), func(acc account) bool { return acc.byToken })
		outcomes := map[string][]string{}
		for _, mode := range []secure.Mode{secure.Disabled, secure.Required, secure.VerifyIdentity} {
			for _, known := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s %s known %t", s.name, mode, known), func(t *testing.T) {
					p := startProgram(t, s.flavor, s.specs(), on.offers("optional"), on.speaks(mode), users(accounts, known))
					for _, inside := range []bool{false, true} {
						for _, acc := range accounts {
							c := cell{inside, mode, known, acc}
							tried++
							outcomes[acc.user] = append(outcomes[acc.user], s.try(t, p, a, c))
						}
					}
				})
			}
		}
		for _, acc := range accounts {
			fmt.Fprintf(&table, "%-14s %-5s %s\n", s.name, acc.user, strings.Join(outcomes[acc.user], " "))
		}
	}
	t.Logf("backend disabled, required, verify-identity, each with the password unknown and known, each with the client plain and on TLS:\n%s", table.String())
	if want := 3 * 2 * 2 * (5 + 5 + 6); tried != want {
		t.Errorf("%d cells of %d", tried, want)
	}
}

// users is the line of a configuration that has the accounts' passwords, or none.
func users(accounts []account, known bool) string {
	var b strings.Builder
	b.WriteString("users:")
	if !known {
		return "users: []"
	}
	for _, acc := range accounts {
		fmt.Fprintf(&b, "\n  - {name: %s, password: %q}", acc.user, acc.password())
	}
	return b.String()
}

func (acc account) password() string {
	if acc.user == "none" {
		return ""
	}
	return pluggedPassword
}

// try tries a cell, and names what came of it.
func (s *plugged) try(t *testing.T, p *segueProgram, a *authority, c cell) string {
	t.Helper()
	var err error
	began := time.Now()
	if c.acc.user == "sm3" { // no driver has it but TiDB's for Java; Segue has
		err = s.walkOwn(t, p, a, c)
	} else {
		config := p.driver(c.acc.user, c.acc.password())
		if c.inside {
			config.TLS = a.client(segueName)
		}
		err = walk(t.Context(), config, c.mode.Wants())
	}
	said, e := new(mysql.MySQLError), new(wire.Err)
	if errors.As(err, &e) {
		said = &mysql.MySQLError{Number: e.Code, Message: e.Message}
	} else {
		errors.As(err, &said)
	}
	switch {
	case c.can() && err == nil:
		return "ok"
	case c.can():
		t.Errorf("%s, %s: %v", s.name, c, err)
		return "FAILED"
	case err == nil:
		t.Errorf("%s, %s: logged in", s.name, c)
		return "LET IN"
	case said.Number == 1045 && (!c.acc.whole || !c.inside):
		return "1045"
	case said.Number == 3168 && c.inside && strings.Contains(said.Message, "backend_tls"):
		if took := time.Since(began); took > 5*time.Second { // half of connect.budget
			t.Errorf("%s, %s: told after %v", s.name, c, took)
		}
		return "3168"
	case c.acc.whole && !c.inside, c.acc.shows && !c.inside: // its own: it would have to give its password away in the clear
		return "own"
	}
	t.Errorf("%s, %s: %v, want a refusal", s.name, c, err)
	return "OTHER"
}

// twoMB is what a large result has.
const twoMB = 2 << 20

// nonced connects again where go-sql-driver has taken the nonce of client_ed25519 for one byte shorter, as it does of each that ends in a NUL, one in 256 (readAuthResult in its packets.go,
// v1.10.1): with a server it does the same.
type nonced struct{ driver.Connector }

// Connect implements driver.Connector.
func (n nonced) Connect(ctx context.Context) (conn driver.Conn, err error) {
	for range 4 {
		if conn, err = n.Connector.Connect(ctx); !errors.Is(err, mysql.ErrMalformPkt) {
			break
		}
	}
	return conn, err
}

// walk is what a client does; inside is whether its backend has to see TLS.
func walk(ctx context.Context, config *mysql.Config, inside bool) error {
	ctx, cancel := context.WithTimeout(ctx, pluginPatience)
	defer cancel()
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return err
	}
	for range 2 {
		db := sql.OpenDB(nonced{connector})
		err := errors.Join(walkOn(ctx, db, config.User, inside), db.Close())
		if err != nil {
			return err
		}
	}
	return nil
}

func walkOn(ctx context.Context, db *sql.DB, user string, inside bool) error {
	var who, name, cipher, data string
	if err := db.QueryRowContext(ctx, "SELECT SUBSTRING_INDEX(CURRENT_USER(), '@', 1)").Scan(&who); err != nil {
		return err
	}
	if err := db.QueryRowContext(ctx, "SHOW STATUS LIKE 'Ssl_cipher'").Scan(&name, &cipher); err != nil {
		return err
	}
	if who != user || (cipher != "") != inside {
		return fmt.Errorf("logged in as %q, to the backend by %q", who, cipher)
	}
	statement, err := db.PrepareContext(ctx, "SELECT ? + 1")
	if err != nil {
		return err
	}
	defer func() { _ = statement.Close() }()
	var sum int
	if err := statement.QueryRowContext(ctx, 41).Scan(&sum); err != nil || sum != 42 {
		return fmt.Errorf("a prepared statement has %d: %w", sum, err)
	}
	if err := db.QueryRowContext(ctx, fmt.Sprintf("SELECT REPEAT('x', %d)", twoMB)).Scan(&data); err != nil {
		return err
	}
	if data != strings.Repeat("x", twoMB) {
		return fmt.Errorf("%d bytes, or others, of %d", len(data), twoMB)
	}
	return nil
}

// walkOwn is walk by Segue's own client.
func (*plugged) walkOwn(t *testing.T, p *segueProgram, a *authority, c cell) error {
	t.Helper()
	front, policy := &plugged{name: "segue", address: p.address}, a.policy(t, secure.Disabled, securetest.Pair{})
	if c.inside {
		policy = a.policy(t, secure.VerifyIdentity, securetest.Pair{})
	}
	for range 2 {
		who, inside, conn, err := front.logIn(t, "tcp", policy, c.acc.user, own.Password(c.acc.password()))
		if err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(t.Context(), pluginPatience)
		defer cancel()
		var prepared own.Prepared
		table := &own.Table{}
		err = conn.Run(ctx, true, own.Command{Command: wire.ComStmtPrepare, Text: "SELECT ? + 1", Take: prepared.Take},
			own.Command{Command: wire.ComQuery, Text: fmt.Sprintf("SELECT REPEAT('x', %d)", twoMB), Take: table.Take})
		conn.Quit()
		if err != nil {
			return err
		}
		if who != c.acc.user || inside != c.mode.Wants() || prepared.NumParams != 1 || len(table.Rows) != 1 || len(table.Rows[0][0]) != twoMB {
			return fmt.Errorf("logged in as %q, TLS: %t, or a result is another", who, inside)
		}
	}
	return nil
}

// specs are those of Segue in front of it.
func (s *plugged) specs() []backend.Spec { return []backend.Spec{s.spec} }

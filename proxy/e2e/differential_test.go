package e2e

import (
	"context"
	"flag"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	gomysql "github.com/go-mysql-org/go-mysql/client"
	"github.com/go-mysql-org/go-mysql/mysql"

	"segue/backend/wire"
	"segue/proxy/track"
)

var (
	differentialTime   = flag.Duration("differential", 20*time.Second, "how long TestDifferential goes on")
	differentialServer = flag.String("differential.server", "", "the address of a server that TestDifferential takes in place of its own; it has the tests' user, and databases moves and moves_2")
	differentialMost   = flag.Uint64("differential.sessions", 1500, "how many seeds TestDifferential tries at most")
	differentialSeed   = flag.Uint64("differential.seed", 1, "the first seed of TestDifferential")
)

// differentialFound are seeds that have found something.
var differentialFound = []uint64{7000070, 8000258, 20001441, 172}

// TestDifferential has a server run statements, and a track.State read them: what the State does not know of the session, or has forgotten, though
// the server knows it, would be lost with a move.
func TestDifferential(t *testing.T) {
	d := &differential{address: *differentialServer}
	if d.address == "" {
		s := startServers(t, 1)[0]
		if err := s.exec(t.Context(), movesFixtures); err != nil {
			t.Fatal(err)
		}
		d.address = s.address()
	}
	d.fresh = d.open(t).variables(t)
	until := time.Now().Add(*differentialTime)
	for _, seed := range differentialFound {
		d.session(t, seed)
	}
	for seed := *differentialSeed; seed < *differentialSeed+*differentialMost && time.Now().Before(until) && !t.Failed(); seed++ {
		d.session(t, seed)
	}
	t.Logf("%d sessions, %d texts, %d of them taken by the server; %d sessions were rebuilt, %d were pinned at their end, %d of them though the server held nothing: %v", d.sessions, d.texts, d.taken, d.rebuilt, d.pinned, d.needless, d.reasons)
	if d.taken == 0 {
		t.Error("the server took nothing")
	}
}

// differential counts.
type differential struct {
	address                                  string
	fresh                                    map[string]string
	sessions, texts, taken, pinned, needless int
	rebuilt                                  int
	reasons                                  map[string]int
}

// tapped is a connection to the server whose command phase a State sees.
type tapped struct {
	net.Conn
	state   *track.State
	hearing bool
	greeted []byte
	said    []byte
}

func (c *tapped) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	switch {
	case c.state == nil:
		c.greeted = append(c.greeted, b[:n]...)
	case c.hearing:
		c.state.Server(slices.Clone(b[:n]))
	}
	return n, err
}

func (c *tapped) Write(b []byte) (int, error) {
	switch {
	case c.state == nil:
		c.said = append(c.said, b...)
	case c.hearing:
		c.state.Client(slices.Clone(b))
	}
	return c.Conn.Write(b)
}

// differentialSession is one session, and what is believed of it.
type differentialSession struct {
	conn *gomysql.Conn
	tap  *tapped
}

func (d *differential) open(t *testing.T) *differentialSession {
	t.Helper()
	tap := &tapped{}
	conn, err := gomysql.ConnectWithDialer(t.Context(), "tcp", d.address, testUser, testPassword, "moves", func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := (&net.Dialer{}).DialContext(ctx, network, address)
		tap.Conn = c
		return tap, err
	}, func(c *gomysql.Conn) error {
		c.SetCapability(mysql.CLIENT_MULTI_STATEMENTS)
		c.SetCapability(mysql.CLIENT_MULTI_RESULTS)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	var g wire.HandshakeV10
	var r wire.HandshakeResponse41
	n, _ := wire.DecodeHeader(tap.greeted)
	m, _ := wire.DecodeHeader(tap.said)
	if err := g.Decode(tap.greeted[wire.HeaderLen : wire.HeaderLen+n]); err != nil {
		t.Fatal(err)
	}
	if err := r.Decode(tap.said[wire.HeaderLen : wire.HeaderLen+m]); err != nil {
		t.Fatal(err)
	}
	o := track.Options{Capabilities: r.Capabilities & g.Capabilities, ExtCapabilities: r.ExtCapabilities() & g.ExtCapabilities, Database: r.Database, Collation: uint16(r.Charset), User: r.Username}
	o.Dialect, o.Version = track.DialectOf(g.ServerVersion, g.Capabilities)
	state := track.New(o, wire.StatusAutocommit)
	tap.state = &state
	return &differentialSession{conn, tap}
}

// run has the server run a text, while the State listens.
func (s *differentialSession) run(text string) error {
	s.tap.hearing = true
	defer func() { s.tap.hearing = false }()
	var failed error
	_, err := s.conn.ExecuteMultiple(text, func(_ *mysql.Result, err error) {
		if err != nil {
			failed = err
		}
	})
	if err != nil {
		return err
	}
	return failed
}

// ask asks the server behind the State's back.
func (s *differentialSession) ask(t *testing.T, text string) [][]string {
	t.Helper()
	r, err := s.conn.Execute(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	var rows [][]string
	for i := range r.RowNumber() {
		var row []string
		for k := range r.ColumnNumber() {
			v, _ := r.GetString(i, k)
			row = append(row, strings.Clone(v))
		}
		rows = append(rows, row)
	}
	return rows
}

func (s *differentialSession) variables(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, row := range s.ask(t, "SELECT LOWER(VARIABLE_NAME), VARIABLE_VALUE FROM information_schema.SESSION_VARIABLES LIMIT 10000") {
		if !slices.Contains([]string{"timestamp", "pseudo_thread_id", "rand_seed1", "rand_seed2", "warning_count", "error_count", "in_transaction", "insert_id", "identity", "last_insert_id", "last_gtid", "gtid_binlog_pos", "gtid_current_pos", "gtid_binlog_state"}, row[0]) {
			all[row[0]] = row[1]
		}
	}
	return all
}

// session runs some texts in one session, and compares behind each.
func (d *differential) session(t *testing.T, seed uint64) {
	t.Helper()
	g := newGrammar(seed)
	s := d.open(t)
	defer func() { _ = s.conn.Close() }()
	d.sessions++
	var history []string
	held := false
	for range 1 + g.rand.IntN(6) {
		text := g.text()
		err := s.run(text)
		d.texts++
		if err == nil {
			d.taken++
		}
		history = append(history, fmt.Sprintf("%q: %v", text, err))
		if s.conn.Ping() != nil || s.tap.state.Opaque() != track.Readable {
			return
		}
		var missing []string
		missing, held = d.compare(t, s)
		if len(missing) > 0 {
			t.Errorf("seed %d: %s is not known of the session\n%s\nbelieved: pinned %q, %+v, asks %q", seed, missing, strings.Join(history, "\n"), s.tap.state.Pinned(), s.tap.state.Replay(), s.tap.state.Unresolved())
			return
		}
	}
	if differs := d.rebuild(t, s); len(differs) > 0 {
		t.Errorf("seed %d: rebuilt, the session differs: %q\n%s\nrebuilt by %+v", seed, differs, strings.Join(history, "\n"), s.tap.state.Replay())
	}
	if pin := s.tap.state.Pinned(); pin != "" {
		if d.pinned++; !held {
			d.needless++
			if d.reasons == nil {
				d.reasons = map[string]int{}
			}
			d.reasons[pin]++
		}
	}
}

// compare tells what the server knows of the session that the State does not, and whether it holds anything that no text could rebuild.
func (d *differential) compare(t *testing.T, s *differentialSession) (missing []string, held bool) {
	t.Helper()
	state := s.tap.state
	pinned := state.Pinned()
	r := state.Replay()
	known := strings.ToLower(r.Database + "\n" + strings.Join(r.Statements, "\n") + "\n" + strings.Join(state.Unresolved(), "\n"))
	miss := func(what string, is bool) {
		if is {
			missing = append(missing, what)
		}
	}
	one := s.ask(t, "SELECT HEX(DATABASE()), CONVERT(@@in_transaction, CHAR), IFNULL(IS_USED_LOCK('a')=CONNECTION_ID(),0) + IFNULL(IS_USED_LOCK('b')=CONNECTION_ID(),0), HEX(LAST_INSERT_ID()) LIMIT 1")[0]
	for name, variable := range map[string]string{"6D6F766573": "moves", "6D6F7665735F32": "moves_2"} {
		miss("database "+variable, one[0] == name && pinned == "" && r.Database != variable && !strings.Contains(known, "use `"+variable+"`"))
	}
	inTransaction, locked := one[1] != "0", one[2] != "0"
	miss("a transaction", inTransaction && pinned == "")
	miss("a lock", locked && pinned == "")
	miss("LAST_INSERT_ID()", one[3] != "0" && pinned == "" && !strings.Contains(known, "last_insert_id"))
	for _, row := range s.ask(t, "SELECT HEX(VARIABLE_NAME), VARIABLE_VALUE IS NULL FROM information_schema.USER_VARIABLES LIMIT 1000") {
		name := map[string]string{"78": "x", "79": "y", "7A2E61": "z.a", "71": "q", "6D": "m", "63": "c"}[row[0]]
		miss("@"+name, name != "" && row[1] == "0" && pinned == "" && !strings.Contains(known, "@"+name) && !strings.Contains(known, "@`"+name) && !strings.Contains(known, "@'"+name) && !strings.Contains(known, `@"`+name))
	}
	for name, value := range s.variables(t) {
		by := name
		switch {
		case strings.HasPrefix(name, "character_set_"), strings.HasPrefix(name, "collation_"):
			by = "character_set_"
			if strings.Contains(known, "names ") || strings.Contains(known, "character set ") || strings.Contains(known, "collation_") {
				continue
			}
		case name == "tx_isolation", name == "transaction_isolation", name == "tx_read_only", name == "transaction_read_only":
			by = "transaction"
			if strings.Contains(known, "tx_") {
				continue
			}
		}
		miss("@@"+name, value != d.fresh[name] && pinned == "" && !strings.Contains(known, by))
	}
	temporary := false
	for _, name := range []string{"moves.t1", "moves.t2", "moves_2.t1", "moves_2.t2", "moves.1e5a", "moves_2.1e5a"} {
		if result, err := s.conn.Execute("SHOW CREATE TABLE " + strings.Replace(name, ".", ".`", 1) + "`"); err == nil {
			text, _ := result.GetString(0, 1)
			temporary = temporary || strings.HasPrefix(text, "CREATE TEMPORARY")
		}
	}
	miss("a temporary table", temporary && pinned == "")
	return missing, inTransaction || locked || temporary
}

// rebuild makes the session anew as a move would, if that takes no question, and tells what differs.
func (d *differential) rebuild(t *testing.T, s *differentialSession) (differs []string) {
	t.Helper()
	state := s.tap.state
	if state.Pinned() != "" || len(state.Unresolved()) > 0 {
		return nil
	}
	d.rebuilt++
	r := state.Replay()
	other := d.open(t)
	defer func() { _ = other.conn.Close() }()
	if r.Database != "" {
		if err := other.conn.UseDB(r.Database); err != nil {
			return []string{err.Error()}
		}
	}
	for _, text := range r.Statements {
		if err := other.run(text); err != nil {
			return []string{text + ": " + err.Error()}
		}
	}
	was, is := s.variables(t), other.variables(t)
	for name, value := range was {
		if is[name] != value {
			differs = append(differs, fmt.Sprintf("@@%s is %q and was %q", name, is[name], value))
		}
	}
	const all = "SELECT HEX(LOWER(VARIABLE_NAME)), HEX(VARIABLE_VALUE), VARIABLE_TYPE, CHARACTER_SET_NAME, HEX(DATABASE()) FROM information_schema.USER_VARIABLES WHERE VARIABLE_VALUE IS NOT NULL ORDER BY 1 LIMIT 1000"
	if before, after := fmt.Sprint(s.ask(t, all)), fmt.Sprint(other.ask(t, all)); before != after {
		differs = append(differs, before+" became "+after)
	}
	return differs
}

package e2e

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"segue/backend"
	"segue/backend/discover"
	"segue/backend/discover/dns"
	"segue/backend/discover/nodes"
	"segue/backend/discover/sql"
	"segue/backend/secure"
	"segue/backend/secure/securetest"
)

// dnsmasq is a name server for the domain test, which knows what its file of hosts and its options say.
type dnsmasq struct {
	address string
	hosts   string
	dir     string
	cmd     *exec.Cmd
	exited  chan struct{}
}

// startDNS starts one; options are lines of its configuration.
func startDNS(t *testing.T, options ...string) *dnsmasq {
	t.Helper()
	dir := t.TempDir()
	port := freePort(t, "127.0.0.1")
	d := &dnsmasq{address: net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), hosts: filepath.Join(dir, "hosts"), dir: dir}
	d.write(t, "")
	d.start(t, options...)
	t.Cleanup(d.stop)
	return d
}

func (d *dnsmasq) write(t *testing.T, hosts string) {
	t.Helper()
	if err := os.WriteFile(d.hosts, []byte(hosts), 0o644); err != nil {
		t.Fatalf("write hosts: %v", err)
	}
}

func (d *dnsmasq) start(t *testing.T, options ...string) {
	t.Helper()
	_, port, _ := net.SplitHostPort(d.address)
	// A server upstream at which nobody listens: what dnsmasq cannot find out is SERVFAIL or REFUSED.
	lines := append([]string{
		"no-resolv", "no-hosts", "keep-in-foreground", "user=root", "bind-interfaces", "listen-address=127.0.0.1", "port=" + port, "local=/test/", "local-ttl=1",
		"addn-hosts=" + d.hosts, "edns-packet-max=1232", "pid-file=" + filepath.Join(d.dir, "pid"),
	}, options...)
	conf := filepath.Join(d.dir, "dnsmasq.conf")
	if err := os.WriteFile(conf, []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
		t.Fatalf("write options: %v", err)
	}
	log := &output{}
	d.cmd, d.exited = exec.Command(program("dnsmasq"), "--conf-file="+conf, "--log-facility=-"), make(chan struct{})
	d.cmd.Stderr = log
	d.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := d.cmd.Start(); err != nil {
		t.Fatalf("start dnsmasq: %v; setup.sh installs it", err)
	}
	exited, cmd := d.exited, d.cmd
	go func() {
		_ = cmd.Wait()
		close(exited)
	}()
	waitFor(t, "dnsmasq", func() bool {
		select {
		case <-exited:
			t.Fatalf("dnsmasq has ended: %s", log)
		default:
		}
		nc, err := net.Dial("tcp", d.address)
		if err == nil {
			_ = nc.Close()
		}
		return err == nil
	})
}

func (d *dnsmasq) stop() {
	_ = d.cmd.Process.Signal(syscall.SIGTERM)
	<-d.exited
}

// addresses are those of an answer, without their ports.
func addresses(a discover.Answer) string {
	var list []string
	for _, f := range a.Found {
		list = append(list, f.Address)
	}
	slices.Sort(list)
	return strings.Join(list, " ")
}

// What a real name server says is understood: addresses of both kinds, targets, TTLs, names that are not there, failures, and answers too long for UDP.
func TestDiscoverByRealDNS(t *testing.T) {
	d := startDNS(t, "srv-host=_mysql._tcp.db.test,db-0.test,3306", "srv-host=_mysql._tcp.db.test,db-1.test,3307", "cname=alias.test,four.test", "server=/fails.example/127.0.0.1#1")
	var many strings.Builder
	for i := range 120 {
		fmt.Fprintf(&many, "10.1.0.%d many.test\n", i+1)
	}
	d.write(t, "10.0.0.1 four.test\n10.0.0.2 four.test\nfd00::1 six.test\n10.0.0.3 both.test\nfd00::3 both.test\n"+many.String())
	if err := d.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	told := make(chan discover.Answer)
	ask := func(name string) func() discover.Answer {
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		s := &dns.Source{Name: name, Interval: time.Minute, Resolver: dns.Resolver{Servers: []string{d.address}, ConfPath: os.DevNull}}
		go func() {
			defer close(ended)
			_ = s.Run(ctx, func(a discover.Answer) {
				select {
				case told <- a:
				case <-ctx.Done():
				}
			})
		}()
		t.Cleanup(func() { cancel(); <-ended })
		return func() discover.Answer {
			select {
			case a := <-told:
				return a
			case <-time.After(startTimeout):
				t.Fatalf("nothing is told of %s", name)
				return discover.Answer{}
			}
		}
	}
	next := ask("four.test:9030")
	waitFor(t, "the hosts", func() bool { return addresses(next()) == "10.0.0.1:9030 10.0.0.2:9030" })
	d.write(t, "10.0.0.2 four.test\n10.0.0.9 four.test\n"+many.String())
	if err := d.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	waitFor(t, "a change, once its TTL of a second is over", func() bool { return addresses(next()) == "10.0.0.2:9030 10.0.0.9:9030" })
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("a change took %s to be seen", took)
	}
	d.write(t, "10.0.0.1 four.test\n10.0.0.2 four.test\nfd00::1 six.test\n10.0.0.3 both.test\nfd00::3 both.test\n"+many.String())
	if err := d.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the hosts again", func() bool { return addresses(next()) == "10.0.0.1:9030 10.0.0.2:9030" })
	r := dns.Resolver{Servers: []string{d.address}, ConfPath: os.DevNull}
	look := func(name string, kind dns.Kind) (string, error) {
		found, _, err := r.Lookup(t.Context(), name, kind)
		var list []string
		for _, a := range found.Addresses {
			list = append(list, a.String())
		}
		for _, to := range found.Targets {
			list = append(list, to.Host+":"+strconv.Itoa(int(to.Port)))
		}
		slices.Sort(list)
		return strings.Join(list, " "), err
	}
	for _, tt := range []struct {
		name string
		kind dns.Kind
		want string
	}{
		{"alias.test", dns.A, "10.0.0.1 10.0.0.2"},
		{"six.test", dns.AAAA, "fd00::1"},
		{"both.test", dns.A, "10.0.0.3"},
		{"_mysql._tcp.db.test", dns.SRV, "db-0.test:3306 db-1.test:3307"},
	} {
		if got, err := look(tt.name, tt.kind); err != nil || got != tt.want {
			t.Errorf("%s: %q, %v; want %q", tt.name, got, err, tt.want)
		}
	}
	if got, err := look("many.test", dns.A); err != nil || strings.Count(got, "10.1.0.") != 120 {
		t.Errorf("120 addresses, too many for UDP: %d, %v", strings.Count(got, "10.1.0."), err)
	}
	if _, err := look("six.test", dns.A); !errors.Is(err, dns.ErrNone) {
		t.Errorf("a name without such a record: %v", err)
	}
	if _, err := look("nobody.test", dns.A); !errors.Is(err, dns.ErrNoName) {
		t.Errorf("no such name: %v", err)
	}
	if got, err := look("fe.fails.example", dns.A); err == nil || errors.Is(err, dns.ErrNone) || errors.Is(err, dns.ErrNoName) {
		t.Errorf("a name of which nothing can be found out: %q, %v", got, err)
	}
}

// A Segue that knows a name alone finds its servers, follows it when one is added and another taken away, whose session moves, and stays as it is when the name
// server fails, or knows nothing.
func TestDiscoverServersByName(t *testing.T) {
	servers := startServers(t, 3)
	targets := func(of ...*server) (lines []string) {
		for _, s := range of {
			lines = append(lines, fmt.Sprintf("srv-host=_mysql._tcp.db.test,localhost,%d", s.port))
		}
		return lines
	}
	d := startDNS(t, targets(servers[0], servers[1])...)
	p := startProgram(t, backend.MySQL, nil, fmt.Sprintf("discover: {dns: _mysql._tcp.db.test, resolvers: %q, remove_after: 2s}", d.address))
	up := func(want ...*server) {
		t.Helper()
		var names []string
		for _, s := range want {
			names = append(names, "localhost-"+strconv.Itoa(s.port))
		}
		slices.Sort(names)
		waitFor(t, "the servers of the name", func() bool {
			var got []string
			for _, b := range p.backends(t) {
				if b.Health == "up" {
					got = append(got, b.Name)
				}
			}
			slices.Sort(got)
			return slices.Equal(got, names)
		})
	}
	up(servers[0], servers[1])
	db, err := openDB(p.address, testUser, testPassword)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	var port, now int
	c, err := db.Conn(t.Context())
	if err == nil {
		err = c.QueryRowContext(t.Context(), "SELECT @@port").Scan(&port)
	}
	if err != nil {
		t.Fatal(err)
	}
	stays := servers[0]
	if port == stays.port {
		stays = servers[1]
	}
	d.stop()
	d.start(t, targets(stays, servers[2])...)
	up(stays, servers[2])
	waitFor(t, "the session to move", func() bool {
		if err := c.QueryRowContext(t.Context(), "SELECT @@port").Scan(&now); err != nil {
			t.Fatalf("the session has not moved: %v", err)
		}
		return now != port
	})
	d.stop()
	waitFor(t, "the failure to be said", func() bool { return strings.Contains(p.stderr.String(), "discovery failed") })
	up(stays, servers[2])
	d.start(t)
	waitFor(t, "it to be said that there is no such name", func() bool { return strings.Contains(p.stderr.String(), "no such name") })
	time.Sleep(3 * time.Second) // longer than remove_after: nothing is to happen, and there is nothing that could be awaited
	up(stays, servers[2])
}

// A real server is asked out of band: by every plugin, with TLS and without, and given up at once when nobody waits any more. Who takes writes is known.
func TestAskMariaDB(t *testing.T) {
	a := newAuthority(t)
	s := startServer(t, "127.0.0.1", append([]string{"skip-name-resolve"}, a.files(t, securetest.Leaf{Names: []string{"127.0.0.1"}}).mariadb()...)...)
	if err := s.fill(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ user, password string }{{testUser, testPassword}, {"e2e_empty", ""}, {"e2e_ed25519", "edwards"}} {
		for _, mode := range []secure.Mode{secure.Disabled, secure.Preferred, secure.VerifyIdentity} {
			to := sql.Target{Address: s.address(), User: tt.user, Password: tt.password}.Secured(a.policy(t, mode, securetest.Pair{}))
			c, err := sql.Dial(t.Context(), to)
			if err != nil {
				t.Errorf("%s, %s: %v", tt.user, mode, err)
				continue
			}
			table, err := c.Query(t.Context(), "SHOW STATUS LIKE 'Ssl_cipher'")
			if cipher, _ := table.Get(0, "Value"); err != nil || (cipher != "") != mode.Wants() {
				t.Errorf("%s, %s: cipher %q, %v", tt.user, mode, cipher, err)
			}
			c.Close()
		}
	}
	to := sql.Target{Address: s.address(), User: testUser, Password: testPassword}
	c, err := sql.Dial(t.Context(), to)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, want := range []nodes.Role{nodes.Primary, nodes.Replica} {
		table, err := c.Query(t.Context(), nodes.Variables)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := nodes.ParseServer(table, s.address()); err != nil || n.Role != want || n.Type != "mariadb" || n.Version == "" {
			t.Errorf("%+v, %v; want a %s", n, err, want)
		}
		if err := s.exec(t.Context(), "SET GLOBAL read_only = 1"); err != nil {
			t.Fatal(err)
		}
	}
	table, err := c.Query(t.Context(), "SELECT 007, 1.10, NULL, CAST('0.50' AS DECIMAL(5,2)), X'00ff', REPEAT('x', 100000)")
	if err != nil || !slices.Equal(table.Rows[0][:5], []string{"7", "1.10", "", "0.50", "\x00\xff"}) || len(table.Rows[0][5]) != 100000 {
		t.Errorf("values: %.120q, %v", table.Rows, err)
	}
	var said *sql.Error
	if _, err := c.Query(t.Context(), nodes.GroupMembers); !errors.As(err, &said) {
		t.Errorf("a table that MariaDB does not have: %v", err)
	}
	if _, err := c.Query(t.Context(), "SELECT REPEAT('x', 9000000)"); !errors.Is(err, sql.ErrTooLong) {
		t.Errorf("9 MB: %v", err)
	}
	to.Password = "wrong"
	if _, err := sql.Dial(t.Context(), to); !errors.As(err, &said) || said.Code != 1045 || said.State != "28000" {
		t.Errorf("wrong password: %v", err)
	}
	to.Password = testPassword
	c, err = sql.Dial(t.Context(), to)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	began := time.Now()
	if _, err := c.Query(ctx, "SELECT SLEEP(30)"); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) > 5*time.Second {
		t.Errorf("a statement that nobody waits for: %v, after %s", err, time.Since(began))
	}
}

// Servers of MariaDB are asked who takes writes: sessions come to the primary, and follow it when the operator makes another one it.
func TestPreferPrimary(t *testing.T) {
	servers := startServers(t, 2)
	follows := func(s *server, read string) {
		t.Helper()
		if err := s.exec(t.Context(), "SET GLOBAL read_only = "+read); err != nil {
			t.Fatal(err)
		}
	}
	follows(servers[1], "1")
	var specs []backend.Spec
	for i, s := range servers {
		specs = append(specs, backend.Spec{Name: fmt.Sprintf("server-%d", i+1), Address: s.address()})
	}
	p := startProgram(t, backend.MySQL, specs, fmt.Sprintf("discover: {sql: true, user: %s, password: %q, interval: 1s}", testUser, testPassword),
		"balance: {prefer: leader, rebalance_rate: 1000, rebalance_settle: 10ms}")
	roles := func(want string) {
		t.Helper()
		waitFor(t, want, func() bool {
			var got []string
			for _, b := range p.backends(t) {
				got = append(got, b.Role)
			}
			return strings.Join(got, ", ") == want
		})
	}
	roles("primary, replica")
	db, err := openDB(p.address, testUser, testPassword)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	for range 4 {
		var port int
		c, err := db.Conn(t.Context())
		if err == nil {
			err = c.QueryRowContext(t.Context(), "SELECT @@port").Scan(&port)
		}
		if err != nil || port != servers[0].port {
			t.Fatalf("a session is on %d: %v", port, err)
		}
		defer func() { _ = c.Close() }()
	}
	follows(servers[0], "1")
	follows(servers[1], "0")
	roles("replica, primary")
	waitFor(t, "the sessions to follow", func() bool { return p.backends(t)[0].Sessions == 0 && p.backends(t)[1].Sessions == 4 })
}

// TestMoveDiscoverTiDB: a real TiDB tells who it is, with its status port and its labels, and Segue finds it by any address that leads there.
func TestMoveDiscoverTiDB(t *testing.T) {
	s := newTiDB(t, writeSigningCerts(t), 0)
	if err := s.waitReady(t.Context()); err != nil {
		t.Fatalf("wait for tidb-server: %v", err)
	}
	if err := s.fill(t.Context()); err != nil {
		t.Fatal(err)
	}
	c, err := sql.Dial(t.Context(), sql.Target{Address: s.address(), User: testUser, Password: testPassword})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	table, err := c.Query(t.Context(), nodes.ClusterInfo)
	if err != nil {
		t.Fatal(err)
	}
	list, err := nodes.ParseClusterInfo(table)
	if err != nil {
		t.Fatalf("%v: %v", table, err)
	}
	i := slices.IndexFunc(list, func(n nodes.Node) bool { return n.Kind == nodes.Server })
	if i < 0 || list[i].Version == "" || !strings.HasSuffix(list[i].Address, ":"+strconv.Itoa(s.port)) || !strings.HasSuffix(list[i].HTTP, ":"+strconv.Itoa(s.status)) {
		t.Fatalf("%+v", list)
	}
	labels, err := c.Query(t.Context(), nodes.ServersInfo)
	if err == nil {
		err = nodes.AddServersInfo(list, labels)
	}
	if err != nil {
		t.Error(err)
	}
}

package e2e

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"segue/backend"
	"segue/backend/proxyheader"
	"segue/health"
	proxy "segue/proxy"
)

// TestUnixSockets: clients by a UNIX socket, and servers by theirs. The servers are restarted one by one, and Segue itself is taken over from, and nobody sees an error.
func TestUnixSockets(t *testing.T) {
	fleet := startMariaDBs(t)
	specs := fleet.specs()
	for i, s := range fleet.servers {
		specs[i].Address = "unix:" + s.socket
	}
	dir := serverDir(t)
	path := filepath.Join(dir, "s")
	t.Cleanup(func() { // once the last Segue has ended
		if _, err := os.Stat(path); err == nil {
			t.Errorf("%s is left behind", path)
		}
	})
	s := startSegues(t, fleet.flavor(), specs, t.TempDir())
	s.address = fmt.Sprintf("[%s, 'unix:%s']", s.address, path) // by a reload
	s.write(t, s.file(specs, s.lines))
	waitFor(t, "the socket", func() bool { _, err := os.Stat(path); return err == nil })

	stop := filepath.Join(dir, "stop")
	clients := map[string]*socketClient{"go": {done: make(chan error, 1)}}
	go clients["go"].sessions(path, stop)
	for name, command := range map[string][]string{
		"cli":     {"clients/socket/cli.sh"},
		"pymysql": {filepath.Join(cacheDir(t), "venv", "bin", "python"), "clients/socket/python.py"},
		"mysql2":  {"node", "clients/socket/mysql2.js"},
	} {
		clients[name] = startSocketClient(t, append(command, path, testUser, testPassword, stop)...)
	}
	for range 2 {
		for i := range fleet.servers {
			s.crown(t, false)
			fleet.restart(t, s.segueProgram, i)
		}
	}
	if err := os.WriteFile(stop, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range clients {
		err := <-c.done
		n, _ := strconv.Atoi(strings.TrimSpace(c.stdout.String()))
		if err != nil || n < 5 {
			t.Errorf("%s: %d sessions, %v\n%s", name, n, err, c.stderr.String())
		}
		t.Logf("%s: %d sessions", name, n)
	}
	for _, old := range s.all[:len(s.all)-1] {
		waitFor(t, "the end of those that were taken over from", func() bool { return !old.lives() })
	}
}

// socketClient is a client that opens one session after the other, until it is told to stop.
type socketClient struct {
	stdout, stderr bytes.Buffer
	done           chan error
}

func startSocketClient(t *testing.T, command ...string) *socketClient {
	t.Helper()
	c := &socketClient{done: make(chan error, 1)}
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "NODE_PATH="+filepath.Join(cacheDir(t), "node", "node_modules"))
	cmd.Stdout, cmd.Stderr = &c.stdout, &c.stderr
	cmd.SysProcAttr = clientProcess()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { c.done <- cmd.Wait() }()
	return c
}

// sessions is the client with go-sql-driver.
func (c *socketClient) sessions(path, stop string) {
	config := mysql.NewConfig()
	config.Net, config.Addr, config.User, config.Passwd = "unix", path, testUser, testPassword
	connector, err := mysql.NewConnector(config)
	if err != nil {
		c.done <- err
		return
	}
	db := sql.OpenDB(connector)
	defer func() { _ = db.Close() }()
	db.SetMaxIdleConns(-1)
	n := 0
	for ; err == nil; n++ {
		if _, gone := os.Stat(stop); gone == nil {
			break
		}
		err = holdSession(db)
	}
	fmt.Fprintln(&c.stdout, n)
	c.done <- err
}

// holdSession opens a session with state of its own.
func holdSession(db *sql.DB) error {
	conn, err := db.Conn(context.Background())
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	if _, err := conn.ExecContext(context.Background(), "SET @held = 7"); err != nil {
		return err
	}
	for n := range 20 {
		var held, got, slept int
		row := conn.QueryRowContext(context.Background(), "SELECT @held, ?, SLEEP(0.005)", n)
		if err := row.Scan(&held, &got, &slept); err != nil {
			return err
		}
		if held != 7 || got != n {
			return fmt.Errorf("got %d, %d of %d", held, got, n)
		}
	}
	return nil
}

// Test…ProxyProtocol…: a server that is told whose a connection is shows the client's address, before and after a move.
func TestProxyProtocolMariaDB(t *testing.T) {
	servers := startServers(t, 2, "proxy-protocol-networks=127.0.0.1")
	var specs []backend.Spec
	for i, s := range servers {
		specs = append(specs, backend.Spec{Name: fmt.Sprintf("mariadb-%d", i+1), Address: s.address()})
	}
	for _, v := range []proxyheader.Version{proxyheader.V1, proxyheader.V2} {
		t.Run(v.String(), func(t *testing.T) { introducedTo(t, backend.MySQL, v, specs) })
	}
}

func TestMoveProxyProtocolTiDB(t *testing.T) {
	certs := writeSigningCerts(t)
	var specs []backend.Spec
	for i := range 2 {
		// fallbackable: so that the tests themselves get in without a header.
		s := newTiDB(t, certs, 0, "[proxy-protocol]", `networks = "127.0.0.1"`, "fallbackable = true")
		if err := s.waitReady(t.Context()); err != nil {
			t.Fatalf("wait for tidb-server: %v\n%s", err, tail(s.log(), 20))
		}
		if err := s.fill(t.Context()); err != nil {
			t.Fatalf("fill server: %v", err)
		}
		specs = append(specs, backend.Spec{Name: fmt.Sprintf("tidb-%d", i+1), Address: s.address(), HealthURL: s.healthURL()})
	}
	for _, v := range []proxyheader.Version{proxyheader.V1, proxyheader.V2} {
		t.Run(v.String(), func(t *testing.T) { introducedTo(t, backend.TiDB, v, specs) })
	}
}

// introducedTo has clients come to Segue through a proxy, with headers of both versions, and looks at where the servers see them come from.
func introducedTo(t *testing.T, flavor backend.Flavor, v proxyheader.Version, specs []backend.Spec) {
	t.Helper()
	for i := range specs {
		specs[i].ProxyProtocol = v
	}
	s := newSegue(t, specs, proxy.Options{
		Flavor: flavor, Users: []proxy.User{{Name: testUser, Password: testPassword, HasPassword: true}},
		ProxiedFrom: proxyheader.Networks{Prefixes: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}},
	})
	monitor := health.NewMonitor(s.registry, health.Options{Flavor: flavor, User: testUser, Password: testPassword}, s.logger(t), s.metrics)
	s.server.OnEvidence = monitor.Observe
	s.run(t, monitor.Run)
	s.waitUp(t)
	for _, c := range []struct {
		name   string
		header proxyheader.Version
		from   netip.AddrPort
		host   string
	}{
		{"line", proxyheader.V1, netip.MustParseAddrPort("192.0.2.7:54321"), "192.0.2.7:54321"},
		{"binary", proxyheader.V2, netip.MustParseAddrPort("192.0.2.8:54322"), "192.0.2.8:54322"},
		{"IPv6", proxyheader.V2, netip.MustParseAddrPort("[2001:db8::7]:54323"), "2001:db8::7"},
	} {
		t.Run(c.name, func(t *testing.T) {
			network := fmt.Sprintf("proxied-%s", t.Name())
			mysql.RegisterDialContext(network, func(ctx context.Context, address string) (net.Conn, error) {
				conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
				if err == nil {
					_, err = conn.Write(proxyheader.Append(nil, c.header, c.from, netip.AddrPort{}))
				}
				return conn, err
			})
			defer mysql.DeregisterDialContext(network)
			config := mysql.NewConfig()
			config.Net, config.Addr, config.User, config.Passwd = network, s.address, testUser, testPassword
			connector, err := mysql.NewConnector(config)
			if err != nil {
				t.Fatal(err)
			}
			db := sql.OpenDB(connector)
			defer func() { _ = db.Close() }()
			conn, err := db.Conn(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close() }()
			for range 3 {
				var host string
				if err := conn.QueryRowContext(t.Context(), "SELECT host FROM information_schema.processlist WHERE id = CONNECTION_ID()").Scan(&host); err != nil {
					t.Fatal(err)
				}
				if !strings.Contains(host, c.host) {
					t.Errorf("it comes from %s", host)
				}
				list := s.server.Sessions()
				if len(list) != 1 || list[0].Client != c.from.String() {
					t.Fatalf("%+v", list)
				}
				on := list[0].Backend
				if err := s.registry.SetAdmin(on, backend.Drain); err != nil {
					t.Fatal(err)
				}
				deadline := time.Now().Add(startTimeout)
				for s.server.Sessions()[0].Backend == on {
					if _, err := conn.ExecContext(t.Context(), "DO 1"); err != nil {
						t.Fatal(err)
					}
					if time.Now().After(deadline) {
						t.Fatal("it does not move")
					}
				}
				if err := s.registry.SetAdmin(on, backend.Ready); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// TestConnectAttributes: a server that is told nothing by a header is told by attributes, beside the client's own, before and after a move.
func TestConnectAttributes(t *testing.T) {
	servers := startServers(t, 2, "performance-schema=1")
	var specs []backend.Spec
	for i, s := range servers {
		specs = append(specs, backend.Spec{Name: fmt.Sprintf("mariadb-%d", i+1), Address: s.address()})
	}
	s := newSegue(t, specs, proxy.Options{Flavor: backend.MySQL, Users: []proxy.User{{Name: testUser, Password: testPassword, HasPassword: true}}})
	monitor := health.NewMonitor(s.registry, health.Options{Flavor: backend.MySQL}, s.logger(t), s.metrics)
	s.run(t, monitor.Run)
	s.waitUp(t)
	config := mysql.NewConfig()
	config.Net, config.Addr, config.User, config.Passwd, config.ConnectionAttributes = "tcp", s.address, testUser, testPassword, "program_name:e2e,segue_client:forged"
	connector, err := mysql.NewConnector(config)
	if err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(connector)
	defer func() { _ = db.Close() }()
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	for range 3 {
		list := s.server.Sessions()
		if len(list) != 1 {
			t.Fatalf("%+v", list)
		}
		for name, want := range map[string]string{"program_name": "e2e", "segue_client": list[0].Client, "segue_session": strconv.FormatUint(uint64(list[0].ID), 10)} {
			var got sql.NullString
			row := conn.QueryRowContext(t.Context(), "SELECT MAX(attr_value) FROM performance_schema.session_account_connect_attrs WHERE processlist_id = CONNECTION_ID() AND attr_name = ?", name)
			if err := row.Scan(&got); err != nil || got.String != want {
				t.Errorf("%s is %q, want %q; %v", name, got.String, want, err)
			}
		}
		on := list[0].Backend
		if err := s.registry.SetAdmin(on, backend.Drain); err != nil {
			t.Fatal(err)
		}
		waitFor(t, "a move", func() bool { return s.server.Sessions()[0].Backend != on })
		if err := s.registry.SetAdmin(on, backend.Ready); err != nil {
			t.Fatal(err)
		}
	}
}

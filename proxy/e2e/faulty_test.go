package e2e

import (
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"segue/backend"
	"segue/backend/wire"
	proxy "segue/proxy"
)

// fault is what is wrong with a faultyFront.
type fault struct {
	name   string
	kind   string // as segue_hidden_failures_total{kind} calls it
	behave func(f *faultyFront, c net.Conn) error
}

// faults are the ways in which a backend fails while a client connects. Each returns when the connection is to be closed.
var faults = []fault{
	{"refuse", "refused", nil},
	{"accept and silence", "timeout", (*faultyFront).silence},
	{"close before greeting", "closed", func(*faultyFront, net.Conn) error { return nil }},
	{"ERR 1040 in place of the greeting", "err", (*faultyFront).tooMany},
	{"EOF after greeting", "closed", (*faultyFront).greet},
	{"EOF after the client's response", "closed", (*faultyFront).hearOut},
	{"hang after the client's response", "timeout", func(f *faultyFront, c net.Conn) error {
		if err := f.hearOut(c); err != nil {
			return err
		}
		return f.silence(c)
	}},
}

// faultyFront stands where a server should be.
type faultyFront struct {
	ln       net.Listener
	greeting []byte // a packet: a real server's, with which clients are sent
	behave   func(f *faultyFront, c net.Conn) error
	running  sync.WaitGroup
}

// startFaultyFront starts one that fails as told, and greets as the real server at address does. It ends with the test.
func startFaultyFront(t *testing.T, fault fault, address string) *faultyFront {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("listen: %v", err)
	}
	f := &faultyFront{ln: ln, greeting: greetingOf(t, address), behave: fault.behave}
	if fault.behave == nil {
		_ = ln.Close() // its port refuses
		return f
	}
	f.running.Go(f.serve)
	t.Cleanup(func() {
		_ = ln.Close()
		f.running.Wait()
	})
	return f
}

func (f *faultyFront) serve() {
	for {
		c, err := f.ln.Accept()
		if err != nil {
			return
		}
		f.running.Go(func() {
			defer func() { _ = c.Close() }()
			_ = f.behave(f, c) // Segue hangs up on it at any time
		})
	}
}

// silence waits until the other side gives up.
func (f *faultyFront) silence(c net.Conn) error {
	_, err := io.Copy(io.Discard, c)
	return err
}

// tooMany is a server's ER_CON_COUNT_ERROR: before the capabilities are known an ERR_Packet has no SQLSTATE.
func (f *faultyFront) tooMany(c net.Conn) error {
	e := wire.Err{Code: 1040, Message: "Too many connections"}
	packet, _ := wire.AppendPacket(nil, 0, e.Append(nil))
	_, err := c.Write(packet)
	return err
}

func (f *faultyFront) greet(c net.Conn) error {
	_, err := c.Write(f.greeting)
	return err
}

// hearOut greets and reads the client's response.
func (f *faultyFront) hearOut(c net.Conn) error {
	if err := f.greet(c); err != nil {
		return err
	}
	_, _, err := wire.NewReader(c, 1<<20).Next()
	return err
}

// greetingOf reads a real server's greeting.
func greetingOf(t *testing.T, address string) []byte {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatalf("dial server: %v", err)
	}
	defer func() { _ = c.Close() }()
	payload, _, err := wire.NewReader(c, 1<<20).Next()
	if err != nil {
		t.Fatalf("read greeting: %v", err)
	}
	packet, _ := wire.AppendPacket(nil, 0, payload)
	return packet
}

// TestSetupRetryUnseen: one backend of three fails while clients connect; no real client sees it.
func TestSetupRetryUnseen(t *testing.T) {
	servers := startServers(t, 2)
	const times = 5
	for _, c := range clients() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c := c.build(t)
			for _, fault := range faults {
				t.Run(fault.name, func(t *testing.T) {
					front := startFaultyFront(t, fault, servers[0].address())
					segue := newSegue(t, []backend.Spec{
						{Name: "faulty", Address: front.ln.Addr().String()},
						{Name: "server-1", Address: servers[0].address()},
						{Name: "server-2", Address: servers[1].address()},
					}, proxy.Options{Flavor: backend.MySQL, ConnectTimeout: time.Second, ConnectBudget: 5 * time.Second})
					for _, b := range segue.registry.Backends() {
						segue.registry.SetHealth(b, backend.Up, "for the test: probing has not noticed yet")
					}
					segue.run(t)
					out, err := c.run(t, segue.address, "", "connect", fmt.Sprint(times))
					if want := fmt.Sprintf("connect\t%d\n", times); err != nil || out != want {
						t.Errorf("connect %d times: %q, want %q: %v", times, out, want, err)
					}
					segue.stop()
					if n := segue.counters(t, "segue_hidden_failures_total")["retried "+fault.kind+" "]; n < 1 {
						t.Errorf("no failure of kind %s was hidden; metrics: %v", fault.kind, segue.counters(t, "segue_hidden_failures_total"))
					}
					for labels, n := range segue.counters(t, "segue_client_errors_total") {
						if n > 0 {
							t.Errorf("%g client errors: %s", n, labels)
						}
					}
				})
			}
		})
	}
}

// TestSetupRetryAccounts: what an account is and asks for is the same on the backend that takes over.
func TestSetupRetryAccounts(t *testing.T) {
	server := startServers(t, 1)[0]
	front := startFaultyFront(t, faults[5], server.address())
	for _, tt := range []struct {
		user, password, database string
		want                     string // the account, or the code of the server's error
	}{
		{"e2e", `secret, "quoted"`, "fixtures", "e2e@%"},
		{"e2e", "wrong", "fixtures", "1045"},
		{"e2e", "", "fixtures", "1045"},
		{"e2e", `secret, "quoted"`, "nowhere", "1049"},
		{"e2e_empty", "", "fixtures", "e2e_empty@%"},
		{"e2e_empty", "needless", "fixtures", "1045"},
		{"e2e_ed25519", "edwards", "fixtures", "e2e_ed25519@%"},
		{"e2e_ed25519", "wrong", "fixtures", "1045"},
		{"nobody", "", "fixtures", "1045"},
	} {
		t.Run(fmt.Sprintf("%s %q %s", tt.user, tt.password, tt.database), func(t *testing.T) {
			segue := newSegue(t, []backend.Spec{
				{Name: "faulty", Address: front.ln.Addr().String()},
				{Name: "server", Address: server.address()},
			}, proxy.Options{Flavor: backend.MySQL})
			segue.run(t)
			for range 2 { // one of them meets the faulty backend first
				got := login(t, segue.address, tt.user, tt.password, tt.database)
				if got == mysql.ErrMalformPkt.Error() {
					// One ed25519 nonce in 256 ends in NUL, which the driver takes for a terminator.
					got = login(t, segue.address, tt.user, tt.password, tt.database)
				}
				if got != tt.want {
					t.Errorf("got %s, want %s", got, tt.want)
				}
			}
			if n := segue.counters(t, "segue_hidden_failures_total")["retried closed "]; n < 1 {
				t.Error("no failure was hidden")
			}
		})
	}
}

// login logs in at address and tells the account that it is, or the code of the server's error.
func login(t *testing.T, address, user, password, database string) string {
	t.Helper()
	config := mysql.NewConfig()
	config.Net, config.Addr, config.User, config.Passwd, config.DBName = "tcp", address, user, password, database
	config.Logger = &mysql.NopLogger{}
	connector, err := mysql.NewConnector(config)
	if err != nil {
		t.Fatalf("configure client: %v", err)
	}
	db := sql.OpenDB(connector)
	defer func() { _ = db.Close() }()
	var account string
	err = db.QueryRowContext(t.Context(), "SELECT CURRENT_USER()").Scan(&account)
	if refused, ok := errors.AsType[*mysql.MySQLError](err); ok {
		return fmt.Sprint(refused.Number)
	} else if err != nil {
		return err.Error()
	}
	return account
}

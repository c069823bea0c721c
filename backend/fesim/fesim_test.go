package fesim_test

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"go.uber.org/goleak"

	"segue/backend/fesim"
	"segue/backend/wire"
)

func TestMain(m *testing.M) {
	_ = mysql.SetLogger(log.New(io.Discard, "", 0))
	goleak.VerifyTestMain(m)
}

// fast makes an FE a hundred times faster than a real one: it sweeps every 10 ms and exits after 150 to 600 ms.
const fast = 0.01

// start returns a running FE.
func start(t *testing.T, opts fesim.Options) *fesim.FE {
	t.Helper()
	if opts.TimeScale == 0 {
		opts.TimeScale = fast
	}
	f, err := fesim.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Close)
	if err := f.Start(); err != nil {
		t.Fatal(err)
	}
	return f
}

// startCluster returns a running cluster.
func startCluster(t *testing.T, n int, opts fesim.Options) *fesim.Cluster {
	t.Helper()
	if opts.TimeScale == 0 {
		opts.TimeScale = fast
	}
	c, err := fesim.NewCluster(n, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	return c
}

// open returns one connection of go-sql-driver/mysql as user (user:password), and a pool of it to look at errors with.
func open(t *testing.T, f *fesim.FE, dsn string) *sql.Conn {
	t.Helper()
	conn, err := dial(t, f, dsn)
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

func dial(t *testing.T, f *fesim.FE, dsn string) (*sql.Conn, error) {
	t.Helper()
	db, err := sql.Open("mysql", dsn+"@tcp("+f.MySQLAddress()+")/?timeout=5s&readTimeout=10s&multiStatements=true")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	conn, err := db.Conn(t.Context())
	if err == nil {
		t.Cleanup(func() { conn.Close() })
	}
	return conn, err
}

// ask returns the first column of the first row.
func ask(t *testing.T, c *sql.Conn, query string, args ...any) string {
	t.Helper()
	_, rows := list(t, c, query, args...)
	if len(rows) == 0 {
		t.Fatalf("%s: no row", query)
	}
	return rows[0][0]
}

// list returns the names and rows of a result.
func list(t *testing.T, c *sql.Conn, query string, args ...any) (names []string, rows [][]string) {
	t.Helper()
	r, err := c.QueryContext(t.Context(), query, args...)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer r.Close()
	if names, err = r.Columns(); err != nil {
		t.Fatal(err)
	}
	for r.Next() {
		cells := make([]sql.NullString, len(names))
		dest := make([]any, len(names))
		for i := range cells {
			dest[i] = &cells[i]
		}
		if err := r.Scan(dest...); err != nil {
			t.Fatal(err)
		}
		row := make([]string, len(cells))
		for i, cell := range cells {
			if row[i] = cell.String; !cell.Valid {
				row[i] = "NULL"
			}
		}
		rows = append(rows, row)
	}
	if err := r.Err(); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return names, rows
}

func exec(t *testing.T, c *sql.Conn, query string) {
	t.Helper()
	if _, err := c.ExecContext(t.Context(), query); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

// wantErr checks that err is an ERR of the server with this code and SQLSTATE.
func wantErr(t *testing.T, err error, code uint16, state string) {
	t.Helper()
	e, ok := errors.AsType[*mysql.MySQLError](err)
	if !ok || e.Number != code || string(e.SQLState[:]) != state {
		t.Errorf("error %v, want %d (%s)", err, code, state)
	}
}

// health returns the status and body of the health URL, and 0 if the port does not answer.
func health(t *testing.T, f *fesim.FE) (int, string) {
	t.Helper()
	return get(t, f.HealthURL())
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 5 * time.Second}
	resp, err := client.Get(url)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// raw is a client that speaks in packets.
type raw struct {
	t        *testing.T
	conn     *net.TCPConn
	in       *bufio.Reader
	r        *wire.Reader
	greeting wire.HandshakeV10
}

// dialRaw connects; it says nothing and reads nothing.
func dialRaw(t *testing.T, f *fesim.FE) *raw {
	t.Helper()
	conn, err := net.Dial("tcp", f.MySQLAddress())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(conn)
	return &raw{t: t, conn: conn.(*net.TCPConn), in: in, r: wire.NewReader(in, 1<<26)}
}

// next reads a packet; err is io.EOF after a FIN.
func (c *raw) next() ([]byte, uint8, error) { return c.r.Next() }

// must reads a packet that has to be there.
func (c *raw) must(seq uint8) []byte {
	c.t.Helper()
	payload, got, err := c.r.Next()
	if err != nil {
		c.t.Fatalf("read: %v", err)
	}
	if got != seq {
		c.t.Errorf("sequence id %d, want %d", got, seq)
	}
	return payload
}

func (c *raw) send(seq uint8, payload []byte) {
	c.t.Helper()
	out, _ := wire.AppendPacket(nil, seq, payload)
	if _, err := c.conn.Write(out); err != nil {
		c.t.Fatalf("write: %v", err)
	}
}

// query sends a COM_QUERY.
func (c *raw) query(text string) {
	c.t.Helper()
	c.send(0, append([]byte{byte(wire.ComQuery)}, text...))
}

// greet reads the greeting.
func (c *raw) greet() {
	c.t.Helper()
	if err := c.greeting.Decode(c.must(0)); err != nil {
		c.t.Fatal(err)
	}
}

// response is what a client of today sends as root without password.
func (c *raw) response() *wire.HandshakeResponse41 {
	return &wire.HandshakeResponse41{
		Capabilities: c.greeting.Capabilities | wire.ClientDeprecateEOF | wire.ClientMultiResults, Charset: 45, Username: "root", AuthPlugin: c.greeting.AuthPlugin,
	}
}

// login goes through the connection phase as root.
func login(t *testing.T, f *fesim.FE) *raw {
	t.Helper()
	c := dialRaw(t, f)
	c.greet()
	m := c.response()
	m.Capabilities &^= wire.ClientConnectWithDB
	c.send(1, m.Append(nil))
	if ok := c.must(2); ok[0] != 0 {
		t.Fatalf("login: %x", ok)
	}
	return c
}

// wantEnd checks that the server says nothing more and closes: by FIN if reset is false, by RST otherwise.
func (c *raw) wantEnd(reset bool) {
	c.t.Helper()
	b, err := io.ReadAll(c.in)
	if len(b) > 0 {
		c.t.Errorf("%d bytes before the end: %x", len(b), b)
	}
	if isReset := err != nil && !errors.Is(err, context.DeadlineExceeded); isReset != reset {
		c.t.Errorf("end %v, want a reset: %v", err, reset)
	}
}

// within fails the test unless holds becomes true soon.
func within(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); !holds(); {
		if time.Now().After(deadline) {
			t.Fatalf("not within 5 s: %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}

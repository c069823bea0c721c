package sql

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math"
	"net"
	"time"

	"github.com/go-mysql-org/go-mysql/client"
	"github.com/go-mysql-org/go-mysql/mysql"
	"github.com/go-mysql-org/go-mysql/packet"

	"segue/backend/dial"
	"segue/backend/secure"
	"segue/backend/wire"
)

// Target is a server, and how to log in on it.
type Target struct {
	Address  string // "host:port" or "unix:PATH"
	User     string
	Password string
	Database string // may be empty
	// TLS is how the connection is secured; nil: it is not. A server that offers no TLS is not logged in on, unless Optional is set.
	TLS      *tls.Config
	Optional bool // in clear where the server offers no TLS: what MySQL's clients call preferred
	// AnyKey lets the password be encrypted with whatever public key is shown outside TLS (get_server_public_key of MySQL's clients).
	AnyKey bool
	// Dial connects to the server; nil: Address is dialed. Set it where a connection begins with a header of the PROXY protocol.
	Dial func(ctx context.Context) (net.Conn, error)
}

// Secured is the target with TLS as the policy for its backend has it.
func (t Target) Secured(p *secure.Policy) Target {
	t.TLS, t.Optional = p.Client(t.Address), !p.Mode().Insists()
	return t
}

func (t *Target) dial(ctx context.Context) (net.Conn, error) {
	if t.Dial != nil {
		return t.Dial(ctx)
	}
	return dial.Dialer{}.Dial(ctx, t.Address, new(dial.Memory))
}

// Conn is a session on a server. Its methods are not for several goroutines at a time, but Close, which may be called at any time.
type Conn struct {
	client  *client.Conn
	nc      net.Conn // below all else
	wary    *wary
	version string
	broken  error // nothing can follow
}

// Dial connects to a server and logs in, until ctx ends at the latest. What the server has said wraps an [*Error]; the other causes are those of the package, of
// backend/secure, and of net.
func Dial(ctx context.Context, t Target) (_ *Conn, err error) {
	doing := "log in on " + t.Address
	nc, err := t.dial(ctx)
	if err != nil {
		return nil, explain(ctx, "connect to "+t.Address, err, nil)
	}
	defer until(ctx, nc)()
	defer func() {
		if err != nil {
			_ = nc.Close()
		}
	}()
	_, unix := dial.UnixPath(t.Address)
	w := &wary{Conn: nc, unix: unix, keys: t.AnyKey, left: maxLogin}
	greeting, err := w.greeted()
	if err != nil {
		return nil, explain(ctx, "greeting of "+t.Address, err, nil)
	}
	config := t.TLS
	switch offered := greeting.Capabilities.Has(wire.ClientSSL); {
	case config == nil:
	case !offered && !t.Optional:
		return nil, fmt.Errorf("%s: %w", doing, ErrNoTLS)
	case !offered:
		config = nil
	}
	c := &Conn{nc: nc, version: greeting.ServerVersion}
	if c.client, err = w.login(ctx, &t, config); err != nil {
		return nil, explain(ctx, doing, err, w.held)
	}
	// From here on the client reads what is checked. What the server has said ahead of any question is left behind with the old buffer.
	w.phase, w.rest, w.left = passing, nil, math.MaxInt
	c.wary = &wary{Conn: c.client.Conn.Conn, phase: answers}
	c.client.Conn = packet.NewConn(c.wary)
	return c, nil
}

// greeted reads the greeting, and keeps it for the client.
func (w *wary) greeted() (*wire.HandshakeV10, error) {
	first, err := readPacket(w.Conn, &w.left)
	if err != nil {
		return nil, err
	}
	g := new(wire.HandshakeV10)
	if err := g.Decode(first[wire.HeaderLen:]); err != nil {
		if errors.As(err, new(*wire.Err)) {
			return nil, err
		}
		return nil, fmt.Errorf("%w: %w", ErrBroken, err)
	}
	w.rest = first
	return g, nil
}

// login has the client log in.
func (w *wary) login(ctx context.Context, t *Target, config *tls.Config) (c *client.Conn, err error) {
	defer caught("log in", &err)
	network := "tcp"
	if w.unix {
		network = "unix" // the client takes it for as good as TLS
	}
	if config != nil {
		w.phase = passing
	}
	given := func(context.Context, string, string) (net.Conn, error) { return w, nil }
	return client.ConnectWithDialer(ctx, network, t.Address, t.User, t.Password, t.Database, given, func(c *client.Conn) error {
		if config != nil {
			c.SetTLSConfig(config)
		}
		return nil
	})
}

// ServerVersion is the version text of the server's greeting.
func (c *Conn) ServerVersion() string { return c.version }

// RemoteAddr is where the connection has come to: "IP:port" for TCP.
func (c *Conn) RemoteAddr() string { return c.nc.RemoteAddr().String() }

// Query runs one statement, until ctx ends at the latest. After an error that wraps no [*Error] the connection is closed.
func (c *Conn) Query(ctx context.Context, statement string) (t Table, err error) {
	if c.broken != nil {
		return Table{}, c.broken
	}
	defer until(ctx, c.nc)()
	c.wary.begin()
	result, err := c.execute(statement)
	if err == nil {
		t, err = tableOf(result)
	}
	if err = explain(ctx, "query", err, c.wary.held); err != nil && !errors.As(err, new(*Error)) {
		c.broken = fmt.Errorf("the connection has ended: %w", err)
		_ = c.nc.Close()
	}
	return t, err
}

func (c *Conn) execute(statement string) (r *mysql.Result, err error) {
	defer caught("read the answer", &err)
	return c.client.Execute(statement)
}

// tableOf reads the rows as they came.
func tableOf(r *mysql.Result) (t Table, err error) {
	defer caught("read the rows", &err)
	if r.Resultset == nil {
		return Table{}, nil
	}
	for _, f := range r.Fields {
		t.Columns = append(t.Columns, string(f.Name))
	}
	for _, data := range r.RowDatas {
		row := make([]string, len(t.Columns))
		for i := range row {
			value, _, n, err := mysql.LengthEncodedString(data)
			if err != nil {
				return Table{}, fmt.Errorf("%w: a row: %w", ErrBroken, err)
			}
			row[i], data = string(value), data[n:]
		}
		t.Rows = append(t.Rows, row)
	}
	return t, nil
}

// farewell is how long a COM_QUIT may take to be written.
const farewell = time.Second

// Close says good-bye, if the server takes it at once, and closes the connection. It cuts off a query that is under way.
func (c *Conn) Close() {
	_ = c.nc.SetWriteDeadline(time.Now().Add(farewell))
	_, _ = c.wary.Conn.Write([]byte{1, 0, 0, 0, byte(wire.ComQuit)})
	_ = c.nc.Close()
}

// until bounds what follows on the connection by ctx. The function that it returns ends that.
func until(ctx context.Context, nc net.Conn) (release func()) {
	past := time.Unix(1, 0)
	deadline, _ := ctx.Deadline()
	_ = nc.SetDeadline(deadline)
	done := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		_ = nc.SetDeadline(past)
		close(done)
	})
	return func() {
		if !stop() {
			<-done // so that it cuts off nothing that follows
		}
	}
}

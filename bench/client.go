package bench

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/go-sql-driver/mysql"
)

// socket remembers the last error the network gave, because the driver turns
// a reset and an EOF alike into ErrInvalidConn. Owned by one client.
type socket struct {
	*net.TCPConn // its SyscallConn is what the driver's liveness check reads
	cause        error
}

func (s *socket) Read(p []byte) (int, error) {
	n, err := s.TCPConn.Read(p)
	if err != nil {
		s.cause = err
	}
	return n, err
}

func (s *socket) Write(p []byte) (int, error) {
	n, err := s.TCPConn.Write(p)
	if err != nil {
		s.cause = err
	}
	return n, err
}

// client is one application connection at a time: a raw driver connection, so
// that nothing retries behind the back of whoever counts. Not safe for
// concurrent use.
type client struct {
	connector driver.Connector
	conn      driver.Conn // nil: not connected
	sock      *socket     // of conn, or of the attempt that has just failed
}

// newClient makes a client of the server at addr. Each connect and each read
// may take at most timeout.
func newClient(addr, user, password string, timeout time.Duration) (*client, error) {
	c := &client{}
	cfg := mysql.NewConfig()
	cfg.User, cfg.Passwd = user, password
	cfg.Net, cfg.Addr = "tcp", addr
	cfg.Timeout, cfg.ReadTimeout, cfg.WriteTimeout = timeout, timeout, timeout
	cfg.CheckConnLiveness = true
	cfg.Logger = &mysql.NopLogger{} // whatever happens is counted
	cfg.DialFunc = c.dial
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		return nil, fmt.Errorf("configure client of %s: %w", addr, err)
	}
	c.connector = connector
	return c, nil
}

func (c *client) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	c.sock = nil
	var d net.Dialer
	conn, err := d.DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	c.sock = &socket{TCPConn: conn.(*net.TCPConn)}
	return c.sock, nil
}

// connect opens a connection and logs in.
func (c *client) connect(ctx context.Context) error {
	conn, err := c.connector.Connect(ctx)
	if err != nil {
		return c.explain(err)
	}
	c.conn = conn
	return nil
}

func (c *client) connected() bool { return c.conn != nil }

// check returns an error when the kept connection has been closed by the other
// side: what database/sql does with a connection before it reuses it.
func (c *client) check(ctx context.Context) error {
	return c.conn.(driver.SessionResetter).ResetSession(ctx)
}

// exec runs a statement that returns no rows.
func (c *client) exec(ctx context.Context, statement string) error {
	_, err := c.conn.(driver.ExecerContext).ExecContext(ctx, statement, nil)
	return c.explain(err)
}

// ask runs a query and reads all of its answer. Anything but one row that
// begins with want is a wrong answer.
func (c *client) ask(ctx context.Context, query string, want ...string) error {
	rows, err := c.conn.(driver.QueryerContext).QueryContext(ctx, query, nil)
	if err != nil {
		return c.explain(err)
	}
	defer rows.Close()
	row := make([]driver.Value, len(rows.Columns()))
	count, wrong := 0, error(nil)
	for {
		err := rows.Next(row)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return c.explain(err)
		}
		count++
		wrong = compare(row, want)
	}
	if count != 1 {
		return fmt.Errorf("%w: %d rows", errWrongAnswer, count)
	}
	return wrong
}

func compare(row []driver.Value, want []string) error {
	if len(row) < len(want) {
		return fmt.Errorf("%w: %d columns", errWrongAnswer, len(row))
	}
	for i, w := range want {
		got := row[i]
		if b, ok := got.([]byte); ok {
			got = string(b)
		}
		if got != w {
			return fmt.Errorf("%w: column %d is %.40q, not %q", errWrongAnswer, i+1, fmt.Sprint(got), w)
		}
	}
	return nil
}

// quit ends the connection politely (COM_QUIT); drop only closes it. Both are
// no-ops without a connection.
func (c *client) quit() {
	if c.conn != nil {
		c.conn.Close() // an error has no reader: every answer has been received
		c.conn = nil
	}
}

func (c *client) drop() {
	if c.conn != nil {
		c.sock.Close() // first, so that the driver's COM_QUIT reaches nobody
		c.quit()
	}
}

// explain adds the network's cause to a driver error.
func (c *client) explain(err error) error {
	if err == nil || c.sock == nil || c.sock.cause == nil {
		return err
	}
	return fmt.Errorf("%w: %w", err, c.sock.cause)
}

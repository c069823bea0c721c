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

// DefaultTimeout is how long a client waits for a connection or an answer. It is
// above Segue's connect budget (10 s), so that Segue's own error is seen.
const DefaultTimeout = 15 * time.Second

// socket remembers the last error the network gave, because the driver turns
// a reset and an EOF alike into ErrInvalidConn. Owned by one client.
type socket struct {
	*net.TCPConn // its SyscallConn is what the driver's liveness check reads
	cause        error
	received     int // bytes since the last that were sent
}

func (s *socket) Read(p []byte) (int, error) {
	n, err := s.TCPConn.Read(p)
	s.received += n
	if err != nil {
		s.cause = err
	}
	return n, err
}

func (s *socket) Write(p []byte) (int, error) {
	s.received = 0
	n, err := s.TCPConn.Write(p)
	if err != nil {
		s.cause = err
	}
	return n, err
}

// Account is whom a [Client] logs in as, and where.
type Account struct {
	Address        string // HOST:PORT
	User, Password string
	Database       string // current after login; "": none
}

// Client is one application connection at a time: a raw driver connection, so
// that nothing retries behind the back of whoever counts. Its errors carry the
// network's cause, for [Classify]. Not safe for concurrent use.
type Client struct {
	connector driver.Connector
	conn      driver.Conn // nil: not connected
	sock      *socket     // of conn, or of the attempt that has just failed
}

// NewClient makes a client that is not connected. Each connect and each read
// may take at most timeout.
func NewClient(a Account, timeout time.Duration) (*Client, error) {
	cfg := mysql.NewConfig()
	cfg.User, cfg.Passwd, cfg.DBName = a.User, a.Password, a.Database
	cfg.Net, cfg.Addr = "tcp", a.Address
	return NewClientOf(cfg, timeout)
}

// NewClientOf is [NewClient] with all that the driver can be told, TLS for one.
// The network must be TCP. The configuration is copied.
func NewClientOf(cfg *mysql.Config, timeout time.Duration) (*Client, error) {
	c := &Client{}
	cfg = cfg.Clone()
	cfg.Timeout, cfg.ReadTimeout, cfg.WriteTimeout = timeout, timeout, timeout
	cfg.CheckConnLiveness = true
	cfg.Logger = &mysql.NopLogger{} // whatever happens is counted
	cfg.DialFunc = c.dial
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		return nil, fmt.Errorf("configure client of %s: %w", cfg.Addr, err)
	}
	c.connector = connector
	return c, nil
}

func (c *Client) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	c.sock = nil
	var d net.Dialer
	conn, err := d.DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	c.sock = &socket{TCPConn: conn.(*net.TCPConn)}
	return c.sock, nil
}

// Connect opens a connection and logs in.
func (c *Client) Connect(ctx context.Context) error {
	conn, err := c.connector.Connect(ctx)
	if err != nil {
		return c.explain(err)
	}
	c.conn = conn
	return nil
}

// Connected tells whether there is a connection, dead or alive.
func (c *Client) Connected() bool { return c.conn != nil }

// Check returns an error when the kept connection has been closed by the other
// side: what database/sql does with a connection before it reuses it.
func (c *Client) Check(ctx context.Context) error {
	return c.conn.(driver.SessionResetter).ResetSession(ctx)
}

// Ping sends COM_PING, as pools do before they lend a connection.
func (c *Client) Ping(ctx context.Context) error {
	return c.explain(c.conn.(driver.Pinger).Ping(ctx))
}

// Exec runs a statement that returns no rows.
func (c *Client) Exec(ctx context.Context, statement string) error {
	_, err := c.conn.(driver.ExecerContext).ExecContext(ctx, statement, nil)
	return c.explain(err)
}

// Ask runs a query and reads all of its answer. Anything but one row that
// begins with want is a wrong answer; with the first column right, it is one that
// tells of lost state ([LostState]).
func (c *Client) Ask(ctx context.Context, query string, want ...string) error {
	rows, err := c.conn.(driver.QueryerContext).QueryContext(ctx, query, nil)
	if err != nil {
		return c.explain(err)
	}
	return c.readOne(rows, want)
}

// Row runs a query and returns the one row of its answer.
func (c *Client) Row(ctx context.Context, query string) ([]string, error) {
	rows, err := c.conn.(driver.QueryerContext).QueryContext(ctx, query, nil)
	if err != nil {
		return nil, c.explain(err)
	}
	return c.readRow(rows)
}

// Received is how many bytes of the answer to the last statement have come: of
// one that was cut off, whether it had begun.
func (c *Client) Received() int {
	if c.sock == nil {
		return 0
	}
	return c.sock.received
}

// Statement is prepared on a client's connection and lives as long as that.
type Statement struct {
	client *Client
	stmt   driver.Stmt
}

// Prepare prepares a statement (COM_STMT_PREPARE).
func (c *Client) Prepare(ctx context.Context, text string) (*Statement, error) {
	stmt, err := c.conn.(driver.ConnPrepareContext).PrepareContext(ctx, text)
	if err != nil {
		return nil, c.explain(err)
	}
	return &Statement{c, stmt}, nil
}

// Ask executes the statement with text parameters; the answer is judged as by
// [Client.Ask].
func (s *Statement) Ask(ctx context.Context, parameters []string, want ...string) error {
	rows, err := s.stmt.(driver.StmtQueryContext).QueryContext(ctx, named(parameters))
	if err != nil {
		return s.client.explain(err)
	}
	return s.client.readOne(rows, want)
}

// Exec executes the statement, which returns no rows, with text parameters.
func (s *Statement) Exec(ctx context.Context, parameters ...string) error {
	_, err := s.stmt.(driver.StmtExecContext).ExecContext(ctx, named(parameters))
	return s.client.explain(err)
}

func named(parameters []string) []driver.NamedValue {
	values := make([]driver.NamedValue, len(parameters))
	for i, p := range parameters {
		values[i] = driver.NamedValue{Ordinal: i + 1, Value: p}
	}
	return values
}

// readOne reads all rows: one, that begins with want. The first column tells the
// statement, the others the session's state.
func (c *Client) readOne(rows driver.Rows, want []string) error {
	row, err := c.readRow(rows)
	if err != nil {
		return err
	}
	return compare(row, want)
}

// readRow reads all rows: one.
func (c *Client) readRow(rows driver.Rows) (texts []string, err error) {
	defer rows.Close()
	row := make([]driver.Value, len(rows.Columns()))
	count := 0
	for {
		err := rows.Next(row)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, c.explain(err)
		}
		count++
		texts = textsOf(row)
	}
	if count != 1 {
		return nil, fmt.Errorf("%w: %d rows", errWrongAnswer, count)
	}
	return texts, nil
}

// textsOf is a row in words, while the driver's buffer still holds it.
func textsOf(row []driver.Value) []string {
	texts := make([]string, len(row))
	for i, v := range row {
		if b, ok := v.([]byte); ok {
			v = string(b)
		}
		texts[i] = fmt.Sprint(v)
	}
	return texts
}

func compare(row, want []string) error {
	if len(row) < len(want) {
		return fmt.Errorf("%w: %d columns", errWrongAnswer, len(row))
	}
	for i, w := range want {
		if row[i] != w {
			wrong := errLostState
			if i == 0 {
				wrong = errWrongAnswer
			}
			return fmt.Errorf("%w: column %d is %.40q, not %.40q", wrong, i+1, row[i], w)
		}
	}
	return nil
}

// Quit ends the connection politely (COM_QUIT). Without one it does nothing.
func (c *Client) Quit() {
	if c.conn != nil {
		c.conn.Close() // an error has no reader: every answer has been received
		c.conn = nil
	}
}

// Drop closes the connection without a word. Without one it does nothing.
func (c *Client) Drop() {
	if c.conn != nil {
		c.sock.Close() // first, so that the driver's COM_QUIT reaches nobody
		c.Quit()
	}
}

// explain adds the network's cause to a driver error.
func (c *Client) explain(err error) error {
	if err == nil || c.sock == nil || c.sock.cause == nil {
		return err
	}
	return fmt.Errorf("%w: %w", err, c.sock.cause)
}

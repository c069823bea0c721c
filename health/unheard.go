package health

import (
	"context"
	"net"
	"time"

	"segue/backend"
	"segue/proxy/wire"
)

// unheard is a connection on which a server that hangs may still greet. It is held from one check to the next, so that such a
// server does not find a heap of dead ones when it goes on, each of which MySQL would count as a handshake left unfinished.
type unheard struct {
	net.Conn
	reader *wire.Reader
	since  time.Time
	spoken bool // something has been read
}

// maxHeld is how long one connection is held: the server's host may have forgotten it.
const maxHeld = 10 * time.Second

// Read implements [io.Reader].
func (u *unheard) Read(p []byte) (int, error) {
	n, err := u.Conn.Read(p)
	u.spoken = u.spoken || n > 0
	return n, err
}

// connect gives the connection that is held, or a new one.
func (c *MySQL) connect(ctx context.Context, b *backend.Backend) (*unheard, error) {
	u := c.held
	c.held = nil
	if u != nil && time.Since(u.since) < maxHeld {
		return u, nil
	}
	if u != nil {
		u.Close()
	}
	conn, err := dial(ctx, b)
	if err != nil {
		return nil, err
	}
	u = &unheard{Conn: conn, since: time.Now()}
	u.reader = wire.NewReader(u, maxGreeting)
	return u, nil
}

// Close closes the connection that is held.
func (c *MySQL) Close() {
	if c.held != nil {
		c.held.Close()
		c.held = nil
	}
}

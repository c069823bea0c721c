package health

import (
	"context"
	"time"

	"segue/backend"
	"segue/backend/client"
)

// unheard is a connection on which a server that hangs may still greet. It is held from one check to the next, so that such a
// server does not find a heap of dead ones when it goes on, each of which MySQL would count as a handshake left unfinished.
type unheard struct {
	*client.Conn
	since time.Time
}

// maxHeld is how long one connection is held: the server's host may have forgotten it.
const maxHeld = 10 * time.Second

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
	conn, err := dialMySQL(ctx, b)
	if err != nil {
		return nil, err
	}
	return &unheard{client.New(conn), time.Now()}, nil
}

// Close closes the connection that is held.
func (c *MySQL) Close() {
	if c.held != nil {
		c.held.Close()
		c.held = nil
	}
}

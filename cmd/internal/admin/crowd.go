package admin

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

// DefaultConnections is how many connections to the admin API there may be at a time where nothing else is said.
const DefaultConnections = 64

func (h *Handler) connections() int {
	if h.MaxConnections > 0 {
		return h.MaxConnections
	}
	return DefaultConnections
}

// crowd is a listener with so many connections at a time. Who comes beyond that takes the place of the one that has been without an answer to
// wait for the longest: silent strangers keep no operator out, and take no descriptors that clients need.
type crowd struct {
	net.Listener
	most   int
	log    *slog.Logger
	closed chan struct{}
	once   sync.Once

	mu       sync.Mutex // guards what follows
	visitors map[*visitor]struct{}
}

// visitor is one of its connections.
type visitor struct {
	net.Conn
	crowd *crowd

	// Guarded by crowd.mu.
	asks  int       // requests that are being answered
	since time.Time // it has come, or been answered
}

func newCrowd(ln net.Listener, most int, log *slog.Logger) *crowd {
	return &crowd{Listener: ln, most: most, log: log, closed: make(chan struct{}), visitors: map[*visitor]struct{}{}}
}

// longestPause is the longest between two tries to accept.
const longestPause = time.Second

// Accept implements net.Listener. What keeps it from accepting, such as that there are no descriptors, is waited out: nobody's session is to end
// for it.
func (c *crowd) Accept() (net.Conn, error) {
	pause := 5 * time.Millisecond
	for {
		conn, err := c.Listener.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return nil, err
		case err != nil:
			c.log.Warn("the admin API accepts nobody", "cause", err, "took", pause)
			select {
			case <-c.closed:
			case <-time.After(pause):
			}
			pause = min(2*pause, longestPause)
			continue
		}
		pause = 5 * time.Millisecond
		v, evicted := c.enter(conn)
		if evicted != nil {
			_ = evicted.Close()
		}
		if v != nil {
			return v, nil
		}
		_ = conn.Close()
	}
}

// enter makes a visitor of a connection; nil: all the others are being answered. evicted has to go for it.
func (c *crowd) enter(conn net.Conn) (v, evicted *visitor) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.visitors) >= c.most {
		for other := range c.visitors {
			if other.asks == 0 && (evicted == nil || other.since.Before(evicted.since)) {
				evicted = other
			}
		}
		if evicted == nil {
			return nil, nil
		}
		delete(c.visitors, evicted)
	}
	v = &visitor{Conn: conn, crowd: c, since: time.Now()}
	c.visitors[v] = struct{}{}
	return v, evicted
}

// Close implements net.Listener.
func (c *crowd) Close() error {
	c.once.Do(func() { close(c.closed) })
	return c.Listener.Close()
}

// Close implements net.Conn.
func (v *visitor) Close() error {
	v.crowd.mu.Lock()
	delete(v.crowd.visitors, v)
	v.crowd.mu.Unlock()
	return v.Conn.Close()
}

// CloseWrite has a server's last answer arrive though the rest of a request is not read.
func (v *visitor) CloseWrite() error {
	if half, ok := v.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// asking notes that one request more, or less, is being answered.
func (v *visitor) asking(n int) {
	v.crowd.mu.Lock()
	defer v.crowd.mu.Unlock()
	v.asks += n
	v.since = time.Now()
}

// visitorKey is the key of a request's visitor in its context.
type visitorKey struct{}

func withVisitor(ctx context.Context, conn net.Conn) context.Context {
	if secured, ok := conn.(*tls.Conn); ok {
		conn = secured.NetConn()
	}
	return context.WithValue(ctx, visitorKey{}, conn)
}

// attended has the visitors known who are being answered.
func attended(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if v, ok := r.Context().Value(visitorKey{}).(*visitor); ok {
			v.asking(1)
			defer v.asking(-1)
		}
		next.ServeHTTP(w, r)
	})
}

package health

import (
	"context"
	"errors"
	"net"
	"syscall"
	"time"

	"segue/backend"
)

// TCP asks whether the backend's MySQL port accepts connections, and reads nothing. It knows less than [MySQL] (a kernel
// accepts for a process that hangs), and on MySQL and MariaDB it costs as much: a handshake left unfinished. The
// [Monitor] uses it to explain a health URL that has never answered, on the other flavors only; it is also what is left
// for a server that does not speak first (one that waits for a PROXY protocol header).
type TCP struct{}

// Check implements [Checker].
func (TCP) Check(ctx context.Context, b *backend.Backend) Result {
	start := time.Now()
	conn, err := dial(ctx, b)
	took := time.Since(start)
	if err != nil {
		v, cause := netVerdict(err, took)
		return Result{v, "mysql " + cause, took}
	}
	conn.Close()
	return Result{Passed, "", took}
}

// refuses reports whether nobody listens on either port of the backend, as when its process has ended. A StarRocks FE that
// starts refuses on its MySQL port alone.
func refuses(ctx context.Context, b *backend.Backend) bool {
	u, err := parseHealthURL(b.Status().HealthURL)
	if err != nil {
		return false
	}
	port := u.Port()
	if port == "" {
		port = u.Scheme // net knows "http" and "https"
	}
	for _, address := range []string{net.JoinHostPort(u.Hostname(), port), b.Address()} {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
		if err == nil {
			conn.Close()
		}
		if !errors.Is(err, syscall.ECONNREFUSED) {
			return false
		}
	}
	return true
}

// dial connects to the backend's MySQL port.
func dial(ctx context.Context, b *backend.Backend) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, "tcp", b.Address())
}

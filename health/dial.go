package health

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"syscall"

	"segue/backend"
	"segue/backend/dial"
)

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
		network, at := dial.Split(address)
		conn, err := new(net.Dialer).DialContext(ctx, network, at)
		if err == nil {
			conn.Close()
		}
		if !errors.Is(err, syscall.ECONNREFUSED) && !errors.Is(err, fs.ErrNotExist) {
			return false
		}
	}
	return true
}

// dialMySQL connects to the backend's MySQL port.
func dialMySQL(ctx context.Context, b *backend.Backend) (net.Conn, error) {
	return b.Dial(ctx)
}

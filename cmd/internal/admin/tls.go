package admin

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"

	"segue/backend/secure"
)

// guarded is ln with TLS on its connections, as long as there is a certificate to be shown. A file is for those who may open it, who need none.
func (h *Handler) guarded(ln net.Listener, private bool) net.Listener {
	if private || h.Certificate == nil || ln.Addr().Network() == "unix" {
		return ln
	}
	return guarded{ln, h}
}

// guarded is a listener that puts TLS on its connections.
type guarded struct {
	net.Listener
	h *Handler
}

// Accept implements net.Listener. The handshake is net/http's, in the goroutine of the connection.
func (g guarded) Accept() (net.Conn, error) {
	conn, err := g.Listener.Accept()
	if err != nil {
		return nil, err
	}
	if s := g.h.Certificate(); s != nil {
		return tls.Server(conn, s.Config()), nil
	}
	return conn, nil
}

// shownKey is under which a request's context has the certificate that its connection was shown.
type shownKey struct{}

// withShown is the context of a new connection.
func (h *Handler) withShown(ctx context.Context) context.Context {
	if h.Certificate == nil {
		return ctx
	}
	return context.WithValue(ctx, shownKey{}, h.Certificate())
}

// isStale reports whether a request has come by a connection of before a change of the TLS there is, which nothing is to be answered on: it may have been in clear, or
// have shown a certificate whose authority is not believed any more.
func (h *Handler) isStale(d door, r *http.Request) bool {
	if d.private || d.file || h.Certificate == nil {
		return false
	}
	shown, _ := r.Context().Value(shownKey{}).(*secure.Server)
	return shown != h.Certificate()
}

// certified reports whether a request has come with a certificate that an authority of admin_tls.client_ca_file vouches for.
func certified(r *http.Request) bool { return r.TLS != nil && len(r.TLS.VerifiedChains) > 0 }

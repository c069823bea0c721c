package admin

import (
	"crypto/tls"
	"net"
	"net/http"
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

// certified reports whether a request has come with a certificate that an authority of admin_tls.client_ca_file vouches for.
func certified(r *http.Request) bool { return r.TLS != nil && len(r.TLS.VerifiedChains) > 0 }

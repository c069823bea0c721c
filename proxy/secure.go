package proxy

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"

	"segue/backend/client"
	"segue/backend/wire"
	"segue/proxy/login"
	"segue/proxy/loop"
)

// secureClient puts TLS on the client's connection. What has come behind its SSLRequest, in the clear, is taken for the beginning of that.
func (c *connecting) secureClient() {
	s := c.s
	first := bytes.Clone(s.client.rest)
	s.client.put(nil)
	c.waited = max(s.w.now(), 1)
	c.awaitClient()
	s.client.Resume()
	err := s.client.Secure(loop.Secured{
		Config: c.opts.TLS.Server.Config(), First: first, Deadline: s.w.loop.Now() + int64(clientTimeout), Done: (*clientSecured)(c),
	})
	if err != nil {
		c.end(ClientGone, fmt.Errorf("TLS: %w", err))
	}
}

// clientSecured is told of the end of the client's handshake.
type clientSecured connecting

// Secured implements loop.SecureOwner.
func (done *clientSecured) Secured(_ *loop.Conn, state tls.ConnectionState, err error) {
	c := (*connecting)(done)
	s := c.s
	s.w.server.metrics.handshook("client", err)
	switch {
	case s.state == Closed || s.errand != errand(c):
	case err != nil:
		s.w.server.log.Debug("no TLS with a client", "session", s.id, "client", s.client.address(), "cause", err)
		s.endAs(Protocol, fmt.Errorf("TLS: %w", err))
		s.client.CloseAfterFlush(closeGrace) // an alert says why; it hears no other word
		s.finish()
	default:
		c.clientSpoke()
		c.shake.ClientSecured(&state)
		c.awaits()
	}
}

// secureBackend puts TLS on the connection to the backend, which has been asked for it.
func (c *connecting) secureBackend() {
	c.within(c.opts.connectTimeout())
	l := c.link
	l.secure(c.shake.Forsake, func(err error) {
		s := c.s
		switch {
		case s.state == Closed || s.errand != errand(c) || c.link != l:
		case err != nil:
			c.fail(client.HandshakeError(err))
		default:
			out := s.w.output()
			c.act(out, c.shake.BackendSecured(out))
		}
	})
}

// via is how the backend is reached, and what is asked of that.
func (l *link) via() client.Via {
	l.policy = l.backend.TLS()
	return client.Via{Transport: l.over, Mode: l.policy.Mode()}
}

// secure puts TLS on the connection, and judges whom it leads to. done is called when that has come to an end, unless the link has been closed before. A server whose
// certificate does not do is left then, by forsake; the link is closed.
func (l *link) secure(forsake func(dst []byte) ([]byte, client.Farewell), done func(error)) {
	policy, address := l.policy, l.backend.Address()
	l.secured = func(state *tls.ConnectionState, err error) {
		if err == nil {
			l.over = client.TLS
			if err = policy.Judge(address, state.PeerCertificates); err != nil {
				l.part(forsake(nil))
			}
		}
		l.session.w.server.metrics.handshook("backend", err)
		done(err)
	}
	err := l.conn.Secure(loop.Secured{Config: policy.Unjudged(address), Client: true, Deadline: l.whenever(), Done: l})
	if err != nil {
		l.session.post(func() { l.Secured(nil, tls.ConnectionState{}, err) })
	}
}

// Secured implements loop.SecureOwner.
func (l *link) Secured(_ *loop.Conn, state tls.ConnectionState, err error) {
	done := l.secured
	l.secured = nil
	if done != nil && !l.closed {
		done(&state, err)
	}
}

var errSpokeInClear = errors.New("TLS: the server says more in clear than its greeting")

// insecure is what a client is told that may not log in by a connection like its own.
func insecure(h *login.Handshake) *wire.Err {
	if !h.Demanded() {
		return &wire.Err{Code: codeAccessDenied, State: "28000", Message: "segue: " + h.Err().Error()}
	}
	return &wire.Err{Code: codeSecureTransport, State: "HY000", Message: "segue: " + h.Err().Error()}
}

// The server's error numbers for that: ER_ACCESS_DENIED_ERROR and, of MySQL, ER_SECURE_TRANSPORT_REQUIRED.
const (
	codeAccessDenied    = 1045
	codeSecureTransport = 3159
)

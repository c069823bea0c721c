package proxy

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"segue/backend"
	"segue/backend/client"
	"segue/backend/proxyheader"
	"segue/backend/secure"
	"segue/backend/wire"
	"segue/proxy/counts"
	"segue/proxy/loop"
)

// link is a connection to a backend, from its dialing on. It belongs to one session, which uses it for its client's statements or for
// something of its own.
type link struct {
	conn        loop.Conn
	session     *session
	backend     *backend.Backend
	counts      *counts.Backend // its worker's, of backend
	lease       *backend.Lease  // nil: it takes no session's place there
	user        linkUser
	pinged      int64  // when a COM_PING of Segue's own was last sent
	thread      uint32 // its id there
	closed      bool
	begun       bool             // it has been connected
	tight       bool             // see worker.tighten
	lasting     bool             // it has keepAlive
	over        client.Transport // what the connection goes over by now
	tooIdle     bool             // the server has said that it ends the session for having been idle for too long
	interrupted int64            // when the server said last that it had interrupted a statement; 0: never
	race        *race            // the dialing of a name's addresses; nil: none is under way
	policy      *secure.Policy   // of the backend, when it greeted
	// secured is told when TLS has been put on the connection, or not; nil: that is not under way.
	secured func(*tls.ConnectionState, error)
}

// linkUser is told what happens to a link.
type linkUser interface {
	received(l *link, b []byte, fin bool) // bytes have come; fin: and nothing will come behind them
	writable(l *link)                     // it has been connected, or has taken all that was pending
	broke(l *link, err error)             // it could not be connected, or has ended
}

// Readable implements loop.Owner.
func (l *link) Readable(c *loop.Conn) {
	if b := c.Read(); len(b) > 0 {
		l.counts.In += uint64(len(b))
		l.user.received(l, b, c.AtEnd())
		l.answered()
	}
}

// Writable implements loop.Owner.
func (l *link) Writable(*loop.Conn) {
	if !l.begun {
		to, _ := netip.ParseAddrPort(l.backend.Address())
		l.connected(to)
		return
	}
	l.user.writable(l)
}

// connected begins with whose the connection is, where the backend is to be told: that of the session's client.
func (l *link) connected(to netip.AddrPort) {
	l.begun = true
	l.counts.Connections++
	if v := l.backend.ProxyProtocol(); v != proxyheader.None {
		l.write(proxyheader.Append(nil, v, l.session.client.origin(), to))
	}
	l.user.writable(l)
}

// Crashed implements loop.Crasher.
func (l *link) Crashed(cause any, stack []byte) { l.session.Crashed(cause, stack) }

// Ended implements loop.Owner.
func (l *link) Ended(_ *loop.Conn, err error) {
	if !l.closed {
		l.user.broke(l, err)
	}
}

// write sends b. What is wrong with the connection shows when it is read.
func (l *link) write(b []byte) { _, _ = l.send(b) }

// send is loop.Conn.Write.
func (l *link) send(b []byte) (int, error) {
	l.counts.Out += uint64(len(b))
	return l.conn.Write(b)
}

// put has b shown again with what follows it.
func (l *link) put(b []byte) {
	l.counts.In -= uint64(len(b)) // it is read again
	l.conn.Unread(b)
}

// close closes the connection. The lease is given back by release.
func (l *link) close() {
	if !l.closed {
		l.closed = true
		l.race.stop()
		l.conn.Close()
	}
}

// quit says COM_QUIT, so that the server counts no aborted connection, and closes.
func (l *link) quit() {
	if !l.closed {
		l.closed = true
		l.write(comQuit)
		l.conn.CloseAfterFlush(closeGrace)
	}
}

// part ends a handshake that is not to be finished in such a way that MySQL and MariaDB do not count it as cut off, and closes: in the end they block the host that
// Segue runs on.
func (l *link) part(out []byte, f client.Farewell) {
	l.closed = true
	p := &parting{farewell: f}
	if l.conn.HandTo(&p.conn, p) {
		p.begin(out)
	}
}

// release gives back the session's place on the backend.
func (l *link) release() {
	if l.lease != nil {
		l.lease.Release()
		l.lease = nil
	}
}

var (
	comQuit = []byte{1, 0, 0, 0, byte(wire.ComQuit)}
	comPing = []byte{1, 0, 0, 0, byte(wire.ComPing)}
)

// handshake has the packets of a handshake at the head of b heard, one by one, while user is the link's; who is so then gets what is left. A part of
// one is shown again with what follows it.
func (l *link) handshake(user linkUser, b []byte, fin bool, hear func(payload []byte, seq uint8)) *client.Error {
	for len(b) > 0 && !l.closed {
		if l.user != user {
			l.user.received(l, b, fin)
			return nil
		}
		payload, seq, size, err := wire.OnePacket(b, client.MaxHandshake)
		switch {
		case err != nil:
			return &client.Error{Kind: client.Malformed, Err: err}
		case l.secured != nil: // whoever has put it there meant it to be taken for what comes inside TLS
			return &client.Error{Kind: client.Malformed, Err: errSpokeInClear}
		case size == 0:
			l.put(b)
			return nil
		}
		b = b[size:]
		if hear(payload, seq); l.conn.Codec() != nil { // with the login's end
			l.counts.In -= uint64(len(b)) // it is read again, in another form
			l.conn.Undecoded(b)
			return nil
		}
	}
	return nil
}

// greeted reads the backend's greeting, which has taken so long since the backend was dialed, and has what it says of the backend known.
func (l *link) greeted(payload []byte, took time.Duration) (*wire.HandshakeV10, *client.Error) {
	b := l.backend
	b.Spoke()
	g := new(wire.HandshakeV10)
	if err := g.Decode(payload); err != nil {
		kind := client.Malformed
		if errors.As(err, new(*wire.Err)) {
			kind = client.ServerError
		}
		return nil, &client.Error{Kind: kind, Err: fmt.Errorf("greeting: %w", err)}
	}
	b.Learn(backend.Facts{
		Known: true, Capabilities: uint32(g.Capabilities), ExtCapabilities: g.ExtCapabilities, ServerVersion: g.ServerVersion,
		Charset: g.Charset, AuthPlugin: g.AuthPlugin,
	})
	l.session.w.server.metrics.dial.WithLabelValues(b.Name()).Observe(took.Seconds())
	l.thread = g.ConnectionID
	return g, nil
}

// stage is how far a connection to a backend has come that is being set up.
type stage uint8

const (
	dialing stage = iota
	greeting
	authenticating
	over
)

// failed is what it means that the connection could not be made, or has ended, at that stage.
func (st stage) failed(err error) *client.Error {
	switch st {
	case dialing:
		return dialFailed(err)
	case greeting:
		return client.IOError("read greeting", err)
	default:
		return client.IOError("authentication", err)
	}
}

// interruptedAt reports whether the server had said a moment ago, at the moment now, that it has interrupted a statement.
func (l *link) interruptedAt(now int64) bool {
	return l.interrupted != 0 && now-l.interrupted < int64(interruptedGrace)
}

// hungUp asks the kernel whether the backend has closed the connection and has nothing more to say.
func (l *link) hungUp() bool {
	_, end := l.conn.Peek()
	return end
}

package proxy

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"segue/backend"
	"segue/backend/client"
	"segue/backend/wire"
	"segue/proxy/ledger"
	"segue/proxy/login"
	"segue/proxy/loop"
)

// failed gives back a backend that has failed, and tries the next.
func (c *connecting) failed(err *client.Error) {
	s, w := c.s, c.s.w
	lease, b := c.lease, c.lease.Backend()
	w.server.log.Debug("backend failed while a client connected", "session", s.id, "backend", b.Name(), "cause", err.Error(), "took", time.Duration(w.now()-c.began))
	if p := c.permit; p != nil {
		p.end(p.cred, err)
	}
	c.drop()
	s.w.server.blame(lease, err)
	w.detached(s, b)
	c.tried = append(c.tried, b)
	if w.now() < c.deadline || c.failures.causes[b.Name()] == nil { // an attempt that was cut short says less than the one before
		c.failures.add(b.Name(), err)
	}
	switch {
	case !c.shake.CanRetry():
		c.end(BackendGone, fmt.Errorf("%s: %w; the client's protocol does not let it log in to another backend unseen", b.Name(), err))
		return
	case w.now() >= c.deadline && c.waited == 0:
		c.gaveUp(c.failures.giveUp(nil, c.opts.connectBudget()))
		return
	}
	if err.Kind != client.Barred { // that one has been entered already
		c.conceal(setupKind(err), b.Name(), err)
	}
	if c.shake.Waits() == login.ForLease { // otherwise the client has yet to answer
		c.next()
	}
}

// drop leaves a backend.
func (c *connecting) drop() {
	c.leaveTurns()
	c.answered()
	c.leaveHandshake()
	c.link.close()
	c.dropPermit()
	c.link, c.s.back, c.lease = nil, nil, nil
}

// leaveHandshake ends a handshake that is not to be finished as link.part does.
func (c *connecting) leaveHandshake() {
	l := c.link
	if l == nil || l.closed || c.opts.Flavor != backend.MySQL || c.stage <= greeting {
		return
	}
	if out, farewell, due := c.shake.Farewell(c.s.w.output().Backend); due {
		l.part(out, farewell)
	}
}

// dropPermit ends what has not been ended of the login on the backend at hand.
func (c *connecting) dropPermit() {
	c.permit.drop()
	c.permit, c.answer = nil, nil
}

// abort implements errand: the session is over.
func (c *connecting) abort() {
	c.concealed()
	c.dropPermit()
	c.leaveTurns()
	c.answered()
	c.leaveHandshake()
	c.s.due.clear(alarmErrand)
	c.leaveLobby()
}

// end ends the session, and tells the client why if it has not been told.
func (c *connecting) end(end End, cause error) {
	s := c.s
	s.endAs(end, cause)
	var last []byte
	switch s.end {
	case NoBackend, BackendGone:
		c.unseen = nil // of these the client hears
		s.seen(ledger.LostConnect, cause)
		e := errPacket(codeServerUnavailable, cause.Error())
		if words := new(wordsError); errors.As(cause, &words) {
			e = words.said
		}
		last = c.shake.Refuse(nil, *e)
	case Protocol:
		last = c.shake.Refuse(nil, *errPacket(codeHandshake, cause.Error()))
	case Refused:
	default:
		s.finish()
		return
	}
	c.abort()
	if c.link != nil { // what it still says is nobody's
		c.link.close()
	}
	s.errand = nil
	if len(last) > 0 {
		_ = s.client.Finish(last)
	} else {
		_ = s.client.Finish(nil)
	}
	s.client.Resume()
	s.after(alarmClose, s.end.grace())
}

// turnAway gives a client an ERR_Packet in place of a greeting, and closes.
func (w *worker) turnAway(socket loop.Socket, from netip.AddrPort, cause error) {
	w.server.ledger.Enter(ledger.Incident{Time: time.Now(), Client: addressOf(from), Kind: ledger.LostLimit, Cause: cause.Error()})
	e := errPacket(codeTooManyConnections, cause.Error())
	e.State = "" // there is none before the client has named its capabilities
	packet, _ := wire.AppendPacket(nil, 0, e.Append(nil))
	a := &away{}
	if a.conn.Adopt(w.loop, socket, a) != nil {
		return
	}
	_, _ = a.conn.Write(packet)
	a.conn.CloseAfterFlush(closeGrace)
}

// away is a client that is turned away: it has been told all.
type away struct{ conn loop.Conn }

func (*away) Readable(*loop.Conn)     {}
func (*away) Writable(*loop.Conn)     {}
func (*away) Ended(*loop.Conn, error) {}

// addressOf is where a connection comes from in words; what is not TCP is a UNIX socket.
func addressOf(from netip.AddrPort) string {
	if !from.IsValid() {
		return "unix"
	}
	return from.String()
}

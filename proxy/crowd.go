package proxy

import (
	"fmt"
	"time"

	"segue/backend/client"
	"segue/backend/wire"
	"segue/proxy/login"
)

// Clients that have been greeted, or asked for more, and do not answer take connections of a backend from those that would. So it has no more than a few of
// them at a time (connect.unauthenticated). Who comes beyond that, and has waited for a moment, is greeted by Segue itself, and needs a backend when it has
// answered; and while others wait, who says nothing loses its connection to the backend, and gets another one when it speaks.

// unanswered reports whether the client has yet to say who it is.
func (c *connecting) unanswered() bool { return c.shake.Response() == nil }

// greetFirst greets the client in place of the backend at hand, which it gives back. It reports whether that can be done: the backend must be known.
func (c *connecting) greetFirst() bool {
	s, w, b := c.s, c.s.w, c.link.backend
	f := b.Facts()
	if !f.Known {
		return false
	}
	c.fold.crowd.stuck.Store(w.now() + int64(crowdStuck))
	lease := c.lease
	c.drop()
	lease.Release()
	w.detached(s, b)
	s.enter(Leasing)
	caps, ext := w.server.shared()
	out := w.output()
	c.shake.GreetFirst(out, &wire.HandshakeV10{
		ServerVersion: f.ServerVersion, AuthData: w.salt(), Capabilities: wire.Capability(f.Capabilities) & caps, ExtCapabilities: f.ExtCapabilities & ext,
		Charset: f.Charset, Status: wire.StatusAutocommit, AuthPlugin: f.AuthPlugin,
	})
	c.act(out, login.Continues)
	return true
}

// salt makes one that nobody can foresee.
func (w *worker) salt() []byte {
	var random [wire.SaltLen]byte
	w.unforeseen(random[:])
	return login.Salt(random)
}

// awaitClient gives the client its time, and looks now and then if others are to have its backend's.
func (c *connecting) awaitClient() {
	until := c.waited + int64(clientTimeout)
	if c.link != nil {
		if c.owes == nil {
			c.owes = c.fold.crowd
			c.owes.owing.Add(1)
		}
		soon := silence // somebody far away has answered by then
		if c.unanswered() {
			soon = crowdPatience // if it comes later no harm is done
		}
		until = min(until, c.s.w.now()+int64(soon))
	}
	c.s.by(alarmErrand, until)
}

// answered says that the client owes its backend nothing any more.
func (c *connecting) answered() {
	if c.owes != nil {
		c.owes.owing.Add(-1)
		c.owes = nil
	}
}

// crowded reports whether others wait for the backend that waits for the client, or more than may be owe it an answer.
func (c *connecting) crowded() bool {
	if c.owes == nil {
		return false
	}
	waiting := 0
	if c.inside {
		_, waiting = c.turns.Counts()
	}
	return waiting > 0 || int(c.owes.owing.Load()) > c.opts.unauthenticated()
}

// letGo leaves a backend that waits for a word of the client's, if others are to have the connection, or if it is leaving and the client has said nothing at
// all. The client is brought to one again when it speaks.
func (c *connecting) letGo() {
	if c.link == nil {
		return
	}
	cause, leaving := c.link.backend.Leaving()
	switch {
	case leaving && c.unanswered() && c.s.w.now() >= c.waited+int64(silence):
	case c.crowded():
		cause = "others are to have the connection"
	default:
		return
	}
	failed := &client.Error{Kind: client.Barred, Err: fmt.Errorf("%s, and the client has said nothing for %s", cause, time.Duration(c.s.w.now()-c.waited).Round(time.Millisecond))}
	c.shake.LetGo(failed)
	c.failed(failed)
}

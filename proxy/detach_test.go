package proxy

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"segue/backend"
	"segue/backend/wire"
)

// tooIdle is what MySQL says to a session that it ends.
var tooIdle = (&wire.Err{Code: codeTooIdle, State: "HY000", Message: "The client was disconnected by the server because of inactivity."}).Append(nil)

// A session that its server has ended for having been idle is kept, on no backend, until its client goes on.
func TestSessionThatWasIdleForTooLong(t *testing.T) {
	var logins atomic.Int32
	leaving := make(chan struct{})
	p, d := between(t, func(c *peerConn) {
		if logins.Add(1) > 1 {
			echo(c)
		} else if c.login() {
			<-leaving
			c.sendAndClose(0, tooIdle)
		}
	}, func(c *peerConn) {
		logins.Add(1)
		echo(c)
	})
	p.evident(func(b *backend.Backend, cause error) { t.Errorf("evidence against %s: %v", b.Name(), cause) })
	close(leaving)
	p.waitState(Detached)
	if s := p.Sessions(); s[0].Backend != "" || logins.Load() != 1 {
		t.Errorf("%+v, %d logins", s, logins.Load())
	}
	for _, b := range p.registry.Backends() {
		if n := b.Sessions(); n != 0 {
			t.Errorf("%s has %d sessions", b.Name(), n)
		}
	}
	d.ask("SELECT 1")
	if logins.Load() != 2 {
		t.Errorf("%d logins", logins.Load())
	}
}

// What its server has held for it is lost as with any end, and costs one error.
func TestSessionThatWasIdleForTooLongWithALock(t *testing.T) {
	p, d := between(t, answering(func(c *peerConn, command []byte) bool {
		if strings.Contains(string(command), "GET_LOCK") {
			c.echoed(command[1:])
			time.Sleep(10 * time.Millisecond) // or they come together
			c.sendAndClose(0, tooIdle)
			return false
		}
		return c.echoed(command[1:])
	}), echo)
	d.ask("SELECT GET_LOCK('x', 0)")
	p.waitState(Detached)
	d.query("SELECT 1")
	d.toldNo("without its user_lock")
	d.ask("SELECT 2")
}

// One that is on no backend ends with Segue.
func TestDetachedSessionEnds(t *testing.T) {
	p, d := between(t, func(c *peerConn) {
		if c.login() {
			c.sendAndClose(0, tooIdle)
		}
	}, echo)
	p.waitState(Detached)
	p.stop()
	d.waitEOF()
	p.waitSessions(0)
}

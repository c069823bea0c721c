package proxy

import (
	"io"
	"testing"
)

// What a backend sends in one segment with its FIN, a draining FE's last answer, is held back for the FIN and leaves in one
// segment with it: the client cannot send another statement in between.
func TestFINThatCameWithTheAnswerLeavesWithIt(t *testing.T) {
	p := start(t, Options{}, newPeer(t, func(c *peerConn) {
		if !c.login() {
			return
		}
		if _, _, err := c.r.Next(); err == nil {
			c.sendAndClose(1, peerOK)
			_, _ = io.Copy(io.Discard, c)
		}
	}).spec("a"))
	d := p.connect()
	p.waitState(Idle)
	s := p.list()[0]
	d.query("x")
	if _, err := d.row(); err != nil {
		t.Fatal(err)
	}
	d.waitEOF()
	_ = d.Close()
	p.waitSessions(0)
	p.stopped()
	if !s.down.more {
		t.Error("the answer left before its FIN")
	}
}

// stopped stops the server and waits for all goroutines of its sessions: what they owned can be looked at.
func (p *proxied) stopped() {
	p.t.Helper()
	p.stop()
	p.Close()
	err := <-p.done
	p.done <- err
}

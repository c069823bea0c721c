package proxy

import (
	"io"
	"testing"

	"golang.org/x/sys/unix"
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
	d.query("x")
	if _, err := d.row(); err != nil {
		t.Fatal(err)
	}
	if !d.endHasCome() {
		t.Error("the answer left before its FIN")
	}
	d.waitEOF()
	_ = d.Close()
	p.waitSessions(0)
}

// endHasCome reports whether nothing but the FIN is left to be read, and that is here. What came in one segment with it is not seen sooner.
func (d *driver) endHasCome() (has bool) {
	raw, err := d.SyscallConn()
	if err != nil {
		d.t.Fatal(err)
	}
	_ = raw.Control(func(fd uintptr) {
		n, _, err := unix.Recvfrom(int(fd), make([]byte, 1), unix.MSG_PEEK|unix.MSG_DONTWAIT)
		has = n == 0 && err == nil
	})
	return has
}

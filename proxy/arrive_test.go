package proxy

import (
	"bytes"
	"strings"
	"sync"
	"testing"
	"time"

	"segue/backend"
	"segue/backend/wire"
)

// refusing lets everybody in and answers SET by an ERR_Packet.
func refusing(c *peerConn, command []byte) bool {
	if bytes.HasPrefix(command[1:], []byte("SET")) {
		return c.send(1, (&wire.Err{Code: 1193, State: "HY000", Message: "Unknown system variable"}).Append(nil))
	}
	return c.echoed(command[1:])
}

// What keeps one session from being rebuilt on a backend says nothing against that backend.
func TestBackendIsNotBlamedForAMove(t *testing.T) {
	t.Run("replay refused", func(t *testing.T) {
		o := known()
		p := start(t, o, newPeer(t, answering(func(c *peerConn, _ []byte) bool { return c.send(1, peerOK) })).spec("a"), newPeer(t, answering(refusing)).spec("b"))
		p.evident(func(b *backend.Backend, cause error) { t.Errorf("evidence against %s: %v", b.Name(), cause) })
		_ = p.registry.SetAdmin("b", backend.Maint)
		d := p.connect()
		d.query("SET time_zone = '+01:00'")
		if _, err := d.row(); err != nil {
			t.Fatal(err)
		}
		p.ready("b")
		p.leave("a")
		c := p.list()[0]
		eventually(t, "an attempt", c.hasTried)
		b, _ := p.registry.Lookup("b")
		if l, err := p.registry.Lease(nil); err != nil || l.Backend() != b {
			t.Errorf("b is left alone")
		} else {
			l.Release()
		}
	})
	for _, how := range []string{"client left", "close"} {
		t.Run(how, func(t *testing.T) {
			begun := make(chan struct{}, 8)
			silent := func(c *peerConn) {
				begun <- struct{}{}
				<-c.over
			}
			p := start(t, known(), newPeer(t, echo).spec("a"), newPeer(t, silent).spec("b"))
			p.evident(func(b *backend.Backend, cause error) { t.Errorf("evidence against %s: %v", b.Name(), cause) })
			_ = p.registry.SetAdmin("b", backend.Maint)
			d := p.connect()
			p.ready("b")
			p.leave("a")
			<-begun
			if how == "close" {
				p.Close()
			} else {
				_ = d.Close()
			}
			p.waitSessions(0)
		})
	}
}

// A backend that begins to leave while the first session comes to it is left by that one too.
func TestBackendThatLeavesWhileASessionMovesToIt(t *testing.T) {
	gate, begun := make(chan struct{}), make(chan struct{})
	var once sync.Once
	p := start(t, known(), newPeer(t, echo).spec("a"), newPeer(t, answering(func(c *peerConn, command []byte) bool {
		once.Do(func() { // its client has to wait for it by now
			close(begun)
			<-gate
		})
		return c.echoed(command[1:])
	})).spec("b"))
	_ = p.registry.SetAdmin("b", backend.Maint)
	d := p.connect()
	d.ask("SELECT 1")
	p.ready("b")
	p.leave("a")
	<-begun
	a, _ := p.registry.Lookup("a")
	p.registry.SetHealth(a, backend.Up, "")
	if err := p.registry.SetAdmin("b", backend.Drain); err != nil {
		t.Fatal(err)
	}
	time.Sleep(20 * time.Millisecond) // watch has looked, and has seen no session on b
	close(gate)
	eventually(t, "the session to be back on a", func() bool {
		s := p.Sessions()
		return len(s) == 1 && s[0].Backend == "a" && s[0].Moves == 2
	})
	d.ask("SELECT 1")
}

// Nor does a question of Segue's that is cut off because the session is over.
func TestBackendIsNotBlamedForAQuestionThatIsCutOff(t *testing.T) {
	asked := make(chan struct{})
	p, d := between(t, answering(func(c *peerConn, command []byte) bool {
		if bytes.HasPrefix(command[1:], []byte("INSERT")) {
			return c.send(1, []byte{0, 0, 5, 2, 0, 0, 0})
		}
		close(asked)
		<-c.over
		return false
	}), echo)
	p.evident(func(b *backend.Backend, cause error) { t.Errorf("evidence against %s: %v", b.Name(), cause) })
	d.query("INSERT")
	if _, err := d.row(); err != nil {
		t.Fatal(err)
	}
	p.leave("a")
	<-asked
	p.Close()
	p.waitSessions(0)
}

// That one backend refuses a session which is to leave its own, or has lost it, is no reason to give it up while another one, which has failed a
// moment ago, may still have it.
func TestRefusalWaitsForABackendThatRests(t *testing.T) {
	for _, how := range []backend.Health{backend.Stopping, backend.Down} {
		t.Run(how.String(), func(t *testing.T) {
			t.Parallel()
			gone := make(chan struct{})
			p := start(t, known(),
				newPeer(t, answering(func(c *peerConn, command []byte) bool {
					<-gone
					return c.echoed(command[1:])
				})).spec("a"),
				newPeer(t, func(c *peerConn) {
					if c.greet("12345678901234567890") {
						_, _, _ = c.r.Next()
						c.send(2, append([]byte{0xff, 0x15, 0x04}, "#28000Access denied"...))
					}
				}).spec("refuses"),
				newPeer(t, func(c *peerConn) {
					if c.number > 1 {
						echo(c)
					}
				}).spec("rests"))
			for _, name := range []string{"refuses", "rests"} {
				_ = p.registry.SetAdmin(name, backend.Maint)
			}
			d := p.connect()
			p.ready("refuses")
			p.ready("rests")
			a, _ := p.registry.Lookup("a")
			p.registry.SetHealth(a, how, "it goes")
			eventually(t, "the session to be on the one that rests", func() bool {
				s := p.Sessions()
				return len(s) == 1 && s[0].Backend == "rests"
			})
			close(gone)
			d.ask("SELECT 1")
		})
	}
}

// A client that has agreed with the servers on query attributes has them in Segue's own statements, too.
func TestReplayHasQueryAttributes(t *testing.T) {
	gone, heard := make(chan struct{}), make(chan string, 10)
	script := func(c *peerConn) {
		c.caps |= wire.ClientQueryAttributes
		answering(func(c *peerConn, command []byte) bool {
			heard <- string(command)
			return c.send(1, peerOK)
		})(c)
	}
	p := start(t, known(), newPeer(t, func(c *peerConn) {
		go func() {
			<-gone
			_ = c.Close()
		}()
		script(c)
	}).spec("a"), newPeer(t, script).spec("b"))
	_ = p.registry.SetAdmin("b", backend.Maint)
	d := p.dial()
	d.caps |= wire.ClientQueryAttributes
	if err := d.login("pw"); err != nil {
		t.Fatal(err)
	}
	d.query("\x00\x01SET @a = 1")
	if b, err := d.next(1); err != nil || b[0] != 0 {
		t.Fatalf("%q, %v", b, err)
	}
	if got := <-heard; got != "\x03\x00\x01SET @a = 1" {
		t.Errorf("the client's statement is %q", got)
	}
	p.ready("b")
	p.down("a")
	close(gone)
	if got := <-heard; got != "\x03\x00\x01"+trialText {
		t.Errorf("tried by %q", got)
	}
	if got := <-heard; !strings.HasPrefix(got, "\x03\x00\x01SET @a") {
		t.Errorf("replayed as %q", got)
	}
	p.onB()
}

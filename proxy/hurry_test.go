package proxy

import (
	"errors"
	"io"
	"testing"
	"time"

	"segue/backend"
)

// A backend that has turned out to be down is given up before its time is over, if there is another.
func TestHurryGivesUpABackendThatIsDown(t *testing.T) {
	for name, script := range map[string]func(*peerConn){"greeting": failures["silence"], "verdict": failures["hang behind the client's answer"]} {
		t.Run(name, func(t *testing.T) {
			slow := Options{ConnectBudget: time.Minute, ConnectTimeout: 20 * time.Second}
			p := start(t, slow, newPeer(t, script).spec("hung"), newPeer(t, native("ABCDEFGHIJKLMNOPQRST", nil)).spec("good"))
			hung, _ := p.registry.Lookup("hung")
			_ = p.registry.SetAdmin("good", backend.Drain)
			logged := make(chan error, 1)
			d := p.dial()
			go func() { logged <- d.login("pw") }()
			eventually(t, "the set-up to hang", func() bool {
				s := p.Sessions()
				return len(s) == 1 && s[0].Backend == "hung"
			})
			p.ready("good")
			p.registry.SetHealth(hung, backend.Down, "probe timed out")
			select {
			case err := <-logged:
				if err != nil {
					t.Error(err)
				}
			case <-time.After(patience):
				t.Error("the set-up goes on hanging")
			}
		})
	}
}

// If probing finds everything down, it is not to be believed against what is being set up.
func TestHurrySparesTheOnlyBackend(t *testing.T) {
	answer := make(chan struct{})
	p := start(t, Options{}, newPeer(t, func(c *peerConn) {
		c.greet("ABCDEFGHIJKLMNOPQRST")
		if c.number > 1 {
			t.Error("the set-up was given up")
		}
		_, _ = c.next(1)
		<-answer
		if c.send(2, peerOK) {
			c.serveQueries()
		}
	}).spec("a"))
	logged := make(chan error, 1)
	d := p.dial()
	go func() { logged <- d.login("pw") }()
	p.waitState(Authenticating)
	p.registry.SetHealth(p.registry.Backends()[0], backend.Down, "probe timed out")
	time.Sleep(50 * time.Millisecond)
	close(answer)
	if err := <-logged; err != nil {
		t.Error(err)
	}
}

// A drain deadline that passes while a client logs in does not end its set-up: there are other backends.
func TestDrainDeadlineSparesASetup(t *testing.T) {
	p := start(t, Options{DrainTimeout: 50 * time.Millisecond}, newPeer(t, func(c *peerConn) {
		c.greet("ABCDEFGHIJKLMNOPQRST")
		if _, err := c.next(1); err == nil {
			<-c.over
		}
	}).spec("a"), newPeer(t, native("abcdefghijklmnopqrst", nil)).spec("b"))
	_ = p.registry.SetAdmin("b", backend.Drain)
	logged := make(chan error, 1)
	d := p.dial()
	go func() { logged <- d.login("pw") }()
	eventually(t, "the set-up to hang", func() bool {
		s := p.Sessions()
		return len(s) == 1 && s[0].State == Authenticating.String()
	})
	p.ready("b")
	_ = p.registry.SetAdmin("a", backend.Maint)
	time.Sleep(150 * time.Millisecond)
	a, _ := p.registry.Lookup("a")
	p.registry.SetHealth(a, backend.Down, "probe timed out")
	if err := <-logged; err != nil {
		t.Fatal(err)
	}
	d.ask("SELECT 1")
	if errors.Is(d.SetDeadline(time.Now().Add(patience)), io.EOF) || p.Sessions()[0].Backend != "b" {
		t.Error("not on b")
	}
}

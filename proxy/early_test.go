package proxy

import (
	"testing"
	"time"

	"segue/backend"
	"segue/proxy/wire"
)

// A client that sends its first statements together with its login has them answered, in order.
func TestStatementsBehindTheLogin(t *testing.T) {
	p := start(t, Options{}, newPeer(t, echo).spec("a"))
	d := p.dial()
	for _, text := range []string{"SELECT 1", "SELECT 2"} {
		d.behind, _ = wire.AppendPacket(d.behind, 0, append([]byte{byte(wire.ComQuery)}, text...))
	}
	if err := d.login("pw"); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"SELECT 1", "SELECT 2"} {
		if got, err := d.row(); err != nil || string(got) != text {
			t.Errorf("%q and %v, want %q", got, err, text)
		}
	}
	d.ask("SELECT 3")
}

// What a backend says unasked right behind its OK reaches the client.
func TestWordsBehindTheLogin(t *testing.T) {
	goodbye := wire.Err{Code: 4031, State: "HY000", Message: "bye"}
	p := start(t, Options{}, newPeer(t, func(c *peerConn) {
		if !c.greet("12345678901234567890") {
			return
		}
		if _, _, err := c.r.Next(); err != nil {
			return
		}
		b, _ := wire.AppendPacket(nil, 2, peerOK)
		b, _ = wire.AppendPacket(b, 0, goodbye.Append(nil))
		_, _ = c.Write(b)
		<-c.over
	}).spec("a"))
	d := p.connect()
	payload, err := d.next(0)
	if err != nil {
		t.Fatal(err)
	}
	got := new(wire.Err)
	if err := got.Decode(payload); err != nil || got.Code != goodbye.Code {
		t.Errorf("%+v and %v, want code %d", got, err, goodbye.Code)
	}
}

// A client that closes in the moment in which it sends a statement that takes long does not keep its backend.
func TestStatementThatTakesLongAndFINInOneSegment(t *testing.T) {
	gone := make(chan struct{})
	p := startWith(t, []backend.Spec{newPeer(t, func(c *peerConn) {
		if !c.login() {
			return
		}
		if _, _, err := c.r.Next(); err != nil {
			return
		}
		_, _, _ = c.r.Next() // until the sending side has been closed
		close(gone)
	}).spec("a")}, soonAsleep(Options{}))
	d := p.connect()
	(&peerConn{TCPConn: d.TCPConn, t: t}).sendAndClose(0, append([]byte{byte(wire.ComQuery)}, "SELECT SLEEP(1000)"...))
	select {
	case <-gone:
	case <-time.After(patience):
		t.Error("the backend session goes on")
	}
}

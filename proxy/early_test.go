package proxy

import (
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"segue/backend/wire"
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
	p := start(t, Options{}, newPeer(t, func(c *peerConn) {
		if !c.login() {
			return
		}
		if _, _, err := c.r.Next(); err != nil {
			return
		}
		_, _, _ = c.r.Next() // until the sending side has been closed
		close(gone)
	}).spec("a"))
	d := p.connect()
	(&peerConn{TCPConn: d.TCPConn, t: t}).sendAndClose(0, append([]byte{byte(wire.ComQuery)}, "SELECT SLEEP(1000)"...))
	select {
	case <-gone:
	case <-time.After(patience):
		t.Error("the backend session goes on")
	}
}

// Nor does one that has sent more behind it, which nobody looks at before the answer.
func TestEndBehindWhatWaits(t *testing.T) {
	t.Parallel()
	gone := make(chan struct{})
	p := start(t, known(), newPeer(t, func(c *peerConn) {
		defer close(gone)
		for ok := c.login(); ok; {
			_, _, err := c.r.Next() // and no answer
			ok = err == nil
		}
	}).spec("a"))
	d := p.connect()
	var b []byte
	for _, text := range []string{"SELECT SLEEP(1000)", "KILL 5", strings.Repeat(" ", 90_000)} {
		b, _ = wire.AppendPacket(b, 0, append([]byte{byte(wire.ComQuery)}, text...))
	}
	if _, err := d.Write(b); err != nil {
		t.Fatal(err)
	}
	s := p.only()
	eventually(t, "the client's bytes to wait", func() (waits bool) {
		s.within(func() { waits = s.track.Outstanding() > 0 && s.client.waits() })
		return waits
	})
	_ = d.Close()
	select {
	case <-gone:
	case <-time.After(patience):
		t.Error("it keeps its backend")
	}
}

// What no client may say, said ahead of its greeting, is the end of that client, and of its connection to a backend: what that says later is nobody's.
func TestGarbageAheadOfTheGreeting(t *testing.T) {
	came, told, left := make(chan struct{}), make(chan struct{}), make(chan struct{})
	p := start(t, Options{}, newPeer(t, func(c *peerConn) {
		close(came)
		<-told
		c.greet("12345678901234567890")
		for {
			if _, _, err := c.r.Next(); err != nil {
				close(left)
				return
			}
		}
	}).spec("a"))
	d := p.dial()
	<-came
	if _, err := d.Write([]byte{0xff, 0xff, 0xff, 0}); err != nil {
		t.Fatal(err)
	}
	if payload, _, err := d.r.Next(); err != nil || !wire.IsErr(payload) {
		t.Errorf("%q, %v", payload, err)
	}
	close(told)
	<-left
	if n := testutil.ToFloat64(p.metrics.panics); n > 0 {
		t.Errorf("%v panics", n)
	}
}

package proxy

import (
	"bytes"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"segue/backend"
	"segue/backend/wire"
)

// tellingOK is an OK_Packet by which a server says of the session which database is the current one.
var tellingOK = []byte{0, 0, 0, 2, 0x40, 0, 0, 0, 4, 1, 2, 1, 'd'}

// telling is a MariaDB that has session tracking, and uses it at each USE if it has been agreed on; asked is given what Segue asks.
func telling(asked func(text string)) func(c *peerConn) {
	return tellingInPart(asked, func(string) bool { return false })
}

// tellingInPart goes in the middle of an OK_Packet that tells where part says so of a statement.
func tellingInPart(asked func(text string), part func(text string) bool) func(c *peerConn) {
	return func(c *peerConn) {
		c.caps |= wire.ClientSessionTrack
		g := wire.HandshakeV10{
			ServerVersion: "10.11.6-MariaDB", ConnectionID: 7, AuthData: []byte("12345678901234567890"), Capabilities: c.caps &^ wire.ClientLongPassword, Charset: 33,
			AuthPlugin: "mysql_native_password",
		}
		if !c.send(0, g.Append(nil)) {
			return
		}
		payload, _, err := c.r.Next()
		var r wire.HandshakeResponse41
		if err != nil || r.Decode(payload) != nil {
			return
		}
		ok := peerOK
		if r.Capabilities.Has(wire.ClientSessionTrack) {
			ok = tellingOK
		}
		c.send(2, ok)
		for {
			payload, _, err := c.r.Next()
			if err != nil || payload[0] == byte(wire.ComQuit) {
				return
			}
			switch text := string(payload[1:]); {
			case part(text):
				b, _ := wire.AppendPacket(nil, 1, ok)
				c.writeAndClose(b[:len(b)-1])
				return
			case strings.HasPrefix(text, "USE"), wire.Command(payload[0]) == wire.ComInitDB:
				c.send(1, ok)
			case strings.HasPrefix(text, "SELECT told"):
				status := []byte{0xfe, 0, 0, 2, ok[4]}
				c.send(1, []byte{1}, peerDef, status, wire.AppendLenencString(nil, text), status)
			case strings.HasPrefix(text, "SET"), strings.HasPrefix(text, "CALL"):
				asked(text)
				c.send(1, ok)
			case !c.echoed(payload[1:]):
				return
			}
		}
	}
}

// A client hears of session tracking if it has asked for it, and otherwise nothing, whatever Segue has agreed on with the backend.
func TestWitnessIsForWhoAsked(t *testing.T) {
	for name, more := range map[string]wire.Capability{"without": 0, "with": wire.ClientSessionTrack} {
		t.Run(name, func(t *testing.T) {
			p := start(t, known(), newPeer(t, telling(func(string) {})).spec("a"), newPeer(t, telling(func(string) {})).spec("b"))
			d := p.dial()
			d.caps |= more
			if err := d.login("pw"); err != nil {
				t.Fatal(err)
			}
			want, flag := peerOK, byte(0)
			if more != 0 {
				want, flag = tellingOK, 0x40
			}
			for round := range 2 {
				d.query("USE d")
				if got, err := d.next(1); err != nil || !bytes.Equal(got, want) {
					t.Fatalf("%x, %v, want %x", got, err, want)
				}
				d.query("SELECT told")
				for seq := uint8(1); seq <= 5; seq++ {
					if got, err := d.next(seq); err != nil || (seq == 3 || seq == 5) && got[4] != flag {
						t.Fatalf("packet %d: %x, %v", seq, got, err)
					}
				}
				if round == 0 {
					s := p.session(d.hello.ConnectionID)
					from := s.onBackend()
					if err := p.registry.SetAdmin(from, backend.Drain); err != nil {
						t.Fatal(err)
					}
					eventually(t, "the move", func() bool { return s.onBackend() != from })
				}
			}
		})
	}
}

// What the server has said to have changed, and not what, is asked for while the session is idle.
func TestWitnessHints(t *testing.T) {
	asked := make(chan string, 10)
	p := start(t, known(), newPeer(t, telling(func(text string) { asked <- text })).spec("a"))
	d := p.connect()
	d.query("SELECT told")
	if _, err := d.row(); err != nil {
		t.Fatal(err)
	}
	select {
	case text := <-asked:
		if text != tellsAll {
			t.Errorf("asked %q", text)
		}
	case <-time.After(patience):
		t.Error("it is not asked")
	}
	d.query("SELECT 1")
	if _, err := d.row(); err != nil {
		t.Fatal(err)
	}
}

// A session that could be logged in elsewhere, and not be rebuilt, goes on where it is until it ends or drain.timeout.
func TestWhatCannotBeRebuiltStays(t *testing.T) {
	o := known()
	o.DrainTimeout = 1500 * time.Millisecond
	p := start(t, o, newPeer(t, telling(func(string) {})).spec("a"), newPeer(t, telling(func(string) {})).spec("b"))
	d, s := p.connectOn("a")
	d.query("CALL p()")
	if _, err := d.row(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the pin", func() bool { return s.current() == Pinned })
	if err := p.registry.SetAdmin("a", backend.Drain); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the drain", p.draining)
	for range 3 {
		d.ask("SELECT 1")
		time.Sleep(200 * time.Millisecond) // longer than any session is given that is to end
	}
	d.waitEOF()
	if end := s.howEnded(); end != Timeout {
		t.Errorf("ended by %v", end)
	}
}

// Of an answer that waits for the rest of it nothing has passed: its statement is run again, as if none of it had come.
func TestHalfOfWhatIsToldIsNoAnswer(t *testing.T) {
	var once atomic.Bool
	half := func(text string) bool { return text == "BEGIN" && once.CompareAndSwap(false, true) }
	_, d := between(t, tellingInPart(func(string) {}, half), tellingInPart(func(string) {}, half))
	d.query("BEGIN")
	if got, err := d.next(1); err != nil || wire.IsErr(got) || !once.Load() {
		t.Errorf("%q, %v", got, err)
	}
}

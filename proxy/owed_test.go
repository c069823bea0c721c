package proxy

import (
	"bytes"
	"testing"

	"segue/backend"
	"segue/proxy/wire"
)

// known are the options under which the sessions of drivers can move.
func known() Options {
	return Options{Flavor: backend.MySQL, Users: []User{{Name: "u", Password: "pw", HasPassword: true}}}
}

// answering lets everybody in and gives each command to answer, which reports false to close the connection.
func answering(answer func(c *peerConn, command []byte) bool) func(c *peerConn) {
	return func(c *peerConn) {
		for ok := c.login(); ok; {
			payload, _, err := c.r.Next()
			if err != nil || payload[0] == byte(wire.ComQuit) {
				return
			}
			ok = wire.Command(payload[0]).Silent() || answer(c, payload)
		}
	}
}

// echoed answers a statement by its own text.
func (c *peerConn) echoed(text []byte) bool {
	return c.send(1, []byte{1}, peerDef, peerEOF, wire.AppendLenencString(nil, text), peerEOF)
}

// onB waits until the only session is idle on b.
func (p *proxied) onB() {
	p.t.Helper()
	eventually(p.t, "the session to be on b", func() bool {
		s := p.Sessions()
		return len(s) == 1 && s[0].Backend == "b" && s[0].State == Idle.String()
	})
}

// An answer that a backend owes to a question of Segue's own must never be taken for one to a statement of the client's.
func TestQuestionOfSegueThatIsAnsweredTooLate(t *testing.T) {
	late := make(chan struct{})
	p := onA(t, known(), answering(func(c *peerConn, command []byte) bool {
		switch {
		case bytes.HasPrefix(command[1:], []byte("INSERT")):
			return c.send(1, []byte{0, 0, 5, 2, 0, 0, 0})
		case bytes.Contains(command, []byte("LAST_INSERT_ID()")):
			<-late
		}
		return c.echoed(command[1:])
	}))
	d := p.connect()
	d.query("INSERT")
	if _, err := d.row(); err != nil {
		t.Fatal(err)
	}
	p.ready("b")
	p.leave("a")
	p.waitState(Moving)
	d.query("SELECT 1") // waits for its turn
	eventually(t, "the question to be given up", func() bool {
		s := p.list()[0]
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.away.lost || s.current() != Moving
	})
	close(late)
	if got, err := d.row(); err != nil || string(got) != "SELECT 1" {
		t.Errorf("the client got %q, %v", got, err)
	}
	p.onB()
}

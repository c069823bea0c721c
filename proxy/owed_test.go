package proxy

import (
	"bytes"
	"strings"
	"testing"

	"segue/backend"
	"segue/backend/wire"
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
			ok = wire.Command(payload[0]).Silent() || c.knowsViews(payload) || answer(c, payload)
		}
	}
}

// echoed answers a statement by its own text.
// knowsViews answers the question for views: there is one, V.
func (c *peerConn) knowsViews(command []byte) bool {
	switch text := string(command[1:]); {
	case !strings.Contains(text, "information_schema.TABLES WHERE TABLE_TYPE='VIEW'"):
		return false
	case strings.Contains(text, "'V'"):
		return c.send(1, []byte{1}, peerDef, peerEOF, wire.AppendLenencString(nil, []byte("1")), peerEOF)
	default:
		return c.send(1, []byte{1}, peerDef, peerEOF, peerEOF)
	}
}

func (c *peerConn) echoed(text []byte) bool {
	return c.send(1, []byte{1}, peerDef, peerEOF, wire.AppendLenencString(nil, text), peerEOF)
}

// preparing is echo that gives each prepared statement the id 1.
func preparing(c *peerConn) {
	answering(func(c *peerConn, command []byte) bool {
		if wire.Command(command[0]) == wire.ComStmtPrepare {
			return c.send(1, []byte{0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})
		}
		return c.echoed(command[1:])
	})(c)
}

// prepare has statement 1 prepared.
func (d *driver) prepare() {
	d.t.Helper()
	d.write(0, append([]byte{byte(wire.ComStmtPrepare)}, "SELECT x"...))
	if _, err := d.next(1); err != nil {
		d.t.Fatal(err)
	}
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
	t.Parallel()
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
		return p.only().hasLost()
	})
	close(late)
	if got, err := d.row(); err != nil || string(got) != "SELECT 1" {
		t.Errorf("the client got %q, %v", got, err)
	}
	p.onB()
}

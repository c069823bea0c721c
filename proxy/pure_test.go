package proxy

import (
	"testing"
	"time"

	"segue/backend"
	"segue/backend/client"
	"segue/backend/wire"
)

// The values that a session is made of, each by itself.

// A command that is refused is dropped whole, in whatever pieces it comes, and nothing behind it.
func TestOwedTakesOneCommand(t *testing.T) {
	for _, length := range []int{1, 100, wire.MaxPayload, wire.MaxPayload + 5} {
		b, _ := wire.AppendPacket(nil, 3, make([]byte, length))
		command := len(b)
		b = append(b, "behind"...)
		for _, piece := range []int{1 << 10, len(b)} {
			o, taken, whole := owed{due: commandEnd}, 0, false
			for !whole {
				if taken >= command {
					t.Fatalf("%d bytes: no end after %d", length, taken)
				}
				var n int
				n, whole = o.take(b[taken:min(taken+piece, len(b))])
				taken += n
			}
			if want := uint8(3 + length/wire.MaxPayload); taken != command || o.seq != want {
				t.Errorf("%d bytes in pieces of %d: %d of %d taken, sequence id %d, want %d", length, piece, taken, command, o.seq, want)
			}
		}
	}
}

func TestOwedRest(t *testing.T) {
	said, before := clientError("no"), &owed{due: nextCommand, reply: clientError("before")}
	for name, c := range map[string]struct {
		o    owed
		want *wire.Err // what the next command is answered by; nil: nothing is owed any more
	}{
		"a statement":                  {owed{command: wire.ComQuery, reply: said}, nil},
		"a COM_STMT_CLOSE":             {owed{command: wire.ComStmtClose, reply: said}, nil},
		"long data":                    {owed{command: wire.ComStmtSendLongData, reply: said}, said},
		"a ROLLBACK behind a loss":     {owed{command: wire.ComQuery, reply: said, then: before}, before.reply},
		"long data behind a loss":      {owed{command: wire.ComStmtSendLongData, reply: said, then: before}, before.reply},
		"COM_STMT_CLOSE behind a loss": {owed{command: wire.ComStmtClose, reply: said, then: before}, before.reply},
	} {
		if rest := c.o.rest("a"); rest.is(nextCommand) != (c.want != nil) || rest != nil && rest.reply != c.want {
			t.Errorf("%s: %+v", name, rest)
		}
	}
}

func TestNotice(t *testing.T) {
	leaving, stopping, down := &drain{end: Drained}, &drain{end: Shutdown}, &drain{end: Drained, optional: true}
	for name, c := range map[string]struct {
		n                  notice
		given, wants, ends bool
	}{
		"none":            {notice{}, false, false, false},
		"backend leaves":  {notice{intent: leaving}, true, true, true},
		"backend is down": {notice{intent: down}, true, true, false},
		"Segue stops":     {notice{intent: stopping}, true, false, true},
		"room elsewhere":  {notice{shift: new(backend.Backend)}, true, true, false},
	} {
		if n := c.n; n.given() != c.given || n.wants() != c.wants || n.ends() != c.ends {
			t.Errorf("%s: given %v, wants %v, ends %v", name, n.given(), n.wants(), n.ends())
		}
	}
	n := notice{intent: leaving}
	if !n.lent(true, false) || !n.lent(false, true) || n.lent(false, true) || !n.lent(true, true) || n.lent(false, false) {
		t.Error("a SELECT 1 counts once under each drain, and a ping always")
	}
	if n.intent = stopping; !n.lent(false, true) {
		t.Error("… and again under the next one")
	}
	if got := n.linger(nil, time.Hour, false); got != stopLinger {
		t.Errorf("silent for long: %s", got)
	}
	if got := n.linger(nil, time.Second, true); got != pingLinger-time.Second {
		t.Errorf("behind a ping: %s", got)
	}
}

func TestFate(t *testing.T) {
	const now = int64(time.Hour)
	ago := func(d time.Duration) int64 { return now - int64(d) }
	for name, c := range map[string]struct {
		k               *kills
		since           int64
		failed          bool
		condemned, late bool
	}{
		"nobody":                         {nil, now, false, false, false},
		"one that has no answer":         {&kills{pending: 1}, now, false, true, false},
		"killed a moment ago":            {&kills{killed: now}, now, false, true, false},
		"killed, and the server is slow": {&kills{killed: ago(2 * closeGrace)}, now, false, true, true},
		"killed long ago, and at work":   {&kills{killed: ago(2 * killGrace)}, ago(killGrace), false, false, true},
		"killed long ago, and idle":      {&kills{killed: ago(2 * killGrace)}, ago(3 * killGrace), false, true, true},
		"killed long ago, and told":      {&kills{killed: ago(2 * killGrace)}, ago(killGrace), true, true, true},
	} {
		if condemned, late := c.k.ends(now, c.since, c.failed), c.k.late(now); condemned != c.condemned || late != c.late {
			t.Errorf("%s: condemned %v, late %v", name, condemned, late)
		}
	}
	if k := (&kills{query: 7}); !k.interrupts(7) || k.interrupts(8) || (*kills)(nil).interrupts(0) || (&kills{}).interrupts(0) {
		t.Error("a KILL QUERY is for one statement")
	}
}

func TestIdentityFollowsCOMChangeUser(t *testing.T) {
	hello := &wire.HandshakeResponse41{Username: "a", Capabilities: wire.ClientProtocol41 | wire.ClientSecureConnection}
	i := identity{hello: client.NewHello(hello), cred: client.Password("pw")}
	o := &Options{Users: []User{{Name: "b", Password: "x", HasPassword: true}}}
	i.become("")
	i.become("a")
	if !i.known(o, 0) || i.cred == nil {
		t.Error("its credential is forgotten")
	}
	if i.become("c"); i.known(o, 0) || i.hello.Response().Username != "c" {
		t.Error("another's credential is used")
	}
	if i.become("b"); len(i.credentials(o, 0)) != 1 {
		t.Error("the configured password is not used")
	}
	i = identity{hello: client.NewHello(hello), token: &token{client.Token([]byte("t")), 0}}
	if !i.known(o, 0) || i.known(o, int64(tokenGood)) {
		t.Error("a token is good for as long as it is worth a try")
	}
}

package proxy

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"testing"
	"time"

	"segue/backend"
	"segue/backend/wire"
	"segue/proxy/counts"
)

// passed is what has passed a backend.
func (p *proxied) passed(name string) *counts.Backend {
	p.t.Helper()
	c := p.Traffic().Backends[name]
	if c == nil {
		p.t.Fatalf("nothing is known of %s", name)
	}
	return c
}

// statementsOf are those that were sent to a backend, by kind and outcome; what there was none of is left out.
func statementsOf(c *counts.Backend) map[string]uint64 {
	all := map[string]uint64{}
	for k := range c.Statements {
		for o, n := range c.Statements[k] {
			if n > 0 {
				all[fmt.Sprint(counts.Kind(k), " ", counts.Outcome(o))] = n
			}
		}
	}
	return all
}

// Every byte is counted once on either side, on whatever loop a session is, and stays so when that loop is no more.
func TestTrafficCountsBytes(t *testing.T) {
	t.Parallel()
	p := start(t, Options{}, newPeer(t, echo).spec("a"))
	p.SetLoops(2)
	eventually(t, "the loops", func() bool { return len(p.running()) == 2 })
	d := p.connect()
	d.ask("SELECT 0")
	before := p.Traffic()
	if login := before.Clients; login.In == 0 || login.Out == 0 || before.Backends["a"].Connections != 1 {
		t.Errorf("behind the login: %+v, %d connections", login, before.Backends["a"].Connections)
	}
	var asked, answered uint64
	for n := range 20 {
		p.take(p.only(), n%2)
		text := fmt.Sprintf("SELECT %*d", n*1000, n)
		d.ask(text)
		answer := wire.AppendLenencString(nil, []byte(text))
		asked += uint64(wire.HeaderLen + 1 + len(text))
		answered += uint64(wire.HeaderLen*5 + 1 + len(peerDef) + 2*len(peerEOF) + len(answer))
	}
	check := func(when string) {
		t.Helper()
		now := p.Traffic()
		in, out := now.Clients.In-before.Clients.In, now.Clients.Out-before.Clients.Out
		if in != asked || out != answered {
			t.Errorf("%s: clients have sent %d bytes, and got %d; want %d and %d", when, in, out, asked, answered)
		}
		a, was := now.Backends["a"], before.Backends["a"]
		if a.Out-was.Out != asked || a.In-was.In != answered {
			t.Errorf("%s: the backend has got %d bytes, and sent %d; want %d and %d", when, a.Out-was.Out, a.In-was.In, asked, answered)
		}
		if got := statementsOf(a); !maps.Equal(got, map[string]uint64{"query ok": 21}) {
			t.Errorf("%s: %v", when, got)
		}
	}
	check("with two loops")
	p.take(p.only(), 1)
	p.SetLoops(1)
	eventually(t, "the second loop to end", func() bool { return len(p.running()) == 1 })
	check("when the second has ended")
	check("and later")
}

// What came of each statement is counted by its command.
func TestTrafficCountsOutcomes(t *testing.T) {
	t.Parallel()
	type is = map[string]uint64
	ask := func(d *driver, texts ...string) {
		for _, text := range texts {
			d.query(text)
			_, _ = d.row()
		}
	}
	for name, test := range map[string]struct {
		act  func(p *proxied, d *driver)
		a, b is
	}{
		"answered": {func(_ *proxied, d *driver) {
			ask(d, "SELECT 1")
			d.write(0, []byte{byte(wire.ComPing)})
			_, _ = d.next(1)
			d.write(0, append([]byte{byte(wire.ComInitDB)}, "x"...))
			_, _ = d.next(1)
			d.write(0, append([]byte{byte(wire.ComStmtClose)}, 1, 0, 0, 0)) // has no answer
			d.write(0, []byte{byte(wire.ComQuit)})
			_, _ = io.Copy(io.Discard, d)
		}, is{"query ok": 1, "ping ok": 1, "session ok": 1}, is{}},
		"refused":         {func(_ *proxied, d *driver) { ask(d, "FAIL", "SELECT 1") }, is{"query ok": 1, "query error": 1}, is{}},
		"run once more":   {func(_ *proxied, d *driver) { ask(d, "SELECT 'lose'", "SELECT 2") }, is{"query again": 1}, is{"query ok": 2}},
		"outcome unknown": {func(p *proxied, d *driver) { ask(d, "LOSE"); p.onB(); ask(d, "SELECT 2") }, is{"query lost": 1}, is{"query ok": 1}},
		"its client goes": {func(p *proxied, d *driver) {
			d.query("WAIT")
			p.waitState(Busy)
			reset(d.TCPConn)
		}, is{"query deserted": 1}, is{}},
		"cut": {func(p *proxied, d *driver) {
			d.query("WAIT")
			p.waitState(Busy)
			p.Close()
			_, _ = io.Copy(io.Discard, d)
		}, is{"query lost": 1}, is{}},
		"sent behind the session's end": {func(p *proxied, d *driver) {
			ask(d, "SELECT 1")
			p.stop()
			_, _ = io.Copy(io.Discard, d)
			d.query("SELECT 2")
			d.query("SELECT 3")
		}, is{"query ok": 1}, is{}},
		"sent behind one that was cut": {func(p *proxied, d *driver) {
			d.query("WAIT")
			p.waitState(Busy)
			p.Close()
			_, _ = io.Copy(io.Discard, d)
			d.query("SELECT 2")
			d.write(0, []byte{byte(wire.ComPing)})
		}, is{"query lost": 1}, is{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, d := between(t, func(c *peerConn) {
				answering(func(c *peerConn, command []byte) bool {
					switch text := string(command[1:]); text {
					case "FAIL":
						return c.send(1, append([]byte{0xff, 0x28, 0x04}, "#42000no"...))
					case "WAIT":
						_, _, _ = c.r.Next()
						return false
					case "LOSE", "SELECT 'lose'":
						return false
					}
					return c.send(1, peerOK)
				})(c)
			}, echo)
			test.act(p, d)
			_ = d.Close()
			p.waitSessions(0)
			if got := statementsOf(p.passed("a")); !maps.Equal(got, test.a) {
				t.Errorf("a: %v, want %v", got, test.a)
			}
			if got := statementsOf(p.passed("b")); !maps.Equal(got, test.b) {
				t.Errorf("b: %v, want %v", got, test.b)
			}
		})
	}
}

// A statement's response time is its own, also of one that was sent ahead; Segue's own talk has none.
func TestTrafficMeasuresResponses(t *testing.T) {
	t.Parallel()
	const takes = 30 * time.Millisecond
	next := make(chan []byte)
	p := start(t, Options{}, newPeer(t, steps(next)).spec("a"))
	d := p.connect()
	if n := p.passed("a").Response.Count; n != 0 {
		t.Errorf("%d responses before the first statement", n)
	}
	began := time.Now()
	for range 3 {
		d.query("SELECT 1")
	}
	p.waitState(Busy)
	for range 3 {
		time.Sleep(takes) // which is what is measured
		next <- peerOK
		_, _ = d.next(1)
	}
	took := time.Since(began)
	eventually(t, "the answers", func() bool { return p.passed("a").Response.Count == 3 })
	h := &p.passed("a").Response
	if h.Sum > took || h.Sum < 3*takes*9/10 {
		t.Errorf("three statements, one behind the other, took %v, and %v in all", took, h.Sum)
	}
	if least := counts.Bound(slices.IndexFunc(h.Buckets[:], func(n uint64) bool { return n > 0 })); least < takes*9/10 {
		t.Errorf("the shortest took %v", least)
	}
}

// Of a backend that is no more nothing is told, once no session is there.
func TestTrafficForgetsRemovedBackends(t *testing.T) {
	t.Parallel()
	p := start(t, Options{}, newPeer(t, echo).spec("a"), newPeer(t, echo).spec("b"))
	p.SetLoops(2)
	_ = p.registry.SetAdmin("b", backend.Maint)
	d := p.connect()
	d.ask("SELECT 1")
	_ = d.Close()
	p.waitSessions(0)
	p.SetLoops(1)
	eventually(t, "one loop", func() bool { return len(p.running()) == 1 })
	if n := p.passed("a").Response.Count; n != 1 {
		t.Errorf("%d statements", n)
	}
	p.registry.Apply(p.specs()[1:])
	eventually(t, "a to be forgotten", func() bool { return p.Traffic().Backends["a"] == nil })
	if p.Traffic().Clients.In == 0 {
		t.Error("with what clients have sent")
	}
}

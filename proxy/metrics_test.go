package proxy

import (
	"io"
	"maps"
	"testing"
	"time"

	"segue/backend"
	"segue/backend/wire"
	"segue/proxy/ledger"
)

// Each way in which a session can end is counted under its name, and what its client saw of it.
func TestEndsAreCounted(t *testing.T) {
	t.Parallel()
	query := func(d *driver) {
		d.query("SELECT 1")
		_, _ = d.row()
	}
	for _, c := range []struct {
		end    End
		kind   ledger.Kind // of the client's error; empty: it saw none
		script func(c *peerConn)
		act    func(m *measured, d *driver)
	}{
		{ClientQuit, "", echo, func(_ *measured, d *driver) {
			d.write(0, []byte{byte(wire.ComQuit)})
		}},
		{ClientGone, "", echo, func(_ *measured, d *driver) { _ = d.Close() }},
		{BackendGone, ledger.LostIdle, func(c *peerConn) { c.login() }, func(_ *measured, d *driver) {
			_, _ = io.Copy(io.Discard, d)
			d.write(0, []byte{byte(wire.ComQuit)}) // no error
		}},
		{BackendGone, ledger.LostStatement, func(c *peerConn) { c.login(); _, _, _ = c.r.Next() }, func(_ *measured, d *driver) { query(d) }},
		{BackendGone, ledger.LostTransaction, func(c *peerConn) {
			c.login()
			_, _, _ = c.r.Next()
			c.send(1, []byte{0, 0, 0, 3, 0, 0, 0})
		}, func(_ *measured, d *driver) {
			query(d)
			_, _ = io.Copy(io.Discard, d) // otherwise it may have left before its backend has
		}},
		{BackendGone, ledger.LostUnread, func(c *peerConn) {
			c.login()
			_, _ = io.ReadFull(c, make([]byte, 5))
		}, func(_ *measured, d *driver) {
			d.write(0, []byte{byte(wire.ComMulti)}) // opaque
			_, _ = io.Copy(io.Discard, d)
		}},
		{Drained, "", echo, func(m *measured, d *driver) {
			m.leave("a")
			_, _ = io.Copy(io.Discard, d)
			d.write(0, []byte{byte(wire.ComQuit)}) // what a pool does that has noticed
		}},
		{Drained, ledger.LostUnsent, echo, func(m *measured, d *driver) {
			m.leave("a")
			_, _ = io.Copy(io.Discard, d)
			d.query("SELECT 1") // what one does that has not
			m.waitValue(clientErrors, string(ledger.LostUnsent), 1)
		}},
		{Timeout, ledger.LostDeadline, steps(make(chan []byte)), func(m *measured, d *driver) {
			d.query("SELECT 1")
			m.waitState(Busy)
			m.leave("a")
			_, _ = d.row()
		}},
		{Shutdown, "", echo, func(m *measured, d *driver) {
			m.stop()
			_, _ = io.Copy(io.Discard, d)
		}},
		{Shutdown, ledger.LostDeadline, steps(make(chan []byte)), func(m *measured, d *driver) {
			d.query("SELECT 1")
			m.waitState(Busy)
			m.Close()
			_, _ = d.row()
		}},
		{Protocol, "", func(c *peerConn) {
			c.login()
			_, _, _ = c.r.Next()
			c.send(1, append([]byte{0xfb}, "x"...))
			_, _ = io.Copy(io.Discard, c)
		}, func(_ *measured, d *driver) { query(d) }},
	} {
		t.Run(c.end.String()+" "+string(c.kind), func(t *testing.T) {
			t.Parallel()
			m := measure(t, Options{DrainTimeout: 2 * time.Second}, newPeer(t, c.script).spec("a"), newPeer(t, echo).spec("b"))
			_ = m.registry.SetAdmin("b", backend.Maint)
			d := m.connect()
			m.ready("b")
			c.act(m, d)
			_ = d.Close()
			m.waitValue(ends, "a,"+c.end.String(), 1)
			m.waitSessions(0)
			for kind, n := range m.series(clientErrors) {
				if want := map[bool]float64{true: 1}[ledger.Kind(kind) == c.kind]; n != want {
					t.Errorf("%s{%s} is %v, want %v", clientErrors, kind, n, want)
				}
			}
			if n := len(m.series(ends)); n != 1 {
				t.Errorf("%d ends, want 1: %v", n, m.series(ends))
			}
		})
	}
}

func TestEndsInTheConnectionPhaseAreCounted(t *testing.T) {
	for _, c := range []struct {
		want   string
		kind   ledger.Kind
		script func(c *peerConn)
		client func(d *driver)
	}{
		{",no_backend", ledger.LostConnect, failures["too many connections"], func(d *driver) { _ = d.login("pw") }},
		{"a,refused", "", native("ABCDEFGHIJKLMNOPQRST", nil), func(d *driver) { _ = d.login("no") }},
		{"a,client_gone", "", echo, func(d *driver) { _, _ = d.next(0) }},
		{"a,protocol", "", echo, func(d *driver) { _, _ = d.next(0); d.write(1, []byte("garbage")); _, _ = d.next(2) }},
		{",backend_gone", ledger.LostConnect, failures["EOF behind the client's answer"], func(d *driver) { d.caps &^= wire.ClientPluginAuth; _ = d.login("pw") }},
	} {
		t.Run(c.want, func(t *testing.T) {
			t.Parallel()
			m := measure(t, Options{ConnectBudget: 3 * time.Second}, newPeer(t, c.script).spec("a"))
			d := m.dial()
			c.client(d)
			_ = d.Close()
			m.waitValue(ends, c.want, 1)
			for kind, n := range m.series(clientErrors) {
				if want := map[bool]float64{true: 1}[ledger.Kind(kind) == c.kind]; n != want {
					t.Errorf("%s{%s} is %v, want %v", clientErrors, kind, n, want)
				}
			}
		})
	}
}

// What is hidden is counted by kind; what the client saw in the end is not.
func TestHiddenFailuresAreCounted(t *testing.T) {
	t.Parallel()
	for name, kind := range map[string]ledger.Kind{
		"EOF before the greeting": ledger.SetupClosed, "reset before the greeting": ledger.SetupClosed, "silence": ledger.SetupTimeout, "too many connections": ledger.SetupErr,
		"not MySQL": ledger.SetupMalformed, "EOF behind the client's answer": ledger.SetupClosed, "connection limit after the password": ledger.SetupErr,
		"hang behind the client's answer": ledger.SetupTimeout,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := measure(t, hurried(name), newPeer(t, failures[name]).spec("bad"),
				newPeer(t, native("abcdefghijklmnopqrst", nil)).spec("good"))
			_ = m.registry.SetAdmin("good", backend.Drain)
			d := m.dial()
			logged := make(chan error, 1)
			go func() { logged <- d.login("pw") }()
			eventually(t, "the first attempt", func() bool {
				s := m.Sessions()
				return len(s) == 1 && s[0].State != Accepted.String()
			})
			m.ready("good")
			if err := <-logged; err != nil {
				t.Fatal(err)
			}
			eventually(t, "a hidden failure of kind "+string(kind), func() bool { return m.series(hidden)["retried,"+string(kind)] >= 1 }) // behind the client's OK
			if n := m.series("segue_dial_duration_seconds")["good"]; n != 1 {
				t.Errorf("%v dials of good are counted, want 1", n)
			}
		})
	}
}

func TestSeenFailuresAreNotHidden(t *testing.T) {
	m := measure(t, Options{}, newPeer(t, failures["EOF behind the client's answer"]).spec("a"))
	d := m.dial()
	d.caps &^= wire.ClientPluginAuth
	if d.login("pw") == nil {
		t.Fatal("no error")
	}
	for kind, n := range m.series(hidden) {
		if n != 0 {
			t.Errorf("%s{%s} is %v, and the client saw it", hidden, kind, n)
		}
	}
}

func TestSessionsAreCounted(t *testing.T) {
	t.Parallel()
	m := measure(t, Options{}, newPeer(t, steps(make(chan []byte, 1))).spec("a"), newPeer(t, echo).spec("b"))
	_ = m.registry.SetAdmin("b", backend.Maint)
	m.connect()
	m.connect().query("SELECT 1")
	m.waitValue("segue_sessions", "a,busy", 1)
	if got := m.series("segue_sessions"); got["a,idle"] != 1 || got["b,idle"] != 0 || len(got) != 3 {
		t.Errorf("segue_sessions are %v", got)
	}
	p := measure(t, Options{}, newPeer(t, func(c *peerConn) {
		c.login()
		_, _, _ = c.r.Next()
		c.send(1, []byte{0, 0, 0, 3, 0, 0, 0})
		_, _ = io.Copy(io.Discard, c)
	}).spec("a"))
	p.connect().query("BEGIN")
	p.waitValue("segue_sessions_pinned", "transaction", 1)
	p.waitValue("segue_sessions", "a,pinned", 1)
}

func TestPanicsAreCounted(t *testing.T) {
	m := measure(t, Options{}, newPeer(t, echo).spec("a"))
	d := m.connect()
	m.list()[0].sabotage()
	d.query("x")
	m.waitValue("segue_session_panics_total", "", 1)
	m.waitValue(ends, "a,protocol", 1)
}

// The series of a removed backend vanish once its last session has ended, whatever drain it was under.
func TestSeriesOfARemovedBackendVanish(t *testing.T) {
	for name, drain := range map[string]bool{"at once": false, "while it is drained": true, "with its sessions gone": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newPeer(t, echo).spec("b")
			m := measure(t, Options{}, newPeer(t, echo).spec("a"), b)
			_ = m.registry.SetAdmin("b", backend.Maint)
			d := m.connect()
			other := m.connect()
			_ = other.Close()
			m.waitValue(ends, "a,client_gone", 1)
			m.ready("b")
			if drain {
				_ = m.registry.SetAdmin("a", backend.Drain)
				eventually(t, "the drain", m.draining)
			}
			if name == "with its sessions gone" {
				_ = d.Close()
				m.waitSessions(0)
			}
			m.registry.Apply([]backend.Spec{b})
			_ = d.Close()
			m.waitSessions(0)
			gone := func() bool {
				families, err := m.metrics.Gather()
				if err != nil {
					t.Fatal(err)
				}
				for _, f := range families {
					for _, metric := range f.GetMetric() {
						for _, l := range metric.GetLabel() {
							if l.GetName() == "backend" && l.GetValue() == "a" {
								return false
							}
						}
					}
				}
				return true
			}
			eventually(t, "the series to vanish", gone)
			m.ask(func(w *worker) {
				if n, list := len(w.folds), len(w.order); n != 0 || list != 0 {
					t.Errorf("%d backends are remembered without sessions", n)
				}
			})
		})
	}
}

// Moves that fail are counted from the beginning: a rate sees the first one only beside the 0 before it. What has been removed has no series.
func TestFailedMovesAreCountedFromTheBeginning(t *testing.T) {
	t.Parallel()
	m := measure(t, Options{}, newPeer(t, echo).spec("a"), newPeer(t, echo).spec("b"))
	moves := func(want map[string]float64) {
		t.Helper()
		eventually(t, "moves", func() bool { return maps.Equal(m.series("segue_session_moves_total"), want) })
	}
	moves(map[string]float64{"a,failed,": 0, "b,failed,": 0})
	if n := len(m.Trips()); n != 0 {
		t.Errorf("%d of none", n)
	}
	m.Server.metrics.moves.WithLabelValues("a", "", "failed").Add(2)
	m.lookAgain()
	moves(map[string]float64{"a,failed,": 2, "b,failed,": 0})
	m.registry.Apply([]backend.Spec{newPeer(t, echo).spec("c")})
	moves(map[string]float64{"c,failed,": 0})
}

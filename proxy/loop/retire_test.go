package loop

import (
	"testing"
	"time"
)

// A loop that retires ends when nobody is assigned to it and it has no connection, and not before.
func TestRetire(t *testing.T) {
	for name, o := range pollers() {
		t.Run(name, func(t *testing.T) {
			old, young := start(t, o), start(t, o)
			young.Assign()
			if young.Assigned() != 1 || old.Assigned() != 0 {
				t.Errorf("%d, %d", young.Assigned(), old.Assigned())
			}
			p, far := adopted(t, young, "tcp")
			young.Retire()
			if !young.Retiring() || old.Retiring() {
				t.Error("another loop retires")
			}
			var s Socket
			do(t, young, func() { s, _ = p.conn.Detach() })
			do(t, young, func() {}) // it lives: somebody is assigned to it
			do(t, old, func() { _ = p.conn.Adopt(old, s, p) })
			_, _ = far.Write([]byte("x"))
			if b := wait(t, p.read); string(b) != "x" {
				t.Errorf("%q", b)
			}
			young.Release()
			eventually(t, "it ends", func() bool { return !young.Post(Func(func(*Loop) {})) })
			do(t, old, func() { p.conn.Close() })
		})
	}
}

// A loop that retires with connections ends with the last of them.
func TestRetireWithConnections(t *testing.T) {
	for name, o := range pollers() {
		t.Run(name, func(t *testing.T) {
			l := start(t, o)
			p, _ := adopted(t, l, "tcp")
			l.Retire()
			do(t, l, func() {}) // it lives
			do(t, l, func() { p.conn.Close() })
			eventually(t, "it ends", func() bool { return !l.Post(Func(func(*Loop) {})) })
		})
	}
}

// A loop knows how long it has worked.
func TestBusy(t *testing.T) {
	for name, o := range pollers() {
		t.Run(name, func(t *testing.T) {
			l := start(t, o)
			do(t, l, func() {})
			before := l.Busy()
			do(t, l, func() {
				for began := time.Now(); time.Since(began) < 20*time.Millisecond; {
				}
			})
			do(t, l, func() {})
			eventually(t, "it has been busy", func() bool { return l.Busy()-before >= 20*time.Millisecond })
			idle := l.Busy()
			b := &bell{rang: make(chan *Timer, 1)}
			do(t, l, func() { l.Arm(&b.timers[0], b, l.Now()+int64(500*time.Millisecond)) })
			wait(t, b.rang)
			if got := l.Busy() - idle; got > 400*time.Millisecond {
				t.Errorf("busy for %v while it slept", got)
			}
		})
	}
}

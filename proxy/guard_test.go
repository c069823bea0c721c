package proxy

import (
	"testing"

	"segue/backend"
)

// A panic in the middle of a move ends the session that moves and leaves nothing of it behind, on either backend.
func TestPanicInAMoveEndsOneSession(t *testing.T) {
	for name, sabotage := range map[string]func(s *Server){
		"while it is rebuilt": func(s *Server) { s.metrics.dial = nil },     // behind the greeting of the new backend
		"when it arrives":     func(s *Server) { s.metrics.moveTime = nil }, // … and behind all there is to be rebuilt
	} {
		for how, begin := range map[string]func(m *measured){
			"leaving": func(m *measured) { m.leave("a") },
			"lost":    func(m *measured) { m.closeBackends("a") },
		} {
			t.Run(name+"/"+how, func(t *testing.T) { // not parallel: descriptors are counted
				c := newPeer(t, echo).spec("c")
				m := measure(t, known(), newPeer(t, echo).spec("a"), newPeer(t, echo).spec("b"), c)
				_ = m.registry.SetAdmin("a", backend.Maint)
				_ = m.registry.SetAdmin("b", backend.Maint)
				other := m.connect() // on c
				before := descriptors(t)
				m.ready("a")
				d := m.connect()
				d.ask("SELECT 1")
				m.ready("b")
				m.ask(func(*worker) { sabotage(m.Server) })
				begin(m)
				d.waitEOF()
				_ = d.Close()
				m.waitSessions(1)
				m.waitValue("segue_session_panics_total", "", 1)
				if n, _ := m.gate.Counts(); n != 0 {
					t.Errorf("%d slots are taken", n)
				}
				for _, b := range m.registry.Backends() {
					want := map[bool]int{true: 1}[b.Name() == "c"]
					if n := b.Status().Sessions; n != want {
						t.Errorf("%s has %d sessions, want %d", b.Name(), n, want)
					}
				}
				eventually(t, "the descriptors", func() bool { return descriptors(t) <= before })
				other.ask("SELECT 1")
			})
		}
	}
}

// A panic in a task that serves all sessions ends a round of it.
func TestPanicInATaskEndsARound(t *testing.T) {
	m := measure(t, known(), newPeer(t, echo).spec("a"), newPeer(t, echo).spec("b"))
	_ = m.registry.SetAdmin("b", backend.Maint)
	d := m.connect()
	var sound []*fold
	m.ask(func(w *worker) { sound, w.order = w.order, []*fold{nil} })
	m.ready("b") // wakes watch, and watch finds nonsense
	eventually(t, "a panic", func() bool { return m.series("segue_task_panics_total")[""] > 0 })
	m.ask(func(w *worker) { w.order = sound })
	m.leave("a")
	m.onB()
	d.ask("SELECT 1")
}

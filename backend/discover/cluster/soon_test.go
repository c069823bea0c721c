package cluster

import (
	"testing"
	"testing/synctest"
	"time"

	"segue/backend"
	"segue/backend/discover"
	"segue/backend/discover/nodes"
)

// It is asked again within seconds of a sign that somebody else may lead by now: another health, an operator's word, a backend that says so; and often for a minute from then on.
func TestSoonAfterASign(t *testing.T) {
	for name, sign := range map[string]func(*backend.Registry, chan struct{}){
		"health":   func(r *backend.Registry, _ chan struct{}) { r.SetHealth(r.Backends()[0], backend.Down, "refused") },
		"operator": func(r *backend.Registry, _ chan struct{}) { _ = r.SetAdmin(r.Backends()[0].Name(), backend.Drain) },
		"hint":     func(_ *backend.Registry, hints chan struct{}) { hints <- struct{}{} },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, hints := registryOf("a:1", "b:1"), make(chan struct{}, 1)
				for _, b := range r.Backends() {
					r.SetHealth(b, backend.Up, "")
				}
				s := &Source{Registry: r, Interval: time.Hour, Hints: hints}
				began := time.Now()
				time.AfterFunc(10*time.Minute, func() { sign(r, hints) })
				if err := s.wait(t.Context(), time.Hour, s.standing()); err != nil {
					t.Fatal(err)
				}
				if took := time.Since(began) - 10*time.Minute; took < soonest || took > soon {
					t.Errorf("after %s", took)
				}
				if often := time.Now().Before(s.alert); often != (name != "hint") {
					t.Errorf("often: %v", often)
				}
			})
		})
	}
}

// Hints that lead to nothing new are heard ever more seldom; one that has led to a new leader has it asked often.
func TestHintsThatLeadNowhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, hints := registryOf("a:1"), make(chan struct{}, 1)
		s := &Source{Registry: r, Interval: 10 * time.Minute, Hints: hints}
		answer := func(leader nodes.Role) discover.Answer {
			return discover.Answer{Found: []discover.Found{{Node: nodes.Node{Address: "a:1", Role: leader}}}}
		}
		s.compare(answer(nodes.Follower), time.Now())
		stop := make(chan struct{})
		go func() {
			for {
				select {
				case hints <- struct{}{}: // again and again, as errors come
					time.Sleep(time.Millisecond)
				case <-stop:
					return
				}
			}
		}()
		asked := 0
		for began := time.Now(); time.Since(began) < 10*time.Minute; asked++ {
			if err := s.wait(t.Context(), 10*time.Minute, s.standing()); err != nil {
				t.Fatal(err)
			}
			s.compare(answer(nodes.Follower), time.Now())
		}
		close(stop)
		if asked > 15 {
			t.Errorf("asked %d times in ten minutes", asked)
		}
		s.hinted = true
		if s.compare(answer(nodes.Leader), time.Now()); !time.Now().Before(s.alert) {
			t.Error("somebody else leads, and it is not asked often")
		}
	})
}

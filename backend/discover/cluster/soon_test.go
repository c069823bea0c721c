package cluster

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"segue/backend"
	"segue/backend/discover"
	"segue/backend/discover/nodes"
)

// It is asked again within seconds of a sign that somebody else may lead by now: another health, an operator's word, a backend that says so; and some times more from then on.
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
				if often := s.alert > 0; often != (name != "hint") {
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
		if s.compare(answer(nodes.Leader), time.Now()); s.alert == 0 {
			t.Error("somebody else leads, and it is not asked often")
		}
	})
}

// askedWhileHinted counts how often it asks within a time in which hints come again and again.
func askedWhileHinted(t *testing.T, s *Source, hints chan struct{}, within time.Duration, answer discover.Answer) (asked int) {
	t.Helper()
	stop := make(chan struct{})
	var sending sync.WaitGroup
	sending.Go(func() {
		for {
			select {
			case hints <- struct{}{}:
				time.Sleep(time.Millisecond)
			case <-stop:
				return
			}
		}
	})
	defer func() { close(stop); sending.Wait() }()
	for began := time.Now(); time.Since(began) < within; asked++ {
		s.compare(answer, time.Now())
		if err := s.wait(t.Context(), s.next(answer), s.standing()); err != nil {
			t.Fatal(err)
		}
	}
	return asked
}

// A cluster that cannot be asked is asked no more often for what applications hear of it: that is when it is in trouble.
func TestHintsWhileAskingFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hints := make(chan struct{}, 1)
		s := &Source{Registry: registryOf("a:1"), Interval: 30 * time.Second, Hints: hints}
		if asked := askedWhileHinted(t, s, hints, 10*time.Minute, discover.Answer{Err: errNobody}); asked > 50 {
			t.Errorf("asked %d times in ten minutes", asked)
		}
	})
}

// An upgrade of three nodes, each of which is drained, goes, comes back and is let in again, costs a cluster so many questions of one Segue and no more; fewer where somebody spares it.
func TestQuestionsOverAnUpgrade(t *testing.T) {
	for interval, most := range map[time.Duration]int{30 * time.Second: 75, 10 * time.Minute: 30} {
		synctest.Test(t, func(t *testing.T) {
			r := registryOf("a:1", "b:1", "c:1")
			s := &Source{Registry: r, Interval: interval, Flavor: backend.TiDB}
			for _, b := range r.Backends() {
				r.SetHealth(b, backend.Up, "")
			}
			signs := []func(b *backend.Backend){
				func(b *backend.Backend) { _ = r.SetAdmin(b.Name(), backend.Drain) },
				func(b *backend.Backend) { r.SetHealth(b, backend.Down, "refused") },
				func(b *backend.Backend) { r.SetHealth(b, backend.Up, "") },
				func(b *backend.Backend) { _ = r.SetAdmin(b.Name(), backend.Ready) },
			}
			for i := range 12 {
				time.AfterFunc(time.Duration(i+1)*time.Minute, func() { signs[i%4](r.Backends()[i/4]) })
			}
			var answer discover.Answer
			for _, b := range r.Backends() {
				answer.Found = append(answer.Found, discover.Found{Node: nodes.Node{Address: b.Address(), Alive: true}})
			}
			asked := 0
			for began := time.Now(); time.Since(began) < 14*time.Minute; asked++ {
				before := s.standing()
				s.compare(answer, time.Now())
				if err := s.wait(t.Context(), s.next(answer), before); err != nil {
					t.Fatal(err)
				}
			}
			if asked < 12 || asked > most {
				t.Errorf("with an interval of %v: %d questions", interval, asked)
			}
		})
	}
}

package proxy

import (
	"testing"

	"segue/proxy/loop"
)

func TestEveryStateCanBeReachedAndClosed(t *testing.T) {
	reached := oneOf(Accepted)
	for range numStates {
		for s := range numStates {
			if reached.has(s) {
				reached |= next[s]
			}
		}
	}
	for s := range numStates {
		if !reached.has(s) {
			t.Errorf("%v cannot be reached", s)
		}
		if s != Closed && !next[s].has(Closed) {
			t.Errorf("%v cannot be closed", s)
		}
		if next[s].has(s) {
			t.Errorf("%v follows itself", s)
		}
	}
	if next[Closed] != 0 {
		t.Error("something follows closed")
	}
}

func TestNamesAreCompleteAndDistinct(t *testing.T) {
	seen := map[string]bool{}
	for s := range numStates {
		if n := s.String(); n == "" || seen[n] {
			t.Errorf("state %d is named %q", s, n)
		}
		seen[s.String()] = true
	}
	seen = map[string]bool{}
	for e := range numEnds {
		if n := e.String(); n == "" || seen[n] {
			t.Errorf("end %d is named %q", e, n)
		}
		seen[e.String()] = true
	}
}

func TestEnterPanicsOnAnImpossibleTransition(t *testing.T) {
	s := &session{w: &worker{loop: new(loop.Loop)}}
	s.enter(Leasing)
	defer func() {
		if recover() == nil {
			t.Error("leasing → busy did not panic")
		}
	}()
	s.enter(Busy)
}

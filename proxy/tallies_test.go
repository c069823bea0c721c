package proxy

import (
	"maps"
	"testing"

	"segue/backend"
	"segue/proxy/ledger"
)

// What is counted without asking each session is what the metrics count.
func TestTallies(t *testing.T) {
	s := NewServer(backend.NewRegistry(backend.Options{}), Options{}, nil, nil)
	if n := len(s.Trips()) + len(s.FailurePlaces()) + s.Count(); n != 0 {
		t.Errorf("of nothing: %d", n)
	}
	for range 2 {
		s.metrics.moves.WithLabelValues("fe-1", "fe-2", "ok").Inc()
	}
	s.metrics.moves.WithLabelValues("fe-1", "", "failed").Inc()
	if got := s.Trips(); !maps.Equal(got, map[Trip]uint64{{"fe-1", "fe-2", "ok"}: 2, {"fe-1", "", "failed"}: 1}) {
		t.Errorf("moves: %v", got)
	}
	s.ledger.Enter(ledger.Incident{Backend: "fe-1", Kind: ledger.Leaving, Action: ledger.Moved})
	if got := s.FailurePlaces(); !maps.Equal(got, map[ledger.Place]uint64{{Backend: "fe-1", Kind: ledger.Leaving, Action: ledger.Moved}: 1}) {
		t.Errorf("failures: %v", got)
	}
	id := s.enrol()
	if id == 0 || s.Count() != 1 {
		t.Errorf("%d sessions after one has come", s.Count())
	}
	s.metrics.forget("fe-1")
	if got := s.Trips(); len(got) != 0 {
		t.Errorf("moves of a backend that is forgotten: %v", got)
	}
}

package proxy

import "segue/proxy/ledger"

// What is had without asking each session: for whoever looks once a second.

// Count is how many sessions there are, those that are being set up included.
func (s *Server) Count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.ids)
}

// FailurePlaces counts what has failed by backend. The counts of one that has been removed are dropped.
func (s *Server) FailurePlaces() map[ledger.Place]uint64 { return s.ledger.Places() }

// Trip is from where to where sessions have been taken, and what came of it; To is empty where nothing did.
type Trip struct{ From, To, Result string }

// Trips counts moves, as segue_session_moves_total does; what has not happened is not in it.
func (s *Server) Trips() map[Trip]uint64 {
	trips := map[Trip]uint64{}
	families, err := s.metrics.trips.Gather()
	if err != nil || len(families) == 0 { // there has been none
		return trips
	}
	for _, m := range families[0].GetMetric() {
		labels := map[string]string{}
		for _, l := range m.GetLabel() {
			labels[l.GetName()] = l.GetValue()
		}
		if n := m.GetCounter().GetValue(); n > 0 {
			trips[Trip{labels["from"], labels["to"], labels["result"]}] = uint64(n)
		}
	}
	return trips
}

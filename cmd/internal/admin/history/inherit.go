package history

import "slices"

// Inherit begins with what another history knows, told in steps of the two resolutions: coarse of all that it knows, fine of the last quarter of an
// hour. It changes nothing where something has been seen already.
func (h *History) Inherit(coarse, fine Extract) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.began.IsZero() || coarse.Began.IsZero() {
		return
	}
	h.began = coarse.Began
	h.total = newSeries(coarse.Until)
	h.total.inherit(coarse.Total, fine.Total)
	for _, from := range coarse.Lanes[:min(len(coarse.Lanes), mostLanes)] {
		if len(from.States) == 0 {
			continue
		}
		l := &lane{address: from.Address, states: ring[Span]{most: mostStates}, series: newSeries(coarse.Until)}
		for _, s := range from.States {
			l.states.add(s)
		}
		l.present = !l.states.last().Removed
		if l.present {
			h.order = append(h.order, from.Name)
		}
		var last []Sample
		if i := slices.IndexFunc(fine.Lanes, func(of Lane) bool { return of.Name == from.Name }); i >= 0 {
			last = fine.Lanes[i].Samples
		}
		l.series.inherit(from.Samples, last)
		h.lanes[from.Name] = l
	}
	for _, f := range coarse.Failures {
		h.failures.add(f)
	}
	for _, m := range coarse.Moves {
		h.moves.add(m)
	}
}

func (s *series) inherit(coarse, fine []Sample) {
	for _, v := range coarse {
		s.coarse.add(v.narrow())
	}
	for _, v := range fine {
		s.fine.add(v.narrow())
	}
}

// narrow is s as it is kept.
func (s Sample) narrow() sample {
	return sample{
		unix: s.Time.UnixMilli(), covers: float32(s.Seconds), sessions: narrow(uint64(max(s.Sessions, 0))), statements: narrow(s.Statements), errors: narrow(s.Errors),
		p50: float32(s.P50), p99: float32(s.P99), seen: narrow(s.Seen), hidden: narrow(s.Hidden), in: narrow(s.In), out: narrow(s.Out),
	}
}

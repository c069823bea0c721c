package history

import (
	"slices"
	"strings"
	"time"
)

// Extract tells what has been since from, in no more samples of a backend than points, which is above zero.
func (h *History) Extract(from, now time.Time, points int) Extract {
	h.mu.Lock()
	defer h.mu.Unlock()
	from = latest(from, now.Add(-Longest))
	x := Extract{Began: h.began, From: from, Until: now, Lanes: []Lane{}, Total: []Sample{}, Failures: []Failures{}, Moves: []Moves{}}
	step := stepFor(now.Sub(from), points)
	x.Step = step.Seconds()
	if h.began.IsZero() {
		return x
	}
	x.Total = h.total.from(from, now, step)
	for _, name := range h.names() {
		l := h.lanes[name]
		if lane := (Lane{name, l.address, l.statesSince(from), l.series.from(from, now, step)}); len(lane.States) > 0 {
			x.Lanes = append(x.Lanes, lane)
		}
	}
	for f := range h.failures.each {
		if f.Time.After(from) {
			x.Failures = append(x.Failures, *f)
		}
	}
	for m := range h.moves.each {
		if m.Time.After(from) {
			x.Moves = append(x.Moves, *m)
		}
	}
	return x
}

// stepFor is how much of a span one sample covers where there may be so many points: whole steps of the ring that has them.
func stepFor(span time.Duration, points int) time.Duration {
	unit := coarseStep
	if span <= mostFine*fineStep {
		unit = fineStep
	}
	n := (span + time.Duration(points)*unit - 1) / (time.Duration(points) * unit)
	return max(n, 1) * unit
}

// names are those of the configuration in its order, and then those that it has no longer.
func (h *History) names() []string {
	var gone []string
	for name, l := range h.lanes {
		if !l.present {
			gone = append(gone, name)
		}
	}
	slices.SortFunc(gone, strings.Compare)
	return slices.Concat(h.order, gone)
}

// statesSince are the states since a moment, and the one before. None: the backend had been removed by then.
func (l *lane) statesSince(from time.Time) []Span {
	list := []Span{}
	for s := range l.states.each {
		if !s.Since.After(from) {
			list = list[:0]
		}
		list = append(list, *s)
	}
	if len(list) == 1 && list[0].Removed && !list[0].Since.After(from) {
		return nil
	}
	return list
}

// Began is since when anything is known; zero: nothing is.
func (h *History) Began() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.began
}

// SeenSince is how many failures clients have seen since a moment, and how many were hidden from them, as far back as is known.
func (h *History) SeenSince(from, now time.Time) (seen, hidden uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.began.IsZero() {
		return 0, 0
	}
	for _, s := range h.total.from(from, now, Longest) {
		seen += s.Seen
		hidden += s.Hidden
	}
	return seen, hidden
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

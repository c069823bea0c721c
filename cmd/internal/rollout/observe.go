package rollout

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// observe adds what Segues tell of failures since they were last asked. One that cannot be asked is asked later, and what it has counted meanwhile is not lost as long as it lives.
func (s *State) observe(f *Facts) {
	for _, m := range []*map[string]int64{&s.ErrorKinds, &s.HiddenKinds} {
		if *m == nil {
			*m = map[string]int64{}
		}
	}
	if s.Ledgers == nil {
		s.Ledgers = map[string]Ledger{}
	}
	for i := range f.Segues {
		g := &f.Segues[i]
		if g.Error != "" {
			continue
		}
		s.tally(f.Now, g.Address, Ledger{Started: g.Started, Seen: g.Seen, Hidden: g.Hidden})
		for _, other := range g.Others {
			s.tally(f.Now, g.Address, other)
		}
		s.remember(g)
	}
	if p := s.of(s.Current); p != nil {
		p.Errors, p.Hidden = s.Errors-p.ErrorsBefore, s.Hidden-p.HiddenBefore
	}
}

// tally adds what one process of a Segue has counted since it was last asked. All that one has counted is this rollout's if it was started since that began: it has replaced another
// one, or has taken over from it. Of one that was there before, and is met now, nothing is.
func (s *State) tally(now time.Time, at string, told Ledger) {
	key := at + " " + told.Started.UTC().Format(time.RFC3339Nano)
	last, known := s.Ledgers[key]
	if !known && !told.Started.After(s.Began) {
		last = told
	}
	for _, kind := range slices.Sorted(maps.Keys(told.Seen)) {
		if d := told.Seen[kind] - last.Seen[kind]; d > 0 {
			s.Errors += d
			s.ErrorKinds[kind] += d
			s.note(now, s.Current, "error", fmt.Sprintf("%d of %s, seen by clients of %s", d, kind, at))
		}
	}
	for _, kind := range slices.Sorted(maps.Keys(told.Hidden)) {
		if d := told.Hidden[kind] - last.Hidden[kind]; d > 0 {
			s.Hidden += d
			s.HiddenKinds[kind] += d
		}
	}
	s.Ledgers[key] = Ledger{Started: told.Started, Seen: maps.Clone(told.Seen), Hidden: maps.Clone(told.Hidden)}
}

// Saw says how many errors clients have seen, as far as anybody was asked.
func (s *State) Saw() string {
	if !s.Ask.Fleet {
		return "no Segue was asked what clients saw (--fleet)"
	}
	return "clients saw " + plural(int(s.Errors), "error") + "; " + plural(int(s.Hidden), "failure") + " hidden from them"
}

// mostSeen is how many errors are kept with their causes.
const mostSeen = 1000

// remember keeps the errors that clients saw since the rollout began, each once.
func (s *State) remember(g *Segue) {
	for _, i := range g.Incidents {
		i.Segue = g.Address
		if i.Time.Before(s.Began) || len(s.Seen) >= mostSeen || slices.ContainsFunc(s.Seen, func(o Incident) bool { return o.is(&i) }) {
			continue
		}
		i.Node = s.Current
		s.Seen = append(s.Seen, i)
	}
}

// is tells whether two are the same error.
func (i *Incident) is(o *Incident) bool {
	return i.Segue == o.Segue && i.Time.Equal(o.Time) && i.Session == o.Session && i.Kind == o.Kind && i.Client == o.Client
}

// overBudget says why clients have seen too many errors; empty: they have not.
func (s *State) overBudget() string {
	if p := s.of(s.Current); p != nil && p.Errors > s.Ask.BudgetNode {
		return fmt.Sprintf("clients saw %s while %s was in work; --budget-node is %d", plural(int(p.Errors), "error"), p.Node, s.Ask.BudgetNode)
	}
	if n := s.Errors - s.Spent; n > s.Ask.Budget {
		return fmt.Sprintf("clients have seen %s; --budget is %d", plural(int(n), "error"), s.Ask.Budget)
	}
	return ""
}

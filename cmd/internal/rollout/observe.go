package rollout

import (
	"fmt"
	"maps"
	"slices"
)

// observe adds what Segues tell of failures since they were last asked. One that was restarted counts from zero again; one that cannot be asked is asked later, and what
// it has counted meanwhile is not lost as long as it lives.
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
		last, known := s.Ledgers[g.Address]
		switch {
		case !known:
			last = Ledger{Seen: g.Seen, Hidden: g.Hidden} // what was before is not this rollout's
		case !last.Started.Equal(g.Started):
			last = Ledger{}
		}
		now := f.Now
		for _, kind := range slices.Sorted(maps.Keys(g.Seen)) {
			if d := g.Seen[kind] - last.Seen[kind]; d > 0 {
				s.Errors += d
				s.ErrorKinds[kind] += d
				s.note(now, s.Current, "error", fmt.Sprintf("%d of %s, seen by clients of %s", d, kind, g.Address))
			}
		}
		for _, kind := range slices.Sorted(maps.Keys(g.Hidden)) {
			if d := g.Hidden[kind] - last.Hidden[kind]; d > 0 {
				s.Hidden += d
				s.HiddenKinds[kind] += d
			}
		}
		s.remember(g)
		s.Ledgers[g.Address] = Ledger{Started: g.Started, Seen: maps.Clone(g.Seen), Hidden: maps.Clone(g.Hidden)}
	}
	if p := s.of(s.Current); p != nil {
		p.Errors, p.Hidden = s.Errors-p.ErrorsBefore, s.Hidden-p.HiddenBefore
	}
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
	if s.Errors > s.Ask.Budget {
		return fmt.Sprintf("clients have seen %s; --budget is %d", plural(int(s.Errors), "error"), s.Ask.Budget)
	}
	return ""
}

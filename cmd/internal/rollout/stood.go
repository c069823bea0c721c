package rollout

import (
	"fmt"
	"maps"

	"segue/backend"
)

// stood keeps what operators had said of a node before its turn, to each Segue and to frontends: it holds again when that is over. What the rollout itself has said is none of that, and
// of a Segue that cannot be asked what was known holds.
func (p *Progress) stood(f *Facts, n *Node) {
	if !p.Avoided {
		p.Disabled, p.DisabledFor = n.Disabled, n.DisabledFor
	}
	former := p.Stood
	p.Stood = nil
	for i := range f.Segues {
		g := &f.Segues[i]
		is, b := former[g.Address], g.Backend(n)
		if g.Error == "" {
			is = backend.Ready
		}
		if b != nil && (b.Admin != backend.Drain || !p.Drained[g.Address]) {
			is = b.Admin
		}
		if is != backend.Ready {
			if p.Stood == nil {
				p.Stood = map[string]backend.Admin{}
			}
			p.Stood[g.Address] = is
		}
	}
}

// drains keeps that Segues are about to be told to drain the node. One that cannot be asked may be reached by then.
func (p *Progress) drains(f *Facts, n *Node) {
	for i := range f.Segues {
		g := &f.Segues[i]
		b := g.Backend(n)
		if _, before := p.Stood[g.Address]; before || b == nil && g.Error == "" || b != nil && b.Admin != backend.Ready {
			continue
		}
		if p.Drained == nil {
			p.Drained = map[string]bool{}
		}
		p.Drained[g.Address] = true
	}
}

// undrained forgets those that have been seen not to drain it.
func (p *Progress) undrained(f *Facts, n *Node) {
	maps.DeleteFunc(p.Drained, func(address string, _ bool) bool {
		for i := range f.Segues {
			if g := &f.Segues[i]; g.Address == address {
				b := g.Backend(n)
				return b != nil && b.Admin != backend.Drain
			}
		}
		return false
	})
}

// after is what a Segue is to be told of the node when its turn is over. A Segue that was not there before has it ready.
func (p *Progress) after(address string) backend.Admin {
	if p == nil {
		return backend.Ready
	}
	return p.Stood[address]
}

// unavoid is how somebody has frontends use a backend again, but for what somebody else had said before.
func (p *Progress) unavoid(doris bool) string {
	n := p.Last
	if doris {
		n.DisabledFor = map[string]string{"query": "load", "load": "query"}[p.DisabledFor]
	}
	return n.unavoid(doris)
}

// unavoid is how somebody has frontends use a backend again.
func (n *Node) unavoid(doris bool) string {
	switch {
	case doris && n.DisabledFor != "":
		return `ALTER SYSTEM MODIFY BACKEND "` + n.ID + `" SET ("disable_` + n.DisabledFor + `" = "false")`
	case doris:
		return `ALTER SYSTEM MODIFY BACKEND "` + n.ID + `" SET ("disable_query" = "false"), and so for "disable_load",`
	case n.Kind == Compute:
		return "DELETE COMPUTE NODE BLACKLIST " + n.ID + " on each of them"
	}
	return "DELETE BACKEND BLACKLIST " + n.ID + " on each of them"
}

// Undo is how somebody has the node in work used again, which was drained and not stopped; empty: there is none such.
func (s *State) Undo() string {
	p := s.of(s.Current)
	switch {
	case p == nil || p.Phase != Draining || p.Stopped:
		return ""
	case p.Avoided:
		return p.unavoid(s.Doris) + " has frontends use " + p.Node + " again"
	case p.Last.stores() || len(p.Drained) == 0:
		return ""
	}
	return fmt.Sprintf("`segue ready %s` in each Segue gives %s sessions again", p.Node, p.Node)
}

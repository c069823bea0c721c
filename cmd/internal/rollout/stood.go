package rollout

import "segue/backend"

// stood keeps what operators had said of a node before its turn, to each Segue and to frontends: it holds again when that is over.
func (p *Progress) stood(f *Facts, n *Node) {
	p.Stood, p.Disabled = nil, n.Disabled && !p.Avoided
	for i := range f.Segues {
		g := &f.Segues[i]
		if b := g.Backend(n); b != nil && b.Admin != backend.Ready {
			if p.Stood == nil {
				p.Stood = map[string]backend.Admin{}
			}
			p.Stood[g.Address] = b.Admin
		}
	}
}

// after is what a Segue is to be told of the node when its turn is over. A Segue that was not there before has it ready.
func (p *Progress) after(address string) backend.Admin {
	if p == nil {
		return backend.Ready
	}
	return p.Stood[address]
}

// unavoid is how somebody has frontends use a backend again.
func (p *Progress) unavoid(doris bool) string {
	if !doris {
		return "DELETE BACKEND BLACKLIST " + p.Last.ID + " on each of them"
	}
	return `ALTER SYSTEM MODIFY BACKEND "` + p.Last.ID + `" SET ("disable_query" = "false"), and so for "disable_load",`
}

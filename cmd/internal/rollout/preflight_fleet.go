package rollout

import (
	"cmp"
	"fmt"
	"slices"

	"segue/backend"
)

// fleet: every Segue can be asked, and has where to move sessions.
func (c *checks) fleet() {
	if !c.Ask.Fleet {
		c.add(Finding{Check: CheckFleet, Severity: Warn, What: "no Segue is asked: nothing is drained before a node is stopped", Remedy: "--fleet ADDRESS,… with the admin address of every Segue in front of the cluster"}, true)
		return
	}
	well := true
	if len(c.Segues) == 0 {
		well = false
		c.add(Finding{Check: CheckFleet, Severity: Stop, What: "no Segue was found", Remedy: "--fleet with addresses, dns:NAME:PORT, kubernetes:SERVICE:PORT or file:PATH; `getent hosts NAME`"}, true)
	}
	for i := range c.Segues {
		g := &c.Segues[i]
		f := Finding{Check: CheckFleet, Severity: Stop, Segue: g.Address}
		switch {
		case g.Error != "" && c.Ask.MayMiss(g.Address):
			f.Severity, f.What = Warn, fmt.Sprintf("Segue %s cannot be asked, and is passed over: %s", g.Address, g.Error)
		case g.Error != "":
			f.What = fmt.Sprintf("Segue %s cannot be asked: %s", g.Address, g.Error)
			f.Remedy = "segue status --admin " + g.Address + "; or --accept " + f.ID() + ", and its clients may see errors"
		case c.next == nil || c.next.Address == "":
			continue
		case g.Backend(c.next) == nil:
			f.Node = c.next.Name // it may have it by an address that nobody could tell to be this one, and sessions there
			f.What = fmt.Sprintf("Segue %s has no backend with its address %s: nothing would be drained there", g.Address, c.next.Address)
			f.Remedy = "segue backends --admin " + g.Address + "; --name NODE=" + c.next.Address + " with the name that it has there; or --accept " + f.ID() + " where it is not to have it"
		case !g.others(c.next):
			f.Of = ofOthers
			f.What = fmt.Sprintf("Segue %s has no other backend that is usable: its clients would wait", g.Address)
			f.Remedy = "segue backends --admin " + g.Address + "; or --accept " + f.ID()
		default:
			continue
		}
		well = false
		c.add(f, true)
	}
	well = c.drained() && well
	if well {
		c.add(Finding{Check: CheckFleet, Severity: OK, What: plural(len(c.Segues), "Segue") + " asked: all answer, and have where to move sessions"}, true)
	}
}

// drained tells whether a Segue keeps sessions off a node that is not in work: that is somebody else's doing, another rollout's or an operator's, and two nodes at a time would be away.
// Where that is accepted it is as it was when the node's turn is over (see Progress.Stood).
func (c *checks) drained() (none bool) {
	none = true
	for i := range c.Segues {
		g := &c.Segues[i]
		for j := range c.Facts.Nodes {
			n := &c.Facts.Nodes[j]
			b := g.Backend(n)
			if b == nil || b.Admin == backend.Ready || n.Name == c.Current {
				continue
			}
			none = false
			f := Finding{Check: CheckFleet, Severity: Stop, Node: n.Name, Segue: g.Address}
			f.What = fmt.Sprintf("Segue %s has it in %s, and not for this rollout: somebody else is at work", g.Address, b.Admin)
			f.Remedy = "ask who it is; or `segue ready " + b.Name + " --admin " + g.Address + "`; or --accept " + f.ID() + ", and it is in " + b.Admin.String() + " again when its turn is over"
			c.add(f, true)
		}
	}
	return none
}

// others tells whether another backend takes sessions.
func (s *Segue) others(n *Node) bool {
	own := s.Backend(n)
	for i := range s.Backends {
		if b := &s.Backends[i]; b != own && b.usable() {
			return true
		}
	}
	return false
}

// sessions: what cannot move, and why.
func (c *checks) sessions() {
	if !c.Ask.Fleet {
		return
	}
	list := sticking(c.Facts)
	for _, x := range list {
		c.add(Finding{Check: CheckSessions, Severity: Warn, Node: x.Node, What: plural(x.Count, "session") + " that cannot move now: " + x.Why, Remedy: "`segue sessions` lists them; they end or are cut at drain.timeout"}, false)
	}
	if len(list) == 0 {
		c.add(Finding{Check: CheckSessions, Severity: OK, What: "every session can move now"}, false)
	}
	c.loads()
}

// loads: what is loaded over HTTP now, by node.
func (c *checks) loads() {
	for i := range c.Facts.Nodes {
		n := &c.Facts.Nodes[i]
		count := 0
		for j := range c.Segues {
			count += len(c.Segues[j].loads(n, c.of(n.Name)))
		}
		if count > 0 {
			c.add(Finding{
				Check: CheckSessions, Severity: Warn, Node: n.Name, What: plural(count, "load") + " over HTTP in flight: it is stopped when they have ended",
				Remedy: "`segue sessions --loads` lists them; they are waited for, for --drain-timeout",
			}, false)
		}
	}
}

// sticking counts the sessions that cannot move, by node and reason.
func sticking(f *Facts) (list []Stuck) {
	for i := range f.Segues {
		g := &f.Segues[i]
		for _, x := range g.Sticking {
			name := x.Backend
			for j := range f.Nodes {
				if b := g.Backend(&f.Nodes[j]); b != nil && b.Name == x.Backend {
					name = f.Nodes[j].Name
				}
			}
			at := slices.IndexFunc(list, func(s Stuck) bool { return s.Node == name && s.Why == x.Why })
			if at < 0 {
				list = append(list, Stuck{Node: name, Why: x.Why})
				at = len(list) - 1
			}
			list[at].Count++
		}
	}
	slices.SortFunc(list, func(a, b Stuck) int { return cmp.Or(cmp.Compare(a.Node, b.Node), cmp.Compare(a.Why, b.Why)) })
	return list
}

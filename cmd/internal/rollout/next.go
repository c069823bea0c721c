package rollout

// Verdict says which node may go now, or why none may.
type Verdict struct {
	Node     string    `json:"node"` // empty: none may
	Host     string    `json:"host,omitempty"`
	Address  string    `json:"address,omitempty"` // of its MySQL port; backends have none
	Kind     Kind      `json:"kind,omitempty"`
	Role     Role      `json:"role,omitempty"`
	Why      string    `json:"why,omitempty"`
	Turn     string    `json:"turn,omitempty"` // whose turn it is, also where it may not go
	Done     int       `json:"done"`
	All      int       `json:"all"`
	Finished bool      `json:"finished"` // none is left
	Findings []Finding `json:"findings"`
}

// Next says which node may go now. The order is made anew, since another frontend may lead by now.
func (s *State) Next(f *Facts) Verdict {
	var v Verdict
	v.Done, v.All = s.count()
	var turn *Turn
	for _, t := range Order(f, s.Back) {
		if p := s.of(t.Node); p != nil && p.Phase == Waiting {
			turn = &t
			break
		}
	}
	if turn == nil {
		v.Finished = !s.lost(f)
		v.Findings = Preflight(f, s, nil)
		if !v.Finished && len(Blocking(v.Findings)) == 0 {
			v.Findings = append(v.Findings, Finding{Check: CheckMembers, Severity: Stop, What: "a node that is to go is not there", Blocks: true})
		}
		return v
	}
	n := f.Node(turn.Node)
	v.Turn, v.Findings = turn.Node, Preflight(f, s, n)
	if len(Blocking(v.Findings)) == 0 {
		v.Node, v.Host, v.Address, v.Kind, v.Role, v.Why = n.Name, n.Host, n.Address, n.Kind, n.Role, turn.Why
	}
	return v
}

// lost tells whether a node that is to go is one that the cluster does not tell of.
func (s *State) lost(f *Facts) bool {
	for i := range s.Nodes {
		if p := &s.Nodes[i]; p.Phase == Waiting && f.Node(p.Node) == nil {
			return true
		}
	}
	return false
}

// Recognize marks as done the nodes that somebody else has taken through it: those with the version that is asked for, and where none is and all is true those that are another
// process than they were.
func (s *State) Recognize(f *Facts, all bool) {
	for i := range s.Nodes {
		p := &s.Nodes[i]
		n := f.Node(p.Node)
		if n == nil || p.Phase != Waiting || s.Back || n.serves() != "" {
			continue
		}
		if s.Ask.Version != "" && SameVersion(n.Version, s.Ask.Version) || all && s.Ask.Version == "" && p.restarted(n, f.Now) {
			p.Phase, p.Since, p.Ended, p.After = Done, f.Now, f.Now, n.Version
			s.note(f.Now, p.Node, "seen", "it has gone through it already"+versionOf(n))
		}
	}
}

// Plan is who goes when and why, and what stands against it.
type Plan struct {
	Order    []Turn    `json:"order"`
	Next     Verdict   `json:"next"`
	Sticking []Stuck   `json:"sticking,omitempty"`
	Findings []Finding `json:"-"`
}

// Stuck is how many sessions cannot move from a node for one reason.
type Stuck struct {
	Node  string `json:"node"`
	Why   string `json:"why"`
	Count int    `json:"count"`
}

// Plan says who goes when and why, and what stands against it.
func (s *State) Plan(f *Facts) Plan {
	p := Plan{Next: s.Next(f), Sticking: sticking(f)}
	for _, t := range Order(f, s.Back) {
		q := s.of(t.Node)
		if q == nil || q.Phase == Left {
			continue
		}
		t.Done = q.Phase == Done
		p.Order = append(p.Order, t)
	}
	p.Findings = p.Next.Findings
	return p
}

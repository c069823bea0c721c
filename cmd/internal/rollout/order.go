package rollout

import (
	"cmp"
	"slices"
)

// Turn is a node's place in the order.
type Turn struct {
	Node string `json:"node"`
	Kind Kind   `json:"kind"`
	Role Role   `json:"role,omitempty"`
	Why  string `json:"why"` // it goes then
	Done bool   `json:"done"`
}

// Order is who goes when: backends and compute nodes, then observers, followers and the leader; replicas before the primary; otherwise as they are listed. Who leads may change,
// so that the order holds for one moment only. back is the order in which nodes are taken back to a former version: frontends first, since backends must never be older than these.
func Order(f *Facts, back bool) []Turn {
	nodes := make([]*Node, 0, len(f.Nodes))
	for i := range f.Nodes {
		nodes = append(nodes, &f.Nodes[i])
	}
	slices.SortStableFunc(nodes, func(a, b *Node) int { return cmp.Compare(rank(a, back), rank(b, back)) })
	turns := make([]Turn, 0, len(nodes))
	for _, n := range nodes {
		turns = append(turns, Turn{Node: n.Name, Kind: n.Kind, Role: n.Role, Why: why(n, back)})
	}
	return turns
}

// rank is the larger the later a node goes.
func rank(n *Node, back bool) int {
	storage := 0 // backends and compute nodes, among frontends
	if back {
		storage = 10
	}
	switch n.Kind {
	case Backend:
		return storage
	case Compute:
		return storage + 1
	case Frontend, Server:
	}
	switch n.Role {
	case Observer:
		return 5
	case Leader, Primary:
		return 7
	case NoRole, Follower, Replica:
	}
	return 6
}

func why(n *Node, back bool) string {
	switch {
	case (n.Kind == Backend || n.Kind == Compute) && back:
		return "backends and compute nodes go back last: they may not be older than frontends"
	case n.Kind == Backend:
		return "backends go first, one by one"
	case n.Kind == Compute:
		return "compute nodes go before frontends, one by one"
	case n.Role == Observer:
		return "an observer has no vote: it goes before followers"
	case n.Role == Follower:
		return "followers go before the leader"
	case n.Role == Leader:
		return "the leader goes last: its going costs an election"
	case n.Role == Replica:
		return "read_only is on: it goes before the primary"
	case n.Role == Primary:
		return "it takes writes: it goes last"
	}
	return "in the order of the list"
}

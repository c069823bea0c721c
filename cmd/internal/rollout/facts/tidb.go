package facts

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"segue/backend/discover/nodes"
	"segue/backend/discover/sql"
	"segue/backend/wire"
	"segue/cmd/internal/rollout"
	"segue/cmd/internal/rollout/run"
)

// notListed is what is said of a server that the cluster does not tell of. One that ends gracefully is forgotten at once, one that was killed within a minute.
const notListed = "information_schema.cluster_info does not tell of it: it is down, or its address is that of no TiDB server of this cluster"

// tidb finds out which servers a cluster of TiDB has: those that it tells of, and those that were given or were there before and that it does not tell of. Where it
// cannot be asked, or there is no PD that could know, the list that was given is all there is.
func (s *Source) tidb(ctx context.Context, f *rollout.Facts, q run.Question) {
	if s.User == "" {
		f.Listed = "no account was given (--user, --password-file)"
		s.list(f)
		return
	}
	list, err := s.clusterInfo(ctx, q.Avoid)
	switch {
	case err != nil:
		f.Unseen[rollout.CheckMembers] = "information_schema.cluster_info: " + err.Error()
		s.list(f)
	case !slices.ContainsFunc(list, func(n nodes.Node) bool { return n.Type == "pd" }):
		f.Listed = "each server has a store of its own, and tells of itself alone (information_schema.cluster_info has no pd)"
		s.list(f)
	default:
		s.told(f, list)
	}
	s.missed(f, q.Known)
}

// clusterInfo asks the first server that lets the account in.
func (s *Source) clusterInfo(ctx context.Context, avoid string) ([]nodes.Node, error) {
	c, err := s.dial(ctx, avoid)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	t, err := s.query(ctx, c, nodes.ClusterInfo)
	if err != nil {
		return nil, err
	}
	return nodes.ParseClusterInfo(t)
}

// tidbSelf takes from a server that tells of itself what the cluster would have told. Its start time is in its own zone, which the same process always has.
func (s *Source) tidbSelf(ctx context.Context, c *sql.Conn, n *rollout.Node) bool {
	t, err := c.Query(ctx, nodes.ClusterInfo)
	if err != nil {
		return false
	}
	list, err := nodes.ParseClusterInfo(t)
	list = slices.DeleteFunc(list, func(o nodes.Node) bool { return o.Kind != nodes.Server })
	if err != nil || len(list) != 1 || list[0].LastStart.IsZero() {
		return false
	}
	n.Version, n.Start, n.Exact = cmp.Or(wire.Shown(list[0].Version, wire.MaxShown), n.Version), list[0].LastStart, true
	return true
}

// told takes the servers for nodes, and what stands beside them (PD, TiKV, TiFlash) for what it is.
func (s *Source) told(f *rollout.Facts, list []nodes.Node) {
	f.Told = true
	for i := range list {
		switch n := s.nodeOf(&list[i]); {
		case list[i].Kind == nodes.Server:
			if superseded(&list[i], list) {
				continue
			}
			if up := list[i].Uptime; up > 0 { // the start time is in the zone of whoever answers, which may be another one next time
				n.Start, n.Uptime = time.Now().Add(-up).Truncate(time.Second), up
			}
			f.Nodes = append(f.Nodes, n)
		case list[i].Type == "pd" || list[i].Type == "tikv" || list[i].Type == "tiflash":
			f.Beside = append(f.Beside, rollout.Beside{Name: list[i].Name, Type: list[i].Type, Version: n.Version})
		}
	}
	for _, seed := range s.Seeds {
		if !slices.ContainsFunc(f.Nodes, func(n rollout.Node) bool { return n.Address == seed.Address || s.sameHost(n.Address, seed.Address) }) {
			f.Nodes = append(f.Nodes, rollout.Node{Name: seed.Name, Host: hostOf(seed.Address), Address: seed.Address, Kind: rollout.Server, ErrMsg: notListed})
		}
	}
	slices.SortStableFunc(f.Nodes, func(a, b rollout.Node) int { return s.placeOf(&a) - s.placeOf(&b) })
}

// superseded tells whether a later process has the same address: PD tells of one that was killed for another 45 seconds.
func superseded(n *nodes.Node, list []nodes.Node) bool {
	return slices.ContainsFunc(list, func(o nodes.Node) bool {
		return o.Kind == n.Kind && o.Address == n.Address && o.LastStart.After(n.LastStart)
	})
}

// missed adds the servers that were there before: one that is being restarted is not told of, and is one of the nodes all the same.
func (s *Source) missed(f *rollout.Facts, known []rollout.Node) {
	for i := range known {
		if n := known[i]; n.Kind == rollout.Server && f.Node(n.Name) == nil {
			f.Nodes = append(f.Nodes, rollout.Node{Name: n.Name, Host: n.Host, Address: n.Address, HTTP: n.HTTP, Kind: n.Kind, ErrMsg: notListed})
		}
	}
}

// placeOf is a node's place among the seeds, behind which those come that nobody has named.
func (s *Source) placeOf(n *rollout.Node) int {
	for i, seed := range s.Seeds {
		if seed.Address == n.Address || s.sameHost(seed.Address, n.Address) {
			return i
		}
	}
	return len(s.Seeds)
}

// ownVersion is TiDB's version in a greeting as cluster_info has it: 8.5.0 of 8.0.11-TiDB-v8.5.0. A node that says both is one and the same.
func ownVersion(greeted string) string {
	if _, own, ok := strings.Cut(greeted, "-TiDB-"); ok {
		return strings.TrimPrefix(own, "v")
	}
	return greeted
}

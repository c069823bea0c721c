package facts

import (
	"context"
	"strconv"
	"sync"
	"time"

	"segue/backend"
	"segue/backend/discover/nodes"
	"segue/backend/discover/sql"
	"segue/cmd/internal/rollout"
	"segue/cmd/internal/rollout/run"
)

// servers asks each server about itself, of whom the cluster has not told all.
func (s *Source) servers(ctx context.Context, f *rollout.Facts, q run.Question) {
	if s.Flavor == backend.TiDB {
		s.tidb(ctx, f, q)
	} else {
		s.list(f)
	}
	if s.User == "" {
		f.Unseen[rollout.CheckPrimary] = "whether servers are read_only is not known: no account was given"
		return
	}
	var asking sync.WaitGroup
	for i := range f.Nodes {
		if n := &f.Nodes[i]; !n.Exact && n.Uptime == 0 {
			asking.Go(func() { s.server(ctx, n, s.spec(n.Address)) })
		}
	}
	asking.Wait()
}

// server asks one.
func (s *Source) server(ctx context.Context, n *rollout.Node, seed backend.Spec) {
	within, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	c, err := sql.Dial(within, s.target(seed))
	if err != nil {
		return // the probe says how it is
	}
	defer c.Close()
	n.Version = ownVersion(c.ServerVersion())
	if s.Flavor == backend.TiDB && s.tidbSelf(within, c, n) {
		return
	}
	if s.Flavor == backend.MySQL {
		if t, err := c.Query(within, nodes.Variables); err == nil {
			if told, err := nodes.ParseServer(t, seed.Address); err == nil {
				n.Version, n.Role = told.Version, roles[told.Role]
			}
		}
	}
	if t, err := c.Query(within, "SHOW GLOBAL STATUS LIKE 'Uptime'"); err == nil && t.Len() == 1 {
		value, _ := t.Get(0, "Value")
		if up, err := strconv.ParseFloat(value, 64); err == nil {
			n.Uptime = time.Duration(up * float64(time.Second))
			n.Start = time.Now().Add(-n.Uptime).Truncate(time.Second)
		}
	}
}

package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"segue/backend"
	"segue/backend/discover"
	"segue/backend/discover/nodes"
	"segue/backend/discover/sql"
)

// askTiDB asks a TiDB server for all of them. That it does not tell labels, or an id, is no failure.
func (s *Source) askTiDB(ctx context.Context, b *backend.Backend) (found []discover.Found, err error) {
	err = s.with(ctx, b, func(ctx context.Context, c *sql.Conn) error {
		table, err := c.Query(ctx, nodes.ClusterInfo)
		if err != nil {
			return err
		}
		list, err := nodes.ParseClusterInfo(table)
		if err != nil {
			return err
		}
		if labels, err := c.Query(ctx, nodes.ServersInfo); err == nil {
			_ = nodes.AddServersInfo(list, labels)
		}
		id := ""
		if table, err := c.Query(ctx, nodes.ClusterID); err == nil {
			id, _ = table.Get(0, "VARIABLE_VALUE")
		}
		for _, n := range list {
			if n.Cluster = id; n.Kind == nodes.Server {
				found = append(found, discover.Found{Node: n})
			}
		}
		return nil
	})
	return found, err
}

// mostServers is how many servers are asked at a time.
const mostServers = 4

// askServers asks each MySQL or MariaDB server about itself, which is no proof that it is still to be a backend. Who there is a group tells, if there is one.
func (s *Source) askServers(ctx context.Context) discover.Answer {
	list := s.Registry.Backends()
	if len(list) == 0 {
		return discover.Answer{Err: errNobody}
	}
	said := make([]word, len(list))
	errs := make([]error, len(list))
	var wg sync.WaitGroup
	turns := make(chan struct{}, mostServers)
	for i, b := range list {
		wg.Go(func() {
			turns <- struct{}{}
			defer func() { <-turns }()
			var err error
			if said[i], err = s.askServer(ctx, b); err != nil {
				errs[i] = fmt.Errorf("%s: %w", b.Name(), err)
			}
		})
	}
	wg.Wait()
	said = slices.DeleteFunc(said, func(w word) bool { return w.self.Address == "" })
	if len(said) == 0 {
		return discover.Answer{Err: errors.Join(errs...)}
	}
	return answerOf(said)
}

// word is what one server says.
type word struct {
	self  nodes.Node
	group []nodes.Node // the members of its group, as it sees them; none: it has no group
}

// sound reports whether most of the members of the group are alive, as the one that was asked sees them. One that has been expelled sees itself alone, in error;
// one that is cut off sees most of the others unreachable.
func (w word) sound() bool {
	alive := 0
	for _, n := range w.group {
		if n.Alive {
			alive++
		}
	}
	return 2*alive > len(w.group)
}

// answerOf makes one answer of what servers say. The members of a sound group are found, all of them; without one nobody is, and nobody is missing.
func answerOf(said []word) (a discover.Answer) {
	a.Partial = true
	for _, w := range said {
		a.About = append(a.About, w.self)
		if !w.sound() {
			continue
		}
		a.Partial = false
		for _, n := range w.group {
			if !slices.ContainsFunc(a.Found, func(f discover.Found) bool { return strings.EqualFold(f.Address, n.Address) }) {
				a.Found = append(a.Found, discover.Found{Node: n})
			}
		}
	}
	for i := range a.Found { // what a server says of itself counts more
		for _, n := range a.About {
			if f := &a.Found[i]; strings.EqualFold(f.Address, n.Address) {
				f.Node = n
			}
		}
	}
	return a
}

func (s *Source) askServer(ctx context.Context, b *backend.Backend) (w word, err error) {
	err = s.with(ctx, b, func(ctx context.Context, c *sql.Conn) error {
		table, err := c.Query(ctx, nodes.Variables)
		if err != nil {
			return err
		}
		if w.self, err = nodes.ParseServer(table, b.Address()); err != nil {
			return err
		}
		members, err := c.Query(ctx, nodes.GroupMembers)
		if err != nil {
			return nil // MariaDB has no such table, and an account may not see it
		}
		w.group, err = nodes.ParseGroupMembers(members)
		return err
	})
	return w, err
}

var _ discover.Source = (*Source)(nil)

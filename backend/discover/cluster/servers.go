package cluster

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"segue/backend"
	"segue/backend/discover"
	"segue/backend/discover/nodes"
	"segue/backend/discover/sql"
)

// askTiDB asks a TiDB server for all of them. That it does not tell labels is no failure.
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
		for _, n := range list {
			if n.Kind == nodes.Server {
				found = append(found, discover.Found{Node: n})
			}
		}
		return nil
	})
	return found, err
}

// mostServers is how many servers are asked at a time.
const mostServers = 4

// askServers asks each MySQL or MariaDB server for itself: nobody knows of all, unless there is group replication.
func (s *Source) askServers(ctx context.Context) (a discover.Answer) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	var errs []error
	turns := make(chan struct{}, mostServers)
	list := s.Registry.Backends()
	for _, b := range list {
		wg.Go(func() {
			turns <- struct{}{}
			defer func() { <-turns }()
			found, err := s.askServer(ctx, b)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", b.Name(), err))
			}
			a.Found = append(a.Found, found...)
		})
	}
	wg.Wait()
	a.Found = mergeServers(a.Found)
	a.Partial = len(errs) > 0 // who does not answer is not missing
	if len(a.Found) == 0 {
		a.Err = errors.Join(errs...)
		if len(list) == 0 {
			a.Err = errNobody
		}
	}
	return a
}

func (s *Source) askServer(ctx context.Context, b *backend.Backend) (found []discover.Found, err error) {
	err = s.with(ctx, b, func(ctx context.Context, c *sql.Conn) error {
		table, err := c.Query(ctx, nodes.Variables)
		if err != nil {
			return err
		}
		n, err := nodes.ParseServer(table, b.Address())
		if err != nil {
			return err
		}
		found = append(found, discover.Found{Node: n})
		members, err := c.Query(ctx, nodes.GroupMembers)
		if err != nil {
			return nil // MariaDB has no such table, and an account may not see it
		}
		group, err := nodes.ParseGroupMembers(members)
		if err != nil {
			return err
		}
		for _, n := range group {
			found = append(found, discover.Found{Node: n})
		}
		return nil
	})
	return found, err
}

// mergeServers has what a server says of itself before what others say of it.
func mergeServers(found []discover.Found) (list []discover.Found) {
	at := make(map[string]int)
	for _, f := range found {
		key := strings.ToLower(f.Address)
		i, ok := at[key]
		if !ok {
			at[key] = len(list)
			list = append(list, f)
		} else if f.Answering {
			list[i] = f
		}
	}
	return list
}

var _ discover.Source = (*Source)(nil)

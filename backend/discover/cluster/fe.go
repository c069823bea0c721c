package cluster

import (
	"context"
	"strings"

	"segue/backend"
	"segue/backend/discover"
	"segue/backend/discover/nodes"
	"segue/backend/discover/sql"
)

// mostIntroductions is how many FEs are asked for their HTTP port in one round.
const mostIntroductions = 8

// askFE asks an FE for all of them. An FE names its own http_port for each: of which it is right for itself, and a guess for the others until they have been asked.
func (s *Source) askFE(ctx context.Context, b *backend.Backend) ([]discover.Found, error) {
	list, err := s.frontends(ctx, b)
	if err != nil {
		return nil, err
	}
	s.introduce(ctx, list)
	found := make([]discover.Found, 0, len(list))
	s.curious = false
	for _, n := range list {
		key := strings.ToLower(n.Address)
		s.curious = s.curious || n.Alive && n.Address != "" && s.ports[key] == "" && !s.tried[key]
		if own := s.ports[strings.ToLower(n.Address)]; own != "" {
			n.HTTP = own
		}
		found = append(found, discover.Found{Node: n})
	}
	return found, nil
}

// frontends asks one FE, and keeps what it says of itself.
func (s *Source) frontends(ctx context.Context, b *backend.Backend) (list []nodes.Node, err error) {
	err = s.with(ctx, b, func(ctx context.Context, c *sql.Conn) error {
		table, err := c.Query(ctx, nodes.ShowFrontends)
		if err != nil {
			return err
		}
		if list, err = nodes.ParseFrontends(table); err != nil {
			return err
		}
		for _, n := range list {
			if n.Address != "" && (n.Answering || isAt(b, c, n.Address)) {
				s.learn(n.Address, n.HTTP)
			}
		}
		return nil
	})
	return list, err
}

func (s *Source) learn(address, http string) {
	if s.ports == nil {
		s.ports = make(map[string]string)
	}
	s.ports[strings.ToLower(address)] = http
}

// introduce asks those that have not named their own HTTP port yet, once each, as far as they are backends already.
func (s *Source) introduce(ctx context.Context, list []nodes.Node) {
	if s.tried == nil {
		s.tried = make(map[string]bool)
	}
	asked := 0
	for _, b := range s.Registry.Backends() {
		key := strings.ToLower(b.Address())
		if asked == mostIntroductions || ctx.Err() != nil {
			return
		}
		if b.Status().Health != backend.Up || s.ports[key] != "" || s.tried[key] || !names(list, key) {
			continue
		}
		s.tried[key] = true
		asked++
		_, _ = s.frontends(ctx, b) // what it does not tell stays a guess
	}
}

// names reports whether a list has a live node at an address.
func names(list []nodes.Node, address string) bool {
	for _, n := range list {
		if n.Alive && strings.ToLower(n.Address) == address {
			return true
		}
	}
	return false
}

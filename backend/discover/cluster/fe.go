package cluster

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"segue/backend"
	"segue/backend/discover"
	"segue/backend/discover/nodes"
	"segue/backend/discover/sql"
)

// The bounds of asking FEs for their HTTP ports.
const (
	mostIntroductions = 8 // in one round
	hurried           = 3 // … times soon, and then with ordinary questions, ever more seldom
)

// askFE asks an FE for all of them. An FE names its own http_port for each: of which it is right for itself, and a guess for the others until they have been asked.
func (s *Source) askFE(ctx context.Context, b *backend.Backend) ([]discover.Found, error) {
	list, err := s.frontends(ctx, b)
	if err != nil {
		return nil, err
	}
	s.introduce(ctx, list)
	found := make([]discover.Found, 0, len(list))
	for _, n := range list {
		if own := s.ports[strings.ToLower(n.Address)]; own != "" {
			n.HTTP = own
		} else {
			n.HTTPGuessed = true
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
			if n.Address != "" && (n.Answering || s.isAt(b, c, n.Address)) {
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

// introduce asks those that have not named their own HTTP port yet, as far as they are backends already: those that do not seem to be up as well, as a wrong guess
// makes them seem so. One that cannot be asked, or does not recognize itself, is asked again, soon at first.
func (s *Source) introduce(ctx context.Context, list []nodes.Node) {
	now := time.Now
	if s.now != nil {
		now = s.now
	}
	if s.tried == nil {
		s.tried = make(map[string]*attempt)
	}
	asked := 0
	s.curious = false
	present := make(map[string]bool)
	for _, b := range s.Registry.Backends() {
		at, key := s.nodeOf(b, list), strings.ToLower(b.Address())
		if present[key] = true; at == "" || s.ports[at] != "" {
			continue
		}
		t := s.tried[key]
		if t == nil {
			t = new(attempt)
			s.tried[key] = t
		}
		if asked < mostIntroductions && ctx.Err() == nil && !now().Before(t.next) {
			asked++
			_, _ = s.frontends(ctx, b) // what it does not tell stays a guess
			if t.times++; t.times >= hurried {
				t.next = now().Add(s.Interval << min(t.times-hurried, 5))
			}
		}
		s.curious = s.curious || s.ports[at] == "" && t.times < hurried
	}
	maps.DeleteFunc(s.tried, func(key string, _ *attempt) bool { return !present[key] })
	maps.DeleteFunc(s.ports, func(at, _ string) bool {
		return !slices.ContainsFunc(list, func(n nodes.Node) bool { return strings.EqualFold(n.Address, at) })
	})
}

// nodeOf gives the address, in lower case, of the live node of a list that a backend is; empty: of none.
func (s *Source) nodeOf(b *backend.Backend, list []nodes.Node) string {
	for _, n := range list {
		if n.Alive && n.Address != "" && s.same(b.Address(), n.Address) {
			return strings.ToLower(n.Address)
		}
	}
	return ""
}

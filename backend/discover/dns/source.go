package dns

import (
	"context"
	"errors"
	"net"
	"strconv"
	"strings"
	"time"

	"segue/backend/discover"
	"segue/backend/discover/nodes"
)

// Source is [discover.Source] for one name.
type Source struct {
	// Name is "host:port", for all addresses of a host, or "_service._proto.name", for the targets of its SRV records.
	Name string
	// Interval is the most that passes between two looks.
	Interval time.Duration
	Resolver Resolver
}

// least is the least that passes between two looks, whatever the TTL.
const least = time.Second

// Kind implements [discover.Source].
func (*Source) Kind() string { return "dns" }

// String implements [discover.Source].
func (s *Source) String() string { return "dns " + s.Name }

// Run implements [discover.Source].
func (s *Source) Run(ctx context.Context, tell func(discover.Answer)) error {
	pace := discover.Pace{Interval: least, Longest: max(s.Interval, least)}
	for {
		a, ttl := s.look(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		tell(a)
		d := pace.Failed()
		if a.Err == nil {
			pace.Answered()
			d = (&discover.Pace{Interval: min(max(ttl, least), max(s.Interval, least))}).Answered()
		}
		timer := time.NewTimer(d)
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
		}
	}
}

// look asks once.
func (s *Source) look(ctx context.Context) (a discover.Answer, ttl time.Duration) {
	if strings.HasPrefix(s.Name, "_") {
		r, partial, err := s.Resolver.Lookup(ctx, s.Name, SRV)
		for _, t := range r.Targets {
			a.Found = append(a.Found, found(t.Host, strconv.Itoa(int(t.Port))))
		}
		a.Err, a.Partial = err, partial
		return a, r.TTL
	}
	host, port, err := net.SplitHostPort(s.Name)
	if err != nil {
		return discover.Answer{Err: err}, 0
	}
	// A name with addresses of both kinds leads to the same servers by both. That it has none of the first kind has to be said: that nothing is known of them does
	// not mean that the others are all.
	r, partial, err := s.Resolver.Lookup(ctx, host, A)
	if errors.Is(err, ErrNone) || errors.Is(err, ErrNoName) {
		r, partial, err = s.Resolver.Lookup(ctx, host, AAAA)
	}
	for _, ip := range r.Addresses {
		a.Found = append(a.Found, found(ip.String(), port))
	}
	a.Err, a.Partial = err, partial
	return a, r.TTL
}

func found(host, port string) discover.Found {
	return discover.Found{Node: nodes.Node{Host: host, Address: net.JoinHostPort(host, port), Tablets: -1, RunningQueries: -1}}
}

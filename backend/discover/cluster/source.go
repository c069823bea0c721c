package cluster

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"segue/backend"
	"segue/backend/discover"
	"segue/backend/discover/sql"
)

// The bounds of asking.
const (
	askTime  = 5 * time.Second // of one node: SHOW FRONTENDS says nothing while there is no leader
	mostAsks = 3               // of nodes, until one has answered
	soonest  = 500 * time.Millisecond
	soon     = 4 * time.Second // between soonest and this many asks again when a backend has come or gone
	alerts   = 3               // after that, or a new role, it asks so many times more, as what follows, an election, say, need not be seen in any backend's health: …
	alertGap = 5 * time.Second // … after this, and then after twice as long each time; at least a sixth of the interval, with which somebody spares the cluster
)

// Source is [discover.Source] for a cluster of one flavor.
type Source struct {
	Flavor   backend.Flavor
	Registry *backend.Registry // whose backends are asked
	User     string
	Password string
	AnyKey   bool // as sql.Target has it
	Interval time.Duration
	// Hints is heard for somebody who has been told by a backend that another one leads, or that it takes no writes; nil: nobody is.
	Hints <-chan struct{}
	// Same tells whether two addresses are known to lead to the same server; nil: if they are equal.
	Same func(a, b string) bool

	cluster string              // the id of the cluster; empty: not known yet
	known   map[string]bool     // addresses that the last answer had, in lower case
	ports   map[string]string   // address of an FE, in lower case → the HTTP address that it has named itself
	tried   map[string]*attempt // address of a backend, likewise → how often it has been asked for that
	curious bool                // there are some to be asked, soon
	alert   int                 // so many times more it asks soon
	deaf    time.Time           // until then no hint is heard
	failing discover.Pace       // of questions that fail, or that find nobody who leads
	hints   discover.Pace       // of hints that have led to nothing new
	hinted  bool                // a hint is why it asks
	roles   map[string]string   // address → what the last answer said that it is
	now     func() time.Time    // nil: time.Now
}

// attempt is how it went to ask a backend for its own HTTP port.
type attempt struct {
	times int
	next  time.Time // then it is asked again
}

// Kind implements [discover.Source].
func (*Source) Kind() string { return "sql" }

// String implements [discover.Source].
func (s *Source) String() string { return "sql of " + s.Flavor.String() }

// Run implements [discover.Source].
func (s *Source) Run(ctx context.Context, tell func(discover.Answer)) error {
	for {
		before := s.standing()
		a := s.ask(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		tell(a)
		s.compare(a, time.Now())
		if err := s.wait(ctx, s.next(a), before); err != nil {
			return err
		}
	}
}

// next is when to ask again, behind an answer.
func (s *Source) next(a discover.Answer) time.Duration {
	d := (&discover.Pace{Interval: s.Interval}).Answered()
	s.failing.Interval, s.failing.Longest = soonest, s.Interval
	switch {
	case a.Err != nil:
		d = s.failing.Failed()
		if until := time.Now().Add(d); until.After(s.deaf) {
			s.deaf = until // who cannot be asked is asked no sooner for being in trouble
		}
	case s.leaderless(a.Found): // an election, or an answer from before it
		d = min(d, s.failing.Failed())
	default:
		s.failing.Answered()
		if s.curious {
			d = min(d, soonest+rand.N(soon-soonest))
		}
		if s.alert > 0 {
			gap := max(alertGap, s.Interval/6) << (alerts - s.alert)
			d = min(d, gap-gap/4+rand.N(gap/4))
			s.alert--
		}
	}
	return d
}

// compare judges by an answer whether it is worth asking often, and hearing hints.
func (s *Source) compare(a discover.Answer, now time.Time) {
	if a.Err != nil {
		s.unheard(now)
		return
	}
	roles := make(map[string]string)
	for _, f := range a.Found {
		roles[f.Address] = f.Role.String()
	}
	for _, n := range a.About {
		roles[n.Address] = n.Role.String()
	}
	changed := s.roles != nil && !maps.Equal(s.roles, roles)
	if s.roles = roles; changed {
		s.alert = alerts
	}
	if s.hinted && changed {
		s.hinted = false
		s.hints.Answered()
		return
	}
	s.unheard(now)
}

// unheard has a hint that has led to nothing heard ever more seldom: an application that writes to a replica all the time is no news.
func (s *Source) unheard(now time.Time) {
	if s.hinted {
		s.hinted = false
		s.hints.Interval, s.hints.Longest = soon, s.Interval
		s.deaf = now.Add(s.hints.Failed())
	}
}

// leaderless reports whether nobody leads of those that one is to lead, or whoever does so is seen to be down.
func (s *Source) leaderless(found []discover.Found) bool {
	if !s.Flavor.IsFE() {
		return false
	}
	standing := s.standing()
	return !slices.ContainsFunc(found, func(f discover.Found) bool {
		b, known := standing[f.Address]
		return f.Role.Writes() && f.Alive && (b.up || !known)
	})
}

// stand is how a backend stands: whether it is up, and what an operator wants of it.
type stand struct {
	up    bool
	admin backend.Admin
}

// standing says of each backend how it stands; those of whose health nothing is known yet are left out.
func (s *Source) standing() map[string]stand {
	m := make(map[string]stand)
	for _, b := range s.Registry.Backends() {
		if st := b.Status(); st.Health != backend.Unknown {
			m[b.Address()] = stand{st.Health == backend.Up, st.Admin}
		}
	}
	return m
}

// wait waits for d, or less if a backend stands otherwise than before, or somebody has heard that another one leads.
func (s *Source) wait(ctx context.Context, d time.Duration, before map[string]stand) error {
	timer, listen := time.NewTimer(d), time.NewTimer(time.Until(s.deaf))
	defer timer.Stop()
	defer listen.Stop()
	hints := (<-chan struct{})(nil) // until it listens
	until, hurried := time.Now().Add(d), false
	hurry := func(most time.Duration) {
		hurried = true
		if d := soonest + rand.N(most-soonest); time.Now().Add(d).Before(until) {
			timer.Reset(d)
		}
	}
	for {
		changed := s.Registry.Changed()
		if now := s.standing(); differ(before, now) {
			if s.alert = alerts; !hurried {
				hurry(soon)
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-timer.C:
			return nil
		case <-changed:
		case <-listen.C:
			hints = s.Hints
		case <-hints:
			if hints = nil; !hurried {
				s.hinted = true
				hurry(2 * soonest)
			}
		}
	}
}

// differ reports whether a backend that was known stands otherwise now. Those that were not are known before from now on.
func differ(before, now map[string]stand) (yes bool) {
	for address, is := range now {
		if was, known := before[address]; !known {
			before[address] = is
		} else if was != is {
			yes = true
		}
	}
	return yes
}

// candidates are the backends to ask, the best first: those that are up by chance, then the others.
func (s *Source) candidates() []*backend.Backend {
	list := slices.Clone(s.Registry.Backends())
	rand.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	slices.SortStableFunc(list, func(a, b *backend.Backend) int { return rank(a) - rank(b) })
	return list
}

func rank(b *backend.Backend) int {
	s := b.Status()
	switch {
	case s.Health == backend.Up && s.Admin == backend.Ready && s.Full == "":
		return 0
	case s.Health == backend.Up:
		return 1
	case s.Health == backend.Down:
		return 3
	}
	return 2
}

// errNobody: there is nobody to ask yet.
var errNobody = errors.New("no backend is known that could be asked")

// ask asks once.
func (s *Source) ask(ctx context.Context) discover.Answer {
	if s.Flavor == backend.MySQL {
		return s.askServers(ctx)
	}
	return s.gather(ctx, s.candidates(), s.askOne)
}

// gather asks candidates until one has answered; and a second one where nodes are missing, as one node alone may be behind, or of another cluster that has the
// same account.
func (s *Source) gather(ctx context.Context, candidates []*backend.Backend, ask func(context.Context, *backend.Backend) ([]discover.Found, error)) discover.Answer {
	var errs []error
	var first []discover.Found
	var lost []string
	others := false // who are up and could have been asked
	for _, b := range candidates {
		if len(errs) == mostAsks || ctx.Err() != nil {
			break
		}
		if first != nil && b.Status().Health != backend.Up {
			break // they come last
		}
		others = first != nil
		found, err := ask(ctx, b)
		if err == nil {
			err = s.ours(found, b)
		}
		switch {
		case err != nil:
			errs = append(errs, fmt.Errorf("%s: %w", b.Name(), err))
		case first != nil:
			return s.told(first, len(missing(lost, found)) < len(lost))
		default:
			if lost = missing(slices.Sorted(maps.Keys(s.known)), found); len(lost) == 0 {
				return s.told(found, false)
			}
			first = found
		}
	}
	switch {
	case first != nil:
		return s.told(first, others)
	case len(errs) == 0:
		return discover.Answer{Err: errNobody}
	}
	return discover.Answer{Err: errors.Join(errs...)}
}

// told makes an answer. One that is partial does not make those go that it does not name.
func (s *Source) told(found []discover.Found, partial bool) discover.Answer {
	if s.known == nil || !partial {
		s.known = make(map[string]bool)
	}
	for _, f := range found {
		if f.Address != "" {
			s.known[strings.ToLower(f.Address)] = true
		}
	}
	return discover.Answer{Found: found, Partial: partial}
}

// missing are those of addresses that an answer does not name.
func missing(addresses []string, found []discover.Found) (list []string) {
	for _, address := range addresses {
		if !slices.ContainsFunc(found, func(f discover.Found) bool { return strings.EqualFold(f.Address, address) }) {
			list = append(list, address)
		}
	}
	return list
}

// ours checks that an answer is about the cluster that is asked: the one that the first answer of a backend was about that the configuration names, or of any where
// it names none. An address in a cluster of containers may be another cluster's by now, and its accounts be the same.
func (s *Source) ours(found []discover.Found, b *backend.Backend) error {
	id := ""
	for _, f := range found {
		if f.Cluster != "" {
			id = f.Cluster
		}
	}
	switch {
	case id == "" || id == s.cluster:
		return nil
	case s.cluster != "":
		return fmt.Errorf("it is of cluster %.40q, and not of %.40q", id, s.cluster)
	}
	named := func(b *backend.Backend) bool { return b.Status().Source == "" }
	if named(b) || !slices.ContainsFunc(s.Registry.Backends(), named) {
		s.cluster = id
	}
	return nil
}

func (s *Source) askOne(ctx context.Context, b *backend.Backend) ([]discover.Found, error) {
	if s.Flavor == backend.TiDB {
		return s.askTiDB(ctx, b)
	}
	return s.askFE(ctx, b)
}

// with logs in on a backend and has do ask it.
func (s *Source) with(ctx context.Context, b *backend.Backend, do func(ctx context.Context, c *sql.Conn) error) error {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	c, err := sql.Dial(ctx, s.target(b))
	if err != nil {
		return err
	}
	defer c.Close()
	return do(ctx, c)
}

// target is how to log in on a backend: TLS and the header are as for everybody else.
func (s *Source) target(b *backend.Backend) sql.Target {
	t := sql.Target{Address: b.Address(), User: s.User, Password: s.Password, AnyKey: s.AnyKey, Dial: b.Dial}
	return t.Secured(b.TLS())
}

// isAt reports whether a connection to a backend has come to a node's address.
func (s *Source) isAt(b *backend.Backend, c *sql.Conn, address string) bool {
	return s.same(b.Address(), address) || c.RemoteAddr() == address
}

func (s *Source) same(a, b string) bool {
	return strings.EqualFold(a, b) || s.Same != nil && s.Same(a, b)
}

// Ask asks once, now. It is not for a source that runs.
func (s *Source) Ask(ctx context.Context) discover.Answer { return s.ask(ctx) }

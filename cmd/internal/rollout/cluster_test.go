package rollout

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"segue/backend"
)

// cluster is a cluster that is played: it does what a driver and Segues are told, in time that is counted, and knows what must never happen.
type cluster struct {
	t      *testing.T
	now    time.Time
	flavor backend.Flavor
	nodes  []*member
	segues []*Segue
	tablet Tablets

	stops    []string // in order
	elected  time.Time
	mute     time.Time         // until then no frontend tells of nodes
	dropped  string            // the node that the cluster does not tell of
	troubles map[string]string // node → what goes wrong with it
	backed   bool
	checks   int
	rollback []string
	// avoided are backends that frontends give no work, wasAvoided those that they gave none when these were stopped.
	avoided, wasAvoided map[string]bool
}

// member is a node, and when it will be what.
type member struct {
	Node
	upAt    time.Time // zero: it does not come up
	downAt  time.Time // zero: it stays up
	deadAt  time.Time // when the cluster notices
	starts  int
	changed bool
}

var began = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)

// newCluster is one of frontends, backends, compute nodes and observers, led by frontend number lead.
func newCluster(t *testing.T, fes, observers, bes, cns, lead, segues int) *cluster {
	t.Helper()
	c := &cluster{t: t, now: began, flavor: backend.StarRocks, troubles: map[string]string{}, avoided: map[string]bool{}, wasAvoided: map[string]bool{}, tablet: Tablets{Total: 100}}
	add := func(kind Kind, role Role, name string, port int) {
		n := &member{Node: Node{
			Name: name, Host: name, Kind: kind, Role: role, Alive: true, Version: "3.3.9", Start: began.Add(-time.Hour), Listening: Yes, Healthy: Yes,
			HTTP: fmt.Sprintf("%s:%d", name, port),
		}}
		if kind == Frontend {
			n.Address, n.Journal = name+":9030", 1000
		} else {
			n.StatusCode = "OK"
		}
		c.nodes = append(c.nodes, n)
	}
	for i := range fes {
		role := Follower
		if i == lead {
			role = Leader
		}
		add(Frontend, role, fmt.Sprintf("fe-%d", i), 8030)
	}
	for i := range observers {
		add(Frontend, Observer, fmt.Sprintf("ob-%d", i), 8030)
	}
	for i := range cns {
		add(Compute, NoRole, fmt.Sprintf("cn-%d", i), 8040)
	}
	for i := range bes {
		add(Backend, NoRole, fmt.Sprintf("be-%d", i), 8040)
	}
	for i := range segues {
		g := &Segue{Address: fmt.Sprintf("segue-%d:9131", i), Started: began, Seen: map[string]int64{}, Hidden: map[string]int64{}}
		for _, n := range c.nodes {
			if n.Address != "" {
				g.Backends = append(g.Backends, SegueBackend{Name: n.Name, Address: n.Address, Health: backend.Up, Admin: backend.Ready, Sessions: 3})
			}
		}
		c.segues = append(c.segues, g)
	}
	return c
}

func (c *cluster) node(name string) *member {
	for _, n := range c.nodes {
		if n.Name == name {
			return n
		}
	}
	c.t.Fatalf("no node %s", name)
	return nil
}

// tick lets a second pass.
func (c *cluster) tick() {
	c.now = c.now.Add(time.Second)
	for _, n := range c.nodes {
		if due(&n.downAt, c.now) {
			n.Listening, n.Healthy, n.Trouble = No, No, "connection refused"
			n.deadAt = c.now.Add(3 * time.Second)
			if n.Role == Leader {
				n.Role, c.elected = Follower, c.now.Add(4*time.Second)
			}
		}
		if due(&n.deadAt, c.now) {
			if n.Alive = false; n.StatusCode != "" {
				n.StatusCode = "DISCONNECTED"
			}
		}
		if due(&n.upAt, c.now) {
			n.Alive, n.Listening, n.Healthy, n.Trouble, n.Start, n.deadAt = true, Yes, Yes, "", c.now, time.Time{}
			if n.starts++; n.StatusCode != "" {
				n.StatusCode = "OK"
			}
		}
	}
	if due(&c.elected, c.now) {
		c.elect()
	}
	for _, g := range c.segues {
		for i := range g.Backends {
			b := &g.Backends[i]
			n := c.node(b.Name)
			if b.Health = backend.Down; n.Healthy == Yes {
				b.Health = backend.Up
			}
			if b.usable() {
				b.Sessions = 3
			}
			if b.Admin != backend.Ready && b.Sessions > 0 && c.troubles[n.Name] != "sessions stay" {
				b.Sessions--
			}
		}
	}
}

// due tells whether a time has come, and forgets it.
func due(at *time.Time, now time.Time) bool {
	if at.IsZero() || at.After(now) {
		return false
	}
	*at = time.Time{}
	return true
}

// elect has the first follower lead that is there.
func (c *cluster) elect() {
	all, live := 0, 0
	for _, n := range c.nodes {
		if n.votes() {
			if all++; n.Listening == Yes {
				live++
			}
		}
	}
	for _, n := range c.nodes {
		if n.votes() && n.Listening == Yes && live > all/2 {
			n.Role = Leader
			return
		}
	}
	c.elected = c.now.Add(time.Second)
}

func (c *cluster) facts() *Facts {
	f := &Facts{Now: c.now, Flavor: c.flavor, Told: true, Whole: true, Settings: map[string]map[string]string{}, Image: c.now}
	tablets := c.tablet
	f.Tablets = &tablets
	for _, n := range c.nodes {
		if n.Name == c.dropped {
			continue
		}
		f.Nodes = append(f.Nodes, n.Node)
		f.Settings[n.Name] = map[string]string{loopCount: "2", waitHeartbeat: "true"}
	}
	if c.now.Before(c.mute) {
		f.Told, f.Unseen = false, map[Check]string{CheckMembers: "it hangs"}
		f.Nodes = slices.DeleteFunc(f.Nodes, func(n Node) bool { return n.Kind != Frontend })
		for i := range f.Nodes {
			f.Nodes[i].Name += ":9030" // by the address that an operator gave
		}
	}
	for _, g := range c.segues {
		if g.Error != "" {
			f.Segues = append(f.Segues, Segue{Address: g.Address, Error: g.Error})
			continue
		}
		again := *g
		again.Backends = slices.Clone(g.Backends)
		f.Segues = append(f.Segues, again)
	}
	return f
}

// do does an act as a driver and Segues would, and says what must never be.
func (c *cluster) do(s *State, a Act) error {
	n := (*member)(nil)
	if a.Node.Name != "" {
		n = c.node(a.Node.Name)
	}
	switch a.Do {
	case DoDrain, DoAdmit:
		to := backend.Drain
		if a.Do == DoAdmit {
			to = backend.Ready
		}
		if delete(c.avoided, n.Name); n.stores() && to == backend.Drain {
			c.avoided[n.Name] = true
		}
		for _, g := range c.segues {
			for i := range g.Backends {
				if b := &g.Backends[i]; b.Name == n.Name && g.Error == "" {
					if b.Admin = max(b.Admin, to); a.Do == DoAdmit && b.Admin != backend.Maint {
						b.Admin = a.Stood[g.Address]
					}
				}
			}
		}
	case DoStop:
		c.mayStop(s, n)
		if c.avoided[n.Name] {
			c.wasAvoided[n.Name] = true
		}
		c.stops = append(c.stops, n.Name)
		if c.troubles[n.Name] != "stays alive" {
			n.downAt = c.now.Add(2 * time.Second)
		}
		if n.StatusCode != "" {
			n.StatusCode = "SHUTDOWN"
		}
		if c.troubles[n.Name] == "is restarted" || s.Ask.Replaced {
			if n.upAt = c.now.Add(4 * time.Second); s.Ask.Replaced {
				n.Version = "3.4.5"
			}
		}
	case DoChange:
		if s.Ask.Replaced {
			return nil
		}
		if n.Listening != No {
			c.t.Errorf("%s is changed while it runs", n.Name)
		}
		if s.Back {
			c.rollback = append(c.rollback, n.Name)
		}
		if n.Version = "3.4.5"; s.Back {
			n.Version = "3.3.9"
		}
		n.changed = true
	case DoStart:
		if c.troubles[n.Name] == "hook fails" {
			return errors.New("exit status 1")
		}
		if c.troubles[n.Name] != "does not return" && n.Listening == No {
			n.upAt = c.now.Add(5 * time.Second)
		}
		if c.troubles[n.Name] == "errors" && len(c.segues) > 0 {
			c.segues[0].Seen["statement"] += 2
		}
	case DoCheck:
		if c.checks++; c.troubles[n.Name] == "check fails" {
			return errors.New("exit status 1")
		}
	case DoBackup:
		c.backed = true
	case DoTurnBack:
		s.TurnBack(c.facts())
	case DoImage, DoPrepare, DoAsk, DoWait, DoPause, DoFinish:
	}
	return nil
}

// mayStop says whether a node may be stopped, by the rules that hold for any rollout.
func (c *cluster) mayStop(s *State, n *member) {
	c.t.Helper()
	all, live := 0, 0
	for _, o := range c.nodes {
		p := s.of(o.Name)
		if o != n && o.Listening != Yes && n.serves() == "" { // one that serves nobody is told once more, whoever else is away
			c.t.Errorf("%s is stopped while %s is away", n.Name, o.Name)
		}
		if o.votes() {
			if all++; o.Listening == Yes {
				live++
			}
		}
		if o == n || p == nil || p.Phase != Waiting || s.Back {
			continue
		}
		if n.Kind == Frontend && o.Kind != Frontend {
			c.t.Errorf("frontend %s is stopped before %s", n.Name, o.Name)
		}
		if n.Role == Leader && o.Kind == Frontend {
			c.t.Errorf("leader %s is stopped before %s", n.Name, o.Name)
		}
	}
	if n.votes() && live-1 < all/2+1 {
		c.t.Errorf("%s is stopped with %d of %d followers live", n.Name, live, all)
	}
	for _, g := range c.segues {
		if b := g.Backend(&n.Node); b != nil && b.Sessions > 0 && !s.Ask.MayMiss(g.Address) {
			c.t.Errorf("%s is stopped with %d sessions on %s", n.Name, b.Sessions, g.Address)
		}
	}
}

func ask() Ask {
	return Ask{Change: true, Version: "3.4.5", Backup: BackupRun, Fleet: true, OnFailure: RemedyPause, Check: true, Limits: DefaultLimits()}
}

// play decides and does until the rollout has finished or paused, with the state read from a file each time. A terminal that is killed does an act and forgets that it has, or
// does not do it: killed decides.
func (c *cluster) play(s *State, killed *rand.Rand, each func(*State, Act)) *State {
	c.t.Helper()
	kills := 25
	for range 10_000 {
		f := c.facts()
		if s.Current != "" && s.of(s.Current).Phase != Draining {
			f.Whole, f.Tablets, f.Settings = false, nil, nil // as package run asks
		}
		a := s.Decide(f)
		if each != nil {
			each(s, a)
		}
		if a.Do == DoFinish || a.Do == DoPause {
			return c.reread(s)
		}
		s = c.reread(s)
		died := killed != nil && kills > 0 && killed.IntN(4) == 0
		if died {
			kills--
		}
		if died && killed.IntN(2) == 0 {
			s.Resume(c.now)
			continue
		}
		err := c.do(s, a)
		if !died {
			s.Did(a, err, c.now)
		} else {
			s.Resume(c.now)
		}
		s = c.reread(s)
		c.tick()
	}
	c.t.Fatalf("it never ends: current %s, held: %s, %+v", s.Current, s.Held, s.Nodes)
	return nil
}

// reread is the state as a file gives it back.
func (c *cluster) reread(s *State) *State {
	c.t.Helper()
	data, err := json.Marshal(s)
	if err != nil {
		c.t.Fatal(err)
	}
	again := new(State)
	if err := json.Unmarshal(data, again); err != nil {
		c.t.Fatal(err)
	}
	return again
}

// pass has statements pass a Segue that takes so many seconds for each.
func (c *cluster) pass(statements, failed int64, seconds float64) {
	g := c.segues[0]
	now := Traffic{Buckets: []Bucket{{Le: 0.001}, {Le: 0.1}}}
	if g.Traffic != nil {
		now = Traffic{g.Traffic.Statements, g.Traffic.Failed, slices.Clone(g.Traffic.Buckets)}
	}
	now.Statements += statements
	now.Failed += failed
	for i := range now.Buckets {
		if seconds <= now.Buckets[i].Le {
			now.Buckets[i].Count += statements
		}
	}
	g.Traffic = &now
	for _, other := range c.segues[1:] {
		other.Traffic = &Traffic{Buckets: []Bucket{{Le: 0.001}, {Le: 0.1}}}
	}
}

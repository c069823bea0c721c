package rollout

import (
	"strings"
	"time"

	"segue/backend"
)

// Facts are what is known of a cluster, and of the Segues in front of it, at one moment.
type Facts struct {
	Now    time.Time      `json:"now"`
	Flavor backend.Flavor `json:"flavor"`
	Nodes  []Node         `json:"nodes"` // in the cluster's order
	// Whole says that all was asked for that a preflight needs.
	Whole bool `json:"whole"`
	// Told says that the cluster itself told who its nodes are; otherwise they are a list that an operator gave.
	Told bool `json:"told"`
	// Listed says why they are a list, of a cluster that could have told; empty: it has, or none of its kind does.
	Listed string `json:"listed,omitempty"`
	// Beside are nodes of TiDB that no rollout of its servers touches.
	Beside []Beside `json:"beside,omitempty"`
	// Unseen says why something could not be seen, by the check that needs it.
	Unseen map[Check]string `json:"unseen,omitempty"`
	// Partly says why something was seen in part, by the check: nothing stops for that.
	Partly  map[Check]string `json:"partly,omitempty"`
	Tablets *Tablets         `json:"tablets,omitempty"`
	Jobs    []Job            `json:"jobs,omitempty"` // schema changes and loads that are not finished
	// Settings are of backends and compute nodes, by node and name.
	Settings map[string]map[string]string `json:"settings,omitempty"`
	Image    time.Time                    `json:"image,omitzero"` // when the metadata was last written as an image
	Segues   []Segue                      `json:"segues,omitempty"`
}

// Beside is a node that stands beside those that a rollout takes through: TiDB's PD, TiKV and TiFlash.
type Beside struct {
	Name    string `json:"name"`
	Type    string `json:"type"` // in the cluster's own word
	Version string `json:"version,omitempty"`
}

// Tablets is how the replicas of the data are.
type Tablets struct {
	Total     int `json:"total"`
	Unhealthy int `json:"unhealthy"`
	Cloning   int `json:"cloning"`
	Balancing int `json:"balancing"` // pending and running moves
}

// Job is something that runs in the cluster, and that may not survive a stop.
type Job struct {
	Kind  JobKind `json:"kind"`
	Name  string  `json:"name"`
	State string  `json:"state"`
	DB    string  `json:"db,omitempty"`
	Count int     `json:"count,omitempty"` // of jobs that are not told one by one
	// Within is a time within which an INSERT has begun; 0: for how long it has run is not known.
	Within time.Duration `json:"within_ns,omitempty"`
}

// JobKind is what a job does.
type JobKind string

// The kinds of jobs.
const (
	SchemaChange JobKind = "schema change"
	Load         JobKind = "load"
	Insert       JobKind = "insert" // INSERT: one that is short ends within a backend's graceful exit
	// FedLoad is one that somebody outside feeds: a client by Stream Load, or the cluster itself from a queue (Routine Load). It is short, and is fed again where it fails.
	FedLoad JobKind = "fed load"
)

// word is the kind as it is accepted by.
func (k JobKind) word() string { return strings.ReplaceAll(string(k), " ", "-") }

// Segue is one Segue in front of the cluster, as its admin API tells.
type Segue struct {
	Address  string           `json:"address"`
	Error    string           `json:"error,omitempty"` // it could not be asked: the rest is empty
	Started  time.Time        `json:"started,omitzero"`
	Backends []SegueBackend   `json:"backends,omitempty"`
	Sticking []SegueSession   `json:"sticking,omitempty"` // sessions that cannot move now
	Loads    []SegueLoad      `json:"loads,omitempty"`    // over HTTP, in flight
	Seen     map[string]int64 `json:"seen,omitempty"`     // errors that clients saw since its start, by kind
	Hidden   map[string]int64 `json:"hidden,omitempty"`   // failures that they did not see, by kind
	// Others are what processes count that it has taken over from, and that have sessions left.
	Others []Ledger `json:"others,omitempty"`
	// Incidents are errors that clients saw, the latest of each kind.
	Incidents []Incident `json:"incidents,omitempty"`
	// Traffic is what has passed since its start; nil: it was not asked, or does not tell.
	Traffic *Traffic `json:"traffic,omitempty"`
}

// SegueBackend is a backend of a Segue.
type SegueBackend struct {
	Name     string         `json:"name"`
	Address  string         `json:"address"`
	Health   backend.Health `json:"health"`
	Admin    backend.Admin  `json:"admin"`
	Sessions int            `json:"sessions"`
	Cause    string         `json:"cause,omitempty"`
}

// usable tells whether it takes new sessions.
func (b *SegueBackend) usable() bool { return b.Health == backend.Up && b.Admin == backend.Ready }

// SegueSession is a session that stays where it is, and why.
type SegueSession struct {
	ID      uint32 `json:"id"`
	Client  string `json:"client"`
	User    string `json:"user"`
	Backend string `json:"backend"`
	Why     string `json:"why"`
}

// SegueLoad is a load over HTTP in flight, or a step of a transaction of loads, or one that is open.
type SegueLoad struct {
	ID       uint64    `json:"id"`
	User     string    `json:"user"`
	Kind     string    `json:"kind"`
	Table    string    `json:"table"` // database and table
	Label    string    `json:"label"`
	State    string    `json:"state"`
	Frontend string    `json:"frontend"` // the name of the Segue's backend that it came through
	Node     string    `json:"node"`     // HTTP address of the BE or CN
	Since    time.Time `json:"since"`    // by the Segue's clock
}

// The states and kinds of loads that tell whether a frontend is needed, in the words of the admin API.
const (
	loadAtFrontend = "frontend" // it is to name a node
	loadOpen       = "open"     // a transaction between two requests
	plainLoad      = "load"
)

// atFrontend reports whether the frontend that it came through is at work on it: it has to name a node yet, or does a step of a transaction itself.
func (l *SegueLoad) atFrontend() bool {
	return l.State == loadAtFrontend || l.Kind != plainLoad && l.State != loadOpen
}

// loads are those that would fail if the node were stopped: those on a backend, transactions that are open included, whose rows it alone has; those that a frontend is at work on; and all where
// it leads, as what is not PREPARED is not in its journal: the next leader refuses its commit. New ones come through others meanwhile, and hang on the leader all the same: of a Segue that is known
// to keep sessions off it (p) those that have begun since then are not waited for. Without p all count.
func (s *Segue) loads(n *Node, p *Progress) (list []SegueLoad) {
	b := s.Backend(n)
	for _, l := range s.Loads {
		on := b != nil && l.Frontend == b.Name && l.atFrontend()
		switch {
		case n.stores():
			on = l.Node != "" && strings.EqualFold(l.Node, n.HTTP)
		case n.Role == Leader:
			last, known := time.Time{}, false
			if p != nil {
				last, known = p.Loads[s.Address]
			}
			on = on || !known || !l.Since.After(last)
		}
		if on {
			list = append(list, l)
		}
	}
	return list
}

// seeLoads notes of each Segue that keeps sessions off the leader by now which of its loads is the latest: those before it, and it, are waited for. One that could not be asked, or has not been told
// yet, is noted later.
func (p *Progress) seeLoads(f *Facts, n *Node) {
	for i := range f.Segues {
		g := &f.Segues[i]
		b := g.Backend(n)
		if _, known := p.Loads[g.Address]; known || g.Error != "" || b != nil && b.Admin == backend.Ready {
			continue
		}
		last := time.Time{}
		for _, l := range g.Loads {
			if l.Since.After(last) {
				last = l.Since
			}
		}
		if p.Loads == nil {
			p.Loads = map[string]time.Time{}
		}
		p.Loads[g.Address] = last
	}
}

// Backend is the Segue's backend that a node is; nil: it knows none.
func (s *Segue) Backend(n *Node) *SegueBackend {
	for i := range s.Backends {
		if b := &s.Backends[i]; n.is(b.Address) || b.Name == n.Name {
			return b
		}
	}
	return nil
}

// Node is the node of that name; nil: the cluster has none.
func (f *Facts) Node(name string) *Node {
	for i := range f.Nodes {
		if f.Nodes[i].Name == name {
			return &f.Nodes[i]
		}
	}
	return nil
}

// leader is the frontend that leads; nil: none does, or it is not known.
func (f *Facts) leader() *Node {
	for i := range f.Nodes {
		if n := &f.Nodes[i]; n.Kind == Frontend && n.Role == Leader && n.Alive {
			return n
		}
	}
	return nil
}

// hasFrontends tells whether the cluster is one of frontends and backends.
func (f *Facts) hasFrontends() bool {
	return f.Flavor == backend.StarRocks || f.Flavor == backend.Doris
}

package fesim

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"segue/backend"
	"segue/backend/wire"
)

// Cluster is what the FEs of one cluster share: who leads, the BEs, and the data.
type Cluster struct {
	// Static after newCluster.
	solo               bool          // one FE that counts as if others were there
	election           time.Duration // scaled, as all of these
	wait               time.Duration
	heartbeat          time.Duration
	repair             time.Duration
	scale              float64
	retries            int           // heartbeats that may fail in a row
	deadly             bool          // FEs take a BE that exits for dead
	publish            time.Duration // from COMMITTED to VISIBLE
	flavor             backend.Flavor
	cloud, dropsLabels bool    // Doris
	groupRows          int64   // of group_commit, that are held before they are in the group
	spares             bool    // a heartbeat that says SHUTDOWN leaves a BE's loads alone
	loadScale          float64 // of timeouts of loads
	version            string

	mu       sync.Mutex
	fes      []*FE
	alive    []*FE // in the order of their starts
	leader   *FE
	former   *FE           // the leader, or the last one: what followers take for it until they know better
	changed  chan struct{} // closed and replaced when leader changes
	timer    *time.Timer   // an election, nil if there is none
	electing bool
	ledger   map[string]int
	globals  map[string]value
	txns     map[uint64][]write // open explicit transactions → what they have written; the leader's memory: lost with it
	lastTxn  uint64
	founded  bool // an FE has led
	journal  journal

	bes       []*BE
	avoided   map[*FE]map[int]time.Time    // BEs on an FE's blacklist, and since when
	disabled  map[int]map[string]time.Time // Doris: what is not to be planned on a BE, by its id
	lastBeat  time.Time
	fragments map[*fragment]bool
	jobs      []*Job
	tablets   Tablets
	loads     labels
	// coordinators are the BEs that the leader has told transactions of loads to go to, by label (TransactionLoadCoordinatorMgr); lost with it.
	coordinators map[string]*BE
	image        image
	rand         *rand.Rand
}

// NewCluster returns a cluster of n FEs made from opts, with the ids 1 to n and names fe-1 to fe-n; n may be 0, to add
// FEs by [Options.Cluster]. opts.FID, Name, Cluster and the addresses are ignored. No FE is started.
func NewCluster(n int, opts Options) (*Cluster, error) {
	c := newCluster(opts.withDefaults())
	for i := range n {
		o := opts
		o.FID, o.Name, o.Cluster, o.MySQLAddress, o.HTTPAddress = uint8(i+1), "", c, "", ""
		if _, err := New(o); err != nil {
			c.Close()
			return nil, err
		}
	}
	return c, nil
}

func newCluster(opts Options) *Cluster {
	c := &Cluster{
		election: opts.scaled(opts.Election), wait: opts.scaled(opts.LeaderWait), heartbeat: opts.tick(opts.Heartbeat), repair: opts.scaled(opts.Repair),
		scale: opts.TimeScale, retries: opts.HeartbeatRetries, deadly: opts.ExitingIsDead, version: opts.Version, changed: make(chan struct{}), avoided: make(map[*FE]map[int]time.Time), disabled: make(map[int]map[string]time.Time),
		fragments: make(map[*fragment]bool), rand: rand.New(rand.NewPCG(opts.Seed, 0)),
		ledger: make(map[string]int), globals: make(map[string]value), txns: make(map[uint64][]write),
		loads: newLoads(&opts), coordinators: make(map[string]*BE), publish: opts.scaled(opts.Publish),
		flavor: opts.Flavor, spares: opts.SpareLeavingLoads, cloud: opts.Cloud, dropsLabels: opts.DropChunkedLabels, groupRows: int64(opts.GroupCommitRows), loadScale: opts.LoadTimeScale,
		journal: journal{lag: opts.scaled(opts.MetadataLag), replayed: make(map[*FE]int)},
	}
	c.loads.store = c.store
	return c
}

// FEs returns the FEs in the order of their ids.
func (c *Cluster) FEs() []*FE {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.fes)
}

// Start starts all FEs and BEs that do not run. The first FE that is no observer becomes the leader.
func (c *Cluster) Start() error {
	for _, f := range c.FEs() {
		if l := f.current(); l != nil && !l.over() {
			continue
		}
		if err := f.Start(); err != nil {
			return err
		}
	}
	for _, b := range c.BEs() {
		if l := b.current(); l != nil && !l.over() {
			continue
		}
		if err := b.Start(); err != nil {
			return err
		}
	}
	return nil
}

// Close closes all FEs and BEs. When it returns, no goroutine of the cluster is left.
func (c *Cluster) Close() {
	for _, b := range c.BEs() {
		b.Close()
	}
	for _, f := range c.FEs() {
		f.Close()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stopElection()
}

// Leader returns the leader, nil while there is none.
func (c *Cluster) Leader() *FE {
	leader, _ := c.watch()
	return leader
}

// Executions returns how often an INSERT of id into fesim.ledger took effect.
func (c *Cluster) Executions(id string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ledger[id]
}

// Ledger returns a copy of fesim.ledger: how often each id was inserted.
func (c *Cluster) Ledger() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.ledger)
}

// Repeated returns the ids in fesim.ledger that took effect more than once: statements that somebody has run twice.
func (c *Cluster) Repeated() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var ids []string
	for id, n := range c.ledger {
		if n > 1 {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// add makes f a member.
func (c *Cluster) add(f *FE) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fes = append(c.fes, f)
}

// joined says that f has started. The first FE of a cluster leads at once.
func (c *Cluster) joined(f *FE) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.alive = append(c.alive, f)
	f.stale = nil
	delete(c.avoided, f)
	c.journal.replayed[f] = len(c.journal.changes) // an FE replays everything before it listens
	switch {
	case f.opts.Observer:
	case c.solo || !c.founded:
		c.founded = true
		c.setLeader(f)
	case c.leader == nil:
		c.elect()
	}
}

// left says that f has gone. A leader's open transactions go with it.
func (c *Cluster) left(f *FE) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.leave(f)
}

// leave takes f out of those that are alive. It needs c.mu.
func (c *Cluster) leave(f *FE) {
	c.alive = slices.DeleteFunc(c.alive, func(other *FE) bool { return other == f })
	if c.leader == f {
		c.lostLeader()
		c.setLeader(nil)
		c.elect()
	}
}

// lostLeader ends what only the leader knew. It needs c.mu.
func (c *Cluster) lostLeader() {
	clear(c.txns)
	clear(c.coordinators)
	if !c.cloud {
		c.loads.lost()
	}
}

// resign begins an election if f leads, and reports whether it did; f takes no part.
func (c *Cluster) resign(f *FE) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.leader != f || c.solo {
		return false
	}
	c.lostLeader()
	c.setLeader(nil)
	c.elect()
	return true
}

// canLose is canGracefulExit: (alive-1) >= total/2+1.
func (c *Cluster) canLose(*FE) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.solo || c.voters(c.alive)-1 >= c.quorum()
}

// voters counts those that are no observers: only these are asked who leads.
func (c *Cluster) voters(fes []*FE) int {
	n := 0
	for _, f := range fes {
		if !f.opts.Observer {
			n++
		}
	}
	return n
}

// quorum is how many voters must be alive for an election. It needs c.mu.
func (c *Cluster) quorum() int { return c.voters(c.fes)/2 + 1 }

// scaled turns a duration of a real cluster into that of this one; it is above zero.
func (c *Cluster) scaled(d time.Duration) time.Duration {
	return max(time.Duration(float64(d)*c.scale), time.Millisecond)
}

// watch returns the leader and a channel that is closed when there is another or none.
func (c *Cluster) watch() (leader *FE, changed <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.leader, c.changed
}

// setLeader needs c.mu.
func (c *Cluster) setLeader(f *FE) {
	c.beats(time.Now())
	c.leader = f
	if f != nil {
		c.former = f
	}
	close(c.changed)
	c.changed = make(chan struct{})
}

// elect begins an election unless there is one. It ends with the FE that has been alive for longest and is not leaving, if more than half of all
// are alive. It needs c.mu.
func (c *Cluster) elect() {
	if c.electing {
		return
	}
	c.electing = true
	c.timer = time.AfterFunc(c.election, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.electing = false
		if c.leader != nil || c.voters(c.alive) < c.quorum() {
			return
		}
		for _, f := range c.alive {
			if !f.opts.Observer && !f.current().draining.Load() {
				c.setLeader(f)
				return
			}
		}
	})
}

func (c *Cluster) stopElection() {
	if c.timer != nil {
		c.timer.Stop()
	}
}

// awaitLeader waits for a leader, LeaderWait at most.
func (c *Cluster) awaitLeader(ctx context.Context) error {
	timeout := time.NewTimer(c.wait)
	defer timeout.Stop()
	for {
		leader, changed := c.watch()
		if leader != nil {
			return nil
		}
		select {
		case <-changed:
		case <-timeout.C:
			return fail("java.net.ConnectException: Connection refused (Connection refused)") // TSocket.open's, by way of ThriftRPCRequestExecutor.call
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// fail returns the error that most of an FE's are: 1064, HY000.
func fail(format string, args ...any) *wire.Err {
	return &wire.Err{Code: 1064, State: "HY000", Message: fmt.Sprintf(format, args...)}
}

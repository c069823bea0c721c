package rollout

import (
	"fmt"
	"strings"

	"segue/backend"
)

// Preflight is what stands against taking a node out now, and what is well. next is the one whose turn it is; nil: nobody's. The node in work is not missed.
func Preflight(f *Facts, s *State, next *Node) []Finding {
	c := &checks{findings: findings{ask: &s.Ask}, Facts: f, State: s, next: next}
	c.members()
	if f.hasFrontends() {
		c.leader()
		c.quorum()
		c.journal()
		c.replicas()
		c.jobs()
		c.exit()
		c.image()
		c.backup()
	} else {
		c.others()
		if f.Flavor == backend.MySQL {
			c.primary()
		}
	}
	c.versions()
	c.fleet()
	c.sessions()
	return c.list
}

// checks is one preflight.
type checks struct {
	findings
	*Facts
	*State
	next *Node
}

// seen tells whether something could be seen, and adds a finding where it could not.
func (c *checks) seen(x Check, mayStop bool, remedy string) bool {
	why, unseen := c.Unseen[x]
	if unseen {
		c.add(Finding{Check: x, Severity: Unseen, What: why, Remedy: remedy}, mayStop)
	}
	return !unseen
}

// remains tells whether a node of a kind is yet to go.
func (c *checks) remains(kinds ...Kind) bool {
	for i := range c.Facts.Nodes {
		n := &c.Facts.Nodes[i]
		for _, k := range kinds {
			if p := c.of(n.Name); n.Kind == k && p != nil && p.Phase != Done && p.Phase != Left {
				return true
			}
		}
	}
	return false
}

const grantOperate = "GRANT OPERATE ON SYSTEM TO the account of --user (StarRocks: `GRANT OPERATE ON SYSTEM TO USER 'segue'`)"

// grant is what an account lacks that may not see who there is.
func (c *checks) grant() string {
	if c.Flavor == backend.TiDB {
		return "GRANT PROCESS ON *.* TO the account of --user"
	}
	return grantOperate
}

// members: every node is there and serves.
func (c *checks) members() {
	before := len(c.list)
	if len(c.Facts.Nodes) == 0 {
		why := c.Unseen[CheckMembers]
		if why == "" {
			why = "no node is known"
		}
		c.add(Finding{Check: CheckMembers, Severity: Unseen, What: why, Remedy: "segue check says which of them answers and what to do"}, true)
		return
	}
	c.seen(CheckMembers, true, c.grant())
	for i := range c.State.Nodes {
		p := &c.State.Nodes[i]
		if c.Node(p.Node) == nil && p.Node != c.Current {
			c.add(Finding{Check: CheckMembers, Severity: Stop, Node: p.Node, What: "it was there when the rollout began, and the cluster does not tell of it any more", Remedy: "add it again, or begin a new rollout"}, true)
		}
	}
	for i := range c.Facts.Nodes {
		n := &c.Facts.Nodes[i]
		why := n.serves()
		if why != "" && (n.Name != c.Current || c.of(n.Name).Phase == Draining) {
			c.add(Finding{Check: CheckMembers, Severity: Stop, Node: n.Name, What: why, Remedy: "wait until it is back, or start it: one at a time is away"}, true)
		}
	}
	c.disabled()
	if c.Listed != "" {
		c.add(Finding{Check: CheckMembers, Severity: Warn, What: "the servers are those that were given, and nobody has said whether there are others: " + c.Listed, Remedy: "segue check --user …; or see that none is missing from the list"}, false)
	}
	if c.next != nil && c.Ask.Starts && c.of(c.next.Name).Start.IsZero() {
		c.add(Finding{
			Check: CheckMembers, Severity: Unseen, Node: c.next.Name, What: "when it was started is not known: that it has been restarted would not be seen, and it would be named again and again",
			Remedy: "give --user an account that may ask for it; or --to-version, by which it is seen as well",
		}, true)
	}
	if len(c.list) == before {
		c.add(Finding{Check: CheckMembers, Severity: OK, What: fmt.Sprintf("%d nodes, all serve", len(c.Facts.Nodes))}, true)
	}
}

// disabled: no backend is kept from work by somebody's word, which may be a former rollout's that nobody has taken up again; where all others are, none would be left to do it.
func (c *checks) disabled() {
	stores, left := c.next != nil && c.next.stores() && !c.next.Disabled, 0
	for i := range c.Facts.Nodes {
		if n := &c.Facts.Nodes[i]; stores && n.stores() && !n.Disabled && n.Name != c.next.Name && n.serves() == "" {
			left++
		}
	}
	for i := range c.Facts.Nodes {
		n := &c.Facts.Nodes[i]
		if !n.Disabled || n.Name == c.Current {
			continue
		}
		f := Finding{Check: CheckMembers, Severity: Warn, Node: n.Name, What: "frontends do not give it queries, or loads (disable_query, disable_load): somebody has said so, or a rollout that was given up"}
		if stores && left == 0 {
			f.Severity = Stop
			f.What += "; no backend but " + c.next.Name + " would take them"
		}
		f.Remedy = "ask who it is; or " + n.unavoid(true) + " has them use it again"
		c.add(f, true)
	}
}

// leader: somebody leads.
func (c *checks) leader() {
	if len(c.Facts.Nodes) == 0 {
		return
	}
	if l := c.Facts.leader(); l != nil {
		c.add(Finding{Check: CheckLeader, Severity: OK, Node: l.Name, What: "it leads"}, true)
		return
	}
	c.add(Finding{Check: CheckLeader, Severity: Stop, What: "no frontend leads: an election is under way, or the quorum is lost", Remedy: "wait for the election: `SHOW FRONTENDS` on any of them"}, true)
}

// quorum: the frontends go on without the next one. It is their own rule for a graceful exit (canGracefulExit): below it they end at once, without a drain.
func (c *checks) quorum() {
	if !c.remains(Frontend) {
		return
	}
	all, live := 0, 0
	for i := range c.Facts.Nodes {
		if n := &c.Facts.Nodes[i]; n.votes() {
			all++
			if n.serves() == "" {
				live++
			}
		}
	}
	f := Finding{Check: CheckQuorum, Severity: OK, What: fmt.Sprintf("%d of %d followers live, %d are enough without the next one", live, all, all/2+1)}
	switch {
	case all < 3:
		f.Severity = Stop
		f.What = fmt.Sprintf("%d voting frontends: three are the least of which one can leave gracefully; below that it ends at once, with every session", all)
		f.Remedy = "ALTER SYSTEM ADD FOLLOWER 'HOST:9010' until there are three; or --accept quorum, and expect errors"
	case live-1 < all/2+1:
		f.Severity = Stop
		f.What = fmt.Sprintf("%d of %d followers live: without the next one the quorum is lost, and it would end at once, with every session", live, all)
		f.Remedy = "start the followers that are down, and wait until `SHOW FRONTENDS` has them alive"
	}
	c.add(f, true)
}

// others: somebody else serves. Of servers that are no quorum.
func (c *checks) others() {
	live := 0
	for i := range c.Facts.Nodes {
		if n := &c.Facts.Nodes[i]; n.serves() == "" && (c.next == nil || n.Name != c.next.Name) {
			live++
		}
	}
	if c.next == nil { // whoever goes first
		live = max(live-1, 0)
	}
	if live == 0 && len(c.Facts.Nodes) > 0 {
		c.add(Finding{Check: CheckQuorum, Severity: Stop, What: "no other server would serve", Remedy: "start another one first; or --accept quorum, and expect clients to wait and to see errors"}, true)
		return
	}
	c.add(Finding{Check: CheckQuorum, Severity: OK, What: plural(live, "other server") + " would serve"}, true)
}

// mostLag is how many journal entries a follower may be behind. Heartbeats tell late, and under loads many are written between two.
const mostLag = 10_000

// journal: followers have what the leader wrote.
func (c *checks) journal() {
	l := c.Facts.leader()
	if l == nil || l.Journal == 0 || !c.remains(Frontend) {
		return
	}
	well := true
	for i := range c.Facts.Nodes {
		n := &c.Facts.Nodes[i]
		if lag := l.Journal - n.Journal; n.Kind == Frontend && n.Alive && n.Journal > 0 && lag > mostLag {
			well = false
			c.add(Finding{Check: CheckJournal, Severity: Stop, Node: n.Name, What: fmt.Sprintf("it is %d journal entries behind the leader", lag), Remedy: "wait until its ReplayedJournalId in `SHOW FRONTENDS` is the leader's"}, true)
		}
	}
	if well {
		c.add(Finding{Check: CheckJournal, Severity: OK, What: "frontends have replayed what the leader wrote"}, true)
	}
}

// primary: which server takes writes.
func (c *checks) primary() {
	if !c.seen(CheckPrimary, true, "give --user an account that may log in on every server") {
		return
	}
	var names []string
	var unknown []string
	for i := range c.Facts.Nodes {
		switch c.Facts.Nodes[i].Role {
		case Primary:
			names = append(names, c.Facts.Nodes[i].Name)
		case NoRole:
			unknown = append(unknown, c.Facts.Nodes[i].Name)
		case Leader, Follower, Observer, Replica:
		}
	}
	f := Finding{Check: CheckPrimary, Severity: OK}
	switch {
	case len(unknown) > 0: // each of them may be the primary, which goes last
		f.Severity, f.What = Unseen, "whether it takes writes is not known of "+strings.Join(unknown, ", ")
		f.Remedy = "give --user an account that may log in on every server; or --accept primary for those in the order given"
	case len(names) == 1:
		f.Node, f.What = names[0], "it alone takes writes: it goes last"
		if c.next != nil && c.next.Role == Primary {
			f.Severity, f.What = Warn, "it alone takes writes: writes wait or fail while it is away"
			f.Remedy = "switch over to a replica first: SET GLOBAL read_only=1 here, promote one there"
		}
	case len(names) == 0:
		f.Severity, f.What, f.Remedy = Warn, "every server that could be asked is read_only", "SHOW GLOBAL VARIABLES LIKE 'read_only'"
	default:
		f.Severity = OK
		f.What = "several take writes, and go last in the order given: " + strings.Join(names, ", ")
	}
	c.add(f, true)
}

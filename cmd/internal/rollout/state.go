package rollout

import (
	"slices"
	"time"

	"segue/backend"
)

// Phase is where a node is in the rollout.
type Phase string

// The phases, in their order. A phase that begins with an act is entered before the act, so that a broken terminal leaves behind what was intended.
const (
	Waiting   Phase = ""
	Draining  Phase = "draining"  // Segues have been told; until none has a session there
	Stopping  Phase = "stopping"  // Driver.Stop is called
	Leaving   Phase = "leaving"   // it has returned; until the node is gone
	Changing  Phase = "changing"  // Driver.Upgrade, or Rollback, is called
	Starting  Phase = "starting"  // Driver.Start is called
	Returning Phase = "returning" // it has returned; until the node serves
	Admitting Phase = "admitting" // Segues have been told; until every one sees it up
	Checking  Phase = "checking"  // the canary condition is asked
	Done      Phase = "done"
	Left      Phase = "left" // it is not to go: not wanted, or never touched by what is taken back
)

// Progress is what is kept of a node.
type Progress struct {
	Node    string        `json:"node"`
	Last    Node          `json:"last"`             // as it was last seen
	Listed  bool          `json:"listed,omitempty"` // it is one of an operator's list, and the cluster has not told of its nodes yet
	Phase   Phase         `json:"phase"`
	Since   time.Time     `json:"since,omitzero"` // of the phase
	Began   time.Time     `json:"began,omitzero"` // its drain
	Ended   time.Time     `json:"ended,omitzero"`
	Start   time.Time     `json:"start,omitzero"`      // Node.Start before it was stopped: another one is another process
	Uptime  time.Duration `json:"uptime_ns,omitempty"` // Node.Uptime then
	Exact   bool          `json:"exact,omitempty"`     // Node.Exact then
	Marked  time.Time     `json:"marked,omitzero"`     // when Start and Uptime were asked for
	Role    Role          `json:"role,omitempty"`      // when its turn came
	Former  string        `json:"former,omitempty"`    // the version that it had when the rollout began
	Version string        `json:"version,omitempty"`   // when it was drained
	After   string        `json:"after,omitempty"`     // the version that it came back with
	Journal int64         `json:"journal,omitempty"`   // of the leader when the node was started: it has come back when it has replayed that
	// Avoided says that frontends have been told not to give the node work, Told that they have been asked to.
	Avoided bool `json:"avoided,omitempty"`
	Told    bool `json:"told,omitempty"`
	// Stood is what operators had said of it before its turn, by the address of the Segue that they had told: none of these is to have it ready afterwards.
	Stood map[string]backend.Admin `json:"stood,omitempty"`
	// Drained are the Segues, by address, in which a drain of the node is the rollout's own: until it is seen otherwise there it is nobody else's.
	Drained map[string]bool `json:"drained,omitempty"`
	// Disabled is Node.Disabled before its turn, and DisabledFor what it was of alone: it stays so.
	Disabled    bool   `json:"disabled,omitempty"`
	DisabledFor string `json:"disabled_for,omitempty"`
	// Loads is when the latest load had begun, by the Segue's address and its clock, when that kept sessions off the leader: later ones are not waited for.
	Loads   map[string]time.Time `json:"loads,omitempty"`
	Again   bool                 `json:"again,omitempty"`   // Stood is to be looked for once more
	Stopped bool                 `json:"stopped,omitempty"` // Driver.Stop may have been called
	Looks   int                  `json:"looks,omitempty"`   // in a row at which nobody has seen it
	// Asked says that the driver can stop the node, Kept what it has to know again (see [Orderer]).
	Asked  bool   `json:"asked,omitempty"`
	Kept   string `json:"kept,omitempty"`
	Gone   bool   `json:"gone,omitempty"`   // it has been seen gone since it was stopped
	Called bool   `json:"called,omitempty"` // the canary condition held
	Errors int64  `json:"errors"`           // that clients saw from its drain to its end
	Hidden int64  `json:"hidden"`           // that they did not
	// Traffic is that of the Segues when the node was let in again.
	Traffic *Traffic `json:"traffic,omitempty"`
	// ErrorsBefore and HiddenBefore are the rollout's when the node began.
	ErrorsBefore int64 `json:"errors_before"`
	HiddenBefore int64 `json:"hidden_before"`
	// Spans are the phases that it has gone through.
	Spans []Span `json:"spans,omitempty"`
}

// Span is a phase that is over.
type Span struct {
	Phase Phase     `json:"phase"`
	From  time.Time `json:"from"`
	To    time.Time `json:"to"`
}

// State is what is kept of a rollout, in a file. Where a node stands in truth the facts say; the state says what was intended, and how it was before.
type State struct {
	Version  int        `json:"segue_rollout"` // of this format
	Name     string     `json:"name"`
	Began    time.Time  `json:"began"`
	Ended    time.Time  `json:"ended,omitzero"`
	Ask      Ask        `json:"ask"`
	Doris    bool       `json:"doris,omitempty"` // the cluster is one of Doris
	Back     bool       `json:"back,omitempty"`  // nodes are taken back to the former version
	Prepared Prepared   `json:"prepared"`
	Nodes    []Progress `json:"nodes"` // in the order in which they went; those that wait follow in the cluster's
	Current  string     `json:"current,omitempty"`
	Held     string     `json:"held,omitempty"`     // what is waited for between two nodes
	HeldFrom time.Time  `json:"held_from,omitzero"` // since when something has been
	Paused   *Pause     `json:"paused,omitempty"`
	Pausing  *Pause     `json:"pausing,omitempty"` // once the node in work, which was not stopped, has been let in again
	Failed   string     `json:"failed,omitempty"`  // why nodes are about to be taken back
	Finished bool       `json:"finished,omitempty"`
	Errors   int64      `json:"errors"` // that clients have seen since it began
	Hidden   int64      `json:"hidden"` // failures that they have not
	// Spent are those errors that were seen before nodes were taken back: the budget is for what follows.
	Spent int64 `json:"spent,omitempty"`
	// Kinds are those by kind.
	ErrorKinds  map[string]int64  `json:"error_kinds,omitempty"`
	HiddenKinds map[string]int64  `json:"hidden_kinds,omitempty"`
	Ledgers     map[string]Ledger `json:"ledgers,omitempty"` // by Segue and process, as last seen
	// Before is the traffic of the Segues up to the beginning.
	Before Traffic `json:"before,omitzero"`
	// Seen are errors that clients saw, with their causes: the latest of each kind that each Segue remembers.
	Seen   []Incident `json:"seen,omitempty"`
	Events []Event    `json:"events"`
	// Given is what the command line said, for one that resumes: flags by name, and arguments.
	Given Given `json:"given"`
}

// Given is what a command line said.
type Given struct {
	Flags map[string]string `json:"flags,omitempty"`
	Args  []string          `json:"args,omitempty"`
}

// Incident is an error that a client of a Segue saw.
type Incident struct {
	Segue   string    `json:"segue"`
	Time    time.Time `json:"time"`
	Session uint32    `json:"session"`
	Client  string    `json:"client"`
	User    string    `json:"user"`
	Backend string    `json:"backend"`
	Kind    string    `json:"kind"`
	Cause   string    `json:"cause"`
	Node    string    `json:"node,omitempty"` // that was in work
}

// StateVersion is that of the format.
const StateVersion = 1

// Prepared is what has been done once for all nodes.
type Prepared struct {
	Backup bool `json:"backup,omitempty"`
	Image  bool `json:"image,omitempty"`
	Driver bool `json:"driver,omitempty"`
}

// Pause is why a rollout has stopped.
type Pause struct {
	Time   time.Time `json:"time"`
	Node   string    `json:"node,omitempty"`
	Phase  Phase     `json:"phase,omitempty"`
	Why    string    `json:"why"`
	Remedy string    `json:"remedy,omitempty"`
}

// Event is something that happened, for the report.
type Event struct {
	Time time.Time `json:"time"`
	Node string    `json:"node,omitempty"`
	Kind string    `json:"kind"` // begin, act, done, failed, seen, unknown, wait, error, hidden, pause, resume, finish
	What string    `json:"what"`
}

// Ledger is what a process of a Segue has counted since its start.
type Ledger struct {
	Started time.Time        `json:"started"`
	Seen    map[string]int64 `json:"seen,omitempty"`
	Hidden  map[string]int64 `json:"hidden,omitempty"`
}

// Begin is the state of a rollout of which nothing has been done.
func Begin(name string, ask Ask, f *Facts) *State {
	s := &State{Version: StateVersion, Name: name, Began: f.Now, Ask: ask, Doris: f.Flavor == backend.Doris}
	s.Meet(f)
	s.Before, _ = traffic(f)
	return s
}

// Meet takes up nodes that were not known, and what the Segues tell.
func (s *State) Meet(f *Facts) {
	_, unseen := f.Unseen[CheckMembers]
	whole := !f.hasFrontends() || f.Told && !unseen
	if whole { // what an operator calls a node the cluster may call otherwise
		s.Nodes = slices.DeleteFunc(s.Nodes, func(p Progress) bool { return p.Listed && p.Began.IsZero() && f.Node(p.Node) == nil })
	}
	begins := len(s.Nodes) == 0
	for i := range f.Nodes {
		n := &f.Nodes[i]
		if p := s.of(n.Name); p != nil {
			if whole {
				p.Last, p.Listed = *n, false
			}
			if p.Phase == Waiting && p.Start.IsZero() { // it was not known until now, and nothing has been done to the node
				p.mark(n, f.Now)
			}
			continue
		}
		if !whole && !begins {
			continue // a list of addresses, or one that has gaps: no new nodes
		}
		p := Progress{Node: n.Name, Last: *n, Former: n.Version, Listed: !whole}
		p.mark(n, f.Now)
		if !s.Ask.wants(n.Name) || s.Back && s.Began.Before(f.Now) {
			p.Phase = Left
		}
		s.Nodes = append(s.Nodes, p)
	}
	s.observe(f)
}

// of is what is kept of a node; nil: nothing.
func (s *State) of(name string) *Progress {
	for i := range s.Nodes {
		if s.Nodes[i].Node == name {
			return &s.Nodes[i]
		}
	}
	return nil
}

// mark keeps which process a node is.
func (p *Progress) mark(n *Node, now time.Time) {
	p.Start, p.Uptime, p.Exact, p.Marked, p.Version = n.Start, n.Uptime, n.Exact, now, n.Version
}

// young is how long a server has to have run for its age to say for sure that it is the process that it was: answers take their time.
const young = 15 * time.Second

// sameProcess tells whether the node is the process that was marked; known is false where nothing tells. A server that is another one has run for less time than has passed since.
func (p *Progress) sameProcess(n *Node, now time.Time) (same, known bool) {
	if n.Start.IsZero() || p.Start.IsZero() {
		return false, false
	}
	if p.Version != "" && n.Version != "" && n.Version != p.Version { // start times are told in seconds
		return false, true
	}
	if n.Kind != Server || n.Exact && p.Exact {
		return n.Start.Equal(p.Start), true
	}
	passed := now.Sub(p.Marked)
	if p.Uptime < young {
		passed -= young
	}
	return n.Uptime >= p.Uptime && n.Uptime >= passed, true
}

// enter puts a node into a phase.
func (s *State) enter(p *Progress, to Phase, now time.Time) {
	if p.Phase != to {
		if p.Phase != Waiting && p.Phase != Done && p.Phase != Left {
			p.Spans = append(p.Spans, Span{p.Phase, p.Since, now})
		}
		p.Phase, p.Since = to, now
	}
}

// note enters an event.
func (s *State) note(now time.Time, node, kind, what string) {
	s.Events = append(s.Events, Event{Time: now, Node: node, Kind: kind, What: what})
}

// Note enters an event that somebody outside saw.
func (s *State) Note(e Event) { s.Events = append(s.Events, e) }

// Keep keeps what a driver has to know again of a node.
func (s *State) Keep(node, kept string) {
	if p := s.of(node); p != nil {
		p.Kept = kept
	}
}

// Kept is what was kept of a node; empty: nothing.
func (s *State) Kept(node string) string {
	if p := s.of(node); p != nil {
		return p.Kept
	}
	return ""
}

// Resume takes a paused rollout up again: waits begin anew.
func (s *State) Resume(now time.Time) {
	if s.Paused == nil && len(s.Events) == 0 {
		return
	}
	s.Paused, s.Pausing, s.Held, s.HeldFrom = nil, nil, "", time.Time{}
	if p := s.of(s.Current); p != nil {
		p.Spans = append(p.Spans, Span{p.Phase, p.Since, now})
		p.Since = now
		if p.Phase == Leaving { // it has not gone, or nobody has looked: it is told again
			p.Phase = Stopping
		}
	}
	s.note(now, s.Current, "resume", "resumed")
}

// TurnBack has the nodes that were changed taken back to their former version, the one in work first.
func (s *State) TurnBack(f *Facts) {
	s.Back, s.Finished, s.Paused, s.Held, s.HeldFrom, s.Prepared.Driver = true, false, nil, "", time.Time{}, false
	s.Failed, s.Spent, s.Pausing = "", s.Errors, nil
	if p := s.of(s.Current); p != nil {
		p.ErrorsBefore, p.Errors = s.Errors, 0
	}
	s.note(f.Now, "", "act", "take nodes back to their former version")
	for i := range s.Nodes {
		p := &s.Nodes[i]
		if p.Began.IsZero() { // somebody else has taken it through, or nobody yet
			p.Phase = Left
			continue
		}
		switch p.Phase {
		case Waiting, Draining, Left:
			if p.Node != s.Current {
				p.Phase = Left
				continue
			}
			// It was not stopped yet: it only has to be let in again.
			if n := f.Node(p.Node); p.Again && n != nil {
				p.Again = false
				p.stood(f, n)
			}
			s.enter(p, Admitting, f.Now)
			continue
		case Stopping, Leaving, Changing, Starting, Returning, Admitting, Checking, Done:
		}
		p.Gone, p.Asked = false, false
		if n := f.Node(p.Node); n != nil {
			p.mark(n, f.Now)
		}
		if p.Node == s.Current { // it may be full of sessions, or down
			s.enter(p, Draining, f.Now)
			p.Told, p.Stopped = false, true
		} else {
			s.enter(p, Waiting, f.Now)
		}
	}
}

// count tells how many nodes have gone, of how many that are to go.
func (s *State) count() (done, all int) {
	for _, p := range s.Nodes {
		if p.Phase != Left {
			all++
		}
		if p.Phase == Done {
			done++
		}
	}
	return done, all
}

// Count tells how many nodes have gone, of how many that are to go.
func (s *State) Count() (done, all int) { return s.count() }

// sortGone has nodes in the order in which they went.
func (s *State) sortGone() {
	slices.SortStableFunc(s.Nodes, func(a, b Progress) int {
		switch {
		case a.Began.IsZero() && b.Began.IsZero():
			return 0
		case a.Began.IsZero():
			return 1
		case b.Began.IsZero():
			return -1
		}
		return a.Began.Compare(b.Began)
	})
}

package rollout

// Check is what a finding is about. Operators name checks to accept what these found.
type Check string

// The checks, in the order in which they are shown.
const (
	CheckMembers  Check = "members"  // every node is there and serves
	CheckLeader   Check = "leader"   // a frontend leads
	CheckPrimary  Check = "primary"  // which server takes writes
	CheckQuorum   Check = "quorum"   // the frontends outvote the next one's absence
	CheckJournal  Check = "journal"  // followers have replayed what the leader wrote
	CheckReplicas Check = "replicas" // no tablet lacks a healthy replica
	CheckBalance  Check = "balance"  // no tablet is on its way
	CheckJobs     Check = "jobs"     // no schema change or load that a stop would cancel
	CheckExit     Check = "exit"     // a graceful exit is one
	CheckImage    Check = "image"    // the metadata were written as an image of late
	CheckBackup   Check = "backup"   // the metadata are saved before anything is changed
	CheckVersions Check = "versions" // backends are at least as new as frontends
	CheckFleet    Check = "fleet"    // every Segue can be asked and has where to move sessions
	CheckSessions Check = "sessions" // what cannot move
)

// Severity is what a finding means for a rollout.
type Severity string

// The severities.
const (
	OK     Severity = "ok"
	Warn   Severity = "warn"    // clients may feel something, or something is worth knowing; it goes on
	Unseen Severity = "unknown" // it could not be seen, which is not the same as well
	Stop   Severity = "stop"    // nothing goes until this has changed
)

// Finding is what one check found.
type Finding struct {
	Check    Check    `json:"check"`
	Severity Severity `json:"severity"`
	Node     string   `json:"node,omitempty"`  // empty: the whole cluster
	Segue    string   `json:"segue,omitempty"` // by its admin address; empty: it is of no one Segue
	Of       string   `json:"of,omitempty"`    // which of a check's kinds it is, in the words that follow "CHECK:" when it is accepted; empty: there is one
	What     string   `json:"what"`
	Remedy   string   `json:"remedy,omitempty"` // the next command, or what else helps
	Blocks   bool     `json:"blocks"`           // no node goes while it is so
	Accepted bool     `json:"accepted,omitempty"`
}

// findings gathers them.
type findings struct {
	ask  *Ask
	list []Finding
}

// add adds one. What could not be seen blocks where seeing it could have blocked: mayStop.
func (f *findings) add(x Finding, mayStop bool) {
	x.Accepted = x.Severity != OK && f.ask.accepts(&x)
	x.Blocks = !x.Accepted && (x.Severity == Stop || x.Severity == Unseen && mayStop)
	f.list = append(f.list, x)
}

// Blocking are the findings because of which no node may go.
func Blocking(list []Finding) (blocking []Finding) {
	for _, f := range list {
		if f.Blocks {
			blocking = append(blocking, f)
		}
	}
	return blocking
}

// String is the finding in one line.
func (f Finding) String() string {
	if f.Node != "" {
		return string(f.Check) + ": " + f.Node + ": " + f.What
	}
	return string(f.Check) + ": " + f.What
}

package rollout

import (
	"slices"
	"time"
)

// Ask is what an operator wants of a rollout. It is kept with its state, so that one that is resumed does what was asked for.
type Ask struct {
	Version string `json:"version,omitempty"` // every node is to have it in the end; empty: any
	Change  bool   `json:"change"`            // there is an Upgrade between stop and start; false: a mere restart
	// Replaced says that the driver's platform starts a node again by itself, and changed, as a StatefulSet does.
	Replaced bool   `json:"replaced,omitempty"`
	Check    bool   `json:"check"` // a canary condition is asked behind every node
	Image    bool   `json:"image"` // the metadata are written as an image first
	Backup   Backup `json:"backup"`
	// Fleet says that Segues are to be asked; FleetMissing that one which cannot be reached is passed over.
	Fleet        bool     `json:"fleet"`
	FleetMissing bool     `json:"fleet_missing,omitempty"`
	Accept       []string `json:"accept,omitempty"` // checks, or single findings ([Finding.ID]), that stop nothing
	OnFailure    Remedy   `json:"on_failure"`       // of a node that does not come back, or is not well
	// Starts says that a node has gone when it is another process than before, and nothing else tells.
	Starts     bool     `json:"starts,omitempty"`
	Only       []string `json:"only,omitempty"` // nodes that are to go; empty: all
	Budget     int64    `json:"budget"`         // errors that clients may see in all
	BudgetNode int64    `json:"budget_node"`    // for one node
	// P99Factor is how much longer than before the rollout the p99 of response times may be behind a node, and ErrorRate how much larger the share of statements that
	// were answered by an error. 0: whatever.
	P99Factor float64 `json:"p99_factor,omitempty"`
	ErrorRate float64 `json:"error_rate,omitempty"`
	Limits    Limits  `json:"limits"`
}

// Limits are how long facts are waited for.
type Limits struct {
	Drain    time.Duration `json:"drain_ns"`    // until no Segue has a session on the node
	Leave    time.Duration `json:"leave_ns"`    // until a stopped node is gone
	Return   time.Duration `json:"return_ns"`   // until a started one serves and every Segue sees it
	Patience time.Duration `json:"patience_ns"` // until the cluster is such that the next one may go
	Image    time.Duration `json:"image_ns"`    // how old an image may be
	Settle   time.Duration `json:"settle_ns"`   // until enough statements have passed to compare response times, if they come that slowly
}

// DefaultLimits are those that hold if nothing else is said.
func DefaultLimits() Limits {
	return Limits{Drain: 5 * time.Minute, Leave: 5 * time.Minute, Return: 10 * time.Minute, Patience: 10 * time.Minute, Image: 24 * time.Hour, Settle: 30 * time.Second}
}

// Backup is what becomes of the metadata before anything is changed.
type Backup string

// What there is.
const (
	BackupUnsaid Backup = ""       // nobody has said anything: nothing goes
	BackupRun    Backup = "run"    // a command is run once, first
	BackupWaived Backup = "waived" // an operator does without
)

// Remedy is what is done when a node fails.
type Remedy string

// The remedies.
const (
	RemedyPause    Remedy = "pause"    // it stays as it is, and an operator looks
	RemedyRollBack Remedy = "rollback" // it and those before it are taken back
)

// Compares tells whether traffic is compared with what it was before.
func (a *Ask) Compares() bool { return a.P99Factor > 0 || a.ErrorRate > 0 }

// wants tells whether a node is to go at all.
func (a *Ask) wants(name string) bool { return len(a.Only) == 0 || slices.Contains(a.Only, name) }

package fesim

import (
	"fmt"
	"slices"
	"time"
)

// JobKind is what a job in the background does.
type JobKind string

// The kinds: three of loads, as information_schema.loads names their types, and a change of a table's columns.
const (
	BrokerLoad   JobKind = "BROKER"
	StreamLoad   JobKind = "STREAM"
	RoutineLoad  JobKind = "ROUTINE" // it goes on until it is paused
	SchemaChange JobKind = "SCHEMA_CHANGE"
)

// JobOptions describe a job.
type JobOptions struct {
	Kind     JobKind       // zero: BrokerLoad
	Label    string        // the name of a routine load; zero: label_ID
	DB       string        // zero: test
	Table    string        // zero: t
	User     string        // zero: root
	Duration time.Duration // how long it takes; not scaled. RoutineLoad: of no account
	On       *BE           // the one that executes it; nil: all of them take part
}

// Job is work that goes on in the background and that fails when a BE that takes part in it leaves while it is not finished.
type Job struct {
	id      int
	opts    JobOptions
	cluster *Cluster
	created time.Time

	// What the cluster's mutex guards.
	failed time.Time // zero: it has not
	reason string
}

// Begin begins a job.
func (c *Cluster) Begin(opts JobOptions) *Job {
	c.mu.Lock()
	defer c.mu.Unlock()
	j := &Job{id: 20001 + len(c.jobs), opts: opts, cluster: c, created: time.Now()}
	set(&j.opts.Kind, BrokerLoad)
	set(&j.opts.Label, fmt.Sprintf("label_%d", j.id))
	set(&j.opts.DB, "test")
	set(&j.opts.Table, "t")
	set(&j.opts.User, "root")
	c.jobs = append(c.jobs, j)
	return j
}

// State returns the job's state, in the words of SHOW LOAD, SHOW ROUTINE LOAD and SHOW ALTER TABLE.
func (j *Job) State() string {
	j.cluster.mu.Lock()
	defer j.cluster.mu.Unlock()
	return j.stateAt(time.Now())
}

// stateAt needs the cluster's mutex.
func (j *Job) stateAt(now time.Time) string {
	over := now.Sub(j.created) >= j.opts.Duration
	switch {
	case j.opts.Kind == RoutineLoad && !j.failed.IsZero():
		return "PAUSED" // a guess: some releases only begin its tasks anew
	case j.opts.Kind == RoutineLoad:
		return "RUNNING"
	case !j.failed.IsZero():
		return "CANCELLED"
	case over:
		return "FINISHED"
	case j.opts.Kind == SchemaChange:
		return "RUNNING"
	}
	return "LOADING"
}

// finished is when the job ended; zero while it has not. It needs the cluster's mutex.
func (j *Job) finished(now time.Time) time.Time {
	switch state := j.stateAt(now); state {
	case "FINISHED":
		return j.created.Add(j.opts.Duration)
	case "CANCELLED", "PAUSED":
		return j.failed
	}
	return time.Time{}
}

// cancelJobs makes the unfinished jobs fail that b takes part in. A CN has no tablets, and takes no part in a change of them. It needs c.mu.
func (c *Cluster) cancelJobs(b *BE, now time.Time) {
	for _, j := range c.jobs {
		everywhere := j.opts.On == nil && (j.opts.Kind != SchemaChange || !b.opts.Compute)
		if j.failed.IsZero() && j.finished(now).IsZero() && (j.opts.On == b || everywhere) {
			j.failed, j.reason = now, fmt.Sprintf("backend [id=%d] is down", b.id)
		}
	}
}

// jobsOf are the jobs of some kinds in a database, or in all of them if db is "". It needs c.mu.
func (c *Cluster) jobsOf(db string, kinds ...JobKind) []*Job {
	var list []*Job
	for _, j := range c.jobs {
		if (db == "" || j.opts.DB == db) && slices.Contains(kinds, j.opts.Kind) {
			list = append(list, j)
		}
	}
	return list
}

// Tablets are those of which the cluster is not sure, beside those that lack a replica because a BE is away or has just come back.
type Tablets struct {
	Inconsistent, ErrorState int
	Pending, Running         int // balance: waiting, and being moved
}

// SetTablets makes the tablets what SHOW PROC '/statistic' and '/cluster_balance' say from now on.
func (c *Cluster) SetTablets(t Tablets) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tablets = t
}

// unhealthy counts tablets that lack a replica, and those of them that are being cloned. It needs c.mu.
func (c *Cluster) unhealthy(now time.Time) (lacking, cloning int) {
	for _, b := range c.bes {
		switch {
		case b.known.status == "":
		case !b.known.alive:
			lacking += b.opts.Tablets
		case now.Before(b.known.repairedAt):
			lacking += b.opts.Tablets
			cloning += b.opts.Tablets
		}
	}
	return lacking, cloning
}

// image is the last image of the metadata that was written.
type image struct {
	journalID int
	at        time.Time // zero: none
	written   int
}

// CreateImage writes an image of the metadata, as ALTER SYSTEM CREATE IMAGE does.
func (c *Cluster) CreateImage() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.image = image{journalID: len(c.journal.changes) + 1, at: time.Now(), written: c.image.written + 1}
}

// SetImageTime makes the last image one that was written at that time.
func (c *Cluster) SetImageTime(at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.image.at = at
	set(&c.image.journalID, 1)
}

package history

import "time"

// Look is how things are at one moment. Counters are since the start, and may begin anew.
type Look struct {
	Backends []Reading // in the order of the configuration
	Sessions int       // of all backends, and of none
	Failures map[Failing]uint64
	Moves    map[Moving]uint64
	// Others are processes that this one has taken over from, by their ids; nil is one that has not answered.
	Others map[int32]*Counted
}

// Counted is what one process has counted since its start, and the sessions that it has, as it tells another. The times are zero.
type Counted struct {
	Sessions int        `json:"sessions"`
	Backends []Reading  `json:"backends"`
	Failures []Failures `json:"failures"`
	Moves    []Moves    `json:"moves"`
}

// Reading is how one backend is.
type Reading struct {
	Name     string
	Address  string
	State    State
	Sessions int
	// Statements are those that have been answered, Errors those of them whose answer was an error.
	Statements, Errors uint64
	Times              Times
}

// State is what probing and the operator say of a backend, and why.
type State struct {
	Health string `json:"health"`
	Admin  string `json:"admin"`
	Cause  string `json:"cause,omitempty"`
}

// Failing is under what failures are counted. Backend is empty where none could be had, Action where clients saw it.
type Failing struct {
	Backend string `json:"backend"`
	Kind    string `json:"kind"`
	Action  string `json:"action"`
}

// Moving is under what moves are counted; To is empty where they failed.
type Moving struct {
	From   string `json:"from"`
	To     string `json:"to"`
	Result string `json:"result"`
}

// Span is a state and when it began. It ended with the next.
type Span struct {
	Since time.Time `json:"since"`
	State
	Removed bool `json:"removed,omitempty"` // the configuration no longer has the backend
}

// Sample is what a backend, or all together, did until Time, since the sample before.
type Sample struct {
	Time       time.Time `json:"time"`
	Seconds    float64   `json:"seconds"`              // that it covers
	Sessions   int       `json:"sessions"`             // at its end; of several samples the most
	Statements uint64    `json:"statements,omitempty"` // that were answered
	Errors     uint64    `json:"errors,omitempty"`     // of them, whose answer was an error
	P50        float64   `json:"p50,omitempty"`        // seconds that half of them took at most; of several samples the mean
	P99        float64   `json:"p99,omitempty"`        // … that 99 in 100 took at most; of several samples the most
	Seen       uint64    `json:"seen,omitempty"`       // failures of it that clients saw
	Hidden     uint64    `json:"hidden,omitempty"`     // … and that they did not
	In         uint64    `json:"in,omitempty"`         // sessions that moved to it
	Out        uint64    `json:"out,omitempty"`        // … and away from it
}

// Failures are those of a kind within the second before Time.
type Failures struct {
	Time time.Time `json:"time"`
	Failing
	Count uint64 `json:"count"`
}

// Moves are those of one second.
type Moves struct {
	Time time.Time `json:"time"`
	Moving
	Count uint64 `json:"count"`
}

// Lane is what has become of a backend. The first of its states may have begun earlier than what was asked for.
type Lane struct {
	Name    string   `json:"name"`
	Address string   `json:"address"`
	States  []Span   `json:"states"`
	Samples []Sample `json:"samples"`
}

// Extract is what is known of a span of time.
type Extract struct {
	Began    time.Time  `json:"began"` // nothing is known of what was before
	From     time.Time  `json:"from"`
	Until    time.Time  `json:"until"`
	Step     float64    `json:"step_seconds"` // that one sample covers, at most
	Lanes    []Lane     `json:"lanes"`        // in the order of the configuration; those that it has no longer last
	Total    []Sample   `json:"total"`        // of all of them
	Failures []Failures `json:"failures"`     // the oldest first; of a long trouble the latest alone, the samples have all
	Moves    []Moves    `json:"moves"`        // likewise
}

// Tick is what the last look has shown that the one before had not.
type Tick struct {
	Number   uint64            `json:"number"` // one more each time
	Time     time.Time         `json:"time"`
	Total    Sample            `json:"total"`
	Backends map[string]Sample `json:"backends"`
	Failures []Failures        `json:"failures"`
	Moves    []Moves           `json:"moves"`
}

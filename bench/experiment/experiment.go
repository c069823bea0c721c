// Package experiment plays a script beside a load: processes that it starts, and
// steps such as a command, a signal, a condition to wait for and a mark, so that a
// whole rolling upgrade is one command that can be repeated.
//
// An [Experiment] is data; config reads it from a file. [Stage] does it.
package experiment

import (
	"strconv"
	"time"

	"segue/bench/measure"
)

// Experiment is what an experiment's file says.
type Experiment struct {
	Name    string
	DSN     string // what is measured; empty: the command line says it
	Members []string
	Flavor  string
	Load    measure.Load
	Dir     string // where commands run

	Processes []Process // started in order before the load, ended after it
	Steps     []Step    // done in order under the load
}

// Process is a program that the experiment owns.
type Process struct {
	Name  string
	Run   string    // one command, which the shell replaces itself with
	Ready Condition // when it has started; zero: at once
}

// Step is one thing to do. Mark goes with any of them, and is set before it.
type Step struct {
	Line int // in the file, for errors
	Mark string

	Do      Action
	Command string    // of Run
	Process string    // of Start and Signal
	Signal  string    // of Signal: a name of [Signals]
	Wait    Condition // of Wait
	Sleep   time.Duration
	Timeout time.Duration // of Run, Start and Wait
}

// Action is what a step does.
type Action uint8

// The actions.
const (
	OnlyMark Action = iota
	Run             // a command, which must end with 0
	Wait            // for a condition
	Sleep           // for a time, such as a load balancer's checks need
	Start           // a process that has ended
	Signal          // a process
)

// DefaultTimeout is how long a step may take.
const DefaultTimeout = time.Minute

// Condition is what a step waits for: one of its fields is given.
type Condition struct {
	URL     string // answers with Status
	Status  int
	Listens string // HOST:PORT takes connections
	Refuses string // HOST:PORT does not
	Command string // ends with 0
	Exits   string // a process, by name
}

// zero tells whether there is nothing to wait for.
func (c Condition) zero() bool { return c == Condition{} }

// String says what is waited for.
func (c Condition) String() string {
	switch {
	case c.URL != "":
		return c.URL + " answers " + strconv.Itoa(c.Status)
	case c.Listens != "":
		return c.Listens + " listens"
	case c.Refuses != "":
		return c.Refuses + " refuses"
	case c.Command != "":
		return "`" + c.Command + "` ends with 0"
	case c.Exits != "":
		return c.Exits + " exits"
	}
	return "nothing"
}

package bench

import "time"

// Workload is how a worker uses its connections.
type Workload uint8

// The workloads.
const (
	Long  Workload = iota // one connection kept, with a variable of its session; short statements
	Short                 // connect, one statement, quit
	Slow                  // one connection kept; statements that run for a while

	numWorkloads
)

// String is the workload's name in tables.
func (w Workload) String() string {
	switch w {
	case Long:
		return "long-lived"
	case Short:
		return "short-lived"
	case Slow:
		return "slow"
	default:
		return "unknown workload"
	}
}

// Event is one thing that happened to a client.
type Event struct {
	At       time.Duration // since the start of the run
	Workload Workload
	Kind     Kind
	Wait     time.Duration // of an answer: since the client first wanted one, less the time the statement asked to sleep
	Err      error         // of an error: what the client got
}

// Tally adds events up. The zero value is empty and ready. It is pure data: not
// safe for concurrent use.
type Tally struct {
	Kinds  [numWorkloads][numKinds]int
	Waits  Histogram
	sample [numKinds]string
}

// Add counts one event.
func (t *Tally) Add(e Event) {
	t.Kinds[e.Workload][e.Kind]++
	if e.Kind == Answered {
		t.Waits.Add(e.Wait)
	}
	if e.Err != nil && t.sample[e.Kind] == "" {
		t.sample[e.Kind] = e.Err.Error()
	}
}

// Count is how often k happened, over all workloads.
func (t *Tally) Count(k Kind) int {
	n := 0
	for w := range t.Kinds {
		n += t.Kinds[w][k]
	}
	return n
}

// Errors is how many errors applications saw.
func (t *Tally) Errors() int {
	n := 0
	for _, k := range Kinds() {
		n += t.Count(k)
	}
	return n
}

// Sample is the text of the first error of kind k, or "".
func (t *Tally) Sample(k Kind) string { return t.sample[k] }

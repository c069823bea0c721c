package bench

import (
	"sync"
	"time"
)

// Run is one experiment's outcome.
type Run struct {
	Name     string        // what stood between the clients and the cluster
	Took     time.Duration // from the first statement to the last
	Stall    time.Duration // the longest time for which the machine kept this process waiting
	Tally    Tally
	Timeline Timeline
}

// Restarts counts the backends that left and came back.
func (r *Run) Restarts() int {
	n := 0
	for _, m := range r.Timeline.Marks {
		if m.Change == Back {
			n++
		}
	}
	return n
}

// recorder collects events and marks of one run from many goroutines.
type recorder struct {
	start time.Time // set once

	mu  sync.Mutex // held for counting only; guards the rest
	run Run
	end time.Duration // set by stop: later events belong to this time
}

func newRecorder(name string) *recorder {
	return &recorder{start: time.Now(), run: Run{Name: name}}
}

// record stamps e with the time and counts it.
func (r *recorder) record(e Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e.At = r.now()
	r.run.Tally.Add(e)
	r.run.Timeline.Add(e)
}

// stalled notes that the machine kept the process waiting for d.
func (r *recorder) stalled(d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.run.Stall = max(r.run.Stall, d)
}

// mark notes a change of a backend at this time.
func (r *recorder) mark(backend string, c Change) Mark {
	r.mu.Lock()
	defer r.mu.Unlock()
	m := Mark{At: r.now(), Backend: backend, Change: c}
	r.run.Timeline.Marks = append(r.run.Timeline.Marks, m)
	return m
}

// progress is what the live line shows.
type progress struct {
	at               time.Duration
	answered, errors int
	last             Mark // of the restart; Backend is "" before the first
}

func (r *recorder) progress() progress {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := progress{at: r.now(), answered: r.run.Tally.Count(Answered), errors: r.run.Tally.Errors()}
	for _, m := range r.run.Timeline.Marks {
		if m.Change == Leaving || m.Change == Exited || m.Change == Back {
			p.last = m
		}
	}
	return p
}

// now is the time of the run. The caller must hold mu.
func (r *recorder) now() time.Duration {
	if r.end > 0 {
		return r.end
	}
	return time.Since(r.start)
}

// stop ends the time of the run, when no worker begins anything new. What they
// still end counts.
func (r *recorder) stop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.end = r.now()
}

// finish returns the run. Nothing may be recorded afterwards.
func (r *recorder) finish() *Run {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.run.Took = r.now()
	r.run.Timeline.End(r.run.Took)
	return &r.run
}

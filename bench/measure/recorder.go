package measure

import (
	"sync"
	"time"
)

// Mark is a word about a point of time: which node left when.
type Mark struct {
	At     Millis `json:"at_ms"` // since the beginning of the run
	Text   string `json:"text"`
	Source string `json:"source"` // who said it: script, control, segue, bench
}

// mostMarks is how many a report has room for.
const mostMarks = 500

// recorder collects what many goroutines tell.
type recorder struct {
	start  time.Time  // set once, before the clients start
	onMark func(Mark) // nil: nobody is told

	mu    sync.Mutex // held for counting only; guards the rest
	tally *tally
	marks []Mark
	stall time.Duration // the longest time for which the machine kept this process waiting
	end   time.Duration // set by stop: later events belong to this time
}

// now is the time of the run. The caller must hold mu.
func (r *recorder) now() time.Duration {
	if r.end > 0 {
		return r.end
	}
	return time.Since(r.start)
}

// tell counts something at this time.
func (r *recorder) tell(count func(t *tally, at time.Duration)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	count(r.tally, r.now())
}

// mark notes a word at this time.
func (r *recorder) mark(source, text string) {
	r.mu.Lock()
	m := Mark{At: Millis(r.now()), Text: cleanMark(text), Source: source}
	full := len(r.marks) >= mostMarks
	if !full {
		r.marks = append(r.marks, m)
	}
	r.mu.Unlock()
	if r.onMark != nil && !full {
		r.onMark(m)
	}
}

// stalled notes that the machine kept the process waiting for d.
func (r *recorder) stalled(d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stall = max(r.stall, d)
}

// stop ends the time of the run, when no client begins anything new. What they
// still end counts.
func (r *recorder) stop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.end = r.now()
}

// Progress is what a live line shows.
type Progress struct {
	At              time.Duration
	Answers, Errors int
	FoundDead       int
	Waiting         time.Duration // since the last answer to anybody
	Mark            Mark          // the latest
}

func (r *recorder) progress() Progress {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := Progress{At: r.now()}
	p.Answers, p.Errors = r.tally.total()
	for i := range r.tally.scores {
		p.FoundDead += r.tally.scores[i].foundDead
	}
	p.Waiting = p.At - r.tally.lastAnswer
	if n := len(r.marks); n > 0 {
		p.Mark = r.marks[n-1]
	}
	return p
}

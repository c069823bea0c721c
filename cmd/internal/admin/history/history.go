package history

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// History is what there is to tell. It may be used by anyone at any time.
type History struct {
	mu    sync.Mutex // guards what follows
	began time.Time  // zero: nothing has been seen yet
	lanes map[string]*lane
	order []string // of the configuration
	total *series
	// The processes that count, by their ids; this one is number 0.
	processes map[int32]*process
	failures  ring[Failures]
	moves     ring[Moves]
	tick      Tick
	ticked    chan struct{} // closed at the next tick, and then replaced
}

// lane is one backend.
type lane struct {
	address string
	states  ring[Span]
	series  *series
	present bool // the configuration has it
}

// New makes one that knows nothing.
func New() *History {
	return &History{
		lanes: map[string]*lane{}, processes: map[int32]*process{0: newProcess(Look{})},
		failures: ring[Failures]{most: mostEntries}, moves: ring[Moves]{most: mostEntries}, ticked: make(chan struct{}),
	}
}

// States notes how backends stand now. It is called whenever one has changed, so that what is over before the next Observe is not lost.
func (h *History) States(now time.Time, backends []Reading) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.states(now, backends)
}

func (h *History) states(now time.Time, backends []Reading) {
	if h.began.IsZero() {
		h.began, h.total = now, newSeries(now)
	}
	h.order = h.order[:0]
	here := map[string]bool{}
	for _, b := range backends {
		l := h.lanes[b.Name]
		if l == nil {
			if len(h.lanes) >= mostLanes && !h.dropOldest() {
				continue
			}
			l = &lane{states: ring[Span]{most: mostStates}, series: newSeries(now)}
			h.lanes[b.Name] = l
		}
		here[b.Name] = true
		h.order = append(h.order, b.Name)
		l.address, l.present = b.Address, true
		l.enter(Span{Since: now, State: b.State})
	}
	for name, l := range h.lanes {
		if !here[name] && l.present {
			l.present = false
			l.enter(Span{Since: now, Removed: true})
		}
	}
}

// enter begins a state, unless it is the one that there is. Another cause alone begins none: the first one is kept, and of a backend that is up the
// one that it began with, for what comes later is why it ends.
func (l *lane) enter(s Span) {
	last := l.states.last()
	if last == nil || last.Health != s.Health || last.Admin != s.Admin || last.Removed != s.Removed {
		l.states.add(s)
		return
	}
	if last.Cause == "" && s.Health != "up" {
		last.Cause = s.Cause
	}
}

// dropOldest forgets the backend that has been gone for longest, and reports whether there was one.
func (h *History) dropOldest() bool {
	oldest := ""
	for name, l := range h.lanes {
		if !l.present && (oldest == "" || l.states.last().Since.Before(h.lanes[oldest].states.last().Since)) {
			oldest = name
		}
	}
	delete(h.lanes, oldest)
	return oldest != ""
}

// Observe takes a look at all there is. It is called once a second; now is later than at the call before.
func (h *History) Observe(now time.Time, look Look) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.states(now, look.Backends)
	h.forgetGone(now)
	h.tick = Tick{Number: h.tick.Number + 1, Time: now, Backends: map[string]Sample{}, Failures: []Failures{}, Moves: []Moves{}}
	more, sessions, total := h.count(look)
	h.countFailures(now, more.Failures)
	h.countMoves(now, more.Moves)
	h.countTraffic(more.Backends)
	for name, l := range h.lanes {
		if l.present {
			h.tick.Backends[name] = l.series.take(now, sessions[name]).wide()
		}
	}
	h.tick.Total = h.total.take(now, total).wide()
	close(h.ticked)
	h.ticked = make(chan struct{})
}

// forgetGone drops the backends that have been gone for so long that nothing is known of them any more.
func (h *History) forgetGone(now time.Time) {
	maps.DeleteFunc(h.lanes, func(_ string, l *lane) bool { return !l.present && now.Sub(l.states.last().Since) > Longest })
}

func (h *History) countFailures(now time.Time, failed map[Failing]uint64) {
	for under, more := range failed {
		h.tick.Failures = append(h.tick.Failures, Failures{now, under, more})
		sums := []*counts{&h.total.sum}
		if l := h.lanes[under.Backend]; l != nil {
			sums = append(sums, &l.series.sum)
		}
		for _, sum := range sums {
			if under.Action == "" {
				sum.seen += more
			} else {
				sum.hidden += more
			}
		}
	}
	slices.SortFunc(h.tick.Failures, func(a, b Failures) int {
		return strings.Compare(a.Backend+"\x00"+a.Action+"\x00"+a.Kind, b.Backend+"\x00"+b.Action+"\x00"+b.Kind)
	})
	for _, f := range h.tick.Failures {
		h.failures.add(f)
	}
}

func (h *History) countMoves(now time.Time, moved map[Moving]uint64) {
	for under, more := range moved {
		h.tick.Moves = append(h.tick.Moves, Moves{now, under, more})
		if under.To == "" {
			continue
		}
		h.total.sum.in += more
		h.total.sum.out += more
		if l := h.lanes[under.From]; l != nil {
			l.series.sum.out += more
		}
		if l := h.lanes[under.To]; l != nil {
			l.series.sum.in += more
		}
	}
	slices.SortFunc(h.tick.Moves, func(a, b Moves) int {
		return strings.Compare(a.From+"\x00"+a.To+"\x00"+a.Result, b.From+"\x00"+b.To+"\x00"+b.Result)
	})
	for _, m := range h.tick.Moves {
		h.moves.add(m)
	}
}

func (h *History) countTraffic(more []Reading) {
	for _, b := range more {
		sums := []*counts{&h.total.sum}
		if l := h.lanes[b.Name]; l != nil {
			sums = append(sums, &l.series.sum)
		}
		for _, sum := range sums {
			sum.statements += b.Statements
			sum.errors += b.Errors
			sum.times = sum.times.Plus(b.Times)
		}
	}
}

// grown is how much a counter has grown; one that is smaller than before has begun anew.
func grown(now, before uint64) uint64 {
	if now < before {
		return now
	}
	return now - before
}

// Lanes is of how many backends something is known.
func (h *History) Lanes() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.lanes)
}

// Latest is the last tick, and a channel that is closed at the next.
func (h *History) Latest() (Tick, <-chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.tick, h.ticked
}

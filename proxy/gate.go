package proxy

import (
	"container/heap"
	"math"
	"sync"
	"time"
)

// gate is where sessions that are to be rebuilt wait: so many may pass at a time, so that those of one backend do not all log in to the
// others at one moment. Those whose clients wait with a statement come first, in the order in which these came. While no backend could take
// them the gate is shut, and lets one through now and then (see try), for what is broken may be the probing.
type gate struct {
	mu    sync.Mutex // guards what follows
	free  int        // how many more may pass now
	shut  bool
	queue passes
}

// pass is a session's place at the gate.
type pass struct {
	since  int64         // when the statement came that waits, as Server.elapsed; unhurried: none does
	index  int           // in the queue; -1: it is in it no more
	done   chan struct{} // closed when the wait is over
	passed bool          // … and how; written before done is closed
}

// unhurried is the time of a statement that has not come yet.
const unhurried = math.MaxInt64

func newGate(n int) *gate { return &gate{free: n} }

// enter takes a place. Whoever has passed must leave.
func (g *gate) enter(since int64) *pass {
	g.mu.Lock()
	defer g.mu.Unlock()
	p := &pass{since: since, done: make(chan struct{})}
	heap.Push(&g.queue, p)
	g.admit()
	return p
}

// tryEnter passes at once, or not at all.
func (g *gate) tryEnter() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shut || g.free == 0 {
		return false
	}
	g.free--
	return true
}

// enterBy waits until it may pass, but no longer than until deadline, and reports whether it has passed.
func (g *gate) enterBy(deadline time.Time, since int64) bool {
	p := g.enter(since)
	select {
	case <-p.done:
		return p.passed
	default:
	}
	t := time.NewTimer(time.Until(deadline))
	defer t.Stop()
	select {
	case <-p.done:
	case <-t.C:
		g.giveUp(p)
		<-p.done
	}
	return p.passed
}

// leave makes room for the next.
func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.free++
	g.admit()
}

// hurry says that a statement waits since then for a session that may be at the gate.
func (g *gate) hurry(p *pass, since int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if p.index >= 0 && since < p.since {
		p.since = since
		heap.Fix(&g.queue, p.index)
	}
}

// giveUp ends the wait of a session that is at the gate no more for what it came for. One that has passed must still leave.
func (g *gate) giveUp(p *pass) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if p.index >= 0 {
		heap.Remove(&g.queue, p.index)
		close(p.done)
	}
}

// set shuts the gate, or opens it.
func (g *gate) set(shut bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shut = shut
	g.admit()
}

// isShut reports whether those who come now have to wait for a backend.
func (g *gate) isShut() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.shut
}

// try lets one session through although the gate is shut.
func (g *gate) try() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shut && g.free > 0 && len(g.queue) > 0 {
		g.next()
	}
}

// admit needs g.mu.
func (g *gate) admit() {
	for !g.shut && g.free > 0 && len(g.queue) > 0 {
		g.next()
	}
}

// next needs g.mu, and a queue.
func (g *gate) next() {
	g.free--
	p := heap.Pop(&g.queue).(*pass)
	p.passed = true
	close(p.done)
}

// passes is a queue, a heap.
type passes []*pass

func (q passes) Len() int           { return len(q) }
func (q passes) Less(i, j int) bool { return q[i].since < q[j].since }
func (q passes) Swap(i, j int)      { q[i], q[j] = q[j], q[i]; q[i].index, q[j].index = i, j }

func (q *passes) Push(x any) {
	p := x.(*pass)
	p.index = len(*q)
	*q = append(*q, p)
}

func (q *passes) Pop() any {
	last := len(*q) - 1
	p := (*q)[last]
	(*q)[last], *q = nil, (*q)[:last]
	p.index = -1
	return p
}

// Package gate says who may go on now, where only so many may at a time: sessions that are to be rebuilt on another backend, and clients that
// dial one. It decides, and holds a lock while it does; waiting is its callers' business. None needs a goroutine to stand in the queue.
package gate

import (
	"container/heap"
	"math"
	"sync"
	"sync/atomic"
)

// Gate lets so many through at a time, so that those of one backend do not all log in to the others at one moment. Those whose clients wait
// with a statement come first, in the order in which these came, and others in their own. While no backend could take anybody the gate is shut, and lets one through
// now and then (see Try), for what is broken may be the probing.
type Gate struct {
	mu    sync.Mutex // guards what follows
	width int
	free  int // how many more may pass now; below zero: it was wider
	shut  bool
	queue queue
	came  uint64 // how many have
}

// Pass is a place at the gate.
type Pass struct {
	since  int64  // when the statement came that waits; Unhurried: none does
	order  uint64 // in which it came itself
	index  int    // in the queue; -1: it is in it no more
	wake   func() // called when the pass is settled
	passed atomic.Bool
}

// Unhurried is the time of a statement that has not come yet.
const Unhurried = math.MaxInt64

// New returns an open gate through which width may pass at a time.
func New(width int) *Gate { return &Gate{width: width, free: width} }

// Passed reports whether the wait is over because its owner may go on. Who has passed must Leave.
func (p *Pass) Passed() bool { return p.passed.Load() }

// Enter takes a place, for a statement that waits since then, on whatever clock the gate's callers share. wake is called once, when the pass has
// been settled: its owner has passed, or has given up. It is called without a lock of the gate's, by whoever has settled it: before Enter
// returns where there was room. It must neither block nor panic.
func (g *Gate) Enter(since int64, wake func()) *Pass {
	p := &Pass{since: since, wake: wake}
	g.mu.Lock()
	g.came++
	p.order = g.came
	heap.Push(&g.queue, p)
	settled := g.admit()
	g.mu.Unlock()
	tell(settled)
	return p
}

// TryEnter passes at once, or not at all.
func (g *Gate) TryEnter() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shut || g.free <= 0 {
		return false
	}
	g.free--
	return true
}

// Leave makes room for the next.
func (g *Gate) Leave() {
	g.mu.Lock()
	g.free++
	settled := g.admit()
	g.mu.Unlock()
	tell(settled)
}

// Hurry says that a statement waits since then for who may be at the gate with p.
func (g *Gate) Hurry(p *Pass, since int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if p.index >= 0 && since < p.since {
		p.since = since
		heap.Fix(&g.queue, p.index)
	}
}

// GiveUp ends a wait of no use any more. Who has passed already must still Leave.
func (g *Gate) GiveUp(p *Pass) {
	g.mu.Lock()
	waits := p.index >= 0
	if waits {
		heap.Remove(&g.queue, p.index)
	}
	g.mu.Unlock()
	if waits {
		p.wake()
	}
}

// Set shuts the gate, or opens it.
func (g *Gate) Set(shut bool) {
	g.mu.Lock()
	g.shut = shut
	settled := g.admit()
	g.mu.Unlock()
	tell(settled)
}

// Resize sets how many may pass at a time. Those inside stay.
func (g *Gate) Resize(width int) {
	g.mu.Lock()
	g.free += width - g.width
	g.width = width
	settled := g.admit()
	g.mu.Unlock()
	tell(settled)
}

// IsShut reports whether those who come now have to wait for a backend.
func (g *Gate) IsShut() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.shut
}

// Try lets one through although the gate is shut.
func (g *Gate) Try() {
	g.mu.Lock()
	var settled []*Pass
	if g.shut && g.free > 0 && len(g.queue) > 0 {
		settled = append(settled, g.next())
	}
	g.mu.Unlock()
	tell(settled)
}

// Counts returns how many have passed and not left, and how many wait.
func (g *Gate) Counts() (inside, waiting int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.width - g.free, len(g.queue)
}

// admit lets through whom there is room for, and returns who is to be told. It needs g.mu.
func (g *Gate) admit() (settled []*Pass) {
	for !g.shut && g.free > 0 && len(g.queue) > 0 {
		settled = append(settled, g.next())
	}
	return settled
}

// next needs g.mu, and a queue.
func (g *Gate) next() *Pass {
	g.free--
	p := heap.Pop(&g.queue).(*Pass)
	p.passed.Store(true)
	return p
}

// tell must not be called with g.mu held: who is told may come back to the gate.
func tell(settled []*Pass) {
	for _, p := range settled {
		p.wake()
	}
}

// queue is a heap.
type queue []*Pass

func (q queue) Len() int      { return len(q) }
func (q queue) Swap(i, j int) { q[i], q[j] = q[j], q[i]; q[i].index, q[j].index = i, j }

func (q queue) Less(i, j int) bool {
	if q[i].since != q[j].since {
		return q[i].since < q[j].since
	}
	return q[i].order < q[j].order
}

func (q *queue) Push(x any) {
	p := x.(*Pass)
	p.index = len(*q)
	*q = append(*q, p)
}

func (q *queue) Pop() any {
	last := len(*q) - 1
	p := (*q)[last]
	(*q)[last], *q = nil, (*q)[:last]
	p.index = -1
	return p
}

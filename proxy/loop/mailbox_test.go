package loop

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

type note struct {
	sender, number int
	last           []int
	got            *atomic.Int64
	t              *testing.T
}

func (n *note) Deliver(*Loop) {
	if n.last[n.sender] != n.number {
		n.t.Errorf("sender %d: message %d where %d was due", n.sender, n.number, n.last[n.sender])
	}
	n.last[n.sender]++
	n.got.Add(1)
}

// Whoever posts, and however many: every message arrives, those of each sender in order, and the last wakes a loop that sleeps.
func TestPost(t *testing.T) {
	for name, o := range pollers() {
		t.Run(name, func(t *testing.T) {
			l := start(t, o)
			const senders, each = 16, 2000
			last := make([]int, senders)
			var got atomic.Int64
			var wg sync.WaitGroup
			for i := range senders {
				wg.Go(func() {
					for j := range each {
						if !l.Post(&note{i, j, last, &got, t}) {
							t.Error("refused")
						}
					}
				})
			}
			wg.Wait()
			eventually(t, "all arrive", func() bool { return got.Load() == senders*each })
			for range 1000 { // one at a time, with sleeps between
				do(t, l, func() {})
			}
		})
	}
}

// What a loop has accepted before its end is delivered, and what comes later is refused: nothing in between.
func TestPostAtTheEnd(t *testing.T) {
	for name, o := range pollers() {
		t.Run(name, func(t *testing.T) {
			for range 20 {
				l, err := New(o)
				if err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithCancel(context.Background())
				var accepted, delivered atomic.Int64
				var wg sync.WaitGroup
				for range 4 {
					wg.Go(func() {
						for l.Post(Func(func(*Loop) { delivered.Add(1) })) {
							accepted.Add(1)
						}
					})
				}
				ended := make(chan error, 1)
				go func() { ended <- l.Run(ctx) }()
				time.Sleep(time.Millisecond)
				cancel()
				if err := wait(t, ended); err != nil {
					t.Fatal(err)
				}
				wg.Wait()
				if accepted.Load() != delivered.Load() {
					t.Fatalf("%d accepted, %d delivered", accepted.Load(), delivered.Load())
				}
			}
		})
	}
}

// The end of a loop is told to all whose connections, dials and listeners it has; then nothing of it is left (start sees to that).
func TestEndOfALoop(t *testing.T) {
	for name, o := range pollers() {
		t.Run(name, func(t *testing.T) {
			ended := make(chan error, 10)
			t.Run("run", func(t *testing.T) {
				l := start(t, o)
				ln := listen(t, "tcp")
				near, far := pair(t, "tcp")
				p := newProbe()
				p.ended = ended
				do(t, l, func() {
					if _, err := l.Listen(ln, &relays{}); err != nil {
						t.Error(err)
					}
					_ = p.conn.Adopt(l, SocketOf(near), p)
				})
				q, _ := adopted(t, l, "tcp")
				do(t, l, func() {
					_, _ = q.conn.Write(make([]byte, 8<<20)) // and one that still has something to send
					q.conn.CloseAfterFlush(time.Hour)
				})
				_ = far
			})
			for wait(t, ended) != ErrEnded { //nolint:errorlint // it is never wrapped
			}
		})
	}
}

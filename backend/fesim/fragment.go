package fesim

import (
	"context"
	"time"

	"segue/backend/wire"
)

// fragment is the part of a running statement that a BE executes. A statement that reads or writes tables has one, on one BE of those that FEs
// take for alive.
type fragment struct {
	be     *BE
	cancel context.CancelCauseFunc
}

// errCrashed is what the client of a statement gets whose BE has gone.
var errCrashed = &wire.Err{Code: 5077, State: "XX000", Message: "Query cancelled by crash of backends."}

// place gives a statement that f plans its fragment: its context ends with the BE. A SELECT whose fragment is refused is sent to another BE, twice at most
// (max_query_retry_time); a write is not. In a cluster without simulated BEs there are no fragments.
func (c *Cluster) place(ctx context.Context, f *FE, reads bool) (context.Context, func(), error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.bes) == 0 {
		return ctx, func() {}, nil
	}
	c.beats(time.Now())
	b, err := c.choose(f)
	for range 2 {
		if b != nil || !reads {
			break
		}
		b, err = c.choose(f)
	}
	if b == nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	running := &fragment{be: b, cancel: cancel}
	c.fragments[running] = true
	return ctx, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.fragments, running)
		cancel(nil)
	}, nil
}

// choose returns a BE that takes a fragment of a statement that f plans. One that refuses is blocked until its next good heartbeat (SimpleScheduler). It needs c.mu.
func (c *Cluster) choose(f *FE) (*BE, error) {
	var alive []*BE
	for _, b := range c.bes {
		if _, avoided := c.avoided[f][b.id]; b.known.alive && !b.known.blocked && !avoided && len(c.disabled[b.id]) == 0 {
			alive = append(alive, b)
		}
	}
	if len(alive) == 0 {
		return nil, fail("Backend node not found. Check if any backend node is down.")
	}
	b := alive[c.rand.IntN(len(alive))]
	b.known.blocked = b.is.state != serving
	switch b.is.state {
	case exiting: // brpc's EINTERNAL
		return nil, fail("[E2001]BE is shutting down. backend [id=%d] [host=%s]", b.id, hostOf(b.thrift))
	case gone:
		return nil, fail("rpc failed: Connection refused. backend [id=%d] [host=%s]", b.id, hostOf(b.thrift))
	case serving:
	}
	return b, nil
}

// cancelFragments ends the statements that run on b. It needs c.mu.
func (c *Cluster) cancelFragments(b *BE) {
	for f := range c.fragments {
		if f.be == b {
			f.cancel(errCrashed)
		}
	}
}

// running counts the fragments on b. It needs c.mu.
func (c *Cluster) running(b *BE) int {
	n := 0
	for f := range c.fragments {
		if f.be == b {
			n++
		}
	}
	return n
}

// Fragments returns how many statements run on the BE now.
func (b *BE) Fragments() int {
	n, _ := b.cluster.exitState(b)
	return n
}

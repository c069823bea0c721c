package e2e

import (
	"context"
	"sync"
	"testing"
	"time"

	"segue/backend"
	"segue/bench"
)

// control asks each backend directly, beside the load: what it waits for, nothing in front of the backends can make shorter.
type control struct {
	cancel  context.CancelFunc
	running sync.WaitGroup

	mu      sync.Mutex
	longest time.Duration // for an answer
	whole   time.Duration // … with what it took to connect, which short-lived clients of the load count as well
}

// startControl starts one client for each backend. It ends with the test.
func startControl(t *testing.T, specs []backend.Spec) *control {
	t.Helper()
	c := &control{}
	var ctx context.Context
	ctx, c.cancel = context.WithCancel(context.Background())
	t.Cleanup(c.stop)
	for _, s := range specs {
		client, err := bench.NewClient(bench.Account{Address: s.Address, User: testUser, Password: testPassword}, bench.DefaultTimeout)
		if err != nil {
			t.Fatalf("make client: %v", err)
		}
		c.running.Go(func() { c.ask(ctx, client) })
	}
	return c
}

// ask asks until ctx is done. That its backend is away is no matter.
func (c *control) ask(ctx context.Context, client *bench.Client) {
	for pause(ctx, 20*time.Millisecond) {
		began := time.Now()
		if client.Connect(ctx) != nil {
			continue
		}
		wait, err := timed(func() error { return client.Ask(ctx, "SELECT 'control'", "control") })
		if err != nil {
			client.Drop()
			continue
		}
		whole := time.Since(began)
		client.Quit() // a leaving backend would wait for it
		c.mu.Lock()
		c.longest, c.whole = max(c.longest, wait), max(c.whole, whole)
		c.mu.Unlock()
	}
}

// stop waits for the clients; longest is theirs to read afterwards.
func (c *control) stop() {
	c.cancel()
	c.running.Wait()
}

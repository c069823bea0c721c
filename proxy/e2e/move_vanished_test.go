package e2e

import (
	"context"
	"strings"
	"testing"
	"time"

	"segue/backend"
	"segue/backend/fesim"
	"segue/bench"
	proxy "segue/proxy"
)

// soon is within what the kernel takes to give up a connection to a suspect backend; to any other it takes thirty seconds.
const soon = 10 * time.Second

// TestMoveHungVanished: connections that lead nowhere end while their backend is down, though nobody says so: of a client that cannot be
// taken elsewhere, whether it is idle or waits for an answer.
func TestMoveHungVanished(t *testing.T) {
	f := startFEs(t, fesim.Options{})
	n := newNamespace(t)
	specs := f.specs()[:2]
	specs[0].Address = startFrontOn(t, n.listen(t), specs[0].Address).address()
	s := newSegue(t, specs, proxy.Options{HangTimeout: time.Hour}) // nothing is given up by Segue itself
	hung, other := s.registry.Backends()[0], s.registry.Backends()[1]
	s.registry.SetHealth(hung, backend.Up, "")
	s.run(t)
	ctx := context.WithoutCancel(t.Context())
	connect := func() *bench.Client {
		c, err := bench.NewClient(bench.Account{Address: s.address, User: testUser, Password: testPassword}, time.Minute)
		if err == nil {
			err = c.Connect(ctx)
		}
		if err != nil {
			t.Fatalf("connect: %v", err)
		}
		t.Cleanup(c.Quit)
		return c
	}
	asking := connect()
	connect() // and says nothing
	s.registry.SetHealth(other, backend.Up, "")
	n.pull(t)
	began := time.Now()
	s.registry.SetHealth(hung, backend.Down, "no answer")
	if err := asking.Exec(ctx, "SET @a = 1"); err == nil || !strings.Contains(err.Error(), "stopped answering while the statement ran; its outcome is unknown") {
		t.Errorf("who asked: %v", err)
	}
	t.Logf("who asked was told after %v", time.Since(began).Round(time.Millisecond))
	for len(s.server.Sessions()) > 0 && time.Since(began) < soon {
		time.Sleep(10 * time.Millisecond)
	}
	t.Logf("who was idle was off after %v", time.Since(began).Round(time.Millisecond))
	if took := time.Since(began); took >= soon {
		t.Errorf("%d sessions are left after %v", len(s.server.Sessions()), took)
	}
}

package e2e

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"segue/backend"
	"segue/backend/wire"
	"segue/health"
	proxy "segue/proxy"
)

// maxConnectErrors is a small max_connect_errors: a server blocks a host after so many handshakes in a row that it left
// unfinished (ERROR 1129).
const maxConnectErrors = 30

const codeHostBlocked = "1129" // ER_HOST_IS_BLOCKED

// TestBug20ProbesDoNotBlockTheHost: bugs.md 20. A server counts unfinished handshakes by host, and blocks the host.
func TestBug20ProbesDoNotBlockTheHost(t *testing.T) {
	server := startServer(t, "127.0.0.1", "max-connect-errors=30")
	if err := server.fill(t.Context()); err != nil {
		t.Fatalf("fill server: %v", err)
	}
	address := startFarHost(t, server.address())

	t.Run("the server does block", func(t *testing.T) {
		before := unfinished(t, server)
		for range maxConnectErrors + 1 {
			hangUp(t, address)
		}
		waitFor(t, "the server to notice", func() bool { return unfinished(t, server) > before+maxConnectErrors })
		if got := login(t, address, "e2e_empty", "", "fixtures"); got != codeHostBlocked {
			t.Fatalf("login after %d unfinished handshakes: %s, want %s", maxConnectErrors+1, got, codeHostBlocked)
		}
		forget(t, server)
		if got := login(t, address, "e2e_empty", "", "fixtures"); got != "e2e_empty@%" {
			t.Fatalf("login after FLUSH HOSTS: %s", got)
		}
	})

	t.Run("probes without a user", func(t *testing.T) {
		forget(t, server)
		segue := newSegue(t, []backend.Spec{{Name: "server", Address: address}}, proxy.Options{Flavor: backend.MySQL})
		monitor := health.NewMonitor(segue.registry, health.Options{
			Flavor: backend.MySQL, Interval: 10 * time.Millisecond, FastInterval: 10 * time.Millisecond,
		}, segue.logger(t), segue.metrics)
		segue.run(t, monitor.Run)
		stormOfProbes(t, segue, monitor, maxConnectErrors+10)
		for _, at := range []string{segue.address, address} {
			if got := login(t, at, "e2e_empty", "", "fixtures"); got != "e2e_empty@%" {
				t.Errorf("login at %s after %d probes: %s", at, maxConnectErrors+10, got)
			}
		}
	})

	t.Run("clients that hang up", func(t *testing.T) {
		forget(t, server)
		segue := newSegue(t, []backend.Spec{{Name: "server", Address: address}}, proxy.Options{Flavor: backend.MySQL})
		segue.run(t)
		for range maxConnectErrors + 1 {
			hangUp(t, segue.address)
		}
		for _, at := range []string{segue.address, address} {
			if got := login(t, at, "e2e_empty", "", "fixtures"); got != "e2e_empty@%" {
				t.Errorf("login at %s after %d clients that hung up: %s", at, maxConnectErrors+1, got)
			}
		}
	})
}

// stormOfProbes makes the monitor doubt the backend until it has probed the MySQL port, or refrained from it, so often.
func stormOfProbes(t *testing.T, segue *segueUnderTest, monitor *health.Monitor, want float64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for {
		n, all := 0.0, segue.counters(t, "segue_probes_total")
		for labels, count := range all {
			if strings.HasPrefix(labels, "mysql ") {
				n += count
			}
		}
		if n >= want {
			return
		}
		monitor.Observe(segue.registry.Backends()[0], errors.New("doubted by the test"))
		select {
		case <-ctx.Done():
			t.Fatalf("%g of %g probes: %v", n, want, all)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// forget makes the server forget what it counted.
func forget(t *testing.T, server *server) {
	t.Helper()
	if err := server.exec(t.Context(), "FLUSH HOSTS"); err != nil {
		t.Fatalf("flush hosts: %v", err)
	}
}

// unfinished is how many handshakes the server has seen left unfinished.
func unfinished(t *testing.T, server *server) (n int) {
	t.Helper()
	db, err := server.open("mysql")
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	defer func() { _ = db.Close() }()
	var name string
	if err := db.QueryRowContext(t.Context(), "SHOW GLOBAL STATUS LIKE 'Aborted_connects'").Scan(&name, &n); err != nil {
		t.Fatalf("ask for aborted connects: %v", err)
	}
	return n
}

// hangUp reads a greeting and leaves.
func hangUp(t *testing.T, address string) {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatalf("dial: %v", err)
	}
	defer func() { _ = c.Close() }()
	if _, _, err := wire.NewReader(c, 1<<16).Next(); err != nil {
		t.Fatalf("read greeting: %v", err)
	}
}

// farHost passes connections on from 127.0.0.2: a server does not count what 127.0.0.1 does.
type farHost struct {
	ln      net.Listener
	target  string
	running sync.WaitGroup
}

func startFarHost(t *testing.T, target string) (address string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("listen: %v", err)
	}
	h := &farHost{ln: ln, target: target}
	h.running.Go(h.serve)
	t.Cleanup(func() {
		_ = ln.Close()
		h.running.Wait()
	})
	return ln.Addr().String()
}

func (h *farHost) serve() {
	for {
		near, err := h.ln.Accept()
		if err != nil {
			return
		}
		h.running.Go(func() { h.pass(near) })
	}
}

// pass carries one connection until either side has closed.
func (h *farHost) pass(near net.Conn) {
	defer func() { _ = near.Close() }()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}
	far, err := dialer.Dial("tcp", h.target)
	if err != nil {
		return
	}
	var back sync.WaitGroup
	back.Go(func() {
		_, _ = io.Copy(near, far)
		_ = near.Close()
	})
	_, _ = io.Copy(far, near)
	_ = far.Close()
	back.Wait()
}

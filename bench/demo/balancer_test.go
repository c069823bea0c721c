package demo

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// target is a server that says its name and then echoes.
type target struct {
	Target
	ln *net.TCPListener

	mu    sync.Mutex
	conns []*net.TCPConn
	done  sync.WaitGroup
}

func startTarget(t *testing.T, name, address string) *target {
	t.Helper()
	ln, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	g := &target{Target: Target{name, ln.Addr().String()}, ln: ln.(*net.TCPListener)}
	g.done.Go(g.accept)
	t.Cleanup(func() {
		g.cut(false)
		g.done.Wait()
	})
	return g
}

func (g *target) accept() {
	for {
		conn, err := g.ln.AcceptTCP()
		if err != nil {
			return
		}
		g.mu.Lock()
		g.conns = append(g.conns, conn)
		g.mu.Unlock()
		g.done.Go(func() {
			defer conn.Close()
			_, _ = io.WriteString(conn, g.Name)
			_, _ = io.Copy(conn, conn)
		})
	}
}

// cut ends the target and its connections, with RST when reset is set.
func (g *target) cut(reset bool) {
	g.ln.Close()
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, c := range g.conns {
		if reset {
			_ = c.SetLinger(0)
		}
		c.Close()
	}
}

// startBalancer serves b until the test ends, and returns its address.
func startBalancer(t *testing.T, b *Balancer) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var served sync.WaitGroup
	served.Go(func() {
		if err := b.Serve(ctx, ln); err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	t.Cleanup(func() { cancel(); served.Wait() })
	return ln.Addr().String()
}

// visit connects through the balancer and reads the name of who answers; "" is
// a connection that was closed without a word.
func visit(t *testing.T, addr string) (*net.TCPConn, string) {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
	name := make([]byte, 4)
	if _, err := io.ReadFull(conn, name); err == io.EOF {
		return nil, ""
	} else if err != nil {
		t.Fatal(err)
	}
	return conn.(*net.TCPConn), string(name)
}

func targetsOf(targets ...*target) []Target {
	var all []Target
	for _, g := range targets {
		all = append(all, g.Target)
	}
	return all
}

func TestBalancerRoundRobinAndHealth(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	t.Run("run", func(t *testing.T) {
		one, two := startTarget(t, "fe-1", "127.0.0.1:0"), startTarget(t, "fe-2", "127.0.0.1:0")
		type change struct {
			name  string
			inUse bool
		}
		changes := make(chan change, 8)
		addr := startBalancer(t, &Balancer{
			Targets: targetsOf(one, two), Interval: 20 * time.Millisecond, Timeout: time.Second,
			OnChange: func(name string, inUse bool) { changes <- change{name, inUse} },
		})
		if _, a := visit(t, addr); a != "fe-1" {
			t.Errorf("first client at %q", a)
		}
		kept, b := visit(t, addr)
		if b != "fe-2" {
			t.Errorf("second client at %q", b)
		}

		one.cut(false)
		if m := <-changes; m != (change{"fe-1", false}) {
			t.Errorf("after fe-1 had gone: %+v", m)
		}
		for range 3 {
			if _, name := visit(t, addr); name != "fe-2" {
				t.Errorf("client at %q while fe-1 is out", name)
			}
		}
		startTarget(t, "fe-1", one.Address)
		if m := <-changes; m != (change{"fe-1", true}) {
			t.Errorf("after fe-1 had come back: %+v", m)
		}

		// The connection that was there all along is untouched, and half-close passes.
		_, _ = io.WriteString(kept, "still here")
		_ = kept.CloseWrite()
		if rest, err := io.ReadAll(kept); string(rest) != "still here" || err != nil {
			t.Errorf("kept connection: %q, %v", rest, err)
		}
	})
}

// Until its health check has failed often enough, a refusing target costs
// clients their connection: this is what an experiment counts.
func TestBalancerClosesClientOfRefusingTarget(t *testing.T) {
	gone := startTarget(t, "fe-1", "127.0.0.1:0")
	gone.cut(false)
	addr := startBalancer(t, &Balancer{Targets: targetsOf(gone), Interval: time.Hour})
	if _, name := visit(t, addr); name != "" {
		t.Errorf("answered by %q", name)
	}
}

func TestBalancerPassesAResetOn(t *testing.T) {
	g := startTarget(t, "fe-1", "127.0.0.1:0")
	addr := startBalancer(t, &Balancer{Targets: targetsOf(g), Interval: time.Hour})
	conn, _ := visit(t, addr)
	g.cut(true)
	if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("client of a reset target reads %v, want a reset", err)
	}
}

func TestBalancerWithoutTargets(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := (&Balancer{}).Serve(t.Context(), ln); err == nil {
		t.Error("no targets is no error")
	}
}

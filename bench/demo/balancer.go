package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"syscall"
	"time"
)

// Target is one address behind a [Balancer].
type Target struct{ Name, Address string }

// Balancer is a stand-in for the load balancer a cloud provider puts before a
// cluster: layer 4, round robin, a TCP health check (a connect that succeeds
// passes). It knows nothing of the protocol, retries nothing and never ends a
// connection by itself; what one side does (FIN, RST) the other side sees. A
// client of a target that refuses is closed. When every target is out of
// rotation it uses all of them.
type Balancer struct {
	Targets    []Target
	Interval   time.Duration                 // between two health checks of a target. Zero: 5s, which with Fall 3 detaches in 10 to 15 s
	Timeout    time.Duration                 // of a health check and of a dial. Zero: Interval
	Fall, Rise int                           // checks in a row that take a target out, and back in. Zero: 3
	OnChange   func(name string, inUse bool) // nil: nobody is told. May be called from several goroutines

	mu       sync.Mutex // guards rotation; never held while something waits
	rotation *rotation
}

func (b *Balancer) interval() time.Duration {
	if b.Interval <= 0 {
		return 5 * time.Second
	}
	return b.Interval
}

func (b *Balancer) timeout() time.Duration {
	if b.Timeout <= 0 {
		return b.interval()
	}
	return b.Timeout
}

// Serve accepts on ln, which it closes, until ctx is done. Then it cuts every
// connection, and returns when nothing of it is running any more.
func (b *Balancer) Serve(ctx context.Context, ln net.Listener) error {
	if len(b.Targets) == 0 {
		ln.Close()
		return errors.New("serve balancer: no targets")
	}
	b.rotation = newRotation(len(b.Targets), orDefault(b.Fall, 3), orDefault(b.Rise, 3))
	ctx, cancel := context.WithCancel(ctx)
	var children sync.WaitGroup
	defer children.Wait()
	defer cancel()
	defer context.AfterFunc(ctx, func() { ln.Close() })()
	for i := range b.Targets {
		children.Go(func() { b.check(ctx, i) })
	}
	for {
		conn, err := ln.Accept()
		if ctx.Err() != nil {
			if err == nil {
				conn.Close()
			}
			return nil
		}
		if err != nil {
			return fmt.Errorf("accept client: %w", err)
		}
		children.Go(func() { b.serve(ctx, conn.(*net.TCPConn)) })
	}
}

func orDefault(n, zero int) int {
	if n <= 0 {
		return zero
	}
	return n
}

// check probes target i at every interval until ctx is done.
func (b *Balancer) check(ctx context.Context, i int) {
	ticker := time.NewTicker(b.interval())
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		conn, err := b.dial(ctx, i)
		if err == nil {
			conn.Close()
		}
		if ctx.Err() != nil {
			return
		}
		b.mu.Lock()
		changed := b.rotation.observe(i, err == nil)
		b.mu.Unlock()
		if changed && b.OnChange != nil {
			b.OnChange(b.Targets[i].Name, err == nil)
		}
	}
}

func (b *Balancer) dial(ctx context.Context, i int) (*net.TCPConn, error) {
	d := net.Dialer{Timeout: b.timeout()}
	conn, err := d.DialContext(ctx, "tcp", b.Targets[i].Address)
	if err != nil {
		return nil, err
	}
	return conn.(*net.TCPConn), nil
}

// serve relays one client until both directions have ended or ctx is done.
func (b *Balancer) serve(ctx context.Context, client *net.TCPConn) {
	defer client.Close()
	b.mu.Lock()
	i := b.rotation.choose()
	b.mu.Unlock()
	target, err := b.dial(ctx, i)
	if err != nil {
		return
	}
	defer target.Close()
	defer context.AfterFunc(ctx, func() { client.Close(); target.Close() })()
	var back sync.WaitGroup
	defer back.Wait()
	back.Go(func() { pump(client, target) })
	pump(target, client)
}

// pump copies from src to dst until src ends, and ends dst in the same way: a
// FIN becomes a FIN, a reset a reset.
func pump(dst, src *net.TCPConn) {
	_, err := io.Copy(dst, src)
	if err == nil {
		_ = dst.CloseWrite()
		return
	}
	if errors.Is(err, syscall.ECONNRESET) {
		_ = dst.SetLinger(0)
		_ = src.SetLinger(0)
	}
	dst.Close()
	src.Close()
}

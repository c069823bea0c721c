package proxy

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"segue/backend"
	"segue/backend/fesim"
	"segue/backend/wire"
)

// prey is a client that asks and checks each answer until a KILL ends its session, and then comes again.
type prey struct {
	mu        sync.Mutex // guards what follows
	id        uint32     // 0: it has no session
	condemned bool
	over      chan struct{} // closed when the session has ended
}

// live is one session of it, and asked counts its statements. It returns what is wrong.
func (p *prey) live(ctx context.Context, d *driver, name string, asked *atomic.Int64) error {
	defer d.Close()
	d.user = "u"
	if err := d.login("pw"); err != nil {
		return fmt.Errorf("log in: %w", err)
	}
	over := make(chan struct{})
	defer close(over)
	p.mu.Lock()
	p.id, p.condemned, p.over = d.hello.ConnectionID, false, over
	p.mu.Unlock()
	defer p.forget()
	for i := 0; ctx.Err() == nil; i++ {
		token := fmt.Sprint(name, " ", i, " ", rand.Uint64())
		b, _ := wire.AppendPacket(nil, 0, query("SELECT '"+token+"'"))
		_, err := d.Write(b)
		var got []byte
		if err == nil {
			got, err = d.row()
		}
		switch {
		case err != nil && p.doomed():
			return nil
		case err != nil:
			return fmt.Errorf("statement %d: %w", i, err)
		case string(got) != token:
			return fmt.Errorf("statement %d: got %q, want %q", i, got, token)
		}
		asked.Add(1)
	}
	return nil
}

func (p *prey) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.id = 0
}

func (p *prey) doomed() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.condemned
}

// condemn says that its session is about to be killed, and which that is; 0: none.
func (p *prey) condemn() (id uint32, over chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.condemned {
		return 0, nil
	}
	p.condemned = p.id != 0
	return p.id, p.over
}

// Sessions cross between loops all the time, are moved off one backend and then off the other, and now and then one is killed: each answer is its own
// statement's, and who is killed is who was meant, and ends.
func TestKillsWhileSessionsCross(t *testing.T) {
	cluster, err := fesim.NewCluster(2, fesim.Options{Users: map[string]string{"u": "pw"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	if err := cluster.Start(); err != nil {
		t.Fatal(err)
	}
	var specs []backend.Spec
	for _, fe := range cluster.FEs() {
		specs = append(specs, backend.Spec{Name: fe.Name(), Address: fe.MySQLAddress()})
	}
	p := startWith(t, specs, func(r *backend.Registry) *Server {
		return NewServer(r, Options{Flavor: backend.StarRocks, Users: []User{{Name: "u", Password: "pw", HasPassword: true}}}, nil, nil)
	})
	p.unsettle(3)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var asked, kills atomic.Int64
	var clients, others sync.WaitGroup
	all := make([]*prey, 12)
	for i := range all {
		all[i] = &prey{}
		clients.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				if err := all[i].live(ctx, p.dialled(t), fmt.Sprint("client ", i, ".", n), &asked); err != nil {
					t.Errorf("client %d: %v", i, err)
					return
				}
			}
		})
	}
	for range 2 {
		others.Go(func() { hunt(ctx, t, p, all, &kills) })
	}
	others.Go(func() {
		for i := 0; ctx.Err() == nil; i++ {
			name := specs[i%2].Name
			_ = p.registry.SetAdmin(name, backend.Drain)
			eventually(t, "it to be left", func() bool { b, _ := p.registry.Lookup(name); return b.Sessions() == 0 || ctx.Err() != nil })
			p.ready(name)
		}
	})
	eventually(t, "kills and statements", func() bool { return t.Failed() || kills.Load() >= 40 && asked.Load() >= 2000 })
	cancel()
	clients.Wait()
	others.Wait()
	t.Logf("%d statements, %d kills", asked.Load(), kills.Load())
}

// dialled is a client's connection that has not logged in.
func (p *proxied) dialled(t *testing.T) *driver {
	t.Helper()
	nc, err := net.Dial("tcp", p.addr)
	if err != nil {
		t.Error(err)
		return &driver{TCPConn: &net.TCPConn{}, t: t, r: wire.NewReader(&net.TCPConn{}, 0), caps: peerCaps}
	}
	_ = nc.SetDeadline(time.Now().Add(2 * patience))
	return &driver{TCPConn: nc.(*net.TCPConn), t: t, r: wire.NewReader(nc, 64<<20), caps: peerCaps}
}

// hunt kills one of them after the other.
func hunt(ctx context.Context, t *testing.T, p *proxied, all []*prey, kills *atomic.Int64) {
	t.Helper()
	d := p.dialled(t)
	defer d.Close()
	d.user = "u"
	if err := d.login("pw"); err != nil {
		t.Errorf("log in: %v", err)
		return
	}
	for ctx.Err() == nil {
		id, over := all[rand.IntN(len(all))].condemn()
		if id == 0 {
			runtime.Gosched()
			continue
		}
		_ = d.SetDeadline(time.Now().Add(patience))
		b, _ := wire.AppendPacket(nil, 0, query(fmt.Sprint("KILL ", id)))
		_, err := d.Write(b)
		if err == nil {
			_, err = d.row()
		}
		if err != nil && !errors.Is(ctx.Err(), context.Canceled) {
			t.Errorf("KILL %d: %v", id, err)
			return
		}
		select {
		case <-over:
			kills.Add(1)
		case <-time.After(patience):
			t.Errorf("session %d was killed, and lives", id)
			return
		}
	}
}

package proxy

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/prometheus/client_golang/prometheus"

	"segue/backend"
	"segue/backend/fesim"
	"segue/backend/wire"
	"segue/proxy/balance"
)

// Whatever happens to clients, backends and Segue at whatever moment: no client gets an answer that is not its own, no panic, and
// nothing is left of it.
func TestNothingIsLeftBehind(t *testing.T) {
	rounds := 3
	if testing.Short() {
		rounds = 1
	}
	for round := range rounds {
		t.Run(fmt.Sprint(round), upheaval)
	}
}

func upheaval(t *testing.T) {
	cluster, err := fesim.NewCluster(3, fesim.Options{
		Users: map[string]string{"app": "secret", "bob": "builder", "u": "pw", "root": ""},
		Idle:  50 * time.Millisecond, Sweep: 50 * time.Millisecond,
		Election: 60 * time.Millisecond, LeaderWait: 5 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	if err := cluster.Start(); err != nil {
		t.Fatal(err)
	}
	var specs []backend.Spec
	for _, fe := range cluster.FEs() {
		specs = append(specs, backend.Spec{Name: fe.Name(), Address: fe.MySQLAddress()})
	}
	goroutines, files := runtime.NumGoroutine(), descriptors(t)
	o := Options{
		Users: []User{{Name: "app", Password: "secret", HasPassword: true}, {Name: "u", Password: "pw", HasPassword: true}}, Balance: balance.Options{Rate: 1000, Settle: -1},
		ConnectBudget: 2 * time.Second, ConnectTimeout: 300 * time.Millisecond, DrainTimeout: 300 * time.Millisecond,
	}
	if rand.IntN(2) == 0 {
		o.Flavor = backend.StarRocks // whose statements wait for a leader
	}
	if rand.IntN(2) == 0 {
		o.Hold = Hold{Timeout: 100 * time.Millisecond, Statements: 8}
	}
	var p *proxied
	metrics := prometheus.NewRegistry()
	t.Run("upheaval", func(t *testing.T) {
		p = startWith(t, specs, func(r *backend.Registry) *Server {
			return NewServer(r, o, slog.New(slog.DiscardHandler), metrics)
		})
		ctx, cancel := context.WithCancel(context.Background())
		var wg sync.WaitGroup
		for i := range 32 {
			wg.Go(func() {
				for ctx.Err() == nil {
					user := "app:secret"
					if i%8 == 0 {
						user = "bob:builder"
					}
					if i%3 == 0 {
						hasty(ctx, t, p)
						continue
					}
					restless(ctx, t, cluster, user, p.addr, i)
				}
			})
		}
		wg.Go(func() {
			for ctx.Err() == nil {
				disturb(p, cluster)
				time.Sleep(time.Duration(rand.IntN(30)) * time.Millisecond)
			}
		})
		time.Sleep(2*time.Second + time.Duration(rand.IntN(500))*time.Millisecond)
		p.stop()
		p.Close()
		cancel()
		err := <-p.done
		p.done <- err
		wg.Wait()
	})
	for _, b := range p.registry.Backends() {
		if n := b.Sessions(); n != 0 {
			t.Errorf("%d leases on %s are left", n, b.Name())
		}
	}
	for _, w := range p.running() { // their loops have ended
		if n := len(w.all); n != 0 {
			t.Errorf("%d sessions are left", n)
		}
		if n := len(w.folds) + len(w.order); n != 0 {
			t.Errorf("%d folds are left", n)
		}
		if n := len(w.waiters.list); n != 0 {
			t.Errorf("%d still wait", n)
		}
	}
	if n := len(p.ids); n != 0 {
		t.Errorf("%d ids are left", n)
	}
	if inside, waiting := p.gate.Counts(); inside != 0 || waiting != 0 {
		t.Errorf("%d slots are left, %d wait for one", inside, waiting)
	}
	if units := p.waiting.Load(); units != 0 {
		t.Errorf("%d buffers still wait", units)
	}
	m := &measured{proxied: p, metrics: metrics}
	m.t = t
	if n := m.series("segue_session_panics_total")[""]; n != 0 {
		t.Errorf("%v sessions panicked", n)
	}
	t.Logf("%v; %v", m.series("segue_session_move_duration_seconds"), m.series("segue_client_errors_total"))
	t.Logf("%v", m.series("segue_hidden_failures_total"))
	cluster.Close()
	eventually(t, "goroutines and descriptors to be gone", func() bool { return runtime.NumGoroutine() <= goroutines && descriptors(t) <= files })
}

// restless is a client that keeps state, checks every answer, and leaves at any moment.
func restless(ctx context.Context, t *testing.T, cluster *fesim.Cluster, user, addr string, i int) {
	t.Helper()
	config, err := mysql.ParseDSN(user + "@tcp(" + addr + ")/demo?timeout=3s&readTimeout=8s")
	if err != nil {
		t.Error(err)
		return
	}
	config.Logger = &mysql.NopLogger{}
	connector, err := mysql.NewConnector(config)
	if err != nil {
		t.Error(err)
		return
	}
	db := sql.OpenDB(connector)
	defer func() { _ = db.Close() }()
	conn, err := db.Conn(ctx)
	if err != nil {
		return
	}
	defer func() { _ = conn.Close() }()
	c := &sqlClient{conn, t}
	who := fmt.Sprintf("w%d", i)
	if c.try("SET @w = '"+who+"'") != nil {
		return
	}
	stmt, err := conn.PrepareContext(ctx, "SELECT @w, ?")
	if err != nil {
		return
	}
	defer func() { _ = stmt.Close() }()
	for n := range 5 + rand.IntN(60) {
		token := fmt.Sprintf("%s-%d-%d", who, n, rand.IntN(1e9))
		var got string
		want := who + " " + token
		switch rand.IntN(7) {
		case 6:
			err = c.try("INSERT INTO fesim.ledger VALUES ('" + token + "')")
			got = want
			if n := cluster.Executions(token); n > 1 || n == 0 && err == nil {
				t.Errorf("%s: inserted with %v, executed %d times", token, err, n)
			} else if err != nil && n != 0 && strings.Contains(err.Error(), "was not sent") {
				t.Errorf("%s: executed, and the client was told %v", token, err)
			}
		case 0:
			var a, b string
			err = stmt.QueryRowContext(ctx, token).Scan(&a, &b)
			got = a + " " + b
		case 1:
			if rand.IntN(8) > 0 {
				continue
			}
			token = strings.Repeat("x", 20<<10) + token
			want = who + " " + token
			got, err = c.row("SELECT @w, '" + token + "'")
		case 2:
			if err = c.try("BEGIN"); err == nil {
				if err = c.try("INSERT INTO fesim.ledger VALUES ('" + token + "')"); err == nil {
					time.Sleep(time.Duration(rand.IntN(10)) * time.Millisecond)
					err = c.try("COMMIT")
				}
			}
			if err != nil && c.try("ROLLBACK") != nil {
				return // it is in its transaction still
			}
			got = want
			if n := cluster.Executions(token); n > 1 || n == 0 && err == nil {
				t.Errorf("%s: committed with %v, executed %d times", token, err, n)
			}
		case 3:
			got, err = c.row("SELECT @w, ?", token)
		case 4:
			time.Sleep(time.Duration(rand.IntN(100)) * time.Millisecond)
			err = conn.PingContext(ctx)
			got = want
		default:
			got, err = c.row("SELECT @w, '" + token + "'")
		}
		switch {
		case err == nil && got != want:
			t.Errorf("%s got %.60q, want %.60q", who, got, want)
			return
		case errors.Is(err, mysql.ErrMalformPkt), errors.Is(err, mysql.ErrPktSync), errors.Is(err, mysql.ErrBusyBuffer):
			t.Errorf("%s: %v", who, err)
			return
		case err != nil && strings.Contains(err.Error(), "i/o timeout"):
			t.Errorf("%s waited in vain: %v", who, err)
			return
		case err != nil && conn.PingContext(ctx) != nil:
			return
		}
	}
}

// hasty is a client that sends its commands ahead of the answers, cut into pieces anyhow.
func hasty(ctx context.Context, t *testing.T, p *proxied) {
	t.Helper()
	nc, err := net.Dial("tcp", p.addr)
	if err != nil {
		return
	}
	defer func() { _ = nc.Close() }()
	_ = nc.SetDeadline(time.Now().Add(patience))
	d := &driver{TCPConn: nc.(*net.TCPConn), t: t, r: wire.NewReader(nc, 64<<20), caps: peerCaps}
	if d.login("pw") != nil {
		return
	}
	_ = d.SetNoDelay(true)
	for range 50 {
		if ctx.Err() != nil {
			return
		}
		_ = nc.SetDeadline(time.Now().Add(patience))
		var b []byte
		var want []string
		for range 1 + rand.IntN(5) {
			switch rand.IntN(5) {
			case 0:
				b = append(b, packets([]byte{byte(wire.ComStmtClose), 9, 0, 0, 0})...)
			case 1:
				b, want = append(b, packets([]byte{byte(wire.ComPing)})...), append(want, "")
			default:
				token := strings.Repeat("y", rand.IntN(10)*rand.IntN(800)) + fmt.Sprint(rand.IntN(1e9))
				b, want = append(b, packets(query("SELECT '"+token+"'"))...), append(want, token)
			}
		}
		for len(b) > 0 {
			n := len(b)
			if rand.IntN(3) == 0 {
				n = 1 + rand.IntN(n)
			}
			if _, err := d.Write(b[:n]); err != nil {
				return
			}
			if b = b[n:]; rand.IntN(4) == 0 {
				time.Sleep(time.Duration(rand.IntN(3)) * time.Millisecond)
			}
		}
		for _, token := range want {
			got, err := d.row()
			said := new(wire.Err)
			switch {
			case err == nil && string(got) != token:
				t.Errorf("a hasty client got %.40q, want %.40q", got, token)
				return
			case errors.As(err, &said):
			case errors.Is(err, os.ErrDeadlineExceeded):
				t.Errorf("a hasty client waited in vain")
				return
			case err != nil:
				return
			}
		}
		if rand.IntN(3) == 0 {
			time.Sleep(time.Duration(rand.IntN(20)) * time.Millisecond)
		}
	}
	if rand.IntN(2) == 0 {
		_, _ = d.Write(comQuit)
	}
}

// disturb does something to a backend.
func disturb(p *proxied, cluster *fesim.Cluster) {
	fes := cluster.FEs()
	fe := fes[rand.IntN(len(fes))]
	b, ok := p.registry.Lookup(fe.Name())
	if !ok {
		return
	}
	switch rand.IntN(11) {
	case 8:
		p.Pause(time.Duration(1+rand.IntN(40)) * time.Millisecond)
	case 9:
		for _, b := range p.registry.Backends() {
			p.registry.SetHealth(b, backend.Down, "refused")
		}
	case 10:
		if leader := cluster.Leader(); leader != nil {
			leader.Kill()
			time.Sleep(time.Duration(rand.IntN(40)) * time.Millisecond)
			_ = leader.Start()
		}
	case 0:
		_ = p.registry.SetAdmin(b.Name(), backend.Drain)
	case 1:
		p.registry.SetHealth(b, backend.Stopping, "/api/health 500")
	case 2:
		fe.Kill()
		_ = fe.Start()
	case 3:
		fe.SetFault(fesim.Fault{CutBefore: true})
		time.Sleep(5 * time.Millisecond)
		fe.SetFault(fesim.Fault{})
	case 4:
		fe.SetFault([]fesim.Fault{{AcceptSilent: true}, {ResetAfterAuth: true}, {EOFAfterAuth: true}, {CutAfter: true}, {Truncate: true}}[rand.IntN(5)])
		time.Sleep(5 * time.Millisecond)
		fe.SetFault(fesim.Fault{})
	case 5:
		p.registry.SetHealth(b, backend.Down, "refused")
	default:
		p.Resume()
		for _, b := range p.registry.Backends() {
			_ = p.registry.SetAdmin(b.Name(), backend.Ready)
			p.registry.SetHealth(b, backend.Up, "")
		}
	}
}

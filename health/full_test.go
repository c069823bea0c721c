package health

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"segue/backend"
	"segue/backend/wire"
)

// A backend that has no room for a probe's connection works: it is up, from wherever it comes, and stays up.
func TestFullIsUp(t *testing.T) {
	const said = "mysql 1040 Too many connections"
	for _, url := range []string{"", someURL} {
		synctest.Test(t, func(t *testing.T) {
			g := newRig(t, Options{Flavor: backend.TiDB}, url)
			g.mysql.set(Full, said)
			defer g.use().Release()
			g.pass(time.Second)
			g.expect(backend.Up, "")
			for range 100 {
				g.m.Observe(g.b, net.ErrClosed)
				g.pass(100 * ms)
				g.expect(backend.Up, "")
			}
			g.mysql.set(Failed, "mysql refused")
			g.http.set(Failed, "/api/health refused")
			g.pass(5 * time.Second)
			if h := g.b.Status().Health; h != backend.Down {
				t.Errorf("it is %v when it does not answer", h)
			}
			g.mysql.set(Full, said)
			g.http.set(Passed, "")
			g.pass(5 * time.Second)
			g.expect(backend.Up, "")
		})
	}
}

// overfull is the check of a MySQL port that has no room, and counts how often it is asked.
type overfull struct{ asked atomic.Int32 }

func (c *overfull) Check(_ context.Context, b *backend.Backend) Result {
	c.asked.Add(1)
	b.Try()
	b.Fill(backend.Full{Code: 1040})
	return Result{Verdict: Full, Cause: "mysql 1040"}
}

// A probe that logs in finds out once a second whether a backend that is full has room again, and not that often where clients do.
func TestFullIsTriedOnceASecond(t *testing.T) {
	for _, clients := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			registry, _ := oneBackend("fe-1:9030", "")
			c := new(overfull)
			m := NewMonitor(registry, Options{Flavor: backend.MySQL, User: "probe", Interval: 200 * ms}, nil, nil)
			m.newChecks = func(Options, *budget, func(error)) checks { return checks{mysql: c, close: func() {}} }
			defer run(t, m)()
			time.Sleep(time.Second)
			c.asked.Store(0)
			tried := 0
			for range 100 {
				time.Sleep(100 * ms)
				if !clients {
					continue
				}
				if l, err := registry.Lease(nil); err == nil {
					tried++
					l.Full(backend.Full{Code: 1040})
				}
			}
			if n := int(c.asked.Load()); !clients && (n < 4 || n > 10) || n+tried > 15 {
				t.Errorf("asked %d times in ten seconds, and tried %d times", n, tried)
			}
		})
	}
}

// gatekeeper is a server that answers every login by what it is told to, and remembers who came.
type gatekeeper struct {
	mu         sync.Mutex
	came       map[string]int
	unfinished int
	says       *wire.Err // nil: OK_Packet
}

func (k *gatekeeper) serve(conn net.Conn) {
	defer conn.Close()
	_, _ = conn.Write(packet(0, starrocks.Append(nil)))
	payload, seq, err := wire.NewReader(conn, 0).Next()
	var r wire.HandshakeResponse41
	k.mu.Lock()
	defer k.mu.Unlock()
	if err != nil || r.Decode(payload) != nil {
		k.unfinished++
		return
	}
	k.came[r.Username]++
	answer := (&wire.OK{}).Append(nil, wire.ClientProtocol41)
	if k.says != nil {
		answer = k.says.Append(nil)
	}
	_, _ = conn.Write(packet(seq+1, answer))
}

func (k *gatekeeper) say(e *wire.Err) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.says = e
}

func (k *gatekeeper) logins(user string) int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.came[user]
}

// A probe does not try a password that has been refused until the account is locked. The handshakes that it then leaves end with a denied
// login of nobody, where the server counts those that are left unfinished.
func TestRefusedProbeBacksOff(t *testing.T) {
	for _, counts := range []bool{false, true} {
		k := &gatekeeper{came: map[string]int{}}
		_, b := oneBackend(listen(t, k.serve), "")
		c := &MySQL{User: probeUser, Password: probePassword, counts: counts}
		check := func(want Verdict, cause string) {
			t.Helper()
			if r := c.Check(t.Context(), b); r.Verdict != want || r.Cause != cause {
				t.Errorf("%+v, want %v %q", r, want, cause)
			}
		}
		check(Passed, "")
		k.say(&wire.Err{Code: 1045, State: "28000", Message: "Access denied"})
		const denied = "mysql 1045 Access denied: correct health.user (segue_probe) or its password; until then the greeting alone counts"
		for range 20 {
			check(Passed, denied)
		}
		if n := k.logins(probeUser); n != 2 {
			t.Errorf("%d logins", n)
		}
		if n := k.logins("segue_client_left"); counts && (n != 19 || k.unfinished != 0) || !counts && n != 0 {
			t.Errorf("%d handshakes ended by a stranger's login, %d left unfinished", n, k.unfinished)
		}
		c.refusals = backend.Refusals{} // its time is over
		k.say(nil)
		check(Passed, "")
		check(Passed, "")
		if n := k.logins(probeUser); n != 4 {
			t.Errorf("%d logins", n)
		}
	}
}

// What the login of a probe is told, or its end, is known of the backend.
func TestProbeKnowsThatItIsFull(t *testing.T) {
	k := &gatekeeper{came: map[string]int{}, says: &wire.Err{Code: 1040, State: "08004", Message: "Too many connections"}}
	_, b := oneBackend(listen(t, k.serve), "")
	c := &MySQL{User: probeUser, Password: probePassword}
	if r := c.Check(t.Context(), b); r.Verdict != Full {
		t.Errorf("%+v", r)
	}
	if f, full := b.Full(); !full || f.String() != "full: 1040 Too many connections" || !b.Crowded() {
		t.Errorf("%v, %v", f, full)
	}
	k.say(nil)
	if r := c.Check(t.Context(), b); r.Verdict != Passed {
		t.Errorf("%+v", r)
	}
	if _, full := b.Full(); full {
		t.Error("full although it has let the probe in")
	}
}

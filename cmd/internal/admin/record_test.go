package admin

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"segue/backend"
	"segue/cmd/internal/admin/history"
	"segue/config"
	proxy "segue/proxy"
	"segue/proxy/ledger"
)

// tallied is a Tallies.
type tallied struct {
	failures map[ledger.Place]uint64
	trips    map[proxy.Trip]uint64
}

func (tallied) Count() int                               { return 7 }
func (t tallied) FailurePlaces() map[ledger.Place]uint64 { return t.failures }
func (t tallied) Trips() map[proxy.Trip]uint64           { return t.trips }

// Record sees each second what there is, and each state of a backend.
func TestRecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		registry := backend.NewRegistry(backend.Options{})
		registry.Apply([]backend.Spec{{Name: "fe-1", Address: "192.0.2.1:9030"}})
		statements := uint64(0)
		h := &Handler{
			Registry: registry, History: history.New(),
			Tallies: tallied{map[ledger.Place]uint64{{Backend: "fe-1", Kind: ledger.Leaving, Action: ledger.Moved}: 2}, map[proxy.Trip]uint64{{From: "fe-1", To: "fe-2", Result: "ok"}: 3}},
			Traffic: func() map[string]Traffic {
				statements += 50
				return map[string]Traffic{"fe-1": {Statements: statements}}
			},
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { defer close(ended); h.Record(ctx) }()
		time.Sleep(3500 * time.Millisecond)
		fe1, _ := registry.Lookup("fe-1")
		for _, to := range []backend.Health{backend.Up, backend.Down, backend.Up} {
			registry.SetHealth(fe1, to, "")
			synctest.Wait()
		}
		time.Sleep(time.Second)
		stop()
		<-ended
		x := h.History.Extract(time.Now().Add(-time.Minute), time.Now(), 100)
		if len(x.Lanes) != 1 || len(x.Lanes[0].States) != 4 || len(x.Lanes[0].Samples) != 4 {
			t.Fatalf("%+v", x)
		}
		if s := x.Total[0]; s.Sessions != 7 || s.Statements != 50 || s.Hidden != 2 || s.Out != 3 {
			t.Errorf("the first second: %+v", s)
		}
		if s := x.Lanes[0].Samples[3]; s.Statements != 50 || s.Hidden != 0 {
			t.Errorf("the last second: %+v", s)
		}
	})
}

func TestHistoryByTheAPI(t *testing.T) {
	s := serve(t)
	now := time.Now()
	s.handler.History.Observe(now, s.handler.look())
	if _, err := s.client.SetAdmin(t.Context(), "fe-1", backend.Drain, true); err != nil {
		t.Fatal(err)
	}
	past, err := s.client.History(t.Context(), time.Minute, 10)
	if err != nil || len(past.Lanes) != 2 || past.Lanes[0].Name != "fe-1" || past.Lanes[0].States[0].Cause != "not probed yet" || len(past.Changes) != 1 || past.Changes[0].What != "drain fe-1" {
		t.Errorf("%+v, %v", past, err)
	}
	for query, remedy := range map[string]string{"for=9h": "1s to 8h0m0s", "for=x": "is no time span", "points=0": "1 to 2881", "points=9999": "1 to 2881", "for=1h&for=2h": "is none", "%": "is none"} {
		if code, body, _ := s.request(t, "GET", "/api/v1/history?"+query, nil); code != http.StatusBadRequest || !strings.Contains(body, remedy) {
			t.Errorf("%s: %d %s", query, code, body)
		}
	}
}

// Who asks for ticks gets one a second, with what operators have done meanwhile; who does not gets none.
func TestTicks(t *testing.T) {
	s := serve(t)
	if code, body, _ := s.request(t, "GET", "/api/v1/events?ticks=perhaps", nil); code != http.StatusBadRequest {
		t.Errorf("%d %s", code, body)
	}
	req, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+s.address+"/api/v1/events?ticks=true", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := s.client.http.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	next := func() (tick Tick) {
		t.Helper()
		for lines.Scan() {
			if lines.Text() != "event: tick" {
				continue
			}
			lines.Scan()
			data, _ := strings.CutPrefix(lines.Text(), "data: ")
			if err := json.Unmarshal([]byte(data), &tick); err != nil {
				t.Fatal(err)
			}
			return tick
		}
		t.Fatalf("the stream ends: %v", lines.Err())
		return tick
	}
	s.setHealth(t, "fe-1", backend.Up, "")
	s.handler.History.Observe(time.Now(), s.handler.look())
	if tick := next(); tick.Number != 1 || tick.Summary.Level != Care || !strings.Contains(tick.Summary.Text, "one backend left") || len(tick.Changes) != 0 || len(tick.Backends) != 2 {
		t.Errorf("%+v", tick)
	}
	if _, err := s.client.Pause(t.Context(), time.Minute); err != nil {
		t.Fatal(err)
	}
	s.handler.History.Observe(time.Now(), s.handler.look())
	if tick := next(); tick.Number != 2 || tick.Paused == nil || len(tick.Changes) != 1 || tick.Changes[0].What != "pause for 1m0s" {
		t.Errorf("%+v", tick)
	}
}

func TestAuditAfter(t *testing.T) {
	var none *Audit
	if list, n := none.After(3); len(list) != 0 || n != 0 {
		t.Errorf("of none: %v, %d", list, n)
	}
	s := serve(t)
	a := s.handler.Audit
	for n := range mostChanges + 10 {
		a.Note("reload", "SIGHUP")
		if list, noted := a.After(uint64(n)); len(list) != 1 || noted != uint64(n)+1 {
			t.Fatalf("after %d: %d of %d", n, len(list), noted)
		}
	}
	if list, _ := a.After(0); len(list) != mostChanges {
		t.Errorf("%d of all", len(list))
	}
	if list, _ := a.After(1 << 40); len(list) != 0 {
		t.Errorf("%d of the time to come", len(list))
	}
}

// However many backends there are, and however much is asked for, the answer is no larger than one can be made in memory; a successor gets all.
func TestHistoryOfManyBackends(t *testing.T) {
	s := serve(t)
	var readings []history.Reading
	for n := range 255 {
		readings = append(readings, history.Reading{Name: fmt.Sprint(n), State: history.State{Health: "up", Admin: "ready"}})
	}
	s.handler.History.Observe(time.Now(), history.Look{Backends: readings})
	successor := NewClient("unix:" + s.private(t))
	defer successor.Close()
	for c, want := range map[*Client]float64{s.client: 2, successor: 1} {
		past, err := c.History(t.Context(), 15*time.Minute, 2881)
		if err != nil || past.Step != want || len(past.Lanes) != 255 {
			t.Errorf("%s: a sample has %v s of %d backends, want %v, %v", c.At(), past.Step, len(past.Lanes), want, err)
		}
		if n := int((15*time.Minute).Seconds()/past.Step) * 256; c == s.client && n > mostTold {
			t.Errorf("up to %d samples", n)
		}
	}
}

// So many histories are made at a time; who comes then waits for a turn, and not for ever.
func TestHistoriesAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := door{telling: newSemaphore(mostHistories)}
		var under atomic.Int32
		release := make(chan struct{})
		do := d.histories(func(http.ResponseWriter, *http.Request, int) { under.Add(1); <-release })
		codes := make(chan int, 2*mostHistories+1)
		for range 2*mostHistories + 1 {
			go func() {
				w := httptest.NewRecorder()
				do(w, httptest.NewRequest(http.MethodGet, "/", http.NoBody))
				codes <- w.Code
			}()
			synctest.Wait()
		}
		if n := under.Load(); n != mostHistories {
			t.Errorf("%d at a time", n)
		}
		release <- struct{}{}
		synctest.Wait()
		if n := under.Load(); n != mostHistories+1 || len(codes) != 1 {
			t.Errorf("%d have been let in, %d have ended", n, len(codes))
		}
		time.Sleep(historyPatience)
		synctest.Wait()
		close(release)
		synctest.Wait()
		refused := 0
		for range cap(codes) {
			if code := <-codes; code == http.StatusServiceUnavailable {
				refused++
			}
		}
		if refused != mostHistories {
			t.Errorf("%d have been refused", refused)
		}
	})
}

// A history that cannot be had is missed in the log.
func TestHistoryThatIsNotInherited(t *testing.T) {
	var lines strings.Builder
	s := serveAt(t, "127.0.0.1:0", slog.New(slog.NewTextHandler(&lines, nil)), config.Access{Read: config.Anyone})
	path := socketPath(t)
	answers(t, path, "HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\nno such page")
	s.handler.DialOther = dialPath
	s.handler.Adopt([]Other{{PID: 7, Socket: path}})
	s.handler.inherit(t.Context())
	if !strings.Contains(lines.String(), "is missing in the history") || !strings.Contains(lines.String(), "pid=7") {
		t.Errorf("the log: %s", lines.String())
	}
}

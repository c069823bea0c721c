package admin

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"segue/backend"
	"segue/cmd/internal/admin/history"
	proxy "segue/proxy"
	"segue/proxy/ledger"
)

// socketPath is one that is short enough for a socket.
func socketPath(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "segue") //nolint:usetesting // its names are too long
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return filepath.Join(dir, "s")
}

// private has s answer a successor, and tells it at what path.
func (s *served) private(t *testing.T) (path string) {
	t.Helper()
	path = socketPath(t)
	ln, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.handler.ServePrivate(s.ctx, ln) }()
	t.Cleanup(func() {
		s.stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return path
}

// What becomes of the clients that a Segue still has which was taken over from is in the history and in the sentence of the one that has taken over: what it
// had counted before once, and not twice.
func TestOthersAreRecorded(t *testing.T) {
	before, after := serve(t), serve(t)
	theirs := tallied{failures: map[ledger.Place]uint64{{Backend: "fe-1", Kind: "statement"}: 2}, trips: map[proxy.Trip]uint64{}}
	statements := uint64(100)
	before.handler.Tallies = theirs
	before.handler.Traffic = func() map[string]Traffic { return map[string]Traffic{"fe-1": {Statements: statements}} }
	for _, s := range []*served{before, after} {
		s.setHealth(t, "fe-1", backend.Up, "")
		s.setHealth(t, "[::1]:2", backend.Up, "")
	}
	now := time.Now()
	observe := func(s *served, at time.Time) {
		look := s.handler.look()
		look.Others = s.handler.lookAtOthers(t.Context())
		s.handler.History.Observe(at, look)
	}
	before.handler.History.States(now.Add(-3*time.Second), before.handler.readings(nil))
	observe(before, now.Add(-2*time.Second))
	after.handler.DialOther = dialPath
	after.handler.Adopt([]Other{{PID: 7, Socket: before.private(t)}})
	after.handler.inherit(t.Context())
	count := func() (seen, hidden uint64) { return after.handler.History.SeenSince(now.Add(-time.Minute), now) }
	if seen, _ := count(); seen != 2 {
		t.Errorf("inherited: %d failures", seen)
	}
	theirs.failures[ledger.Place{Backend: "fe-1", Kind: "statement"}] = 3
	observe(before, now.Add(-time.Second*3/2))
	observe(after, now.Add(-time.Second))
	if seen, _ := count(); seen != 3 {
		t.Errorf("at the first look: %d failures", seen)
	}

	theirs.failures[ledger.Place{Backend: "fe-1", Kind: "statement"}] = 5
	theirs.failures[ledger.Place{Backend: "fe-1", Kind: ledger.Leaving, Action: ledger.Moved}] = 4
	theirs.trips[proxy.Trip{From: "fe-1", To: "[::1]:2", Result: "ok"}] = 4
	statements = 130
	observe(before, now.Add(-time.Second/2))
	observe(after, now)
	if seen, hidden := count(); seen != 5 || hidden != 4 {
		t.Errorf("%d failures were seen, %d hidden", seen, hidden)
	}
	tick, _ := after.handler.History.Latest()
	if fe1 := tick.Backends["fe-1"]; fe1.Statements != 30 || fe1.Seen != 2 || fe1.Out != 4 || tick.Total.Sessions != 7 {
		t.Errorf("the last second: %+v", tick)
	}
	st, err := after.client.Status(t.Context())
	if err != nil || st.Summary.Level != Trouble || !strings.HasPrefix(st.Summary.Text, "Clients saw 5 failures in the last 5 minutes") {
		t.Errorf("%+v, %v", st.Summary, err)
	}
}

// Of a Segue that does not tell, the sentence says so.
func TestOthersThatDoNotTell(t *testing.T) {
	s := serve(t)
	s.setHealth(t, "fe-1", backend.Up, "")
	s.setHealth(t, "[::1]:2", backend.Up, "")
	path := socketPath(t)
	answers(t, path, "HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\nno such page")
	s.handler.DialOther = dialPath
	s.handler.Adopt([]Other{{PID: 7, Socket: path}})
	look := s.handler.look()
	look.Others = s.handler.lookAtOthers(t.Context())
	s.handler.History.Observe(time.Now(), look)
	st, err := s.client.Status(t.Context())
	if err != nil || st.Summary.Level != Care || !strings.HasSuffix(st.Summary.Text, "What becomes of the sessions that process 7 still has is not known: it does not say.") {
		t.Errorf("%+v, %v", st.Summary, err)
	}
}

// What is counted until the last session has ended gets to the one that has taken over.
func TestFarewell(t *testing.T) {
	s := serve(t)
	theirs := tallied{failures: map[ledger.Place]uint64{}}
	s.handler.Tallies = theirs
	s.handler.Farewell(t.Context()) // nobody asks: it returns
	c := NewClient("unix:" + s.private(t))
	defer c.Close()
	if _, err := c.counted(t.Context()); err != nil {
		t.Fatal(err)
	}
	theirs.failures[ledger.Place{Backend: "fe-1", Kind: "deadline"}] = 1
	gone := make(chan struct{})
	go func() { defer close(gone); s.handler.Farewell(t.Context()) }()
	for last := (history.Counted{}); len(last.Failures) == 0; {
		var err error
		if last, err = c.counted(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	<-gone
}

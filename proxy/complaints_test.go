package proxy

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"segue/backend"
	"segue/backend/wire"
)

func TestComplaints(t *testing.T) {
	var c complaints
	now := time.Now()
	told := func(after time.Duration, backend, cause string) string {
		untold, due := c.due(now.Add(after), backend, cause)
		return fmt.Sprint(untold, due)
	}
	for i, step := range []struct {
		after          time.Duration
		backend, cause string
		want           string
	}{
		{0, "a", "b: 1045 Access denied for user 'app'@'10.0.0.1'", "0 true"},
		{time.Second, "a", "b: 1045 Access denied for user 'app'@'10.0.0.2'", "0 false"},
		{time.Second, "a", "b: 1045 Access denied for user 'etl'@'10.0.0.2'", "0 false"},
		{time.Second, "b", "b: 1045 Access denied for user 'app'@'10.0.0.1'", "0 true"},
		{time.Second, "a", "b: connection refused", "0 true"},
		{complainEvery, "a", "b: 1045 Access denied for user 'app'@'10.0.0.3'", "2 true"},
		{complainEvery, "a", "b: connection refused", "0 false"},
		{2 * complainEvery, "a", "b: 1045 Access denied for user 'app'@'10.0.0.3'", "0 true"},
	} {
		if got := told(step.after, step.backend, step.cause); got != step.want {
			t.Errorf("%d: %s, want %s", i, got, step.want)
		}
	}
	for i := range 10 * mostComplaints {
		told(time.Hour, "a", strings.Repeat("x", i))
		if len(c.told) > mostComplaints {
			t.Fatalf("%d are remembered", len(c.told))
		}
	}
}

// Many sessions that cannot move, again and again, are one warning, with the server's words and no word of a budget that has not been spent.
func TestARefusedMoveIsOneWarning(t *testing.T) {
	const words = "all seats are taken by a meeting"
	m := &measured{metrics: prometheus.NewRegistry(), log: &syncBuffer{}}
	specs := []backend.Spec{newPeer(t, losing).spec("a"), newPeer(t, func(c *peerConn) {
		c.greet("ABCDEFGHIJKLMNOPQRST")
		if _, err := c.next(1); err == nil {
			c.send(2, (&wire.Err{Code: 1053, State: "08S01", Message: words}).Append(nil))
		}
	}).spec("b")}
	m.proxied = startWith(t, specs, func(r *backend.Registry) *Server {
		return NewServer(r, known(), slog.New(slog.NewTextHandler(m.log, nil)), m.metrics)
	})
	_ = m.registry.SetAdmin("b", backend.Maint)
	for range 10 {
		m.connect()
	}
	m.ready("b")
	m.leave("a")
	eventually(t, "the moves to be tried again", func() bool {
		return m.series("segue_session_moves_total")["a,failed,"] >= 25
	})
	text := m.log.String()
	if n := strings.Count(text, "session could not be moved"); n != 1 {
		t.Errorf("%d warnings", n)
	}
	for line := range strings.Lines(text) {
		if strings.Contains(line, "session could not be moved") && (!strings.Contains(line, words) || strings.Contains(line, "connect.budget") || !strings.Contains(line, "level=WARN")) {
			t.Errorf("%s", line)
		}
	}
}

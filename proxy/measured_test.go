package proxy

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"segue/backend"
	"segue/backend/wire"
)

// measured is a Server under test with its metrics and its log.
type measured struct {
	*proxied
	metrics *prometheus.Registry
	log     *syncBuffer
}

// syncBuffer is what a log has been written to.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func measure(t *testing.T, o Options, specs ...backend.Spec) *measured {
	t.Helper()
	m := &measured{metrics: prometheus.NewRegistry(), log: &syncBuffer{}}
	m.proxied = startWith(t, specs, func(r *backend.Registry) *Server {
		return NewServer(r, o, slog.New(slog.NewTextHandler(m.log, &slog.HandlerOptions{Level: slog.LevelDebug})), m.metrics)
	})
	return m
}

// series gives the values of a metric by its label values, joined by commas; a histogram's is its count.
func (m *measured) series(name string) map[string]float64 {
	m.t.Helper()
	families, err := m.metrics.Gather()
	if err != nil {
		m.t.Fatal(err)
	}
	values := map[string]float64{}
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, metric := range f.GetMetric() {
			var labels []string
			for _, l := range metric.GetLabel() {
				labels = append(labels, l.GetValue())
			}
			value := metric.GetCounter().GetValue() + metric.GetGauge().GetValue() + float64(metric.GetHistogram().GetSampleCount())
			values[strings.Join(labels, ",")] = value
		}
	}
	return values
}

func (m *measured) waitValue(name, labels string, want float64) {
	m.t.Helper()
	eventually(m.t, name+"{"+labels+"}", func() bool { return m.series(name)[labels] == want })
}

const (
	ends         = "segue_session_ends_total"
	clientErrors = "segue_client_errors_total"
	hidden       = "segue_hidden_failures_total"
)

// bugs.md 22: no secret and no text of a statement reaches the log, whatever happens.
func TestBug22_NoSecretIsLogged(t *testing.T) {
	m := measure(t, Options{ConnectBudget: 2 * time.Second}, newPeer(t, func(c *peerConn) {
		switch c.number {
		case 1:
			native("ABCDEFGHIJKLMNOPQRST", nil)(c)
		case 2:
			c.login()
			_, _, _ = c.r.Next()
		case 3:
			failures["shutting down"](c)
		default:
			echo(c)
		}
	}).spec("a"))
	m.connect().ask("SELECT 'topsecret'")
	d := m.connect()
	d.query("SELECT 'topsecret'")
	_, _ = d.row()
	_ = m.dial().login("pw-topsecret")
	d = m.connect()
	m.list()[0].sabotage()
	d.query("SELECT 'topsecret'")
	m.Close()
	m.waitSessions(0)
	for _, line := range []string{"session ended", "a client saw an error"} {
		eventually(t, "the log: "+line, func() bool { return strings.Contains(m.log.String(), line) })
	}
	m.ledger.Tell(time.Now(), true) // all there is
	text := m.log.String()
	for _, secret := range []string{"topsecret", "SELECT", string(wire.NativePassword([]byte("ABCDEFGHIJKLMNOPQRST"), []byte("pw")))} {
		if strings.Contains(text, secret) {
			t.Errorf("%q is in the log", secret)
		}
	}
}

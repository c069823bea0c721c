package load_test

import (
	"encoding/json"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"segue/backend/fesim"
	"segue/proxy/ledger"
	"segue/proxy/load"
)

// wait is for what must happen.
const wait = 30 * time.Second

// cluster is what is known of a simulated one, as cmd/segue would know it.
type cluster struct {
	sim *fesim.Cluster

	mu      sync.Mutex
	gone    map[string]bool // FEs that are down, by name
	leaving map[string]bool // FEs that leave
	nodes   []load.Node     // if not nil: in place of the cluster's own
	changed chan struct{}
}

func (c *cluster) Frontends() (list []load.Frontend) {
	leader := c.sim.Leader()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, fe := range c.sim.FEs() {
		list = append(list, load.Frontend{Name: fe.Name(), Address: fe.HTTPAddress(), Up: !c.gone[fe.Name()], Leaving: c.leaving[fe.Name()], Leader: fe == leader})
	}
	return list
}

func (c *cluster) Nodes() (list []load.Node) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.nodes != nil {
		return c.nodes
	}
	for _, be := range c.sim.BEs() {
		host, port, _ := net.SplitHostPort(be.HTTPAddress())
		list = append(list, load.Node{Host: host, Port: atoi(port), Alive: true, Compute: be.Compute()})
	}
	return list
}

func atoi(s string) (n int) {
	for _, c := range s {
		n = 10*n + int(c-'0')
	}
	return n
}

func (c *cluster) Changed() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.changed
}

// change has the server see that something is otherwise.
func (c *cluster) change(do func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	do()
	close(c.changed)
	c.changed = make(chan struct{})
}

// rig is a simulated cluster and a Segue before it.
type rig struct {
	*load.Server
	cluster *cluster
	sim     *fesim.Cluster
	url     string
	address string
	ledger  *ledger.Ledger
	options load.Options
	metrics *prometheus.Registry
	log     *lines
}

// lines is a log.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// options are those of tests: what must come has time to, on a machine that stands still too.
var options = load.Options{Follow: true, Flavor: "starrocks", Hold: wait, Budget: wait}

// start returns a running cluster of three FEs and n BEs, with a Segue before it.
func start(t *testing.T, n int, o load.Options) *rig {
	t.Helper()
	sim, err := fesim.NewCluster(3, fesim.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sim.Close)
	if err := sim.Start(); err != nil {
		t.Fatal(err)
	}
	for range n {
		be, err := sim.AddBE(fesim.BEOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if err := be.Start(); err != nil {
			t.Fatal(err)
		}
	}
	return serve(t, sim, o)
}

// serve starts a Segue before a cluster.
func serve(t *testing.T, sim *fesim.Cluster, o load.Options) *rig {
	t.Helper()
	c := &cluster{sim: sim, gone: map[string]bool{}, leaving: map[string]bool{}, changed: make(chan struct{})}
	r := serveCluster(t, c, o)
	r.sim, r.cluster = sim, c
	return r
}

// serveCluster starts a Segue before any cluster.
func serveCluster(t *testing.T, c load.Cluster, o load.Options) *rig {
	t.Helper()
	r := &rig{metrics: prometheus.NewRegistry(), log: &lines{}}
	log := slog.New(slog.NewTextHandler(r.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	r.ledger = ledger.New(log)
	r.Server = load.NewServer(o, c, r.ledger, log, r.metrics)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r.address = ln.Addr().String()
	r.url = "http://" + r.address
	r.Listen(ln)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := r.Serve(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	t.Cleanup(func() {
		r.Close()
		select {
		case <-ended:
		case <-time.After(wait):
			t.Error("Serve has not ended")
		}
	})
	return r
}

// answer is what came of a request.
type answer struct {
	code int
	text string
	json map[string]any
	err  error
}

func (a answer) status() string {
	s, _ := a.json["Status"].(string)
	return s
}

// send sends one request as root.
func (r *rig) send(t *testing.T, method, path string, header map[string]string, body io.Reader) answer {
	t.Helper()
	return r.do(t, method, path, header, body, 0)
}

// do is send with a length, if it is not 0.
func (r *rig) do(t *testing.T, method, path string, header map[string]string, body io.Reader, length int64) answer {
	t.Helper()
	req, err := http.NewRequest(method, r.url+path, body)
	if err != nil {
		t.Fatal(err)
	}
	if length > 0 {
		req.ContentLength = length
	}
	req.SetBasicAuth("root", "")
	for name, value := range header {
		req.Header.Set(name, value)
	}
	transport := &http.Transport{ExpectContinueTimeout: wait, DisableKeepAlives: true}
	defer transport.CloseIdleConnections()
	client := http.Client{Timeout: 2 * wait, Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(req)
	if err != nil {
		return answer{err: err}
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	a := answer{code: res.StatusCode, text: string(b), err: err}
	_ = json.Unmarshal(b, &a.json)
	return a
}

// csv is a body of n rows.
func csv(from, n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(itoa(from + i))
		b.WriteString(",x\n")
	}
	return b.String()
}

func itoa(n int) string {
	if n < 10 {
		return string(rune('0' + n))
	}
	return itoa(n/10) + string(rune('0'+n%10))
}

// discard is a log that nobody reads.
var discard = slog.New(slog.DiscardHandler)

var csvHeader = map[string]string{"format": "csv", "column_separator": ",", "Expect": "100-continue"}

func with(header map[string]string, more ...string) map[string]string {
	h := maps.Clone(header)
	for i := 0; i < len(more); i += 2 {
		h[more[i]] = more[i+1]
	}
	return h
}

// loaded checks that the rows from a number on are in the table, once each.
func (r *rig) loaded(t *testing.T, table string, n int) {
	t.Helper()
	got := r.sim.Loaded("fesim", table)
	if twice := got.Twice(); len(twice) > 0 || got.Distinct() != n || got.Rows != int64(n) {
		t.Errorf("table %s has %d rows, %d of them different, %v twice; want %d", table, got.Rows, got.Distinct(), twice, n)
	}
}

func TestPlainLoad(t *testing.T) {
	r := start(t, 2, options)
	for name, c := range map[string]struct {
		header map[string]string
		body   io.Reader
	}{
		"expect":    {csvHeader, strings.NewReader(csv(0, 100))},
		"no_expect": {with(csvHeader, "Expect", ""), strings.NewReader(csv(0, 100))},
		"chunked":   {csvHeader, io.MultiReader(strings.NewReader(csv(0, 60)), strings.NewReader(csv(60, 40)))},
	} {
		t.Run(name, func(t *testing.T) {
			a := r.send(t, "PUT", "/api/fesim/loads_"+name+"/_stream_load", c.header, c.body)
			if a.status() != "Success" {
				t.Fatalf("%d %s %v\n%s", a.code, a.text, a.err, r.log)
			}
			r.loaded(t, "loads_"+name, 100)
			if label, _ := a.json["Label"].(string); !strings.HasPrefix(label, "segue_") {
				t.Errorf("label %q is not Segue's", label)
			}
		})
	}
}

// deadline is when what must happen must have happened.
func deadline() time.Time { return time.Now().Add(wait) }

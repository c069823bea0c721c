package statefulset

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"segue/backend"
	"segue/backend/fesim"
	"segue/cmd/internal/rollout"
	"segue/cmd/internal/rollout/facts"
	runner "segue/cmd/internal/rollout/run"
	"segue/cmd/internal/rollout/store"
)

// simulated is an FE or a BE of the simulated cluster as a pod's container.
type simulated struct {
	fe *fesim.FE
	be *fesim.BE
	ip string

	stopped func(leads bool)
	mu      sync.Mutex
	version string
}

func (c *simulated) IP() string { return c.ip }

// Start implements kubetest.Container. The image's tag is the version.
func (c *simulated) Start(image string) error {
	_, version, _ := strings.Cut(image, ":")
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.version == "" { // it runs already
		c.version = version
		return nil
	}
	c.version = version
	if c.fe != nil {
		c.fe.Upgrade(version)
		return c.fe.Start()
	}
	c.be.Upgrade(version)
	return c.be.Start()
}

// Stop implements kubetest.Container: SIGUSR1 or SIGTERM, as the operator's preStop hooks send.
func (c *simulated) Stop() {
	if c.fe != nil {
		c.stopped(c.fe.Cluster().Leader() == c.fe)
		c.fe.GracefulExit()
		<-c.fe.Exited()
		return
	}
	c.stopped(false)
	c.be.Stop(true)
	<-c.be.Exited()
}

func (c *simulated) Ready() bool {
	var node interface{ HealthURL() string } = c.be
	if c.fe != nil {
		node = c.fe
	}
	resp, err := http.Get(node.HealthURL())
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// rollout upgrades a simulated cluster of three FEs and three BEs in pods of the StarRocks operator's, and goes back: what `segue rollout run` does, against the real API
// server, and with a cluster that is really asked. FEs register by their addresses, as they do without FQDN.
func (s suite) rollout(t *testing.T) {
	st := newStage(t, s.Server, "rollout-starrocks.yaml")
	cluster, err := fesim.NewCluster(0, fesim.Options{TimeScale: 0.02, Version: "3.4.1"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	source := &facts.Source{Flavor: backend.StarRocks, User: "root", Names: map[string]string{}, Timeout: 5 * time.Second}
	var mu sync.Mutex
	var leaders, stops []string
	place := func(pod string, c *simulated) {
		c.stopped = func(leads bool) {
			mu.Lock()
			defer mu.Unlock()
			stops = append(stops, pod)
			if leads {
				leaders = append(leaders, pod)
			}
		}
		st.Run(pod, c)
	}
	mysql, web := freePort(t), freePort(t)
	for i := range 3 {
		host := fmt.Sprintf("127.0.77.%d", i+1)
		fe, err := fesim.New(fesim.Options{
			TimeScale: 0.02, Version: "3.4.1", Cluster: cluster, FID: uint8(i + 1), MySQLAddress: net.JoinHostPort(host, mysql), HTTPAddress: net.JoinHostPort(host, web),
		})
		if err != nil {
			t.Fatal(err)
		}
		pod := fmt.Sprintf("sr-fe-%d", i)
		place(pod, &simulated{fe: fe, ip: host})
		source.Seeds = append(source.Seeds, backend.Spec{Name: fmt.Sprintf("frontend-%d", i), Address: fe.MySQLAddress(), HealthURL: fe.HealthURL()})
		be, err := cluster.AddBE(fesim.BEOptions{Version: "3.4.1", Config: map[string]string{"graceful_exit_wait_for_frontend_heartbeat": "true"}})
		if err != nil {
			t.Fatal(err)
		}
		pod = fmt.Sprintf("sr-be-%d", i)
		place(pod, &simulated{be: be, ip: "127.0.0.1"})
		source.Names[be.HeartbeatAddress()] = pod
	}
	if err := cluster.Start(); err != nil {
		t.Fatal(err)
	}
	st.StatefulSet(t, "sr-fe", "fe:3.4.1", rollingAt(0))
	st.StatefulSet(t, "sr-be", "be:3.4.1", rollingAt(0))
	s.Post(t, st.clusters(), object{
		"apiVersion": "starrocks.com/v1", "kind": "StarRocksCluster", "metadata": object{"name": "sr"},
		"spec": object{"starRocksFeSpec": object{"image": "fe:3.4.1"}, "starRocksBeSpec": object{"image": "be:3.4.1"}},
	})
	st.Forget()

	d := st.driver(t,
		Options{Name: "sr-be", Image: "be:3.4.2", Owner: StarRocksCluster, Mode: OnDelete},
		Options{Name: "sr-fe", Image: "fe:3.4.2", Owner: StarRocksCluster, Mode: OnDelete})
	ask := rollout.Ask{Version: "3.4.2", Change: true, Replaced: true, Backup: rollout.BackupWaived, Image: true, OnFailure: rollout.RemedyPause, Limits: rollout.DefaultLimits()}
	state := rollout.Begin("sim", ask, source.Facts(t.Context(), runner.Question{Whole: true}))
	through(t, d, source, state)
	check := func(from, to string) {
		t.Helper()
		mu.Lock()
		defer mu.Unlock()
		if len(stops) != 6 || len(leaders) != 1 {
			t.Fatalf("stopped %q, leaders among them %q", stops, leaders)
		}
		for i, pod := range stops {
			if first := to == "3.4.2"; strings.HasPrefix(pod, "sr-be-") != (i < 3) && first {
				t.Errorf("stopped %q: BEs are to go first", stops)
			}
		}
		var want []string
		for _, pod := range stops {
			kind := pod[3:5]
			want = append(want, "stop "+pod+" "+kind+":"+from, "make "+pod+" "+kind+":"+to, "ready "+pod+" "+kind+":"+to)
		}
		if got := st.Journal(); !slices.Equal(got, want) {
			t.Errorf("pods went through %q, want %q", got, want)
		}
		for _, n := range source.Facts(t.Context(), runner.Question{Whole: true}).Nodes {
			if n.Version != to || n.Healthy != rollout.Yes {
				t.Errorf("%s has version %s, healthy: %s; want %s", n.Name, n.Version, n.Healthy, to)
			}
		}
		t.Logf("%s to %s: %s (%s led)", from, to, strings.Join(stops, ", "), leaders)
		stops, leaders = nil, nil
	}
	check("3.4.1", "3.4.2")
	st.Forget()
	state.TurnBack(source.Facts(t.Context(), runner.Question{Whole: true}))
	through(t, d, source, state)
	check("3.4.2", "3.4.1")
}

func through(t *testing.T, d *Driver, source *facts.Source, state *rollout.State) {
	t.Helper()
	file, err := store.Open(filepath.Join(t.TempDir(), "state.json"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	none := func(context.Context, rollout.Node) error { return nil }
	r := &runner.Runner{
		State: state, Facts: source.Facts, Driver: d, Segues: source.Fleet, Image: source.CreateImage, Backup: none, Check: none, Save: file.Save, Beat: 20 * time.Millisecond,
		Tell: func(e rollout.Event) { t.Logf("%s: %s: %s", e.Node, e.Kind, e.What) },
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	if err := r.Run(ctx, ctx); err != nil {
		t.Fatal(err)
	}
}

// freePort is a port that nobody has at the moment.
func freePort(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	return port
}

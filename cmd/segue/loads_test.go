package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"segue/backend"
	"segue/backend/fesim"
	"segue/cmd/internal/admin"
)

// loadCluster starts a cluster with a BE, and a Segue that takes loads for it.
func serveLoads(t *testing.T) (s *serving, cluster *fesim.Cluster, address string) {
	t.Helper()
	cluster, err := fesim.NewCluster(2, fesim.Options{TimeScale: 0.05})
	if err == nil {
		_, err = cluster.AddBE(fesim.BEOptions{})
	}
	if err == nil {
		err = cluster.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	s = serve(t, nil, "--config", configFile(t, configuration(cluster.FEs(), "discover: {user: root}\nload: {listen: '127.0.0.1:0'}\n")))
	address = s.prints(`http://(\S+)/api/DATABASE`)
	db := s.conn()
	for _, statement := range []string{"CREATE DATABASE IF NOT EXISTS test", "CREATE TABLE test.t (k INT, v VARCHAR(10))"} {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	return s, cluster, address
}

// loading is a load that has begun, and ends when its body does.
type loading struct {
	body  *io.PipeWriter
	ended chan string // its answer
}

func beginLoad(t *testing.T, address, label string) *loading {
	t.Helper()
	r, w := io.Pipe()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, "http://"+address+"/api/test/t/_stream_load", r)
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth("root", "")
	req.Header.Set("label", label)
	req.Header.Set("column_separator", ",")
	req.Header.Set("Expect", "100-continue")
	l := &loading{body: w, ended: make(chan string, 1)}
	go func() {
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			l.ended <- err.Error()
			return
		}
		defer resp.Body.Close()
		text, _ := io.ReadAll(resp.Body)
		l.ended <- string(text)
	}()
	t.Cleanup(func() { _ = w.Close(); <-l.ended })
	return l
}

// step does one step of a transaction.
func step(t *testing.T, address, name, label string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+address+"/api/transaction/"+name, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth("root", "")
	for key, value := range map[string]string{"label": label, "db": "test", "table": "t"} {
		req.Header.Set(key, value)
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	return string(text)
}

// A load in flight is seen: in the list, in the status, with its node; and a node that is drained gets no more.
func TestLoadsAreSeen(t *testing.T) {
	t.Parallel()
	s, cluster, address := serveLoads(t)
	s.ready()
	l := beginLoad(t, address, "seen")
	go func() { _, _ = io.WriteString(l.body, "1,a\n") }()
	var list []admin.Load
	eventually(t, "a load on its node", func() bool {
		got, err := s.client.Loads(t.Context())
		list = got
		return err == nil && len(got) == 1 && got[0].Node != "" && got[0].In == 4
	})
	node := webAddresses(t, cluster.BEs())[0]
	if g := list[0]; g.Label != "seen" || g.Database != "test" || g.Table != "t" || g.User != "root" || g.Kind != "load" || g.State != "body" || !strings.HasPrefix(g.Frontend, "fe-") || g.Node != node || g.Attempts != 1 {
		t.Errorf("%+v", g)
	}
	if o := s.segue("sessions", "--loads"); !strings.Contains(o.stdout, "test.t") || !strings.Contains(o.stdout, node) || !strings.Contains(o.stdout, "4 B") {
		t.Errorf("%d\n%s%s", o.code, o.stdout, o.stderr)
	}
	if o := s.segue("status"); !strings.Contains(o.stdout, "loads: 1 in flight; on "+address+"\n") {
		t.Errorf("%d\n%s%s", o.code, o.stdout, o.stderr)
	}
	d := describeAPI(t, s)
	d.ask("GET", "/api/v1/loads", "/api/v1/loads", 200)
	d.ask("GET", "/api/v1/nodes", "/api/v1/nodes", 200)
	const set = "/api/v1/nodes/{name}/{admin}"
	d.ask("POST", set, "/api/v1/nodes/"+node+"/drain?for=1m", 200)
	nodes, err := s.client.Nodes(t.Context())
	if err != nil || len(nodes) != 1 || !nodes[0].Leaving || nodes[0].Until == nil || nodes[0].Loads != 1 {
		t.Errorf("%+v, %v", nodes, err)
	}
	d.ask("POST", set, "/api/v1/nodes/"+node+"/ready", 200)
	d.ask("POST", set, "/api/v1/nodes/"+node+"/maint", 404)
	d.ask("POST", set, "/api/v1/nodes/none/drain", 404)
	d.ask("POST", set, "/api/v1/nodes/"+node+"/drain?for=25h", 400)
	_ = l.body.Close()
	if answer := <-l.ended; !strings.Contains(answer, `"Success"`) {
		t.Errorf("the load: %s", answer)
	} else {
		l.ended <- answer
	}
	eventually(t, "none any more", func() bool { got, err := s.client.Loads(t.Context()); return err == nil && len(got) == 0 })
}

// A BE that is drained gets no new load, though FEs name it; where it is the only one it does.
func TestDrainedNodeGetsNoLoad(t *testing.T) {
	t.Parallel()
	s, cluster, address := serveLoads(t)
	s.ready()
	load := func(label string) string {
		t.Helper()
		l := beginLoad(t, address, label)
		_, _ = io.WriteString(l.body, "1,a\n")
		_ = l.body.Close()
		answer := <-l.ended
		l.ended <- answer
		if !strings.Contains(answer, `"Success"`) {
			t.Fatalf("%s: %s", label, answer)
		}
		return cluster.LoadLabel("test", label).Node
	}
	drain := func(be *fesim.BE) {
		t.Helper()
		if _, err := s.client.SetNode(t.Context(), webAddresses(t, []*fesim.BE{be})[0], backend.Drain, time.Minute); err != nil {
			t.Fatal(err)
		}
	}
	one := cluster.BEs()[0]
	eventually(t, "the nodes to be known", func() bool { got, err := s.client.Nodes(t.Context()); return err == nil && len(got) == 1 })
	drain(one)
	if node := load("alone"); node != one.Name() {
		t.Errorf("it went to %s", node)
	}
	two, err := cluster.AddBE(fesim.BEOptions{})
	if err == nil {
		err = two.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	seen := func() bool { return load(fmt.Sprint("other-", time.Now().UnixNano())) == two.Name() } // its redirect is to a node that is not known, and has the cluster be asked
	eventually(t, "the new node to be taken", seen)
	for i := range 8 {
		if node := load(fmt.Sprint("drained-", i)); node != two.Name() {
			t.Errorf("load %d went to %s", i, node)
		}
	}
}

// A service manager's socket takes loads in place of load.listen, and is given on by its name.
func TestLoadsOnASocketOfTheServiceManager(t *testing.T) {
	t.Parallel()
	fes := frontends(t, 1, fesim.Options{})
	ln, socket := managed(t)
	addr, api := deadAddress(t), deadAddress(t)
	path := configFile(t, configuration(fes, fmt.Sprintf("listen: %s\nadmin: %s\nload: {listen: '127.0.0.1:1', nodes: x}\n", addr, api)))
	old := process(t, "LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=load.listen", []*os.File{socket}, "serve", "--config", path)
	if got := old.prints(`http://(\S+)/api/DATABASE`); got != ln.Addr().String() {
		t.Errorf("loads on %s", got)
	}
	next := takeOverFrom(t, path, addr, api)
	if code := old.wait(); code != 0 {
		t.Errorf("exit %d", code)
	}
	if s, ok := statusOf(next); !ok || s.LoadListen != ln.Addr().String() {
		t.Errorf("loads on %s", s.LoadListen)
	}
}

// Another Segue takes over while a load is on its way: that ends in the old one, the next comes to the new one, which tells of both.
func TestTakeoverWhileLoading(t *testing.T) {
	t.Parallel()
	_, cluster, _ := serveLoads(t)
	addr, api, loads := deadAddress(t), deadAddress(t), deadAddress(t)
	path := configFile(t, configuration(cluster.FEs(), fmt.Sprintf("listen: %s\nadmin: %s\ndiscover: {user: root}\nload: {listen: '%s'}\n", addr, api, loads)))
	old := takeOverFrom(t, path, addr, api)
	one := beginLoad(t, loads, "one")
	go func() { _, _ = io.WriteString(one.body, "1,a\n") }()
	inFlight := func(s *serving) (labels []string) {
		list, err := s.client.Loads(t.Context())
		for _, l := range list {
			if l.In == 4 {
				labels = append(labels, l.Label)
			}
		}
		if err != nil {
			return nil
		}
		slices.Sort(labels)
		return labels
	}
	eventually(t, "a load", func() bool { return slices.Equal(inFlight(old), []string{"one"}) })
	if a := step(t, loads, "begin", "kept"); !strings.Contains(a, `"OK"`) {
		t.Fatalf("begin: %s", a)
	}
	next := takeOverFrom(t, path, addr, api)
	eventually(t, "the open transaction to be known", func() bool {
		list, err := next.client.Loads(t.Context())
		at := slices.IndexFunc(list, func(l admin.Load) bool { return l.Label == "kept" })
		return err == nil && at >= 0 && list[at].State == "open" && list[at].Process == 0
	})
	if a := step(t, loads, "rollback", "kept"); !strings.Contains(a, `"OK"`) {
		t.Errorf("rollback: %s", a)
	}
	eventually(t, "taken over", func() bool { return strings.Contains(old.stderr.String(), `"msg":"another Segue has taken over"`) })
	two := beginLoad(t, loads, "two")
	go func() { _, _ = io.WriteString(two.body, "2,b\n") }()
	eventually(t, "both loads", func() bool { return slices.Equal(inFlight(next), []string{"one", "two"}) })
	if strings.Contains(old.stderr.String(), `"msg":"draining"`) {
		t.Error("the old one drains while it has a load, and time")
	}
	for _, l := range []*loading{one, two} {
		_ = l.body.Close()
		answer := <-l.ended
		if !strings.Contains(answer, `"Success"`) {
			t.Errorf("a load: %s", answer)
		}
		l.ended <- answer
	}
	if code := old.wait(); code != 0 {
		t.Errorf("exit %d", code)
	}
}

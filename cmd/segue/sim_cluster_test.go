package main

import (
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"segue/bench/measure"
)

// A cluster keeps its ledger over the death of an FE, takes orders, and ends at a
// signal.
func TestSimCluster(t *testing.T) {
	p := start(t, nil, "sim", "cluster", "--count", "2", "--backends", "1", "--compute-nodes", "1", "--time-scale", "0.01", "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0", "--control", "127.0.0.1:0")
	said := regexp.MustCompile(`(?s)fe-2: MySQL (\S+),.*control: (http://[0-9.:]+)/`)
	eventually(t, "control", func() bool { return said.MatchString(p.stdout.String()) })
	addresses := said.FindStringSubmatch(p.stdout.String())
	control := addresses[2]
	order := func(method, path string, want int) {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), method, control+path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%s %s: %s, want %d", method, path, resp.Status, want)
		}
	}
	defer http.DefaultClient.CloseIdleConnections()
	order(http.MethodGet, "/fe-1", http.StatusOK)
	cfg, err := measure.ParseDSN("root@tcp(" + addresses[1] + ")/")
	if err != nil {
		t.Fatal(err)
	}
	load := measure.DefaultLoad()
	load.Clients = [len(load.Clients)]int{measure.Write: 2}
	r, err := measure.Run(t.Context(), measure.Options{Endpoint: cfg, Load: load, Duration: 300_000_000})
	if err != nil || !r.Clean() || r.Ledger.Acknowledged == 0 {
		t.Errorf("%v, %+v", err, r)
	}
	order(http.MethodPost, "/fe-1/kill", http.StatusOK)
	order(http.MethodGet, "/fe-1", http.StatusGone)
	order(http.MethodPost, "/fe-1/start", http.StatusOK)
	order(http.MethodGet, "/fe-1", http.StatusOK)
	order(http.MethodPost, "/fe-2/full", http.StatusOK)
	if r, err := measure.Run(t.Context(), measure.Options{Endpoint: cfg, Load: load, Duration: 300_000_000}); err == nil || !strings.Contains(err.Error(), "Reach cluster-wide connection limit") {
		t.Errorf("full: %v, %+v", err, r)
	}
	order(http.MethodPost, "/fe-2/heal", http.StatusOK)
	order(http.MethodPost, "/fe-2/hang", http.StatusOK)
	order(http.MethodPost, "/fe-2/heal", http.StatusOK)
	order(http.MethodPost, "/fe-3/kill", http.StatusNotFound)
	for _, path := range []string{"/be-1/load?for=1h", "/be-1/routine-load", "/be-1/hang", "/be-1/fault?step=received&do=cut&times=2", "/be-1/heal", "/fe-1/fault?op=rpc_commit&step=done&do=die", "/fe-1/heal", "/be-1/schema-change", "/be-1/set?loop_count_wait_fragments_finish=1", "/be-1/leave", "/cn-1/kill"} {
		order(http.MethodPost, path, http.StatusOK)
	}
	order(http.MethodGet, "/cn-1", http.StatusGone)
	order(http.MethodPost, "/cn-1/upgrade?version=3.5.1", http.StatusOK)
	order(http.MethodPost, "/cn-1/upgrade", http.StatusConflict)
	order(http.MethodPost, "/cn-1/start", http.StatusOK)
	order(http.MethodPost, "/be-1/set?be_port=1", http.StatusConflict)
	order(http.MethodPost, "/be-1/freeze", http.StatusNotFound)
	order(http.MethodPost, "/be-1/fault?step=never&do=cut", http.StatusConflict)
	order(http.MethodPost, "/be-1/fault?step=done&do=good", http.StatusConflict)
	order(http.MethodPost, "/be-1/fault?step=done&do=die&op=sing", http.StatusConflict)
	order(http.MethodGet, "/", http.StatusOK)
	order(http.MethodPost, "/fe-1/sing", http.StatusNotFound)
	p.signal(os.Interrupt)
	if p.wait(); p.code != exitDone {
		t.Errorf("exit %d", p.code)
	}
	for _, args := range []string{"--control 0.0.0.0:1", "--listen nowhere", "--listen nowhere --hosts", "--count 0", "--backends -1", "--generation G9", "--time-scale 0"} {
		if got := segue(t, nil, append([]string{"sim", "cluster"}, strings.Fields(args)...)...); got.code != exitUsage {
			t.Errorf("%s: exit %d\n%s", args, got.code, got.stderr)
		}
	}
}

func TestHostAfter(t *testing.T) {
	for address, want := range map[string]string{"127.0.0.1:9030": "127.0.0.3:9030", "[::1]:5": "[::3]:5", "x:1": "", "255.255.255.255:1": ""} {
		if got, err := hostAfter(address, 2); got != want || (err == nil) != (want != "") {
			t.Errorf("two hosts after %s: %q, %v, want %q", address, got, err, want)
		}
	}
}

func TestPortAfter(t *testing.T) {
	for address, want := range map[string]string{"127.0.0.1:19031": "127.0.0.1:19033", "127.0.0.1:0": "127.0.0.1:0", "[::1]:5": "[::1]:7", "x": "", "a:b": ""} {
		if got, err := portAfter(address, 2); got != want || (err == nil) != (want != "") {
			t.Errorf("two ports after %s: %q, %v, want %q", address, got, err, want)
		}
	}
}

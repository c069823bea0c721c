package main

import (
	"context"
	"fmt"
	"net"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"segue/backend"
	"segue/backend/fesim"
	"segue/bench/measure"
)

// Clusters of Doris and of TiDB are upgraded by the command, that of Doris under the load of segue bench, in their order: clients see no error. Of TiDB one server is named, and the cluster
// tells of the others, which Segue finds as well.
func TestRolloutOfOtherClusters(t *testing.T) {
	for _, test := range []struct {
		flavor          backend.Flavor
		network, number int // a byte of the addresses; of nodes
		from, to, order string
		more            []string
	}{
		{backend.Doris, 71, 6, "doris-2.1.7", "3.0.1", "be-1 be-2 be-3 fe-2 fe-3 fe-1", nil},
		{backend.TiDB, 72, 3, "8.5.0", "8.5.1", "fe-1 fe-2 fe-3", []string{"--accept", "versions"}}, // the PD that is played is not upgraded
	} {
		t.Run(test.flavor.String(), func(t *testing.T) {
			_, port, _ := net.SplitHostPort(deadAddress(t))
			_, http, _ := net.SplitHostPort(deadAddress(t))
			at := fmt.Sprintf("127.0.%d.1:", test.network)
			s := simCluster{count: 3, backends: test.number - 3, hosts: true, listen: at + port, http: at + http, options: fesim.Options{TimeScale: 0.05, Flavor: test.flavor}}
			cluster, err := s.build()
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(cluster.Close)
			if err := cluster.Start(); err != nil {
				t.Fatal(err)
			}
			var config strings.Builder
			fmt.Fprintf(&config, "flavor: %s\ndiscover: {sql: true, user: root}\nbackends:\n", test.flavor)
			for i, fe := range cluster.FEs() {
				if i == 0 || test.flavor != backend.TiDB {
					fmt.Fprintf(&config, "  - {name: %s, address: %q, health: %q}\n", fe.Name(), fe.MySQLAddress(), fe.HealthURL())
				}
			}
			path := filepath.Join(t.TempDir(), "segue.yaml")
			writeFile(t, path, config.String())
			served := serve(t, nil, "--config", path)
			served.ready()
			eventually(t, "all servers", func() bool { return len(served.list()) == 3 })
			hooks := httptest.NewServer(s.orders())
			t.Cleanup(hooks.Close)
			args := slices.Concat([]string{"rollout", "run", "--config", path, "--fleet", served.api, "--state", filepath.Join(t.TempDir(), "s.json"), "--no-backup", "--to-version", test.to, "--poll", "50ms"}, test.more)
			hook := hooks.URL + "/{{.Name}}"
			if test.flavor == backend.TiDB {
				for _, fe := range cluster.FEs()[1:] {
					args = append(args, "--name", fe.Name()+"="+fe.MySQLAddress())
				}
			}
			args = append(args, "--stop", hook+"/leave", "--start", hook+"/start", "--upgrade", hook+"/upgrade?version="+strings.Replace(test.from, strings.TrimPrefix(test.from, "doris-"), test.to, 1))
			for _, be := range cluster.BEs() {
				args = append(args, "--name", be.Name()+"="+be.HeartbeatAddress())
			}
			got := underLoad(t, test.flavor, served.addr, args)
			t.Log(got.stdout)
			if want := fmt.Sprintf("%d of %d nodes have gone; clients saw 0 errors", test.number, test.number); got.code != exitDone || !strings.Contains(got.stdout, want) {
				t.Errorf("exit code %d: %s", got.code, got.stderr)
			}
			rest := got.stdout
			for name := range strings.FieldsSeq(test.order) {
				var found bool
				if _, rest, found = strings.Cut(rest, name); !found || !strings.Contains(rest, ": gone") {
					t.Errorf("%s did not go in its turn", name)
				}
			}
		})
	}
}

// underLoad runs a command while clients are at work, who see no error but where a transaction dies with its server. TiDB that is played does not tell of a session's state, so that
// none can move: real ones have their clients in proxy/e2e.
func underLoad(t *testing.T, flavor backend.Flavor, address string, args []string) (got outcome) {
	t.Helper()
	if flavor == backend.TiDB {
		return segue(t, nil, args...)
	}
	endpoint, err := measure.ParseDSN("root@tcp(" + address + ")/")
	if err != nil {
		t.Fatal(err)
	}
	load := measure.DefaultLoad()
	load.Rate = 100
	result, err := measure.Run(t.Context(), measure.Options{Endpoint: endpoint, Load: load, Flavor: measure.FESim, Script: func(context.Context, func(string)) error {
		got = segue(t, nil, args...)
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range result.Faults {
		if f.Class != "transaction" {
			t.Errorf("clients saw: %+v", f)
		}
	}
	return got
}

package facts

import (
	"net"
	"slices"
	"testing"
	"time"

	"segue/backend"
	"segue/backend/discover/nodes"
	"segue/backend/discover/sql"
	"segue/cmd/internal/rollout"
)

// A cluster that knows its nodes by addresses, and an operator who has given names.
func TestNames(t *testing.T) {
	s := &Source{Timeout: time.Second, Seeds: []backend.Spec{{Name: "fe-1", Address: "localhost:9030"}, {Name: "fe-2", Address: "10.0.0.2:9030"}}, Names: map[string]string{"10.0.0.9:9050": "be-1"}}
	s.resolve(t.Context(), s.seedAddresses()...)
	for _, test := range []struct {
		node nodes.Node
		want string
	}{
		{nodes.Node{Address: "127.0.0.1:9030", Name: "x_9010"}, "fe-1"},
		{nodes.Node{Address: "127.0.0.1:9031", Name: "x_9010"}, "127.0.0.1:9031"},
		{nodes.Node{Address: "10.0.0.2:9030"}, "fe-2"},
		{nodes.Node{Name: "10.0.0.9:9050", HTTP: "10.0.0.9:8040"}, "be-1"},
		{nodes.Node{Name: "10.0.0.8:9050"}, "10.0.0.8:9050"},
	} {
		if got := s.nameOf(&test.node); got != test.want {
			t.Errorf("%+v: %s", test.node, got)
		}
	}
}

func TestStatistic(t *testing.T) {
	table := sql.Table{
		Columns: []string{"DbId", "TabletNum", "UnhealthyTabletNum", "InconsistentTabletNum", "CloningTabletNum"},
		Rows:    [][]string{{"10001", "5", "1", "0", "0"}, {"Total", "50", "2", "1", "3"}},
	}
	if x, ok := statistic(table); !ok || x != (rollout.Tablets{Total: 50, Unhealthy: 3, Cloning: 3}) {
		t.Errorf("%+v %v", x, ok)
	}
	for _, broken := range []sql.Table{{}, {Columns: table.Columns, Rows: table.Rows[:1]}, {Columns: []string{"DbId", "TabletNum"}, Rows: [][]string{{"Total", "5"}}}, {Columns: table.Columns, Rows: [][]string{{"Total", "5", "?", "0", "0"}}}} {
		if x, ok := statistic(broken); ok {
			t.Errorf("%+v: %+v", broken, x)
		}
	}
}

func TestBalance(t *testing.T) {
	table := sql.Table{Columns: []string{"Item", "Number"}, Rows: [][]string{{"pending_tablets", "2"}, {"history_tablets", "900"}, {"running_tablets", "1"}}}
	if n, ok := balance(table); n != 3 || !ok {
		t.Errorf("%d %v", n, ok)
	}
	if _, ok := balance(sql.Table{Columns: table.Columns}); ok {
		t.Error("nothing was said")
	}
}

func TestBodies(t *testing.T) {
	for body, want := range map[string]bool{
		`{"status": "OK","msg": "To Be Added"}`: true, `{"msg":"success","code":0}`: true, `{"msg":"OK"}`: true,
		`{"msg":"Server is not available","code":0}`: false, `{"status":"BAD"}`: false, `{"msg":"success","code":503}`: false, "": false, "OK": false, `{}`: false,
	} {
		if got := wellBody([]byte(body)); got != want {
			t.Errorf("%s: %v", body, got)
		}
	}
}

func TestCheckpoint(t *testing.T) {
	at := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	if got := checkpoint("<pre><p>last checkpoint version:7</p><p>last checkpoint time: " + at.Format(time.UnixDate) + "</p></pre>"); !got.Equal(at) {
		t.Error(got)
	}
	for _, text := range []string{"", "last checkpoint time:", "last checkpoint time: never<", "last checkpoint time: Mon Nov 30 12:00:00 XST 2026<"} {
		if got := checkpoint(text); !got.IsZero() {
			t.Errorf("%q: %v", text, got)
		}
	}
}

func TestLoading(t *testing.T) {
	columns := []string{"LABEL", "DB_NAME", "STATE", "TYPE"}
	jobs, err := loading(sql.Table{Columns: columns, Rows: [][]string{{"l1", "db", "LOADING", "INSERT"}, {"l2", "db", "PREPARED", "ROUTINE LOAD"}}})
	want := []rollout.Job{{Kind: rollout.Insert, Name: "db.l1 (INSERT)", DB: "db", State: "loading"}, {Kind: rollout.FedLoad, Name: "db.l2 (ROUTINE LOAD)", DB: "db", State: "prepared"}}
	if err != nil || !slices.Equal(jobs, want) {
		t.Errorf("%+v, %v", jobs, err)
	}
	if jobs, err := loading(sql.Table{Columns: columns}); err != nil || jobs != nil {
		t.Errorf("%+v, %v", jobs, err)
	}
	if _, err := loading(sql.Table{Columns: columns[:2], Rows: [][]string{{"l", "d"}}}); err == nil {
		t.Error("an answer without states is believed")
	}
}

// Loads that are counted go where all of them are told one by one, and stay where an account may not see all.
func TestUntold(t *testing.T) {
	counted := []rollout.Job{{Kind: rollout.Load, DB: "a", Count: 1}, {Kind: rollout.Load, DB: "b", Count: 2}, {Kind: rollout.SchemaChange, DB: "a", Count: 1}}
	told := []rollout.Job{{Kind: rollout.Load, DB: "a"}, {Kind: rollout.FedLoad, DB: "b"}, {Kind: rollout.Insert, DB: "b"}}
	if got := untold(counted, told); !slices.Equal(got, counted[1:]) {
		t.Errorf("%+v", got)
	}
	if got := untold(counted, append(told, rollout.Job{Kind: rollout.Load, DB: "b"})); !slices.Equal(got, counted[2:]) {
		t.Errorf("%+v", got)
	}
}

// Of an INSERT that was not there when it was asked last is known how long it can have run.
func TestInserts(t *testing.T) {
	var m inserts
	at := time.Unix(1000, 0)
	ask := func(names ...string) (within []time.Duration) {
		var jobs []rollout.Job
		for _, name := range names {
			jobs = append(jobs, rollout.Job{Kind: rollout.Insert, Name: name})
		}
		m.age(jobs, at)
		at = at.Add(5 * time.Second)
		for _, j := range jobs {
			within = append(within, j.Within)
		}
		return within
	}
	for i, test := range []struct {
		names []string
		want  []time.Duration
	}{
		{[]string{"a"}, []time.Duration{0}},
		{[]string{"a", "b"}, []time.Duration{0, 5 * time.Second}},
		{[]string{"b", "c"}, []time.Duration{10 * time.Second, 5 * time.Second}},
		{make([]string, mostLoads), make([]time.Duration, mostLoads)},
		{[]string{"d"}, []time.Duration{0}}, // it may have been there before, behind the others
	} {
		if got := ask(test.names...); i != 3 && !slices.Equal(got, test.want) {
			t.Errorf("%d: %v, want %v", i, got, test.want)
		}
	}
}

func TestOwnVersion(t *testing.T) {
	for greeted, want := range map[string]string{"8.0.11-TiDB-v8.5.0": "8.5.0", "8.0.11-TiDB-None": "None", "11.4.5-MariaDB": "11.4.5-MariaDB", "": ""} {
		if got := ownVersion(greeted); got != want {
			t.Errorf("%s: %s", greeted, got)
		}
	}
}

// Only a release that does not know SHOW COMPUTE NODES has none for sure.
func TestIsSyntax(t *testing.T) {
	for text, want := range map[string]bool{
		"Getting syntax error at line 1, column 5. Detail message: Unexpected input 'COMPUTE'.": true, "Syntax error in line 1:\nSHOW COMPUTE NODES": true,
		"Access denied; you need (at least one of) the OPERATE privilege(s)": false, "no leader": false, "": false,
	} {
		if got := isSyntax(&sql.Error{Code: 1064, Message: text}); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}

// What a failed connection says of a node: only a host that refuses it says that nothing runs there.
func TestProbe(t *testing.T) {
	refused, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = refused.Close()
	for address, want := range map[string]rollout.Answer{refused.Addr().String(): rollout.No, "no-such-host.invalid:9030": rollout.Unknown} {
		s, n := &Source{Timeout: time.Second}, rollout.Node{Address: address, Kind: rollout.Server}
		if s.probe(t.Context(), &n); n.Listening != want || n.Healthy != rollout.No || n.Trouble == "" {
			t.Errorf("%s: %+v", address, n)
		}
	}
}

// Segues, an operator and a cluster that know nodes by different addresses. A name of several hosts is none of them.
func TestAliases(t *testing.T) {
	now := time.Now()
	for name, test := range map[string]struct {
		node, backend string // addresses
		name          string // of the backend
		want          bool
	}{
		"the same":                        {"10.0.0.1:9030", "10.0.0.1:9030", "x", false}, // it needs none
		"a name for its address":          {"10.0.0.1:9030", "fe1:9030", "x", true},
		"an address for its name":         {"fe1:9030", "10.0.0.1:9030", "x", true},
		"two names":                       {"fe1:9030", "fe1.example:9030", "x", true},
		"two addresses of a host":         {"fe1:9030", "[fd00::1]:9030", "x", true},
		"another port":                    {"fe1:9030", "10.0.0.1:9031", "x", false},
		"a name of several":               {"10.0.0.1:9030", "all:9030", "x", false},
		"a name that nobody knows":        {"10.0.0.1:9030", "nobody:9030", "x", false},
		"a pod's name":                    {"sr-fe-0.sr-fe-search.sr.svc:9030", "10.9.9.9:9030", "sr-fe-0", true},
		"another pod's name":              {"sr-fe-0.sr-fe-search.sr.svc:9030", "10.9.9.9:9030", "sr-fe-1", false},
		"what may be one of two":          {"db.a:9030", "10.9.9.9:9030", "db", false},
		"a name, by way of its addresses": {"fe1.example:9030", "[fd00::1]:9030", "x", true},
	} {
		s := &Source{Timeout: time.Second, hosts: map[string]found{
			"fe1": {[]string{"10.0.0.1", "fd00::1"}, now}, "fe1.example": {[]string{"10.0.0.1", "fd00::1"}, now}, "all": {[]string{"10.0.0.1", "10.0.0.2"}, now},
			"nobody": {nil, now}, "sr-fe-0.sr-fe-search.sr.svc": {nil, now}, "db.a": {nil, now}, "db.b": {nil, now}, "other": {nil, now},
		}}
		f := &rollout.Facts{
			Nodes:  []rollout.Node{{Name: "n", Host: hostOf(test.node), Address: test.node}, {Name: "o", Host: "10.0.0.2", Address: "10.0.0.2:9030"}, {Name: "p", Host: "db.b", Address: "db.b:9030"}},
			Segues: []rollout.Segue{{Backends: []rollout.SegueBackend{{Name: test.name, Address: test.backend}}}},
		}
		s.alias(t.Context(), f)
		if got := slices.Contains(f.Nodes[0].Aliases, test.backend); got != test.want || f.Nodes[1].Aliases != nil {
			t.Errorf("%s: %+v", name, f.Nodes)
		}
	}
	s := &Source{hosts: map[string]found{"all": {[]string{"10.0.0.1", "10.0.0.2"}, now}}, Seeds: []backend.Spec{{Name: "all:9030", Address: "all:9030"}}}
	if got := s.nameOf(&nodes.Node{Address: "10.0.0.1:9030"}); got != "10.0.0.1:9030" {
		t.Errorf("one of many is called %s", got)
	}
}

// What a cluster of TiDB tells is the same whichever server answers, in whatever zone it is; and of two processes at an address the later is there.
func TestTiDBToldFromElsewhere(t *testing.T) {
	at := time.Date(2026, 11, 30, 8, 0, 0, 0, time.UTC)
	told := func(shift time.Duration) rollout.Node {
		f, s := &rollout.Facts{}, &Source{Flavor: backend.TiDB}
		s.told(f, []nodes.Node{
			{Kind: nodes.Server, Name: "10.0.0.1:4000", Address: "10.0.0.1:4000", Alive: true, Version: "8.5.1", LastStart: at.Add(shift), Uptime: time.Hour},
			{Kind: nodes.Server, Name: "10.0.0.1:4000", Address: "10.0.0.1:4000", Alive: true, Version: "8.5.0", LastStart: at.Add(shift - time.Hour), Uptime: 2 * time.Hour},
		})
		if len(f.Nodes) != 1 || f.Nodes[0].Version != "8.5.1" || f.Nodes[0].Uptime != time.Hour || f.Nodes[0].Exact {
			t.Fatalf("%+v", f.Nodes)
		}
		return f.Nodes[0]
	}
	if here, there := told(0), told(8*time.Hour); there.Start.Sub(here.Start).Abs() > time.Minute {
		t.Errorf("started at %v, told by another one at %v", here.Start, there.Start)
	}
}

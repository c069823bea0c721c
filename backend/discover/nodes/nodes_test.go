package nodes_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"segue/backend/discover/nodes"
	"segue/backend/discover/sql"
)

// table reads a table as people write it: a line of columns and lines of values, by "|". A "-" is an empty value.
func table(text string) sql.Table {
	var t sql.Table
	for line := range strings.Lines(strings.TrimSpace(text)) {
		var row []string
		for value := range strings.SplitSeq(strings.TrimSpace(line), "|") {
			if value = strings.TrimSpace(value); value == "-" {
				value = ""
			}
			row = append(row, value)
		}
		if t.Columns == nil {
			t.Columns = row
		} else {
			t.Rows = append(t.Rows, row)
		}
	}
	return t
}

func at(text string) time.Time {
	t, err := time.Parse(time.DateTime, text)
	if err != nil {
		panic(err)
	}
	return t
}

// What releases of StarRocks and Doris answer to SHOW FRONTENDS, column by column.
func TestParseFrontends(t *testing.T) {
	fe := func(n nodes.Node) nodes.Node {
		n.Kind, n.Type, n.Tablets, n.RunningQueries = nodes.Frontend, "FE", -1, -1
		return n
	}
	for name, c := range map[string]struct {
		table string
		want  []nodes.Node
	}{
		"StarRocks, 16 columns": {
			`
			Name|IP|EditLogPort|HttpPort|QueryPort|RpcPort|Role|ClusterId|Join|Alive|ReplayedJournalId|LastHeartbeat|IsHelper|ErrMsg|StartTime|Version
			10.0.0.1_9010_1700000000000|10.0.0.1|9010|8030|9030|9020|LEADER|1160906364|true|true|1303|2026-11-30 10:00:00|true|-|2026-11-29 08:00:00|3.3.5-6d81f75
			10.0.0.2_9010_1700000000001|10.0.0.2|9010|8030|9030|9020|FOLLOWER|1160906364|true|false|1303|2026-11-30 09:58:10|true|got exception|NULL|NULL
			10.0.0.3_9010_1700000000002|10.0.0.3|9010|8030|0|0|OBSERVER|1160906364|false|false|0|NULL|false|-|NULL|NULL`,
			[]nodes.Node{
				fe(nodes.Node{
					Name: "10.0.0.1_9010_1700000000000", Cluster: "1160906364", Host: "10.0.0.1", Role: nodes.Leader, Address: "10.0.0.1:9030", HTTP: "10.0.0.1:8030", Alive: true,
					Version: "3.3.5-6d81f75", LastStart: at("2026-11-29 08:00:00"), LastHeartbeat: at("2026-11-30 10:00:00"),
				}),
				fe(nodes.Node{
					Name: "10.0.0.2_9010_1700000000001", Cluster: "1160906364", Host: "10.0.0.2", Role: nodes.Follower, Address: "10.0.0.2:9030", HTTP: "10.0.0.2:8030",
					ErrMsg: "got exception", LastHeartbeat: at("2026-11-30 09:58:10"),
				}),
				fe(nodes.Node{Name: "10.0.0.3_9010_1700000000002", Cluster: "1160906364", Host: "10.0.0.3", Role: nodes.Observer, HTTP: "10.0.0.3:8030"}), // has sent no heartbeat yet
			},
		},
		"StarRocks, 17 columns, by names": {
			`
			Id|Name|IP|EditLogPort|HttpPort|QueryPort|RpcPort|Role|ClusterId|Join|Alive|ReplayedJournalId|LastHeartbeat|IsHelper|ErrMsg|StartTime|Version
			2|sr-fe-1|sr-fe-1.sr-fe-search.db.svc.cluster.local|9010|8030|9030|9020|FOLLOWER|1|true|true|5|2026-11-30 10:00:00|true|-|2026-11-30 09:00:00|4.1.1`,
			[]nodes.Node{fe(nodes.Node{
				ID: "2", Name: "sr-fe-1", Cluster: "1", Host: "sr-fe-1.sr-fe-search.db.svc.cluster.local", Role: nodes.Follower, Address: "sr-fe-1.sr-fe-search.db.svc.cluster.local:9030",
				HTTP: "sr-fe-1.sr-fe-search.db.svc.cluster.local:8030", Alive: true, Version: "4.1.1", LastStart: at("2026-11-30 09:00:00"), LastHeartbeat: at("2026-11-30 10:00:00"),
			})},
		},
		"Doris, Host and IsMaster": {
			`
			Name|Host|EditLogPort|HttpPort|QueryPort|RpcPort|ArrowFlightSqlPort|Role|IsMaster|ClusterId|Join|Alive|ReplayedJournalId|LastStartTime|LastHeartbeat|IsHelper|ErrMsg|Version|CurrentConnected
			fe_a|172.20.80.2|9010|8030|9030|9020|-1|FOLLOWER|true|110|true|true|9|2026-11-30 09:00:00|2026-11-30 10:00:00|true|-|doris-2.1.7|No
			fe_b|172.20.80.3|9010|8030|9030|9020|-1|FOLLOWER|false|110|true|true|9|2026-11-30 09:00:01|2026-11-30 10:00:00|true|-|doris-2.1.7|Yes`,
			[]nodes.Node{
				fe(nodes.Node{
					Name: "fe_a", Cluster: "110", Host: "172.20.80.2", Role: nodes.Leader, Address: "172.20.80.2:9030", HTTP: "172.20.80.2:8030", Alive: true, Version: "doris-2.1.7",
					LastStart: at("2026-11-30 09:00:00"), LastHeartbeat: at("2026-11-30 10:00:00"),
				}),
				fe(nodes.Node{
					Name: "fe_b", Cluster: "110", Host: "172.20.80.3", Role: nodes.Follower, Address: "172.20.80.3:9030", HTTP: "172.20.80.3:8030", Alive: true, Version: "doris-2.1.7",
					LastStart: at("2026-11-30 09:00:01"), LastHeartbeat: at("2026-11-30 10:00:00"), Answering: true,
				}),
			},
		},
		"Doris of old, IP and HostName, IPv6": {
			`
			Name|IP|EditLogPort|HttpPort|QueryPort|RpcPort|Role|IsMaster|ClusterId|Join|Alive|ReplayedJournalId|LastHeartbeat|IsHelper|ErrMsg|Version
			x|fd00::1|9010|8030|9030|9020|OBSERVER|false|110|true|true|9|2026-11-30 10:00:00|false|-|trunk`,
			[]nodes.Node{fe(nodes.Node{
				Name: "x", Cluster: "110", Host: "fd00::1", Role: nodes.Observer, Address: "[fd00::1]:9030", HTTP: "[fd00::1]:8030", Alive: true, Version: "trunk",
				LastHeartbeat: at("2026-11-30 10:00:00"),
			})},
		},
		"nobody": {"Name|IP|QueryPort|Role|Alive", nil},
		"a role of no kind": {`
			Name|IP|QueryPort|Role|Alive
			x|h|9030|UNKNOWN|true`, []nodes.Node{fe(nodes.Node{Name: "x", Host: "h", Address: "h:9030", Alive: true})}},
	} {
		got, err := nodes.ParseFrontends(table(c.table))
		if err != nil || !slices.EqualFunc(got, c.want, equal) {
			t.Errorf("%s: %v\n got %+v\nwant %+v", name, err, got, c.want)
		}
	}
}

func equal(a, b nodes.Node) bool { return reflect.DeepEqual(a, b) }

// What is not understood is no list.
func TestParseFrontendsRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"no host":       "Name|QueryPort|Role|Alive\nx|9030|LEADER|true",
		"no port":       "Name|IP|Role|Alive\nx|h|LEADER|true",
		"no role":       "Name|IP|QueryPort|Alive\nx|h|9030|true",
		"no state":      "Name|IP|QueryPort|Role\nx|h|9030|LEADER",
		"an empty host": "Name|IP|QueryPort|Role|Alive\nx|-|9030|LEADER|true",
		"host of words": "Name|IP|QueryPort|Role|Alive\nx|h:1/evil@b|9030|LEADER|true",
		"port of words": "Name|IP|QueryPort|Role|Alive\nx|h|many|LEADER|true",
		"port too high": "Name|IP|QueryPort|Role|Alive\nx|h|65536|LEADER|true",
		"state of both": "Name|IP|QueryPort|Role|Alive\nx|h|9030|LEADER|perhaps",
		"shifted":       "Name|IP|QueryPort|Role|Alive\nx|9030|h|LEADER|true",
	} {
		if got, err := nodes.ParseFrontends(table(text)); err == nil {
			t.Errorf("%s: believed: %+v", name, got)
		}
	}
}

func TestParseBackendsAndComputeNodes(t *testing.T) {
	backends, err := nodes.ParseBackends(table(`
		BackendId|IP|HeartbeatPort|BePort|HttpPort|BrpcPort|LastStartTime|LastHeartbeat|Alive|SystemDecommissioned|ClusterDecommissioned|TabletNum|ErrMsg|Version|Status|NumRunningQueries|location|StatusCode
		10001|10.0.1.1|9050|9060|8040|8060|2026-11-30 08:00:00|2026-11-30 10:00:00|true|false|false|42|-|3.3.5|{"lastSuccessReportTabletsTime":"N/A"}|3|zone:eu-1a|OK
		10002|10.0.1.2|9050|9060|8040|8060|2026-11-30 08:00:00|2026-11-30 10:00:00|false|true|false|0|-|3.3.5|{}|0|rack:r7|SHUTDOWN`))
	want := []nodes.Node{
		{
			ID: "10001", Name: "10.0.1.1:9050", Host: "10.0.1.1", Kind: nodes.Backend, Type: "BE", HTTP: "10.0.1.1:8040", Alive: true, StatusCode: "OK", Version: "3.3.5", Zone: "eu-1a",
			Labels: map[string]string{"zone": "eu-1a"}, LastStart: at("2026-11-30 08:00:00"), LastHeartbeat: at("2026-11-30 10:00:00"), Tablets: 42, RunningQueries: 3,
		},
		{
			ID: "10002", Name: "10.0.1.2:9050", Host: "10.0.1.2", Kind: nodes.Backend, Type: "BE", HTTP: "10.0.1.2:8040", StatusCode: "SHUTDOWN", Version: "3.3.5",
			Labels: map[string]string{"rack": "r7"}, LastStart: at("2026-11-30 08:00:00"), LastHeartbeat: at("2026-11-30 10:00:00"), Decommissioned: true,
		},
	}
	if err != nil || !slices.EqualFunc(backends, want, equal) {
		t.Errorf("%v\n got %+v\nwant %+v", err, backends, want)
	}
	doris, err := nodes.ParseBackends(table(`
		BackendId|Host|HeartbeatPort|BePort|HttpPort|BrpcPort|ArrowFlightSqlPort|LastStartTime|LastHeartbeat|Alive|SystemDecommissioned|TabletNum|Tag|ErrMsg|Version|Status|HeartbeatFailureCounter|NodeRole
		10003|be-3|9050|9060|8040|8060|-1|2026-11-30 08:00:00|2026-11-30 10:00:00|true|false|7|{"location" : "default"}|-|doris-2.1.7|{}|0|computation`))
	if err != nil || len(doris) != 1 || doris[0].Kind != nodes.Compute || doris[0].StatusCode != "" || doris[0].Tablets != 7 || doris[0].RunningQueries != -1 {
		t.Errorf("Doris: %+v, %v", doris, err)
	}
	for status, want := range map[string]bool{
		`{"isQueryDisabled":true,"isLoadDisabled":false}`: true, `{"isQueryDisabled":false,"isLoadDisabled":true,"isActive":true}`: true, `{"isQueryDisabled":false}`: false, `{}`: false, "": false, "?": false,
	} {
		list, err := nodes.ParseBackends(table("BackendId|Host|HeartbeatPort|Alive|Status\n1|h|9050|true|" + status))
		if err != nil || len(list) != 1 || list[0].Disabled != want || (list[0].DisabledFor != "") != want {
			t.Errorf("%s: %+v, %v", status, list, err)
		}
	}
	compute, err := nodes.ParseComputeNodes(table(`
		ComputeNodeId|IP|HeartbeatPort|BePort|HttpPort|BrpcPort|LastStartTime|LastHeartbeat|Alive|SystemDecommissioned|ClusterDecommissioned|ErrMsg|Version|CpuCores|NumRunningQueries|HasStoragePath|StatusCode
		10004|cn-0.cn|9050|9060|8040|8060|NULL|NULL|false|false|false|java.net.ConnectException|NULL|0|0|false|DISCONNECTED`))
	if err != nil || len(compute) != 1 || compute[0].Kind != nodes.Compute || compute[0].StatusCode != "DISCONNECTED" || compute[0].ID != "10004" || compute[0].Version != "" {
		t.Errorf("CN: %+v, %v", compute, err)
	}
	if _, err := nodes.ParseComputeNodes(table("BackendId|IP|Alive\n1|h|true")); err == nil {
		t.Error("a table of BEs was taken for one of CNs")
	}
}

func TestParseClusterInfo(t *testing.T) {
	list, err := nodes.ParseClusterInfo(table(`
		TYPE|INSTANCE|STATUS_ADDRESS|VERSION|GIT_HASH|START_TIME|UPTIME|SERVER_ID
		tidb|10.0.0.1:4000|10.0.0.1:10080|8.5.1|635a4362|2026-11-30T08:00:00+01:00|2h|1281
		tidb|:4000|127.0.0.1:10080|8.5.1|635a4362|2026-11-30T08:00:00+01:00|2h|0
		pd|10.0.0.2:2379|10.0.0.2:2379|8.5.1|x|2026-11-30T08:00:00+01:00|2h|0
		tikv|10.0.0.3:20160|10.0.0.3:20180|8.5.1|x|2026-11-30T08:00:00+01:00|2h|0`))
	if err == nil {
		t.Errorf("an instance without a host was believed: %+v", list)
	}
	list, err = nodes.ParseClusterInfo(table(`
		TYPE|INSTANCE|STATUS_ADDRESS|VERSION|GIT_HASH|START_TIME|UPTIME|SERVER_ID
		tidb|10.0.0.1:4000|10.0.0.1:10080|8.5.1|635a4362|2026-11-30T08:00:00+01:00|2h|1281
		pd|10.0.0.2:2379|10.0.0.2:2379|8.5.1|x|2026-11-30T08:00:00+01:00|2h|0
		tikv|store1|-|-|None|2026-11-30 16:08:19|2h|0
		tikv|10.0.0.3:20160|10.0.0.3:20180|8.5.1|x|2026-11-30T08:00:00+01:00|2h|0`))
	if err != nil || len(list) != 3 {
		t.Fatalf("%+v, %v", list, err)
	}
	if err := nodes.AddServersInfo(list, table("IP|PORT|LABELS\n10.0.0.1|4000|zone=eu-1a,rack=7\n10.0.0.9|4000|zone=eu-1b")); err != nil {
		t.Fatal(err)
	}
	want := []nodes.Node{
		{
			ID: "1281", Name: "10.0.0.1:4000", Host: "10.0.0.1", Kind: nodes.Server, Type: "tidb", Address: "10.0.0.1:4000", HTTP: "10.0.0.1:10080", Alive: true, Version: "8.5.1",
			Zone: "eu-1a", Labels: map[string]string{"zone": "eu-1a", "rack": "7"}, LastStart: at("2026-11-30 07:00:00"), Uptime: 2 * time.Hour, Tablets: -1, RunningQueries: -1,
		},
		{
			ID: "0", Name: "10.0.0.2:2379", Host: "10.0.0.2", Type: "pd", HTTP: "10.0.0.2:2379", Alive: true, Version: "8.5.1", LastStart: at("2026-11-30 07:00:00"), Uptime: 2 * time.Hour,
			Tablets: -1, RunningQueries: -1,
		},
		{
			ID: "0", Name: "10.0.0.3:20160", Host: "10.0.0.3", Kind: nodes.Backend, Type: "tikv", HTTP: "10.0.0.3:20180", Alive: true, Version: "8.5.1",
			LastStart: at("2026-11-30 07:00:00"), Uptime: 2 * time.Hour, Tablets: -1, RunningQueries: -1,
		},
	}
	if !slices.EqualFunc(list, want, equal) {
		t.Errorf("\n got %+v\nwant %+v", list, want)
	}
}

func TestParseServer(t *testing.T) {
	const address = "10.0.0.1:3306"
	for name, c := range map[string]struct {
		variables string
		role      nodes.Role
		kind      string
	}{
		"MariaDB, a primary": {"version|10.11.14-MariaDB\nhostname|db1\nread_only|OFF", nodes.Primary, "mariadb"},
		"MariaDB, a replica": {"version|11.4.8-MariaDB-log\nhostname|db1\nread_only|ON", nodes.Replica, "mariadb"},
		"a word of newer":    {"version|12.1.2-MariaDB\nhostname|db1\nread_only|NO_LOCK_NO_ADMIN", nodes.Replica, "mariadb"},
		"MySQL, a primary":   {"version|8.4.3\nhostname|db1\nread_only|OFF\nsuper_read_only|OFF", nodes.Primary, "mysql"},
		"MySQL, a replica":   {"version|8.4.3\nhostname|db1\nread_only|ON\nsuper_read_only|ON", nodes.Replica, "mysql"},
		"silent about it":    {"version|8.4.3\nhostname|db1", nodes.None, "mysql"},
	} {
		n, err := nodes.ParseServer(table("Variable_name|Value\n"+c.variables), address)
		if err != nil || n.Role != c.role || n.Type != c.kind || n.Address != address || n.Name != "db1" || n.Host != "10.0.0.1" {
			t.Errorf("%s: %+v, %v", name, n, err)
		}
	}
}

func TestParseGroupMembers(t *testing.T) {
	list, err := nodes.ParseGroupMembers(table(`
		MEMBER_ID|MEMBER_HOST|MEMBER_PORT|MEMBER_STATE|MEMBER_ROLE|MEMBER_VERSION
		a|db1|3306|ONLINE|PRIMARY|8.4.3
		b|db2|3306|RECOVERING|SECONDARY|8.4.3
		c|db3|3306|UNREACHABLE|SECONDARY|8.4.3`))
	var got []string
	for _, n := range list {
		got = append(got, n.Address+" "+n.Role.String()+" "+map[bool]string{true: "alive", false: "dead"}[n.Alive])
	}
	if want := []string{"db1:3306 primary alive", "db2:3306 replica alive", "db3:3306 replica dead"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%q, %v", got, err)
	}
	if list, err := nodes.ParseGroupMembers(table("MEMBER_ID|MEMBER_HOST|MEMBER_PORT|MEMBER_STATE\n-|-|-|OFFLINE")); err != nil || len(list) != 0 {
		t.Errorf("not started: %+v, %v", list, err)
	}
}

// Whatever a server says, nothing panics, and what is taken for a node has an address that can be dialed, or none.
func FuzzParse(f *testing.F) {
	f.Add("Name|IP|QueryPort|Role|Alive|HttpPort\nx|h|9030|LEADER|true|8030")
	f.Add("TYPE|INSTANCE|STATUS_ADDRESS\ntidb|[fd00::1]:4000|h:10080")
	f.Add("BackendId|IP|Alive|HeartbeatPort|ComputeNodeId\n1|h|true|9050|2")
	f.Add("Variable_name|Value\nread_only|OFF")
	f.Add("MEMBER_HOST|MEMBER_PORT|MEMBER_STATE\nh|3306|ONLINE")
	f.Add("IP|PORT|LABELS\nh|4000|zone=a,,=,b")
	f.Fuzz(func(t *testing.T, text string) {
		in := table(text)
		for _, parse := range []func(nodes.Table) ([]nodes.Node, error){
			nodes.ParseFrontends, nodes.ParseBackends, nodes.ParseComputeNodes, nodes.ParseClusterInfo, nodes.ParseGroupMembers,
		} {
			list, err := parse(in)
			if err != nil && list != nil {
				t.Fatalf("a list and an error: %v, %v", list, err)
			}
			for _, n := range list {
				if n.Name == "" && n.Host == "" || strings.ContainsAny(n.Address+n.HTTP, " \t\n/@?#") {
					t.Fatalf("%q was taken for %+v", text, n)
				}
			}
			_ = nodes.AddServersInfo(list, in)
		}
		_, _ = nodes.ParseServer(in, "h:3306")
	})
}

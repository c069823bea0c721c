package nodes

import (
	"encoding/json"
	"net"
	"strings"
)

// The statements that the functions of this package read the answers of.
const (
	ShowFrontends    = "SHOW FRONTENDS"
	ShowBackends     = "SHOW BACKENDS"
	ShowComputeNodes = "SHOW COMPUTE NODES" // StarRocks alone
)

// ParseFrontends reads the answer to SHOW FRONTENDS of StarRocks and Doris.
//
// https://docs.starrocks.io/docs/sql-reference/sql-statements/cluster-management/nodes_processes/SHOW_FRONTENDS/
func ParseFrontends(t Table) ([]Node, error) {
	r := &reader{t: t, what: ShowFrontends}
	return r.each(func(row int) (Node, bool) {
		host := r.host(row, "Host", "IP", "HostName")
		r.must(row, "QueryPort")
		r.must(row, "Alive")
		n := Node{
			ID: r.text(row, "Id"), Name: r.text(row, "Name"), Host: host, Kind: Frontend, Type: "FE", Role: r.frontendRole(row),
			Address: r.at(row, host, "QueryPort"), HTTP: r.at(row, host, "HttpPort"), Alive: r.truth(row, "Alive"),
			Version: r.text(row, "Version"), ErrMsg: r.text(row, "ErrMsg"), LastStart: r.when(row, "StartTime", "LastStartTime"),
			LastHeartbeat: r.when(row, "LastHeartbeat"), Tablets: -1, RunningQueries: -1, Answering: r.truth(row, "CurrentConnected"),
			Cluster: r.text(row, "ClusterId"),
		}
		if n.Name == "" {
			n.Name = n.Host
		}
		return n, true
	})
}

// frontendRole reads StarRocks' word, and Doris' two.
func (r *reader) frontendRole(row int) Role {
	leads := r.truth(row, "IsMaster")
	switch role := strings.ToUpper(r.must(row, "Role")); {
	case leads, role == "LEADER", role == "MASTER":
		return Leader
	case role == "FOLLOWER":
		return Follower
	case role == "OBSERVER":
		return Observer
	}
	return None // UNKNOWN, INIT, REPLICA: one that has not found its place
}

// ParseBackends reads the answer to SHOW BACKENDS of StarRocks and Doris.
//
// https://docs.starrocks.io/docs/sql-reference/sql-statements/cluster-management/nodes_processes/SHOW_BACKENDS/
func ParseBackends(t Table) ([]Node, error) {
	r := &reader{t: t, what: ShowBackends}
	return r.each(func(row int) (Node, bool) {
		n := r.worker(row)
		n.ID, n.Kind, n.Type = r.must(row, "BackendId"), Backend, "BE"
		if strings.EqualFold(r.text(row, "NodeRole"), "computation") { // Doris
			n.Kind = Compute
		}
		return n, true
	})
}

// ParseComputeNodes reads the answer to SHOW COMPUTE NODES of StarRocks.
//
// https://docs.starrocks.io/docs/sql-reference/sql-statements/cluster-management/nodes_processes/SHOW_COMPUTE_NODES/
func ParseComputeNodes(t Table) ([]Node, error) {
	r := &reader{t: t, what: ShowComputeNodes}
	return r.each(func(row int) (Node, bool) {
		n := r.worker(row)
		n.ID, n.Kind, n.Type = r.must(row, "ComputeNodeId"), Compute, "CN"
		return n, true
	})
}

// worker reads what BE and CN have in common.
func (r *reader) worker(row int) Node {
	host := r.host(row, "Host", "IP")
	r.must(row, "Alive")
	n := Node{
		Host: host, HTTP: r.at(row, host, "HttpPort"), Alive: r.truth(row, "Alive"), StatusCode: strings.ToUpper(r.text(row, "StatusCode")),
		Version: r.text(row, "Version"), ErrMsg: r.text(row, "ErrMsg"), LastStart: r.when(row, "LastStartTime"), LastHeartbeat: r.when(row, "LastHeartbeat"),
		Decommissioned: r.truth(row, "SystemDecommissioned") || r.truth(row, "ClusterDecommissioned"),
		Tablets:        r.number(row, "TabletNum"), RunningQueries: r.number(row, "NumRunningQueries"),
	}
	n.Disabled, n.DisabledFor = disabled(r.text(row, "Status"))
	if n.Name = r.at(row, host, "HeartbeatPort"); n.Name == "" {
		n.Name = host
	}
	if key, value, ok := strings.Cut(r.text(row, "location"), ":"); ok { // as it was labelled, by whatever key
		n.Labels = map[string]string{key: value}
		n.Zone = n.Labels["zone"]
	}
	return n
}

// disabled reads Status of Doris' SHOW BACKENDS: {"isQueryDisabled":false,"isLoadDisabled":false,…}. only is which of the two, where it is one alone.
func disabled(status string) (is bool, only string) {
	var said struct{ IsQueryDisabled, IsLoadDisabled bool }
	switch err := json.Unmarshal([]byte(status), &said); {
	case err != nil:
		return false, ""
	case said.IsQueryDisabled == said.IsLoadDisabled:
		return said.IsQueryDisabled, ""
	case said.IsQueryDisabled:
		return true, "query"
	}
	return true, "load"
}

// hostOf is an address without its port.
func hostOf(address string) string {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	return host
}

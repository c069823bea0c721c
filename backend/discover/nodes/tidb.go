package nodes

import (
	"strings"
	"time"
)

// The statements about a TiDB cluster.
const (
	ClusterInfo = "SELECT TYPE, INSTANCE, STATUS_ADDRESS, VERSION, START_TIME, UPTIME, SERVER_ID FROM information_schema.cluster_info"
	// ServersInfo tells the labels of TiDB servers, which cluster_info does not.
	ServersInfo = "SELECT IP, PORT, LABELS FROM information_schema.tidb_servers_info"
	// ClusterID tells which cluster it is, of newer TiDB, to who may read mysql.tidb.
	ClusterID = "SELECT VARIABLE_VALUE FROM mysql.tidb WHERE VARIABLE_NAME = 'cluster_id'"
)

// ParseClusterInfo reads information_schema.cluster_info of TiDB, which lists whoever has reported to PD and not been forgotten by it: all are Alive. LastStart is in the
// zone of the server that has answered, wherever the node is; Uptime is in none.
//
// https://docs.pingcap.com/tidb/stable/information-schema-cluster-info/
func ParseClusterInfo(t Table) ([]Node, error) {
	r := &reader{t: t, what: "information_schema.cluster_info"}
	return r.each(func(row int) (Node, bool) {
		kind := strings.ToLower(r.must(row, "TYPE"))
		if kind != "tidb" && !strings.Contains(r.must(row, "INSTANCE"), ":") {
			return Node{}, false // the store inside of a server without PD is called store1
		}
		at := r.address(row, "INSTANCE")
		n := Node{
			ID: r.text(row, "SERVER_ID"), Name: r.must(row, "INSTANCE"), Host: hostOf(at), Type: kind,
			HTTP: r.address(row, "STATUS_ADDRESS"), Alive: true, Version: r.text(row, "VERSION"), LastStart: r.when(row, "START_TIME"),
			Tablets: -1, RunningQueries: -1,
		}
		n.Uptime, _ = time.ParseDuration(r.text(row, "UPTIME"))
		switch n.Type {
		case "tidb":
			n.Kind, n.Address = Server, at
		case "tikv", "tiflash":
			n.Kind = Backend
		}
		return n, at != ""
	})
}

// AddServersInfo adds to nodes of [ParseClusterInfo] the labels, and the zone among them, that information_schema.tidb_servers_info has for them.
//
// https://docs.pingcap.com/tidb/stable/information-schema-tidb-servers-info/
func AddServersInfo(list []Node, t Table) error {
	r := &reader{t: t, what: "information_schema.tidb_servers_info"}
	labels := make(map[string]string)
	_, err := r.each(func(row int) (Node, bool) {
		labels[r.at(row, r.host(row, "IP"), "PORT")] = r.text(row, "LABELS")
		return Node{}, false
	})
	if err != nil {
		return err
	}
	for i := range list {
		n := &list[i]
		for pair := range strings.SplitSeq(labels[n.Address], ",") {
			key, value, ok := strings.Cut(strings.TrimSpace(pair), "=")
			if n.Address == "" || !ok {
				continue
			}
			if n.Labels == nil {
				n.Labels = make(map[string]string)
			}
			n.Labels[key] = value
		}
		n.Zone = n.Labels["zone"]
	}
	return nil
}

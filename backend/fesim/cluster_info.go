package fesim

import (
	"strconv"
	"time"
)

const clusterInfoColumns = "TYPE INSTANCE STATUS_ADDRESS VERSION GIT_HASH START_TIME UPTIME SERVER_ID"

// clusterInfo is TiDB's information_schema.cluster_info: the servers that run, and a PD and a store that are always well. PD forgets a server that has ended.
// Times are a DATETIME in the zone of whoever answers.
//
// https://docs.pingcap.com/tidb/stable/information-schema-cluster-info/
func clusterInfo(e *env) [][]value {
	began := e.s.fe.current().began.Format(time.DateTime)
	var rows [][]value
	for i, f := range e.s.fe.cluster.FEs() {
		if l := f.current(); l != nil && e.s.fe.cluster.isAlive(f) {
			rows = append(rows, []value{
				"tidb", f.mysql.address, f.http.address, l.version, "fesim", l.began.Format(time.DateTime), time.Since(l.began).String(), strconv.Itoa(i + 1),
			})
		}
	}
	version := e.s.fe.opts.Version
	return append(rows,
		[]value{"pd", "127.0.0.1:2379", "127.0.0.1:2379", version, "fesim", began, "1h0m0s", "0"},
		[]value{"tikv", "127.0.0.1:20160", "127.0.0.1:20180", version, "fesim", began, "1h0m0s", "0"})
}

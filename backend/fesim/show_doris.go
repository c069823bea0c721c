package fesim

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// dorisFrontends has the columns of Doris' FrontendsProcNode: who leads is in a column of its own, and each FE has its own HTTP port.
//
// https://doris.apache.org/docs/sql-manual/sql-statements/cluster-management/instance-management/SHOW-FRONTENDS
func dorisFrontends(s *session) *result {
	names := strings.Fields(`Name Host EditLogPort HttpPort QueryPort RpcPort ArrowFlightSqlPort Role IsMaster ClusterId Join Alive ReplayedJournalId LastStartTime LastHeartbeat
		IsHelper ErrMsg Version CurrentConnected`)
	leader, _ := s.fe.cluster.watch()
	var rows [][]value
	for _, f := range s.fe.cluster.FEs() {
		alive := f == s.fe || s.fe.cluster.isAlive(f)
		role, start, version, fault, own := "FOLLOWER", "NULL", "NULL", "got exception", "No"
		if f.opts.Observer {
			role = "OBSERVER"
		}
		if l := f.current(); alive && l != nil {
			start, version, fault = l.began.Format(time.DateTime), l.version, ""
		}
		if f == s.fe {
			own = "Yes"
		}
		rows = append(rows, []value{
			fmt.Sprintf("fe_%s", f.opts.Name), hostOf(f.mysql), "9010", portOf(f.http), portOf(f.mysql), "9020", "-1", role, strconv.FormatBool(f == leader), "1", "true",
			strconv.FormatBool(alive), strconv.Itoa(f.cluster.replayedBy(f)), start, time.Now().Format(time.DateTime), strconv.FormatBool(!f.opts.Observer), fault, version, own,
		})
	}
	return table(names, rows...)
}

// dorisBackends has the columns of Doris' BackendsProcDir. It has no StatusCode: a BE that leaves is alive until heartbeats fail.
//
// https://doris.apache.org/docs/sql-manual/sql-statements/cluster-management/instance-management/SHOW-BACKENDS
func dorisBackends(s *session) *result {
	names := strings.Fields(`BackendId Host HeartbeatPort BePort HttpPort BrpcPort ArrowFlightSqlPort LastStartTime LastHeartbeat Alive SystemDecommissioned TabletNum DataUsedCapacity
		TrashUsedCapacity AvailCapacity TotalCapacity UsedPct MaxDiskUsedPct RemoteUsedCapacity Tag ErrMsg Version Status HeartbeatFailureCounter NodeRole`)
	c := s.fe.cluster
	c.mu.Lock()
	defer c.mu.Unlock()
	var rows [][]value
	for _, b := range c.nodes(false) {
		query, load := c.disabled[b.id]["disable_query"], c.disabled[b.id]["disable_load"]
		status := fmt.Sprintf(`{"isQueryDisabled":%t,"isLoadDisabled":%t,"isActive":true}`, !query.IsZero(), !load.IsZero())
		rows = append(rows, []value{
			strconv.Itoa(b.id), hostAlone(b.advertised(), hostOf(b.heartbeat)), portOf(b.heartbeat), portOf(b.thrift), portAlone(b.advertised()), "8060", "-1", shownTime(b.known.started), shownTime(b.known.lastBeat),
			strconv.FormatBool(b.known.alive), "false", strconv.Itoa(b.opts.Tablets), "0.000", "0.000", "1.000 TB", "1.000 TB", "0.00 %", "0.00 %", "0.000",
			`{"location" : "default"}`, b.known.errMsg, b.known.version, status, "0", "mix",
		})
	}
	return table(names, rows...)
}

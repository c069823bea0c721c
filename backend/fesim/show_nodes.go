package fesim

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"
)

// showFrontends has the columns of FrontendsNodeProc; newer versions put an Id in front. A leaving FE is alive here like any other.
func showFrontends(e *env) (*result, error) {
	s := e.s
	if !s.operator() {
		return nil, denied("OPERATE")
	}
	if s.fe.opts.FrontendsHang {
		if err := s.fe.cluster.untilLeader(e.ctx); err != nil {
			return nil, err
		}
	}
	names := strings.Fields("Name IP EditLogPort HttpPort QueryPort RpcPort Role ClusterId Join Alive ReplayedJournalId LastHeartbeat IsHelper ErrMsg StartTime Version")
	if s.fe.opts.FrontendsWithID {
		names = append([]string{"Id"}, names...)
	}
	_, httpPort, _ := net.SplitHostPort(s.fe.http.address)
	leader, _ := s.fe.cluster.watch()
	var rows [][]value
	for i, f := range s.fe.cluster.FEs() {
		row := f.frontendRow(httpPort, f == leader, f == s.fe || s.fe.cluster.isAlive(f))
		if s.fe.opts.FrontendsWithID {
			row = append([]value{strconv.Itoa(i + 1)}, row...)
		}
		rows = append(rows, row)
	}
	return table(names, rows...), nil
}

// frontendRow is f's row. The HTTP port is that of the FE which answers, in every row.
func (f *FE) frontendRow(httpPort string, leads, alive bool) []value {
	host, mysqlPort, _ := net.SplitHostPort(f.mysql.address)
	role, start, version, fault := "FOLLOWER", time.Now().Format(time.DateTime), starRocksVersion, ""
	if leads {
		role = "LEADER"
	}
	if !alive {
		start, version, fault = "NULL", "NULL", "got exception"
	}
	return []value{
		fmt.Sprintf("%s_9010", f.opts.Name), host, "9010", httpPort, mysqlPort, "9020", role, "1", "true", strconv.FormatBool(alive),
		"1", time.Now().Format(time.DateTime), "true", fault, start, version,
	}
}

func (c *Cluster) isAlive(f *FE) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Contains(c.alive, f)
}

// untilLeader waits for a leader for as long as it takes.
func (c *Cluster) untilLeader(ctx context.Context) error {
	for {
		leader, changed := c.watch()
		if leader != nil {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// showBackends tells of one BE that is always well.
func showBackends(e *env) (*result, error) {
	if !e.s.operator() {
		return nil, denied("OPERATE")
	}
	names := strings.Fields(`BackendId IP HeartbeatPort BePort HttpPort BrpcPort LastStartTime LastHeartbeat Alive SystemDecommissioned ClusterDecommissioned
		TabletNum DataUsedCapacity AvailCapacity TotalCapacity UsedPct MaxDiskUsedPct ErrMsg Version Status DataTotalCapacity DataUsedPct CpuCores MemLimit
		NumRunningQueries MemUsedPct CpuUsedPct DataCacheMetrics location StatusCode`)
	now := time.Now().Format(time.DateTime)
	return table(names, []value{
		"10001", "127.0.0.1", "9050", "9060", "8040", "8060", now, now, "true", "false", "false", "0", "0.000", "1.000 TB", "1.000 TB", "0.00 %", "0.00 %", "",
		starRocksVersion, "{}", "1.000 TB", "0.00 %", "8", "8.000GB", "0", "0.00 %", "0.0 %", "N/A", "", "OK",
	}), nil
}

func showComputeNodes(e *env) (*result, error) {
	if !e.s.operator() {
		return nil, denied("OPERATE")
	}
	return table(strings.Fields(`ComputeNodeId IP HeartbeatPort BePort HttpPort BrpcPort LastStartTime LastHeartbeat Alive SystemDecommissioned
		ClusterDecommissioned ErrMsg Version CpuCores MemLimit NumRunningQueries MemUsedPct CpuUsedPct DataCacheMetrics HasStoragePath StatusCode`)), nil
}

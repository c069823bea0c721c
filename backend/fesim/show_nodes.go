package fesim

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"segue/backend"
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
	if s.fe.opts.Flavor == backend.Doris {
		return dorisFrontends(s), nil
	}
	names := strings.Fields("Name IP EditLogPort HttpPort QueryPort RpcPort Role ClusterId Join Alive ReplayedJournalId LastHeartbeat IsHelper ErrMsg StartTime Version")
	if s.fe.opts.FrontendsWithID {
		names = append([]string{"Id"}, names...)
	}
	httpPort := portOf(s.fe.http)
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
	role, start, version, fault := "FOLLOWER", "NULL", "NULL", "got exception"
	switch {
	case leads:
		role = "LEADER"
	case f.opts.Observer:
		role = "OBSERVER"
	}
	if l := f.current(); alive && l != nil {
		start, version, fault = l.began.Format(time.DateTime), l.version, ""
	}
	return []value{
		fmt.Sprintf("%s_9010", f.opts.Name), hostOf(f.mysql), "9010", httpPort, portOf(f.mysql), "9020", role, "1", "true", strconv.FormatBool(alive),
		strconv.Itoa(f.cluster.replayedBy(f)), time.Now().Format(time.DateTime), strconv.FormatBool(!f.opts.Observer), fault, start, version,
	}
}

// replayedBy is the journal id up to which f has replayed.
func (c *Cluster) replayedBy(f *FE) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.view(f)) + 1
}

func hostOf(p *port) string {
	host, _, _ := net.SplitHostPort(p.address)
	return host
}

// hostAlone is the host of an advertised address that is not the node's own, or that one.
func hostAlone(advertised, own string) string {
	if host, _, err := net.SplitHostPort(advertised); err == nil && host != "" {
		return host
	}
	return own
}

func portAlone(address string) string {
	_, port, _ := net.SplitHostPort(address)
	return port
}

func portOf(p *port) string {
	_, port, _ := net.SplitHostPort(p.address)
	return port
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

// showBackends has the columns of BackendsProcDir. A cluster without simulated BEs tells of one that is always well.
func showBackends(e *env) (*result, error) {
	if !e.s.operator() {
		return nil, denied("OPERATE")
	}
	if e.s.fe.opts.Flavor == backend.Doris && len(e.s.fe.cluster.BEs()) > 0 {
		return dorisBackends(e.s), nil
	}
	names := strings.Fields(`BackendId IP HeartbeatPort BePort HttpPort BrpcPort LastStartTime LastHeartbeat Alive SystemDecommissioned ClusterDecommissioned
		TabletNum DataUsedCapacity AvailCapacity TotalCapacity UsedPct MaxDiskUsedPct ErrMsg Version Status DataTotalCapacity DataUsedPct CpuCores MemLimit
		NumRunningQueries MemUsedPct CpuUsedPct DataCacheMetrics Location StatusCode`)
	c := e.s.fe.cluster
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.bes) == 0 {
		now := time.Now().Format(time.DateTime)
		return table(names, []value{
			"10001", "127.0.0.1", "9050", "9060", "8040", "8060", now, now, "true", "false", "false", "0", "0.000 B", "1.000 TB", "1.000 TB", "0.00 %", "0.00 %", "",
			starRocksVersion, "{}", "1.000 TB", "0.00 %", "8", "8.000GB", "0", "0.00 %", "0.0 %", "N/A", "", "OK",
		}), nil
	}
	var rows [][]value
	for _, b := range c.nodes(false) {
		status := fmt.Sprintf(`{"lastSuccessReportTabletsTime":"%s"}`, shownTime(b.known.lastBeat))
		rows = append(rows, append(c.nodeRow(b),
			strconv.Itoa(b.opts.Tablets), "0.000 B", "1.000 TB", "1.000 TB", "0.00 %", "0.00 %", b.known.errMsg, b.known.version, status, "1.000 TB", "0.00 %",
			"8", "8.000GB", strconv.Itoa(c.running(b)), "0.00 %", "0.0 %", "N/A", "", b.known.status))
	}
	return table(names, rows...), nil
}

// showComputeNodes has the columns of ComputeNodeProcDir.
func showComputeNodes(e *env) (*result, error) {
	if !e.s.operator() {
		return nil, denied("OPERATE")
	}
	names := strings.Fields(`ComputeNodeId IP HeartbeatPort BePort HttpPort BrpcPort LastStartTime LastHeartbeat Alive SystemDecommissioned
		ClusterDecommissioned ErrMsg Version CpuCores MemLimit NumRunningQueries MemUsedPct CpuUsedPct DataCacheMetrics HasStoragePath StatusCode`)
	c := e.s.fe.cluster
	c.mu.Lock()
	defer c.mu.Unlock()
	var rows [][]value
	for _, b := range c.nodes(true) {
		rows = append(rows, append(c.nodeRow(b), b.known.errMsg, b.known.version, "8", "8.000GB", strconv.Itoa(c.running(b)), "0.00 %", "0.0 %", "N/A",
			"false", b.known.status))
	}
	return table(names, rows...), nil
}

// nodes are the BEs, or the CNs, with what FEs know of them now. It needs c.mu.
func (c *Cluster) nodes(compute bool) []*BE {
	c.beats(time.Now())
	return slices.DeleteFunc(slices.Clone(c.bes), func(b *BE) bool { return b.opts.Compute != compute })
}

// nodeRow is what both lists begin with. It needs c.mu.
func (c *Cluster) nodeRow(b *BE) []value {
	return []value{
		strconv.Itoa(b.id), hostAlone(b.advertised(), hostOf(b.heartbeat)), portOf(b.heartbeat), portOf(b.thrift), portAlone(b.advertised()), "8060", shownTime(b.known.started), shownTime(b.known.lastBeat),
		strconv.FormatBool(b.known.alive), "false", "false",
	}
}

// shownTime is NULL in letters for a time that has not come, as TimeUtils.longToTimeString gives it.
func shownTime(t time.Time) string {
	if t.IsZero() {
		return "NULL"
	}
	return t.Format(time.DateTime)
}

package fesim

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// showProc parses what follows SHOW PROC: a path in the tree of what an FE tells of the cluster (ProcService).
func (p *parser) showProc() (func(*env) (*result, error), error) {
	t := p.next()
	if t.kind != literal {
		p.at--
		return nil, p.unexpected()
	}
	path := "/" + strings.Trim(t.text, "/")
	return func(e *env) (*result, error) {
		if !e.s.operator() {
			return nil, denied("OPERATE")
		}
		if node, ok := procNodes[path]; ok {
			return node(e)
		}
		if rest, ok := strings.CutPrefix(path, "/jobs/"); ok {
			return procJobs(e, rest)
		}
		return nil, fail("Proc path '%s' doesn't exist", t.text)
	}, nil
}

var procNodes = map[string]func(*env) (*result, error){
	"/":                                  procRoot,
	"/frontends":                         showFrontends,
	"/backends":                          showBackends,
	"/compute_nodes":                     showComputeNodes,
	"/statistic":                         procStatistic,
	"/cluster_balance":                   procBalance,
	"/cluster_balance/cluster_load_stat": empty("StorageMedium"),
	"/cluster_balance/working_slots":     empty("BeId", "PathHash", "AvailSlots", "TotalSlots", "BalanceSlot", "AvgRate"),
	"/cluster_balance/sched_stat":        empty("Item", "Value"),
	"/cluster_balance/priority_repair":   empty("TableId", "PartitionIds", "RemainingTimeMs"),
	"/cluster_balance/pending_tablets":   procTablets("PENDING", func(c *Cluster, t time.Time) int { n, _ := c.scheduled(t); return n }),
	"/cluster_balance/running_tablets":   procTablets("RUNNING", func(c *Cluster, t time.Time) int { _, n := c.scheduled(t); return n }),
	"/cluster_balance/history_tablets":   procTablets("FINISHED", func(*Cluster, time.Time) int { return 0 }),
	"/jobs":                              procDatabases,
}

func procRoot(*env) (*result, error) {
	var rows [][]value
	for _, name := range []string{"backends", "cluster_balance", "compute_nodes", "frontends", "jobs", "statistic"} {
		rows = append(rows, []value{name})
	}
	return table([]string{"name"}, rows...), nil
}

// scheduled counts the tablets that the scheduler knows: those that lack a replica and have no clone yet wait with those whose balance is pending.
// It needs c.mu.
func (c *Cluster) scheduled(now time.Time) (pending, running int) {
	lacking, cloning := c.unhealthy(now)
	return lacking - cloning + c.tablets.Pending, cloning + c.tablets.Running
}

// procStatistic is StatisticProcDir: tablets by database, and their sum. All are in the first database here.
func procStatistic(e *env) (*result, error) {
	names := strings.Fields("DbId DbName TableNum PartitionNum IndexNum TabletNum ReplicaNum UnhealthyTabletNum InconsistentTabletNum CloningTabletNum ErrorStateTabletNum")
	f := e.s.fe
	dbs := f.databases()
	c := f.cluster
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	c.beats(now)
	lacking, cloning := c.unhealthy(now)
	replicas := 0
	for _, b := range c.bes {
		replicas += b.opts.Tablets
	}
	sum := []int{replicas, replicas, lacking, c.tablets.Inconsistent, cloning, c.tablets.ErrorState}
	var rows [][]value
	for i, db := range slices.DeleteFunc(dbs, func(db string) bool { return db == "information_schema" }) {
		row := []value{strconv.Itoa(10100 + i), db, "1", "1", "1"}
		for _, n := range sum {
			if i > 0 {
				n = 0
			}
			row = append(row, strconv.Itoa(n))
		}
		rows = append(rows, row)
	}
	count := strconv.Itoa(len(rows))
	total := []value{"Total", count, count, count, count}
	for _, n := range sum {
		total = append(total, strconv.Itoa(n))
	}
	return table(names, append(rows, total)...), nil
}

// procBalance is ClusterBalanceProcDir.
func procBalance(e *env) (*result, error) {
	c := e.s.fe.cluster
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	c.beats(now)
	pending, running := c.scheduled(now)
	return table([]string{"Item", "Number"},
		[]value{"cluster_load_stat", "1"}, []value{"working_slots", strconv.Itoa(len(c.bes))}, []value{"sched_stat", "1"}, []value{"priority_repair", "0"},
		[]value{"pending_tablets", strconv.Itoa(pending)}, []value{"running_tablets", strconv.Itoa(running)}, []value{"history_tablets", "0"},
		[]value{"all_tablets", strconv.Itoa(pending + running)}), nil
}

// procTablets is TabletSchedulerDetailProcDir: n tablets in a state.
func procTablets(state string, n func(*Cluster, time.Time) int) func(*env) (*result, error) {
	names := strings.Fields(`TabletId Type Medium Status State OrigPrio DynmPrio SrcBe SrcPath DestBe DestPath Timeout Create LstSched LstVisit Finished Rate
		FailedSched FailedRunning LstAdjPrio VisibleVer VisibleVerHash CmtVer CmtVerHash ErrMsg`)
	return func(e *env) (*result, error) {
		c := e.s.fe.cluster
		c.mu.Lock()
		defer c.mu.Unlock()
		now := time.Now()
		c.beats(now)
		var rows [][]value
		for i := range n(c, now) {
			row := []value{strconv.Itoa(30001 + i), "REPAIR", "HDD", "REPLICA_MISSING", state, "NORMAL"}
			for len(row) < len(names) {
				row = append(row, "N/A")
			}
			rows = append(rows, row)
		}
		return table(names, rows...), nil
	}
}

// procDatabases is JobsDbProcDir.
func procDatabases(e *env) (*result, error) {
	var rows [][]value
	for i, db := range e.s.fe.databases() {
		rows = append(rows, []value{strconv.Itoa(10100 + i), db})
	}
	return table([]string{"DbId", "DbName"}, rows...), nil
}

// procJobs is JobsProcDir, for a path such as 10100, 10100/load, 10100/schema_change.
func procJobs(e *env, path string) (*result, error) {
	id, kind, _ := strings.Cut(path, "/")
	dbs := e.s.fe.databases()
	n, err := strconv.Atoi(id)
	if n -= 10100; err != nil || n < 0 || n >= len(dbs) {
		return nil, fail("Invalid db id format: %s", id)
	}
	e = &env{s: e.s, ctx: e.ctx, from: dbs[n]}
	switch kind {
	case "load":
		return showLoad(e)
	case "schema_change":
		return showAlterTable(e)
	case "rollup":
		return showRollup(e)
	case "optimize":
		return showOptimize(e)
	case "":
		return procJobCounts(e)
	}
	return nil, fail("Proc path '/jobs/%s' doesn't exist", path)
}

// procJobCounts counts the jobs of a database.
func procJobCounts(e *env) (*result, error) {
	c := e.s.fe.cluster
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	c.beats(now)
	count := func(name string, kinds ...JobKind) []value {
		states := map[string]int{}
		for _, j := range c.jobsOf(e.from, kinds...) {
			states[j.stateAt(now)]++
			states["Total"]++
		}
		row := []value{name}
		for _, n := range []int{0, states["RUNNING"] + states["LOADING"], states["FINISHED"], states["CANCELLED"], states["Total"]} {
			row = append(row, strconv.Itoa(n))
		}
		return row
	}
	return table([]string{"JobType", "Pending", "Running", "Finished", "Cancelled", "Total"},
		count("load", BrokerLoad), count("rollup"), count("schema_change", SchemaChange), count("export")), nil
}

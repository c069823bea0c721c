package facts

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"segue/backend"
	"segue/backend/discover/nodes"
	"segue/backend/discover/sql"
	"segue/cmd/internal/rollout"
	"segue/cmd/internal/rollout/run"
)

// frontends asks a cluster of StarRocks or Doris.
func (s *Source) frontends(ctx context.Context, f *rollout.Facts, q run.Question) {
	c, err := s.dial(ctx, q.Avoid)
	if err != nil {
		s.unseen(f, "no frontend lets "+s.User+" in: "+err.Error())
		s.list(f)
		return
	}
	defer c.Close()
	if !s.members(ctx, f, c) {
		s.list(f)
		return
	}
	if q.Whole {
		s.tablets(ctx, f, c)
		s.jobs(ctx, f, c)
		s.settings(ctx, f, c)
		s.askImage(ctx, f)
	}
}

// unseen says that nothing of the cluster's own could be seen.
func (s *Source) unseen(f *rollout.Facts, why string) {
	for _, c := range []rollout.Check{rollout.CheckMembers, rollout.CheckReplicas, rollout.CheckBalance, rollout.CheckJobs, rollout.CheckExit} {
		f.Unseen[c] = why
	}
}

// list takes the seeds for all nodes there are. They count as alive where they answer: nobody else says so.
func (s *Source) list(f *rollout.Facts) {
	for _, seed := range s.Seeds {
		n := rollout.Node{Name: seed.Name, Host: hostOf(seed.Address), Address: seed.Address, Kind: rollout.Frontend, Alive: true}
		if s.Flavor != backend.StarRocks && s.Flavor != backend.Doris {
			n.Kind = rollout.Server
		}
		f.Nodes = append(f.Nodes, n)
	}
}

// members asks who there is.
func (s *Source) members(ctx context.Context, f *rollout.Facts, c *sql.Conn) bool {
	t, err := s.query(ctx, c, nodes.ShowFrontends)
	var list []nodes.Node
	if err == nil {
		list, err = nodes.ParseFrontends(t)
	}
	if err != nil {
		s.unseen(f, nodes.ShowFrontends+": "+err.Error())
		return false
	}
	f.Told, s.fes = true, nil
	for i := range list {
		n := s.nodeOf(&list[i])
		journal, _ := t.Get(i, "ReplayedJournalId")
		n.Journal, _ = strconv.ParseInt(journal, 10, 64)
		s.fes = append(s.fes, n.Address)
		f.Nodes = append(f.Nodes, n)
	}
	s.workers(ctx, f, c, nodes.ShowBackends, func(t sql.Table) ([]nodes.Node, error) { return nodes.ParseBackends(t) }, true)
	if s.Flavor == backend.StarRocks {
		s.workers(ctx, f, c, nodes.ShowComputeNodes, func(t sql.Table) ([]nodes.Node, error) { return nodes.ParseComputeNodes(t) }, false)
	}
	return true
}

// workers asks for backends or compute nodes. Old releases know no compute nodes.
func (s *Source) workers(ctx context.Context, f *rollout.Facts, c *sql.Conn, statement string, parse func(sql.Table) ([]nodes.Node, error), must bool) {
	t, err := s.query(ctx, c, statement)
	var list []nodes.Node
	if err == nil {
		list, err = parse(t)
	}
	said := (*sql.Error)(nil)
	if err != nil && (must || !errors.As(err, &said) || !isSyntax(said)) {
		f.Unseen[rollout.CheckMembers] = statement + ": " + err.Error()
	}
	for i := range list {
		if n := &list[i]; !n.Decommissioned {
			f.Nodes = append(f.Nodes, s.nodeOf(n))
		}
	}
}

// isSyntax tells whether a release does not know the statement. Whatever else a frontend says leaves nodes out that there may be.
func isSyntax(e *sql.Error) bool { return strings.Contains(strings.ToLower(e.Message), "syntax") }

// tablets asks how the replicas are.
func (s *Source) tablets(ctx context.Context, f *rollout.Facts, c *sql.Conn) {
	t, err := s.query(ctx, c, "SHOW PROC '/statistic'")
	all, healthy := rollout.Tablets{}, false
	if err == nil {
		all, healthy = statistic(t)
	}
	if err != nil || !healthy {
		f.Unseen[rollout.CheckReplicas] = said("SHOW PROC '/statistic'", err)
	}
	t, err = s.query(ctx, c, "SHOW PROC '/cluster_balance'")
	balanced := false
	if err == nil {
		all.Balancing, balanced = balance(t)
	}
	if err != nil || !balanced {
		f.Unseen[rollout.CheckBalance] = said("SHOW PROC '/cluster_balance'", err)
	}
	f.Tablets = &all
}

func said(statement string, err error) string {
	if err != nil {
		return statement + ": " + err.Error()
	}
	return statement + ": the answer is none that is known"
}

// statistic reads the sum of SHOW PROC '/statistic'.
func statistic(t sql.Table) (x rollout.Tablets, ok bool) {
	for row := range t.Rows {
		if id, _ := t.Get(row, "DbId", "Id"); id != "Total" {
			continue
		}
		var known [3]bool
		var inconsistent int
		x.Total, known[0] = number(t, row, "TabletNum")
		x.Unhealthy, known[1] = number(t, row, "UnhealthyTabletNum")
		x.Cloning, _ = number(t, row, "CloningTabletNum")
		inconsistent, known[2] = number(t, row, "InconsistentTabletNum")
		x.Unhealthy += inconsistent
		return x, known[0] && known[1] && known[2]
	}
	return x, false
}

// balance reads what is pending and running in SHOW PROC '/cluster_balance'.
func balance(t sql.Table) (n int, ok bool) {
	for row := range t.Rows {
		item, _ := t.Get(row, "Item")
		if item != "pending_tablets" && item != "running_tablets" {
			continue
		}
		more, known := number(t, row, "Number")
		n, ok = n+more, known
	}
	return n, ok
}

func number(t sql.Table, row int, column string) (int, bool) {
	text, _ := t.Get(row, column)
	n, err := strconv.Atoi(text)
	return n, err == nil && n >= 0
}

// jobs asks for schema changes and loads that run.
func (s *Source) jobs(ctx context.Context, f *rollout.Facts, c *sql.Conn) {
	t, err := s.query(ctx, c, "SHOW PROC '/jobs'")
	if err != nil {
		f.Unseen[rollout.CheckJobs] = said("SHOW PROC '/jobs'", err)
		return
	}
	for row := range t.Rows {
		id, _ := t.Get(row, "DbId")
		name, _ := t.Get(row, "DbName")
		if _, err := strconv.ParseInt(id, 10, 64); err != nil {
			continue
		}
		of, err := s.query(ctx, c, "SHOW PROC '/jobs/"+id+"'")
		if err != nil {
			f.Unseen[rollout.CheckJobs] = said("SHOW PROC '/jobs/"+id+"'", err)
			return
		}
		f.Jobs = append(f.Jobs, running(of, name)...)
	}
	s.loads(ctx, f, c)
}

// running reads what runs or waits in one database.
func running(t sql.Table, db string) (jobs []rollout.Job) {
	for row := range t.Rows {
		kind := rollout.SchemaChange
		switch job, _ := t.Get(row, "JobType"); strings.ToLower(job) {
		case "load":
			kind = rollout.Load
		case "rollup", "schema_change", "optimize":
		default:
			continue
		}
		for _, state := range []string{"Pending", "Running"} {
			if n, _ := number(t, row, state); n > 0 {
				jobs = append(jobs, rollout.Job{Kind: kind, Name: fmt.Sprintf("in %s (%d)", db, n), DB: db, Count: n, State: strings.ToLower(state)})
			}
		}
	}
	return jobs
}

// settings asks how backends leave: information_schema.be_configs has those of all that answer, and each has its own at /varz.
func (s *Source) settings(ctx context.Context, f *rollout.Facts, c *sql.Conn) {
	if s.Flavor != backend.StarRocks {
		return
	}
	f.Settings = map[string]map[string]string{}
	for i := range f.Nodes {
		n := &f.Nodes[i]
		if n.Kind != rollout.Backend && n.Kind != rollout.Compute || n.HTTP == "" {
			continue
		}
		within, cancel := context.WithTimeout(ctx, s.Timeout)
		if text, err := get(within, "http://"+n.HTTP+"/varz", "", ""); err == nil {
			f.Settings[n.Name] = varz(string(text))
		}
		cancel()
	}
	if len(f.Settings) > 0 {
		return
	}
	s.beConfigs(ctx, f, c)
}

// beConfigs asks for settings by SQL, where the pages of backends cannot be reached.
func (s *Source) beConfigs(ctx context.Context, f *rollout.Facts, c *sql.Conn) {
	ids := map[string]string{}
	for _, statement := range []string{nodes.ShowBackends, nodes.ShowComputeNodes} {
		if t, err := s.query(ctx, c, statement); err == nil {
			for row := range t.Rows {
				id, _ := t.Get(row, "BackendId", "ComputeNodeId")
				host, _ := t.Get(row, "IP", "Host")
				port, _ := t.Get(row, "HttpPort")
				ids[id] = host + ":" + port
			}
		}
	}
	for _, name := range []string{"loop_count_wait_fragments_finish", "graceful_exit_wait_for_frontend_heartbeat"} {
		t, err := s.query(ctx, c, "SELECT BE_ID, NAME, VALUE FROM information_schema.be_configs WHERE NAME = '"+name+"'")
		if err != nil {
			f.Unseen[rollout.CheckExit] = said("information_schema.be_configs", err)
			return
		}
		for row := range t.Rows {
			id, _ := t.Get(row, "BE_ID")
			value, _ := t.Get(row, "VALUE")
			for i := range f.Nodes {
				if n := &f.Nodes[i]; n.HTTP != "" && n.HTTP == ids[id] && n.Kind != rollout.Frontend {
					if f.Settings[n.Name] == nil {
						f.Settings[n.Name] = map[string]string{}
					}
					f.Settings[n.Name][name] = value
				}
			}
		}
	}
}

// varz reads the page of that name: lines of name=value.
func varz(text string) map[string]string {
	settings := map[string]string{}
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
			settings[name] = value
		}
	}
	return settings
}

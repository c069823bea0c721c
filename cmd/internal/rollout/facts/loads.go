package facts

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"segue/backend"
	"segue/backend/discover/sql"
	"segue/cmd/internal/rollout"
)

// What is asked of information_schema.loads, which tells of what SHOW PROC '/jobs' does not: INSERTs, and what is fed from outside where the release tells of that there. Loads that a
// stop may cancel and those that are fed are asked for by themselves, so that many of these hide none of those. All columns are asked for: the database is DATABASE_NAME in older
// releases and DB_NAME in newer ones.
//
// https://docs.starrocks.io/docs/3.1/sql-reference/information_schema/
// https://docs.starrocks.io/docs/sql-reference/information_schema/loads/
const (
	unfinished = "SELECT * FROM information_schema.loads WHERE STATE NOT IN ('FINISHED', 'CANCELLED', 'PAUSED', 'STOPPED') AND "
	ownLoads   = unfinished + "TYPE NOT LIKE '%STREAM%' AND TYPE NOT LIKE '%ROUTINE%' LIMIT 100"
	fedLoads   = unfinished + "(TYPE LIKE '%STREAM%' OR TYPE LIKE '%ROUTINE%') LIMIT 20"
	mostLoads  = 100
)

// noTable is what a frontend says, in lower case, where the table cannot be read and that is no trouble of the cluster's: a release that has no such table, or no such column; and, as
// reading information_schema is a query, one for which no backend is left, since the only one goes and is on the frontends' BLACKLIST for that.
var noTable = []string{"unknown table", "cannot be resolved", "backend node not found", "compute node not found"}

// loads adds the loads that are not finished, of StarRocks from 3.1 on.
func (s *Source) loads(ctx context.Context, f *rollout.Facts, c *sql.Conn) {
	if s.Flavor != backend.StarRocks {
		return
	}
	var jobs []rollout.Job
	for _, statement := range []string{ownLoads, fedLoads} {
		t, err := s.query(ctx, c, statement)
		if refused, ok := errors.AsType[*sql.Error](err); ok && slices.ContainsFunc(noTable, func(text string) bool { return strings.Contains(strings.ToLower(refused.Message), text) }) {
			f.Partly[rollout.CheckJobs] = "loads are those that SHOW PROC '/jobs' counts, INSERTs and Stream Loads may be under way: " + said("information_schema.loads", err)
			return
		}
		var more []rollout.Job
		if err == nil {
			more, err = loading(t)
		}
		if err != nil {
			f.Unseen[rollout.CheckJobs] = said("information_schema.loads", err)
			return
		}
		jobs = append(jobs, more...)
	}
	s.inserts.age(jobs, time.Now())
	f.Jobs = append(untold(f.Jobs, jobs), jobs...)
}

// untold are the jobs without those loads that are told one by one: of a database of which fewer are told than were counted, the account may not see all.
func untold(counted, told []rollout.Job) []rollout.Job {
	return slices.DeleteFunc(slices.Clone(counted), func(j rollout.Job) bool {
		n, all := 0, 0
		for _, t := range told {
			if t.DB == j.DB && (t.Kind == rollout.Load || t.Kind == rollout.Insert) {
				n++
			}
		}
		for _, o := range counted {
			if o.DB == j.DB && o.Kind == rollout.Load {
				all += o.Count
			}
		}
		return j.Kind == rollout.Load && j.Count > 0 && n >= all
	})
}

// loading reads the answer.
func loading(t sql.Table) (jobs []rollout.Job, err error) {
	for row := range t.Rows {
		label, known := t.Get(row, "LABEL")
		db, _ := t.Get(row, "DB_NAME", "DATABASE_NAME")
		state, said := t.Get(row, "STATE")
		if !known || !said {
			return nil, errors.New("the answer is none that is known")
		}
		kind := rollout.Load
		how, _ := t.Get(row, "TYPE")
		switch how = strings.ToUpper(how); {
		case strings.Contains(how, "STREAM"), strings.Contains(how, "ROUTINE"):
			kind = rollout.FedLoad
		case strings.Contains(how, "INSERT"):
			kind = rollout.Insert
		}
		jobs = append(jobs, rollout.Job{Kind: kind, Name: db + "." + label + " (" + how + ")", DB: db, State: strings.ToLower(state)})
	}
	return jobs, nil
}

// inserts remembers when INSERTs had not begun yet: the table's times are in a zone that it does not tell.
type inserts struct {
	asked time.Time            // last; zero: not yet, or it was not told of all
	since map[string]time.Time // by name; zero: not known
}

// age says of INSERTs within what time they have begun.
func (m *inserts) age(jobs []rollout.Job, now time.Time) {
	since, own := map[string]time.Time{}, 0
	for i := range jobs {
		j := &jobs[i]
		if j.Kind != rollout.FedLoad {
			own++
		}
		if j.Kind != rollout.Insert {
			continue
		}
		at, known := m.since[j.Name]
		if !known {
			at = m.asked
		}
		if since[j.Name] = at; !at.IsZero() {
			j.Within = max(now.Sub(at), time.Second)
		}
	}
	if m.asked, m.since = now, since; own >= mostLoads {
		m.asked = time.Time{}
	}
}

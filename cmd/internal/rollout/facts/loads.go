package facts

import (
	"context"
	"errors"
	"slices"
	"strings"

	"segue/backend"
	"segue/backend/discover/sql"
	"segue/cmd/internal/rollout"
)

// unfinished asks for loads of all kinds: SHOW PROC '/jobs' counts those that files are read for, and neither INSERTs nor what is fed from outside.
//
// https://docs.starrocks.io/docs/sql-reference/information_schema/loads/
const unfinished = "SELECT LABEL, DB_NAME, STATE, TYPE FROM information_schema.loads WHERE STATE NOT IN ('FINISHED', 'CANCELLED', 'PAUSED', 'STOPPED') LIMIT 100"

// noBackend is what a frontend says when no backend can take a query, as reading information_schema is one: the only one goes, and is on the frontends'
// BLACKLIST for that. What SHOW PROC '/jobs' counts, which they answer themselves, is all that there is to know then.
const noBackend = "Backend node not found"

// loads adds the loads that are not finished, of StarRocks from 3.1 on. Older releases do not know the table.
func (s *Source) loads(ctx context.Context, f *rollout.Facts, c *sql.Conn) {
	if s.Flavor != backend.StarRocks {
		return
	}
	t, err := s.query(ctx, c, unfinished)
	if refused, ok := errors.AsType[*sql.Error](err); ok && (strings.Contains(strings.ToLower(refused.Message), "unknown table") || strings.Contains(refused.Message, noBackend)) {
		return
	}
	var jobs []rollout.Job
	if err == nil {
		jobs, err = loading(t)
	}
	if err != nil {
		f.Unseen[rollout.CheckJobs] = said("information_schema.loads", err)
		return
	}
	if len(jobs) > 0 { // they are told one by one here
		f.Jobs = slices.DeleteFunc(f.Jobs, func(j rollout.Job) bool { return j.Kind == rollout.Load })
	}
	f.Jobs = append(f.Jobs, jobs...)
}

// loading reads the answer.
func loading(t sql.Table) (jobs []rollout.Job, err error) {
	for row := range t.Rows {
		label, known := t.Get(row, "LABEL")
		db, _ := t.Get(row, "DB_NAME")
		state, said := t.Get(row, "STATE")
		if !known || !said {
			return nil, errors.New("the answer is none that is known")
		}
		kind := rollout.Load
		how, _ := t.Get(row, "TYPE")
		if how = strings.ToUpper(how); strings.Contains(how, "STREAM") || strings.Contains(how, "ROUTINE") {
			kind = rollout.FedLoad
		}
		jobs = append(jobs, rollout.Job{Kind: kind, Name: db + "." + label + " (" + how + ")", State: strings.ToLower(state)})
	}
	return jobs, nil
}

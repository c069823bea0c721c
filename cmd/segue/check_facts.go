package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"segue/backend"
	"segue/backend/discover/nodes"
	"segue/backend/wire"
	"segue/cmd/internal/rollout"
	"segue/cmd/internal/rollout/facts"
	"segue/config"
)

// What is checked of the cluster by an account of it.
const (
	checkCluster = "cluster"
	checkClock   = "clock"
)

// skew is how far clocks may be apart: TiDB's session tokens hold for a minute from when they are made, and people compare logs.
const skew = 2 * time.Second

// factTimeout is how long a cluster may take for one answer.
const factTimeout = 5 * time.Second

// preflights are the checks of a rollout that are about whether an upgrade node by node is possible at all.
var preflights = []rollout.Check{
	rollout.CheckMembers, rollout.CheckLeader, rollout.CheckPrimary, rollout.CheckQuorum, rollout.CheckJournal, rollout.CheckExit, rollout.CheckVersions,
}

// examineCluster asks the cluster of itself: who is in it, who leads, whether one may go without harm, and whether what goes leaves in peace; and each server for
// its time.
func examineCluster(ctx context.Context, c *config.Config, user, password string) []finding {
	if user == "" {
		return []finding{{
			Check: checkCluster, Verdict: unknown, Cause: "no account: who leads, whether one node may go, whether its exit is a graceful one, and clocks are not known",
			Next: "segue check --user USER --password-file FILE   # one that may see nodes (StarRocks and Doris: OPERATE)",
		}}
	}
	source := &facts.Source{Flavor: c.Health.Flavor, Seeds: c.Backends, User: user, Password: password, Timeout: factTimeout}
	f := gather(ctx, source)
	state := rollout.Begin(checkCluster, rollout.Ask{Limits: rollout.DefaultLimits()}, f)
	found := append(judgeStrangers(f, source.Strangers(f)), examineClocks(ctx, source)...)
	return append(found, ofPreflight(rollout.Preflight(f, state, nil))...)
}

// judgeStrangers says which backends are none of the nodes that the cluster tells of.
func judgeStrangers(f *rollout.Facts, strangers []backend.Spec) (found []finding) {
	var own []string
	for i := range f.Nodes {
		n := &f.Nodes[i]
		if n.Address != "" && !slices.ContainsFunc(strangers, func(s backend.Spec) bool { return s.Address == n.Address }) {
			own = append(own, n.Address)
		}
	}
	ask := nodes.ShowFrontends
	if f.Flavor == backend.TiDB {
		ask = "SELECT INSTANCE FROM information_schema.cluster_info WHERE TYPE = \"tidb\""
	}
	for _, s := range strangers {
		found = append(found, finding{
			Backend: s.Name, Address: s.Address, Check: checkCluster, Verdict: warning,
			Cause: fmt.Sprintf("%s is none of the cluster's own nodes, which are %s: a balancer's or a Service's address is not drained when one of them leaves, and counts beside them",
				s.Address, wire.Shown(strings.Join(own, ", "), wire.MaxShown)),
			Next: fmt.Sprintf("mysql %s -u USER -p -e '%s'   # name nodes in its place, by these addresses", clientFlags(s.Address), ask),
		})
	}
	return found
}

// ofPreflight are the findings of a rollout's preflight that a check tells.
func ofPreflight(list []rollout.Finding) (found []finding) {
	for _, f := range list {
		if !slices.Contains(preflights, f.Check) {
			continue
		}
		to := finding{Backend: f.Node, Check: string(f.Check), Verdict: passed, Cause: f.What}
		switch f.Severity {
		case rollout.Stop, rollout.Warn:
			to.Verdict, to.Next = warning, f.Remedy
		case rollout.Unseen:
			to.Verdict, to.Next = unknown, f.Remedy
		case rollout.OK:
		}
		if to.Backend != "" && to.Verdict == passed {
			to.Cause, to.Backend = to.Backend+": "+to.Cause, ""
		}
		found = append(found, to)
	}
	return found
}

// examineClocks compares the servers' clocks with this machine's.
func examineClocks(ctx context.Context, source *facts.Source) []finding {
	found := make([]finding, len(source.Seeds))
	var asking sync.WaitGroup
	for i, seed := range source.Seeds {
		asking.Go(func() {
			ahead, err := source.Clock(ctx, seed)
			found[i] = judgeClock(seed, ahead, err)
		})
	}
	asking.Wait()
	if !slices.ContainsFunc(found, func(f finding) bool { return f.Verdict != passed }) {
		return []finding{{Check: checkClock, Verdict: passed, Cause: fmt.Sprintf("all of %d servers are within %s of this machine's", len(found), skew)}}
	}
	return slices.DeleteFunc(found, func(f finding) bool { return f.Verdict == passed })
}

func judgeClock(seed backend.Spec, ahead time.Duration, err error) finding {
	f := finding{Backend: seed.Name, Address: seed.Address, Check: checkClock, Verdict: passed}
	switch {
	case err != nil:
		f.Verdict, f.Cause = unknown, innermost(err).Error()
		f.Next = fmt.Sprintf("mysql %s -u USER -p -e 'SELECT NOW()'; date", clientFlags(seed.Address))
	case ahead.Abs() >= skew:
		word := "ahead of"
		if ahead < 0 {
			word = "behind"
		}
		f.Verdict = warning
		f.Cause = fmt.Sprintf("its clock is %s %s this machine's: tokens and certificates may be refused, and times in logs do not match", ahead.Abs().Round(time.Second), word)
		f.Next = "timedatectl   # there and here: is time synchronized?"
	}
	return f
}

// judgeConfiguration are the warnings of the configuration, as `segue validate` has them.
func judgeConfiguration(warnings []config.Problem) (all []finding) {
	for _, w := range warnings {
		text := config.Problem{Source: w.Source, Line: w.Line, Column: w.Column, What: w.What}.String()
		all = append(all, finding{Check: "configuration", Verdict: warning, Cause: text, Next: w.Remedy})
	}
	return all
}

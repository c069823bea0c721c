package main

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// quiet is what the fronts use without traffic, in percent of one core.
type quiet struct {
	Backends int
	Percent  map[string][]float64 // by front, one a round
}

// idleRound is how long fronts are watched that do nothing but probe.
const idleRound = 15 * time.Second

// idle measures the fronts while nobody is connected.
func (p *plan) idle(ctx context.Context) (outcome, error) {
	var all []quiet
	for _, n := range p.backends {
		q, err := p.watch(ctx, n, p.rounds, idleRound)
		if err != nil {
			return outcome{}, err
		}
		all = append(all, q)
	}
	return outcome{figures: all, text: idleTable(all, p.kinds())}, nil
}

// watch watches all fronts at the same time: each has a CPU clock of its own.
func (p *plan) watch(ctx context.Context, backends, rounds int, d time.Duration) (quiet, error) {
	q := quiet{backends, map[string][]float64{}}
	alone := *p
	alone.fronts = nil
	for _, k := range p.kinds() {
		alone.fronts = append(alone.fronts, k.name)
	}
	p.tell.step("idle, %d backends: %d fronts, %d rounds", backends, len(alone.fronts), rounds)
	fronts, closeAll, err := alone.open(ctx, p.addresses(backends))
	if err != nil {
		return q, err
	}
	defer closeAll()
	if err := pause(ctx, 3*time.Second); err != nil { // what starting costs
		return q, err
	}
	for round := range rounds {
		p.tell.within("idle, %d backends: round %d of %d", backends, round+1, rounds)
		began, before := time.Now(), map[*front]time.Duration{}
		for _, f := range fronts {
			if before[f], err = f.cpu(); err != nil {
				return q, err
			}
		}
		if err := pause(ctx, d); err != nil {
			return q, err
		}
		for _, f := range fronts {
			after, err := f.cpu()
			if err != nil {
				return q, err
			}
			q.Percent[f.name] = append(q.Percent[f.name], 100*float64(after-before[f])/float64(time.Since(began)))
		}
	}
	return q, nil
}

func idleTable(all []quiet, fronts []kind) string {
	var b strings.Builder
	b.WriteString("| CPU without traffic, % of one core |")
	for _, f := range fronts {
		fmt.Fprintf(&b, " `%s` |", f.name)
	}
	b.WriteString("\n|---|" + strings.Repeat("---:|", len(fronts)) + "\n")
	for _, q := range all {
		fmt.Fprintf(&b, "| %d backends |", q.Backends)
		for _, f := range fronts {
			fmt.Fprintf(&b, " %s |", spreadOf(q.Percent[f.name]))
		}
		b.WriteByte('\n')
	}
	return b.String()
}

package main

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// held is what one front held for so many sessions in one round, in bytes of RssAnon for each session.
type held struct {
	Front    string
	Sessions int
	Bytes    map[string]float64 // by moment
}

// The moments at which memory is looked at.
var moments = []string{"after one statement each", "then idle for 20 s", "after 50 more each", "then idle again for 20 s"}

const (
	// rest is long enough for whatever a front does for sessions that are idle.
	rest = 20 * time.Second
	// passes of varied make 50 statements.
	passes = 5
)

// memory measures what idle sessions cost, each front alone: the limit on file descriptors is enough for one.
func (p *plan) memory(ctx context.Context) (outcome, error) {
	var all []held
	for range p.rounds {
		for _, n := range p.conns {
			for _, k := range p.kinds() {
				h, err := p.hold(ctx, &k, n)
				if err != nil {
					return outcome{}, fmt.Errorf("%d sessions through %s: %w", n, k.name, err)
				}
				all = append(all, h)
			}
		}
	}
	return outcome{figures: all, text: memoryTable(all)}, nil
}

// hold measures one front once.
func (p *plan) hold(ctx context.Context, k *kind, n int) (held, error) {
	h := held{k.name, n, map[string]float64{}}
	f, err := k.start(ctx, p.out, p.addresses(1))
	if err != nil {
		return h, err
	}
	defer f.stop()
	before, err := f.memory()
	if err != nil {
		return h, err
	}
	p.tell.step("memory of %d sessions, %s", n, k.name)
	l, err := connect(f.to(), n, false)
	if err != nil {
		return h, err
	}
	defer l.close()
	steps := []func() error{
		func() error { return l.play(workloads()[:1]) },
		func() error { return pause(ctx, rest) },
		func() error { return l.play(times(varied(), passes)) },
		func() error { return pause(ctx, rest) },
	}
	for i, step := range steps {
		p.tell.within("memory of %d sessions, %s: %s", n, k.name, moments[i])
		if err := step(); err != nil {
			return h, err
		}
		now, err := f.memory()
		if err != nil {
			return h, err
		}
		h.Bytes[moments[i]] = float64(now-before) / float64(n)
	}
	return h, nil
}

// pause lets time pass.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// memoryTable has the median of all rounds.
func memoryTable(all []held) string {
	var b strings.Builder
	fmt.Fprintf(&b, "| RssAnon per session, KB | sessions | %s |\n|---|---:|%s\n", strings.Join(moments, " | "), strings.Repeat("---:|", len(moments)))
	type row struct {
		front    string
		sessions int
	}
	rounds := map[row]map[string][]float64{}
	var order []row
	for _, h := range all {
		r := row{h.Front, h.Sessions}
		if rounds[r] == nil {
			rounds[r] = map[string][]float64{}
			order = append(order, r)
		}
		for moment, bytes := range h.Bytes {
			rounds[r][moment] = append(rounds[r][moment], bytes/1000)
		}
	}
	for _, r := range order {
		fmt.Fprintf(&b, "| `%s` | %d |", r.front, r.sessions)
		for _, moment := range moments {
			fmt.Fprintf(&b, " %s |", spreadOf(rounds[r][moment]))
		}
		b.WriteByte('\n')
	}
	return b.String()
}

package main

import (
	"context"
	"fmt"
	"time"
)

// sample is one front in one round.
type sample struct {
	CPU  time.Duration // of the front's process, per statement
	Rate float64       // statements per second
	Mean time.Duration // response time
	P50  time.Duration
	P95  time.Duration
	P99  time.Duration
}

// cell is one workload at one number of connections, through all fronts.
type cell struct {
	Workload string
	Conns    int
	Samples  map[string][]sample // by front, one a round
}

// measure measures one front once.
func (f *front) measure(load func() (measured, error)) (sample, error) {
	before, err := f.cpu()
	if err != nil {
		return sample{}, err
	}
	m, err := load()
	if err != nil {
		return sample{}, fmt.Errorf("through %s: %w", f.name, err)
	}
	after, err := f.cpu()
	if err != nil {
		return sample{}, err
	}
	n := max(m.statements, 1)
	return sample{
		CPU: (after - before) / time.Duration(n), Rate: float64(m.statements) / m.took.Seconds(),
		Mean: m.mean(), P50: m.quantile(0.5), P95: m.quantile(0.95), P99: m.quantile(0.99),
	}, nil
}

// interleave measures each front in turn, round by round; each round begins with another one.
func (p *plan) interleave(ctx context.Context, c *cell, fronts []*front, load func(f *front) (measured, error)) error {
	c.Samples = map[string][]sample{}
	p.tell.step("%s, %d connections: %d fronts, %d rounds", c.Workload, c.Conns, len(fronts), p.rounds)
	for round := range p.rounds {
		for i := range fronts {
			f := fronts[(round+i)%len(fronts)]
			p.tell.within("%s, %d connections: round %d of %d, %s", c.Workload, c.Conns, round+1, p.rounds, f.name)
			s, err := f.measure(func() (measured, error) { return load(f) })
			if err != nil {
				return err
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
			c.Samples[f.name] = append(c.Samples[f.name], s)
		}
	}
	return nil
}

// statements measures statements on connections that stay.
func (p *plan) statements(ctx context.Context) (outcome, error) {
	fronts, closeAll, err := p.open(ctx, p.addresses(1))
	if err != nil {
		return outcome{}, err
	}
	defer closeAll()
	var cells []*cell
	for _, w := range workloads() {
		if p.only != "" && p.only != w.name {
			continue
		}
		for _, n := range p.conns {
			if w.answer.times > 0 && n > 1 {
				continue // 64 MB: one stream
			}
			c := &cell{Workload: w.name, Conns: n}
			if err := p.stay(ctx, c, &w, fronts, func(l *load) (measured, error) { return l.saturate(&w, p.round) }); err != nil {
				return outcome{}, err
			}
			cells = append(cells, c)
		}
	}
	return outcome{figures: cells, text: tables(cells, fronts, figures())}, nil
}

// sockets measures small statements by UNIX sockets beside those by TCP.
func (p *plan) sockets(ctx context.Context) (outcome, error) {
	mine := *p
	mine.only = workloads()[0].name
	return mine.statements(ctx)
}

// paces are the statements per second of a load that is far from all that a front can do.
var paces = []int{1000, 8000}

// paced measures small statements that come at a pace of their own.
func (p *plan) paced(ctx context.Context) (outcome, error) {
	fronts, closeAll, err := p.open(ctx, p.addresses(1))
	if err != nil {
		return outcome{}, err
	}
	defer closeAll()
	w := workloads()[0]
	var cells []*cell
	for _, pace := range paces {
		for _, n := range p.conns {
			c := &cell{Workload: fmt.Sprintf("%d a second", pace), Conns: n}
			if err := p.stay(ctx, c, &w, fronts, func(l *load) (measured, error) { return l.pace(&w, pace, p.round) }); err != nil {
				return outcome{}, err
			}
			cells = append(cells, c)
		}
	}
	return outcome{figures: cells, text: tables(cells, fronts, figures())}, nil
}

// stay measures one cell on connections that stay.
func (p *plan) stay(ctx context.Context, c *cell, w *workload, fronts []*front, work func(l *load) (measured, error)) error {
	loads := map[*front]*load{}
	defer func() {
		for _, l := range loads {
			l.close()
		}
	}()
	for _, f := range fronts {
		l, err := connect(f.to(), c.Conns, w.name == "prepared")
		if err != nil {
			return fmt.Errorf("through %s: %w", f.name, err)
		}
		loads[f] = l
		if _, err := l.saturate(w, p.round/10); err != nil { // caches, the garbage collector's goal
			return fmt.Errorf("through %s: %w", f.name, err)
		}
	}
	return p.interleave(ctx, c, fronts, func(f *front) (measured, error) { return work(loads[f]) })
}

// visits measures clients that connect, ask once, and quit.
func (p *plan) visits(ctx context.Context) (outcome, error) {
	fronts, closeAll, err := p.open(ctx, p.addresses(1))
	if err != nil {
		return outcome{}, err
	}
	defer closeAll()
	w := workloads()[0]
	var cells []*cell
	for _, n := range p.conns {
		c := &cell{Workload: "connect, ask, quit", Conns: n}
		if err := p.interleave(ctx, c, fronts, func(f *front) (measured, error) { return visits(f.to(), &w, n, p.round) }); err != nil {
			return outcome{}, err
		}
		cells = append(cells, c)
	}
	return outcome{figures: cells, text: tables(cells, fronts, figures())}, nil
}

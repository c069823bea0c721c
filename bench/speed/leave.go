package main

import (
	"context"
	"fmt"
	"strings"
)

// left is how fast sessions left a backend in one round, and how fast Segue took new ones: what a move can cost at least is the connection that it needs.
type left struct {
	Front    string
	Sessions int
	Moves    float64 // a second, from the order until the backend had no session
	Visits   float64 // a second: connect, ask, quit, by visitors at a time
}

// visitors are as many as measure how fast Segue can connect.
const visitors = 16

// leave measures how long it takes to get all sessions off a backend, each front alone: the limit on file descriptors is enough for one.
func (p *plan) leave(ctx context.Context) (outcome, error) {
	var all []left
	for range p.rounds {
		for _, n := range p.conns {
			for _, k := range p.kinds() {
				if !k.segue() {
					return outcome{}, fmt.Errorf("%s moves no sessions", k.name)
				}
				l, err := p.empty(ctx, &k, n)
				if err != nil {
					return outcome{}, fmt.Errorf("%d sessions through %s: %w", n, k.name, err)
				}
				all = append(all, l)
			}
		}
	}
	return outcome{figures: all, text: leaveTable(all)}, nil
}

// empty has so many sessions on the first of two backends, each with a statement behind it, and sends them to the second.
func (p *plan) empty(ctx context.Context, k *kind, n int) (left, error) {
	r := left{Front: k.name, Sessions: n}
	f, err := k.start(ctx, p.out, p.addresses(2))
	if err != nil {
		return r, err
	}
	defer f.stop()
	p.tell.step("%d sessions off a backend, %s", n, k.name)
	small := workloads()[0]
	visited, err := visits(f.to(), &small, visitors, p.round)
	if err != nil {
		return r, err
	}
	r.Visits = float64(visited.statements) / visited.took.Seconds()
	if err := f.order(ctx, "s2", "drain"); err != nil {
		return r, err
	}
	l, err := connect(f.to(), n, false)
	if err != nil {
		return r, err
	}
	defer l.close()
	if err := l.play(workloads()[:1]); err != nil {
		return r, err
	}
	if err := f.order(ctx, "s2", "ready"); err != nil {
		return r, err
	}
	took, err := f.drain(ctx, "s1")
	if err != nil {
		return r, err
	}
	r.Moves = float64(n) / took.Seconds()
	return r, l.play(workloads()[:1]) // all are still there
}

// leaveTable has the median of all rounds.
func leaveTable(all []left) string {
	type row struct {
		front    string
		sessions int
	}
	moves, visits, ratios := map[row][]float64{}, map[row][]float64{}, map[row][]float64{}
	var order []row
	for _, l := range all {
		r := row{l.Front, l.Sessions}
		if moves[r] == nil {
			order = append(order, r)
		}
		moves[r] = append(moves[r], l.Moves)
		visits[r] = append(visits[r], l.Visits)
		ratios[r] = append(ratios[r], l.Moves/l.Visits)
	}
	var b strings.Builder
	b.WriteString("| | sessions | moves a second | visits a second | moves to visits | until all were off, s |\n|---|---:|---:|---:|---:|---:|\n")
	for _, r := range order {
		var seconds []float64
		for _, m := range moves[r] {
			seconds = append(seconds, float64(r.sessions)/m)
		}
		fmt.Fprintf(&b, "| `%s` | %d | %s | %s | %s | %s |\n", r.front, r.sessions, spreadOf(moves[r]), spreadOf(visits[r]), spreadOf(ratios[r]), spreadOf(seconds))
	}
	return b.String()
}

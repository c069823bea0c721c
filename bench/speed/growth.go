package main

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// grown is what one front needed at one size, in one round.
type grown struct {
	Front   string
	Size    int // sessions, or backends
	Figures map[string]float64
}

// axis is what grows, and the figures that are measured as it does.
type axis struct {
	name    string // of the picture
	of      string // what there is more of
	figures []growing
}

// growing is a figure. What is not expected to stay is expected to grow as its axis does, at most.
type growing struct {
	name  string
	unit  string
	stays bool
}

// The names of the figures.
const (
	perStatement = "CPU per statement"
	resident     = "RssAnon"
	drained      = "time to drain one of three backends"
	withoutLoad  = "CPU without traffic"
	detected     = "time until a killed server is down"
)

func axes() (sessions, backends axis) {
	sessions = axis{"growth-sessions", "sessions", []growing{
		{perStatement, "µs", true},
		{resident, "MB", false},
		{drained, "ms", false},
	}}
	backends = axis{"growth-backends", "backends", []growing{
		{withoutLoad, "% of a core", false},
		{resident, "MB", false},
		{detected, "ms", true},
	}}
	return sessions, backends
}

const (
	growthBackends = 3
	growthRate     = 2000            // statements per second, over all sessions
	growthRound    = 2 * time.Second // of them
	growthIdle     = 5 * time.Second
	growthPatience = 60 * time.Second // for a drain, and for a state of a backend
)

// growth measures what more sessions cost, and what more backends do.
func (p *plan) growth(ctx context.Context) (outcome, error) {
	var bySessions, byBackends []grown
	for range p.rounds {
		for _, n := range p.conns {
			for _, k := range p.kinds() {
				g, err := p.sessions(ctx, &k, n)
				if err != nil {
					return outcome{}, fmt.Errorf("%d sessions through %s: %w", n, k.name, err)
				}
				bySessions = append(bySessions, g)
			}
		}
		for _, n := range p.backends {
			all, err := p.many(ctx, n)
			if err != nil {
				return outcome{}, fmt.Errorf("%d backends: %w", n, err)
			}
			byBackends = append(byBackends, all...)
		}
	}
	sessions, backends := axes()
	return outcome{
		figures: map[string][]grown{sessions.of: bySessions, backends.of: byBackends},
		text:    growthTable(sessions, bySessions) + sessions.image() + growthTable(backends, byBackends) + backends.image(),
		pictures: map[string]string{
			sessions.name + ".svg": picture(sessions, bySessions),
			backends.name + ".svg": picture(backends, byBackends),
		},
	}, nil
}

// image is the place of the picture in the document.
func (a *axis) image() string {
	return fmt.Sprintf("\n![What grows with the number of %s, and how](speed/%s.svg)\n\n", a.of, a.name)
}

// sessions measures one front with so many sessions.
func (p *plan) sessions(ctx context.Context, k *kind, n int) (grown, error) {
	g := grown{k.name, n, map[string]float64{}}
	p.tell.step("growth: %d sessions, %s", n, k.name)
	f, err := k.start(ctx, p.out, p.addresses(growthBackends))
	if err != nil {
		return g, err
	}
	defer f.stop()
	l, err := connect(f.to(), n, false)
	if err != nil {
		return g, err
	}
	defer l.close()
	small := workloads()[0]
	everyone := time.Duration(n) * time.Second / growthRate
	if _, err := l.pace(&small, growthRate, max(everyone, growthRound/4)); err != nil {
		return g, err
	}
	s, err := f.measure(func() (measured, error) { return l.pace(&small, growthRate, growthRound) })
	if err != nil {
		return g, err
	}
	g.Figures[perStatement] = float64(s.CPU) / float64(time.Microsecond)
	if g.Figures[resident], err = f.megabytes(); err != nil || !k.segue() {
		return g, err
	}
	took, err := f.drain(ctx, "s1")
	g.Figures[drained] = took.Seconds() * 1000
	return g, err
}

func (f *front) megabytes() (float64, error) {
	b, err := f.memory()
	return float64(b) / 1e6, err
}

// many measures all fronts with so many backends.
func (p *plan) many(ctx context.Context, n int) ([]grown, error) {
	q, err := p.watch(ctx, n, 1, growthIdle)
	if err != nil {
		return nil, err
	}
	var all []grown
	for _, k := range p.kinds() {
		g := grown{k.name, n, map[string]float64{withoutLoad: q.Percent[k.name][0]}}
		if err := p.lose(ctx, &k, n, g.Figures); err != nil {
			return nil, fmt.Errorf("%s: %w", k.name, err)
		}
		all = append(all, g)
	}
	return all, nil
}

// lose measures the memory of one front with so many backends, one of which then dies.
func (p *plan) lose(ctx context.Context, k *kind, n int, figures map[string]float64) error {
	p.tell.step("growth: %d backends, %s", n, k.name)
	f, err := k.start(ctx, p.out, p.addresses(n))
	if err != nil {
		return err
	}
	defer f.stop()
	if err := pause(ctx, time.Second); err != nil { // each has been probed
		return err
	}
	if figures[resident], err = f.megabytes(); err != nil || !k.segue() {
		return err
	}
	took, err := f.detect(ctx, 0)
	figures[detected] = took.Seconds() * 1000
	return err
}

// growthTable has the median of each figure at each size, and by what power of the size it has grown over the last two sizes.
func growthTable(a axis, all []grown) string {
	var b strings.Builder
	sizes := sizesOf(all)
	fmt.Fprintf(&b, "| by %s | |", a.of)
	for _, n := range sizes {
		fmt.Fprintf(&b, " %d |", n)
	}
	b.WriteString(" grows as n to the |\n|---|---|" + strings.Repeat("---:|", len(sizes)+1) + "\n")
	for _, g := range a.figures {
		for _, s := range seriesOf(all, g.name) {
			fmt.Fprintf(&b, "| %s, %s | `%s` |", g.name, g.unit, s.front)
			for _, n := range sizes {
				fmt.Fprintf(&b, " %s |", number(s.at(n)))
			}
			fmt.Fprintf(&b, " %.2f |\n", s.power())
		}
	}
	return b.String()
}

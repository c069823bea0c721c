package main

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// base is the front that the others are compared with.
const base = "haproxy"

// spread is the median of some figures, the least and the greatest.
type spread struct{ median, least, most float64 }

// String gives the median, and between what the figures lie.
func (s spread) String() string {
	if math.IsNaN(s.median) {
		return number(s.median)
	}
	return fmt.Sprintf("%s (%s–%s)", number(s.median), number(s.least), number(s.most))
}

func spreadOf(figures []float64) spread {
	if len(figures) == 0 {
		return spread{math.NaN(), math.NaN(), math.NaN()}
	}
	s := slices.Sorted(slices.Values(figures))
	mid := s[len(s)/2]
	if len(s)%2 == 0 {
		mid = (mid + s[len(s)/2-1]) / 2
	}
	return spread{mid, s[0], s[len(s)-1]}
}

// ratio is a figure of a front divided by that of another one, round by round.
func (c *cell) ratio(front, to string, figure func(sample) float64) spread {
	var ratios []float64
	for round, s := range c.Samples[front] {
		if round < len(c.Samples[to]) {
			ratios = append(ratios, figure(s)/figure(c.Samples[to][round]))
		}
	}
	return spreadOf(ratios)
}

// absolute is a figure of a front.
func (c *cell) absolute(front string, figure func(sample) float64) spread {
	var all []float64
	for _, s := range c.Samples[front] {
		all = append(all, figure(s))
	}
	return spreadOf(all)
}

// figure is what a table shows.
type figure struct {
	title string
	unit  string
	of    func(sample) float64
	cpu   bool // of the front's process: there is none for direct
}

// figures are those of statements.
func figures() []figure {
	return []figure{
		{"CPU per statement", "µs", cpuOf, true},
		{"statements per second", "", rateOf, false},
		{"median response time", "µs", func(s sample) float64 { return microseconds(s.P50) }, false},
		{"p99 response time", "µs", func(s sample) float64 { return microseconds(s.P99) }, false},
	}
}

func cpuOf(s sample) float64 { return microseconds(s.CPU) }

func rateOf(s sample) float64 { return s.Rate }

func microseconds(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

// tables writes one table a figure: the base's value, and the others as ratios to it; then Segue on two event loops as a ratio to HAProxy on two threads, if
// both have been measured.
func tables(cells []*cell, fronts []*front, figures []figure) string {
	var b strings.Builder
	measured := func(name string) bool {
		return slices.ContainsFunc(fronts, func(f *front) bool { return f.name == name })
	}
	both := measured("segue-2") && measured("haproxy-2")
	for _, figure := range figures {
		var others []string
		for _, f := range fronts {
			if f.name != base && (f.cmd != nil || !figure.cpu) {
				others = append(others, f.name)
			}
		}
		unit := figure.unit
		if unit != "" {
			unit = ", " + unit
		}
		head, line := strings.Join(others, "` | `"), strings.Repeat("---:|", len(others))
		if both {
			head, line = head+"` | `segue-2` to `haproxy-2", line+"---:|"
		}
		fmt.Fprintf(&b, "| %s | connections | `%s`%s | `%s` |\n|---|---:|---:|%s\n", figure.title, base, unit, head, line)
		for _, c := range cells {
			fmt.Fprintf(&b, "| %s | %d | %s |", c.Workload, c.Conns, number(c.absolute(base, figure.of).median))
			for _, front := range others {
				fmt.Fprintf(&b, " %s |", c.ratio(front, base, figure.of))
			}
			if both {
				fmt.Fprintf(&b, " %s |", c.ratio("segue-2", "haproxy-2", figure.of))
			}
			b.WriteByte('\n')
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// number writes a figure with three digits or so.
func number(x float64) string {
	switch {
	case math.IsNaN(x):
		return "–"
	case x >= 100:
		return fmt.Sprintf("%.0f", x)
	case x >= 10:
		return fmt.Sprintf("%.1f", x)
	}
	return fmt.Sprintf("%.2f", x)
}

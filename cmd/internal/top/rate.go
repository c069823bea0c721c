package top

import (
	"fmt"
	"math"
	"slices"
	"time"

	"segue/bench/typeset"
)

// moment is what had been counted at one.
type moment struct {
	at     time.Time
	counts map[string]Counts
}

// window is how far back there is counted for what there is per second.
const window = 5 * time.Second

// since adds a moment, and forgets those that are further back than the window, but for one.
func since(past []moment, now moment) []moment {
	past = append(past, now)
	for len(past) > 2 && now.at.Sub(past[1].at) >= window {
		past = past[1:]
	}
	return past
}

// rate is what a backend has done lately.
type rate struct {
	known     bool
	perSecond float64
	p50, p99  time.Duration // zero: there was no statement
}

// rateOf is that between the first and the last of the moments.
func rateOf(past []moment, backend string) rate {
	if len(past) < 2 {
		return rate{}
	}
	first, last := past[0], past[len(past)-1]
	a, b, took := first.counts[backend], last.counts[backend], last.at.Sub(first.at).Seconds()
	if took <= 0 || b.Answered < a.Answered { // a Segue that was taken over from has gone, and its counts with it
		return rate{}
	}
	r := rate{known: true, perSecond: (b.Answered - a.Answered) / took}
	if len(a.Times.Counts) == 0 || slices.Equal(a.Times.Bounds, b.Times.Bounds) { // otherwise another version answers
		times := b.Times.Since(a.Times)
		r.p50, r.p99 = seconds(times.Quantile(0.5)), seconds(times.Quantile(0.99))
	}
	return r
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

func (r rate) cells() [3]cell {
	if !r.known {
		return [3]cell{{text: "-"}, {text: "-"}, {text: "-"}}
	}
	return [3]cell{{text: perSecond(r.perSecond), rank: r.perSecond}, took(r.p50), took(r.p99)}
}

func took(d time.Duration) cell {
	if d == 0 {
		return cell{text: "-"}
	}
	return cell{text: typeset.Latency(d), rank: d.Seconds()}
}

func perSecond(x float64) string {
	if x > 0 && x < 9.95 {
		return fmt.Sprintf("%.1f", x)
	}
	return typeset.Count(int(math.Round(x)))
}

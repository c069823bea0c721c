package e2e

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// addSeries adds up the series of a metric, in Prometheus' text format, whose labels contain all of the given texts.
func addSeries(text, name string, labels ...string) float64 {
	sum := 0.0
	for line := range strings.Lines(text) {
		series, value, ok := cutSeries(line)
		if !ok || series != name && !strings.HasPrefix(series, name+"{") ||
			slices.ContainsFunc(labels, func(l string) bool { return !strings.Contains(series, l) }) {
			continue
		}
		sum += value
	}
	return sum
}

func cutSeries(line string) (series string, value float64, ok bool) {
	line = strings.TrimSpace(line)
	at := strings.LastIndexByte(line, ' ')
	if at < 0 || strings.HasPrefix(line, "#") {
		return "", 0, false
	}
	value, err := strconv.ParseFloat(line[at+1:], 64)
	return line[:at], value, err == nil
}

// bucket is one of a histogram's, all series together: how many observations were at most bound seconds.
type bucket struct{ bound, count float64 }

// buckets are those of a histogram, in ascending order.
func buckets(text, name string) []bucket {
	counts := map[float64]float64{}
	for line := range strings.Lines(text) {
		series, value, ok := cutSeries(line)
		if !ok || !strings.HasPrefix(series, name+"_bucket{") {
			continue
		}
		_, bound, _ := strings.Cut(series, `le="`)
		bound, _, _ = strings.Cut(bound, `"`)
		if at, err := strconv.ParseFloat(bound, 64); err == nil {
			counts[at] += value
		}
	}
	list := make([]bucket, 0, len(counts))
	for bound, count := range counts {
		list = append(list, bucket{bound, count})
	}
	slices.SortFunc(list, func(a, b bucket) int { return int(math.Copysign(1, a.bound-b.bound)) })
	return list
}

// quantile is the bound of the bucket that holds quantile q: no more than the true value can be told. 0 without observations.
func quantile(list []bucket, q float64) time.Duration {
	if len(list) == 0 || list[len(list)-1].count == 0 {
		return 0
	}
	rank := q * list[len(list)-1].count
	i := slices.IndexFunc(list, func(b bucket) bool { return b.count >= rank })
	if bound := list[i].bound; !math.IsInf(bound, 1) {
		return time.Duration(bound * float64(time.Second))
	}
	return math.MaxInt64
}

func TestReadMetrics(t *testing.T) {
	const text = `# HELP moves_total all
moves_total{from="a",result="ok"} 2
moves_total{from="b",result="ok"} 3
moves_total{from="b",result="failed"} 7
moves_total_other 100
took_bucket{from="a",le="0.001"} 1
took_bucket{from="b",le="0.001"} 0
took_bucket{from="a",le="0.01"} 4
took_bucket{from="b",le="0.01"} 5
took_bucket{from="a",le="+Inf"} 5
took_bucket{from="b",le="+Inf"} 5
`
	if got := addSeries(text, "moves_total"); got != 12 {
		t.Errorf("all moves: %g, want 12", got)
	}
	if got := addSeries(text, "moves_total", `from="b"`, `result="ok"`); got != 3 {
		t.Errorf("good moves from b: %g, want 3", got)
	}
	list := buckets(text, "took")
	for q, want := range map[float64]time.Duration{0.1: time.Millisecond, 0.5: 10 * time.Millisecond, 0.9: 10 * time.Millisecond, 1: math.MaxInt64} {
		if got := quantile(list, q); got != want {
			t.Errorf("quantile %g: %v, want %v", q, got, want)
		}
	}
	if got := quantile(buckets(text, "none"), 0.5); got != 0 {
		t.Errorf("quantile of nothing: %v", got)
	}
}

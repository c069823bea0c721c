package facts

import (
	"cmp"
	"math"
	"slices"

	dto "github.com/prometheus/client_model/go"

	"segue/cmd/internal/rollout"
)

// trafficOf reads what has passed a Segue from its metrics; nil: it does not tell.
func trafficOf(families map[string]*dto.MetricFamily) *rollout.Traffic {
	t, buckets := &rollout.Traffic{}, map[float64]int64{}
	for _, m := range families["segue_statements_total"].GetMetric() {
		n := int64(m.GetCounter().GetValue())
		t.Statements += n
		for _, l := range m.GetLabel() {
			if l.GetName() == "outcome" && l.GetValue() == "error" {
				t.Failed += n
			}
		}
	}
	for _, m := range families["segue_statement_duration_seconds"].GetMetric() {
		for _, b := range m.GetHistogram().GetBucket() {
			if le := b.GetUpperBound(); !math.IsInf(le, 0) {
				buckets[le] += int64(b.GetCumulativeCount())
			}
		}
	}
	if len(buckets) == 0 {
		return nil
	}
	for le, n := range buckets {
		t.Buckets = append(t.Buckets, rollout.Bucket{Le: le, Count: n})
	}
	slices.SortFunc(t.Buckets, func(a, b rollout.Bucket) int { return cmp.Compare(a.Le, b.Le) })
	return t
}

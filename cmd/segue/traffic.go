package main

import (
	"segue/cmd/internal/admin"
	"segue/cmd/internal/admin/history"
	"segue/proxy/counts"
)

// responseBounds are those of the buckets that response times are counted in, in seconds.
var responseBounds = func() []float64 {
	bounds := []float64{counts.ZeroThreshold}
	for i := range counts.NumBuckets - 1 { // the last one holds what is longer, too
		bounds = append(bounds, counts.Bound(i).Seconds())
	}
	return bounds
}()

// traffic is what each backend has answered since the start, for the admin API's history.
func (a *app) traffic() map[string]admin.Traffic {
	all := map[string]admin.Traffic{}
	for name, c := range a.server.Traffic().Backends {
		times := history.Times{Bounds: responseBounds, Counts: append([]uint64{c.Response.Zero}, c.Response.Buckets[:]...)}
		all[name] = admin.Traffic{Statements: c.Statements.Total(counts.OK, counts.Error), Errors: c.Statements.Total(counts.Error), Times: times}
	}
	return all
}

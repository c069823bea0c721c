package admin

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// maxScrapes is how many scrapes may be under way at a time: one that is not read has its answer wait in memory.
const maxScrapes = 8

// metrics answers a scrape: what this Segue counts, and, with the label process, what those count that it has taken over from.
func (h *Handler) metrics() http.Handler {
	own := promhttp.HandlerFor(h.Metrics, promhttp.HandlerOpts{})
	slots := make(chan struct{}, maxScrapes) // promhttp's own limit would be one for each handler
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case slots <- struct{}{}:
			defer func() { <-slots }()
		default:
			http.Error(w, "there are as many scrapes as there may be at a time", http.StatusServiceUnavailable)
			return
		}
		if h.Others() == 0 {
			own.ServeHTTP(w, r)
			return
		}
		both := prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) { return h.gatherBoth(r.Context()) })
		promhttp.HandlerFor(both, promhttp.HandlerOpts{}).ServeHTTP(w, r)
	})
}

// gatherBoth adds the series of others to this Segue's. What cannot be had is missing; a family that another version means otherwise is left out.
func (h *Handler) gatherBoth(ctx context.Context) ([]*dto.MetricFamily, error) {
	all, err := h.Metrics.Gather()
	known := map[string]*dto.MetricFamily{}
	for _, f := range all {
		known[f.GetName()] = f
	}
	for _, a := range askOthers(ctx, h, func(ctx context.Context, c *Client) (string, error) { return c.metrics(ctx) }) {
		for _, f := range labelled(a.value, strconv.Itoa(int(a.PID))) {
			switch ours := known[f.GetName()]; {
			case ours == nil:
				known[f.GetName()] = f
				all = append(all, f)
			case ours.GetType() == f.GetType():
				ours.Metric = append(ours.Metric, f.Metric...)
			}
		}
	}
	slices.SortFunc(all, func(a, b *dto.MetricFamily) int { return strings.Compare(a.GetName(), b.GetName()) })
	return all, err
}

// labelled are the series of Segue's own in a scrape, with the label process.
func labelled(scrape, process string) (families []*dto.MetricFamily) {
	parser := expfmt.NewTextParser(model.UTF8Validation)
	parsed, err := parser.TextToMetricFamilies(strings.NewReader(scrape))
	if err != nil {
		return nil
	}
	name := "process"
	for _, f := range parsed {
		if !strings.HasPrefix(f.GetName(), "segue_") {
			continue
		}
		for _, m := range f.GetMetric() {
			m.Label = append(m.Label, &dto.LabelPair{Name: &name, Value: &process})
			slices.SortFunc(m.Label, func(a, b *dto.LabelPair) int { return strings.Compare(a.GetName(), b.GetName()) })
		}
		families = append(families, f)
	}
	return families
}

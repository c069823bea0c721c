package backend

import "github.com/prometheus/client_golang/prometheus"

// Collector exports the health and the admin state of the backends of a registry: one series for each value, 1 for the
// one that holds and 0 for the others. It reads the registry when it is asked, so a removed backend has no series.
type Collector struct {
	registry *Registry
	health   *prometheus.Desc
	admin    *prometheus.Desc
}

// NewCollector makes the collector of a registry.
func NewCollector(r *Registry) *Collector {
	return &Collector{
		registry: r,
		health: prometheus.NewDesc("segue_backend_health",
			"What probing says about the backend: 1 for the health that holds, 0 for the others.",
			[]string{"backend", "health"}, nil),
		admin: prometheus.NewDesc("segue_backend_admin",
			"What the operator says about the backend: 1 for the admin state that holds, 0 for the others.",
			[]string{"backend", "admin"}, nil),
	}
}

// Describe implements [prometheus.Collector].
func (c *Collector) Describe(out chan<- *prometheus.Desc) {
	out <- c.health
	out <- c.admin
}

// Collect implements [prometheus.Collector].
func (c *Collector) Collect(out chan<- prometheus.Metric) {
	for _, b := range c.registry.Backends() {
		s := b.Status()
		for _, h := range Healths() {
			out <- stateMetric(c.health, s.Health == h, s.Name, h.String())
		}
		for _, a := range Admins() {
			out <- stateMetric(c.admin, s.Admin == a, s.Name, a.String())
		}
	}
}

func stateMetric(desc *prometheus.Desc, holds bool, labels ...string) prometheus.Metric {
	value := 0.0
	if holds {
		value = 1
	}
	return prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, labels...)
}

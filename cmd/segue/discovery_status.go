package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"segue/backend"
	"segue/backend/discover"
	"segue/cmd/internal/admin"
	"segue/config"
)

// noteLocked keeps what a source has told last, for those who ask; err is why it was not taken.
func (d *discovery) noteLocked(s discover.Source, a discover.Answer, err error, now time.Time) {
	if d.last == nil {
		d.last = make(map[string]admin.Discovery)
	}
	n := d.last[s.String()]
	n.Source, n.Kind, n.Error = s.String(), s.Kind(), ""
	if err != nil {
		n.Error = err.Error()
	} else {
		n.Found, n.Taken = max(len(a.Found), len(a.About)), &now
	}
	d.last[s.String()] = n
	if d.noted != nil {
		d.noted()
	}
}

// status is what the sources that are asked have told last, in the order in which they are configured.
func (d *discovery) status() []admin.Discovery {
	d.mu.Lock()
	defer d.mu.Unlock()
	var list []admin.Discovery
	for _, s := range d.sourcesOf(d.config) {
		n, ok := d.last[s.String()]
		if !ok {
			n = admin.Discovery{Source: s.String(), Kind: s.Kind()}
		}
		list = append(list, n)
	}
	return list
}

// findPatience is how long sources are waited for that are asked once.
const findPatience = 10 * time.Second

// findOnce asks the sources of c once, has the registry hold what they and c name, and gives what they have told. Where c has none it is as if they were not there.
func findOnce(ctx context.Context, r *backend.Registry, c *config.Config) []admin.Discovery {
	d := newDiscovery(r, slog.New(slog.DiscardHandler), newDiscoveryMetrics(prometheus.NewRegistry()))
	told := make(chan struct{}, 1)
	d.noted = func() {
		select {
		case told <- struct{}{}:
		default:
		}
	}
	d.configure(c)
	if !c.Discover.Active() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, findPatience)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = d.run(ctx)
	}()
	for !d.heard() && ctx.Err() == nil {
		select {
		case <-told:
		case <-ctx.Done():
		}
	}
	cancel()
	<-ended
	return d.status()
}

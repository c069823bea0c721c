package health

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"segue/backend"
)

const bootstrapPath = "/api/bootstrap"

// Bootstrap is the checker that asks a StarRocks FE for /api/bootstrap on the host and the connection of the health URL.
// An FE whose metadata is not ready answers 200 to /api/health all the same; here it says FAILED. Whatever is not such
// an answer (404, another server, silence) is no verdict on the FE and passes.
func (h *HTTP) Bootstrap() Checker { return bootstrap{h} }

type bootstrap struct{ http *HTTP }

// Check implements [Checker].
func (c bootstrap) Check(ctx context.Context, b *backend.Backend) Result {
	start := time.Now()
	u, err := parseHealthURL(b.Status().HealthURL)
	if err != nil {
		return Result{Passed, "", time.Since(start)}
	}
	a, err := c.http.get(ctx, &url.URL{Scheme: u.Scheme, User: u.User, Host: u.Host, Path: bootstrapPath})
	took := time.Since(start)
	if err != nil || a.status != http.StatusOK {
		return Result{Passed, "", took}
	}
	v, said := judgeBootstrap(a.body)
	if v == Failed {
		said = bootstrapPath + " FAILED: " + short(said)
	}
	return Result{v, said, took}
}

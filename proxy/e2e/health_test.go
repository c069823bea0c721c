package e2e

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
)

// healthEndpoint stands beside a server as /api/health stands beside an FE: 200, or 500 on command.
type healthEndpoint struct {
	*httptest.Server
	leaving atomic.Bool
}

func startHealthEndpoint(t *testing.T) *healthEndpoint {
	t.Helper()
	h := &healthEndpoint{}
	h.Server = httptest.NewServer(h)
	t.Cleanup(h.Close)
	return h
}

func (h *healthEndpoint) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	if h.leaving.Load() {
		http.Error(w, `{"status":"FAILED"}`, http.StatusInternalServerError)
		return
	}
	_, _ = w.Write([]byte(`{"status":"OK"}`))
}

package admin

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"segue/backend"
	"segue/proxy"
)

// Registry is the part of backend.Registry that the API needs.
type Registry interface {
	Backends() []*backend.Backend
	SetAdmin(name string, a backend.Admin) error
	Changed() <-chan struct{}
}

// SessionLister lists the sessions; proxy.Server is one.
type SessionLister interface {
	Sessions() []proxy.SessionInfo
}

// Pauser holds statements and lets them go; proxy.Server is one.
type Pauser interface {
	Pause(d time.Duration)
	Resume() bool
	Paused() *proxy.Pause
}

// FailureLister tells what has failed; proxy.Server is one.
type FailureLister interface {
	Failures() proxy.Failures
}

// Handler answers the admin API. Its fields are set before it is used.
type Handler struct {
	Registry Registry
	Sessions SessionLister
	Pauser   Pauser
	Failures FailureLister
	Metrics  prometheus.Gatherer
	// About gives the part of Status that only the program knows: all but
	// State, Ready, Backends, Sessions and Failures.
	About func() Status
	// LocalOnly refuses foreign host names; Serve sets it on loopback.
	LocalOnly bool

	draining atomic.Bool
	wasReady atomic.Bool // a backend was usable once
}

// Drain makes /readyz answer 503 from now on.
func (h *Handler) Drain() { h.draining.Store(true) }

// Handler is the http.Handler with everything the package doc lists.
func (h *Handler) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", h.livez)
	mux.HandleFunc("GET /readyz", h.readyz)
	mux.Handle("GET /metrics", promhttp.HandlerFor(h.Metrics, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /api/v1/status", h.status)
	mux.HandleFunc("GET /api/v1/backends", h.backends)
	mux.HandleFunc("GET /api/v1/sessions", h.sessions)
	mux.HandleFunc("GET /api/v1/failures", h.failures)
	mux.HandleFunc("GET /api/v1/events", h.events)
	mux.HandleFunc("POST /api/v1/backends/{name}/{admin}", h.setAdmin)
	mux.HandleFunc("POST /api/v1/pause", h.pause)
	mux.HandleFunc("POST /api/v1/resume", h.resume)
	mux.HandleFunc("GET /{$}", page("status.html", "text/html; charset=utf-8"))
	mux.HandleFunc("GET /status.css", page("status.css", "text/css; charset=utf-8"))
	mux.HandleFunc("GET /status.js", page("status.js", "text/javascript; charset=utf-8"))
	return h.guard(mux)
}

func (h *Handler) livez(w http.ResponseWriter, _ *http.Request) {
	plain(w, http.StatusOK, "live")
}

func (h *Handler) readyz(w http.ResponseWriter, _ *http.Request) {
	switch ready := h.Ready(); {
	case h.draining.Load():
		plain(w, http.StatusServiceUnavailable, "draining")
	case !ready:
		plain(w, http.StatusServiceUnavailable, "no backend has been usable yet")
	default:
		plain(w, http.StatusOK, "ready")
	}
}

// Ready is the rule of the package doc. What it has seen once it remembers:
// the program calls it at every change, so that a moment of readiness counts
// whether or not somebody asked just then.
func (h *Handler) Ready() bool {
	if !h.wasReady.Load() && h.tally().Usable > 0 {
		h.wasReady.Store(true)
	}
	return h.wasReady.Load() && !h.draining.Load()
}

func (h *Handler) tally() Tally {
	var t Tally
	for _, b := range h.Registry.Backends() {
		t.Total++
		if describe(b).Usable() {
			t.Usable++
		}
	}
	return t
}

func (h *Handler) status(w http.ResponseWriter, _ *http.Request) {
	s := h.About()
	s.State = Serving
	if h.draining.Load() {
		s.State = Draining
	}
	s.Ready = h.Ready()
	s.Backends = h.tally()
	s.Sessions = len(h.Sessions.Sessions())
	s.Paused = h.Pauser.Paused()
	s.Failures = h.Failures.Failures().Counts
	if s.Config.Problems == nil {
		s.Config.Problems = []string{}
	}
	answer(w, http.StatusOK, s)
}

func (h *Handler) backends(w http.ResponseWriter, _ *http.Request) {
	list := []Backend{}
	for _, b := range h.Registry.Backends() {
		list = append(list, describe(b))
	}
	answer(w, http.StatusOK, list)
}

func (h *Handler) sessions(w http.ResponseWriter, _ *http.Request) {
	list := h.Sessions.Sessions()
	if list == nil {
		list = []proxy.SessionInfo{}
	}
	slices.SortFunc(list, func(a, b proxy.SessionInfo) int { return cmp.Compare(a.ID, b.ID) })
	answer(w, http.StatusOK, list)
}

func (h *Handler) failures(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, h.Failures.Failures())
}

func (h *Handler) setAdmin(w http.ResponseWriter, r *http.Request) {
	to, err := backend.ParseAdmin(r.PathValue("admin"))
	if err != nil {
		refuse(w, http.StatusNotFound, err.Error())
		return
	}
	name := r.PathValue("name")
	if err := h.Registry.SetAdmin(name, to); err != nil {
		refuse(w, http.StatusNotFound, err.Error())
		return
	}
	for _, b := range h.Registry.Backends() {
		if b.Name() == name {
			answer(w, http.StatusOK, describe(b))
			return
		}
	}
	refuse(w, http.StatusNotFound, "the configuration no longer has "+quote(name))
}

// DefaultPause is how long a pause lasts at most, if nothing is said of it.
const DefaultPause = 5 * time.Minute

func (h *Handler) pause(w http.ResponseWriter, r *http.Request) {
	d := DefaultPause
	if text := r.FormValue("for"); text != "" {
		var err error
		if d, err = time.ParseDuration(text); err != nil || d <= 0 {
			refuse(w, http.StatusBadRequest, "for: "+quote(text)+" is no time span above zero; write it as in 30s or 5m")
			return
		}
	}
	h.Pauser.Pause(d)
	h.status(w, r)
}

func (h *Handler) resume(w http.ResponseWriter, r *http.Request) {
	if !h.Pauser.Resume() {
		refuse(w, http.StatusConflict, "segue is not paused")
		return
	}
	h.status(w, r)
}

// problem is the body of an answer that is not 200.
type problem struct {
	Error string `json:"error"`
}

func refuse(w http.ResponseWriter, code int, text string) { answer(w, code, problem{text}) }

// answer writes v as JSON. An error of the write is the client's end of the
// connection; there is nobody left to tell.
func answer(w http.ResponseWriter, code int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	_ = encoder.Encode(v)
}

func plain(w http.ResponseWriter, code int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	_, _ = w.Write([]byte(text + "\n"))
}

package admin

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"segue/backend"
	"segue/backend/secure"
	"segue/cmd/internal/admin/history"
	proxy "segue/proxy"
	"segue/proxy/ledger"
	"segue/proxy/load"
)

// Registry is the part of backend.Registry that the API needs.
type Registry interface {
	Backends() []*backend.Backend
	SetAdmin(name string, a backend.Admin) error
	Changed() <-chan struct{}
	// Expected is what operators want of backends that there are not now, and may be again.
	Expected() map[string]backend.Admin
}

// SessionLister lists the sessions; proxy.Server is one.
type SessionLister interface {
	Sessions() []proxy.SessionInfo
}

// LoadLister lists the loads over HTTP; load.Server is one.
type LoadLister interface {
	Loads() []load.Load
}

// Pauser holds statements and lets them go; proxy.Server is one.
type Pauser interface {
	Pause(d time.Duration)
	Resume() bool
	Paused() *proxy.Pause
}

// FailureLister tells what has failed; proxy.Server is one.
type FailureLister interface {
	Failures() ledger.Failures
}

// Handler answers the admin API. Its fields are set before it is used.
type Handler struct {
	Registry Registry
	Sessions SessionLister
	// Loads may be nil.
	Loads LoadLister
	// Nodes may be nil.
	Nodes    NodeKeeper
	Pauser   Pauser
	Failures FailureLister
	Metrics  prometheus.Gatherer
	// History is what Record fills. May be nil where there is no Record.
	History *history.History
	// Tallies is what Record looks at beside the backends. May be nil.
	Tallies Tallies
	// Traffic is what each backend has answered since the start, by its name. May be nil.
	Traffic func() map[string]Traffic
	// Victim finds the victims of KILLs that another Segue has been told. May be nil.
	Victim Victims
	// About gives the part of Status that only the program knows: all but
	// State, Ready, Backends, Sessions and Failures.
	About func() Status
	// Certificate is what the API shows of itself by TLS, to those who come over the network; it gives nil where there is no TLS. May be nil.
	Certificate func() *secure.Server
	// Audit keeps what operators have changed. May be nil.
	Audit *Audit
	// Reload has the configuration read again, and returns when that has come to an end. May be nil.
	Reload func(ctx context.Context) (Reload, error)
	// Log is where it is told who was not let in. May be nil.
	Log *slog.Logger
	// MaxConnections is how many there may be at a time; zero: DefaultConnections.
	MaxConnections int
	// Said is called when an operator has changed something. May be nil.
	Said func()
	// DialOther connects to a Segue that this one has taken over from, by the path of its socket. Nil where there is none.
	DialOther func(ctx context.Context, path string) (net.Conn, error)
	// Ended is called when one of them is found to have ended. May be nil.
	Ended func(o Other)

	access   atomic.Pointer[Access]
	draining atomic.Bool
	stopping atomic.Bool // it will drain
	wasReady atomic.Bool // a backend was usable once

	steering sync.Mutex   // held while a backend is looked at and set; taken behind changing
	changing sync.RWMutex // held for reading while an operator changes something; guards ceded
	ceded    bool         // to another Segue: what it is told counts

	mu     sync.Mutex // guards what follows; taken behind changing, if both are
	others []*other
	silent []int32 // those of others that have not told what they have counted, when they were asked last
	// When this one was asked for that last, and what is closed when it is again; nil: nobody waits for it.
	askedAt time.Time
	asked   chan struct{}
}

func (h *Handler) log() *slog.Logger {
	if h.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return h.Log
}

// Stop makes /readyz answer 503 from now on, of a Segue that still takes clients: whoever balances them is to send no more.
func (h *Handler) Stop() { h.stopping.Store(true) }

// Drain makes /readyz answer 503 from now on.
func (h *Handler) Drain() { h.draining.Store(true) }

// handler is the http.Handler with everything the package doc lists, for one door.
func (h *Handler) handler(d door) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", h.livez)
	mux.HandleFunc("GET /readyz", h.readyz)
	mux.Handle("GET /metrics", h.metrics())
	mux.HandleFunc("GET /api/v1/openapi.yaml", openAPI)
	mux.HandleFunc("GET /api/v1/status", h.status)
	mux.HandleFunc("GET /api/v1/backends", h.backends)
	mux.HandleFunc("GET /api/v1/sessions", h.sessions)
	mux.HandleFunc("GET /api/v1/sessions/find", h.find)
	mux.HandleFunc("GET /api/v1/loads", h.loads)
	mux.HandleFunc("GET /api/v1/nodes", h.nodes)
	mux.HandleFunc("GET /api/v1/failures", h.failures)
	mux.HandleFunc("GET /api/v1/events", d.streams(h.events))
	mux.HandleFunc("GET /api/v1/changes", h.changes)
	mux.HandleFunc("POST /api/v1/backends/{name}/{admin}", d.changes(d.audited(h.setAdmin)))
	mux.HandleFunc("POST /api/v1/nodes/{name}/{admin}", d.changes(d.audited(h.setNode)))
	mux.HandleFunc("POST /api/v1/pause", d.changes(d.audited(h.pause)))
	mux.HandleFunc("POST /api/v1/resume", d.changes(d.audited(h.resume)))
	mux.HandleFunc("POST /api/v1/reload", d.audited(h.reload))
	if h.History != nil {
		mux.HandleFunc("GET /api/v1/history", d.histories(h.history))
	}
	addPage(mux)
	if d.private && h.Victim != nil {
		h.addVictims(mux)
	}
	if d.private && h.History != nil {
		h.addCounted(mux)
	}
	return h.guard(d, attended(mux))
}

func (h *Handler) livez(w http.ResponseWriter, _ *http.Request) {
	plain(w, http.StatusOK, "live")
}

func (h *Handler) readyz(w http.ResponseWriter, _ *http.Request) {
	switch ready := h.Ready(); {
	case h.draining.Load():
		plain(w, http.StatusServiceUnavailable, "draining")
	case h.stopping.Load():
		plain(w, http.StatusServiceUnavailable, "stopping, and still taking clients")
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
	return h.wasReady.Load() && !h.draining.Load() && !h.stopping.Load()
}

// StayReady is for what has taken the place of a Segue that was ready.
func (h *Handler) StayReady() { h.wasReady.Store(true) }

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

func (h *Handler) status(w http.ResponseWriter, r *http.Request) {
	s := h.About()
	s.State = h.state()
	s.Ready = h.Ready()
	s.Backends = h.tally()
	s.Sessions = len(h.Sessions.Sessions())
	s.Loads = len(h.ownLoads())
	s.Paused = h.Pauser.Paused()
	s.Failures = h.Failures.Failures().Counts
	h.addStatus(r.Context(), &s)
	s.Config = s.Config.whole()
	s.Changes = h.Audit.Latest(shownChanges)
	s.Summary = h.summary(time.Now(), &s)
	answer(w, http.StatusOK, s)
}

func (h *Handler) state() State {
	switch {
	case h.draining.Load():
		return Draining
	case h.stopping.Load():
		return Stopping
	}
	return Serving
}

func (h *Handler) backends(w http.ResponseWriter, r *http.Request) {
	list := []Backend{}
	for _, b := range h.Registry.Backends() {
		list = append(list, describe(b))
	}
	h.addCounts(r.Context(), list)
	answer(w, http.StatusOK, list)
}

func (h *Handler) sessions(w http.ResponseWriter, r *http.Request) {
	answer(w, http.StatusOK, h.allSessions(r.Context()))
}

// allSessions are those of this Segue and of others, by id.
func (h *Handler) allSessions(ctx context.Context) []Session {
	list := []Session{}
	for _, s := range h.Sessions.Sessions() {
		list = append(list, Session{SessionInfo: s})
	}
	return h.addSessions(ctx, list)
}

func (h *Handler) loads(w http.ResponseWriter, r *http.Request) {
	list := []Load{}
	for _, l := range h.ownLoads() {
		list = append(list, Load{Load: l})
	}
	answer(w, http.StatusOK, h.addLoads(r.Context(), list))
}

func (h *Handler) ownLoads() []load.Load {
	if h.Loads == nil {
		return nil
	}
	return h.Loads.Loads()
}

func (h *Handler) failures(w http.ResponseWriter, r *http.Request) {
	f := h.Failures.Failures()
	h.addIncidents(r.Context(), &f)
	answer(w, http.StatusOK, f)
}

func (h *Handler) setAdmin(w http.ResponseWriter, r *http.Request) {
	to, err := backend.ParseAdmin(r.PathValue("admin"))
	if err != nil {
		refuse(w, http.StatusNotFound, err.Error())
		return
	}
	name := r.PathValue("name")
	query, bad := url.ParseQuery(r.URL.RawQuery)
	force, bad2 := strconv.ParseBool(cmp.Or(query.Get("force"), "false"))
	if err := errors.Join(bad, bad2); err != nil || len(query["force"]) > 1 {
		refuse(w, http.StatusBadRequest, "the query "+quote(r.URL.RawQuery)+" is none; write it as in ?force=true")
		return
	}
	if last, err := h.steer(name, to, force); last {
		refuse(w, http.StatusConflict, name+" is the last backend that is usable: without it clients wait, and statements get an error after hold.timeout; "+
			"nothing has been changed. `segue backends` says why the others are not; with --force (?force=true) it is taken out all the same")
		return
	} else if err != nil {
		refuse(w, http.StatusNotFound, err.Error())
		return
	}
	h.tellAdmin(r.Context(), name, to)
	for _, b := range h.Registry.Backends() {
		if b.Name() == name {
			list := []Backend{describe(b)}
			h.addCounts(r.Context(), list)
			answer(w, http.StatusOK, list[0])
			return
		}
	}
	refuse(w, http.StatusNotFound, "the configuration no longer has "+quote(name))
}

// steer sets the admin state of a backend, unless it is the last one that is usable and is to be taken out without force.
func (h *Handler) steer(name string, to backend.Admin, force bool) (last bool, err error) {
	h.steering.Lock()
	defer h.steering.Unlock()
	if to != backend.Ready && !force && h.isLast(name) {
		return true, nil
	}
	return false, h.Registry.SetAdmin(name, to)
}

// isLast reports whether no other backend is usable, and the one called name is.
func (h *Handler) isLast(name string) (last bool) {
	for _, b := range h.Registry.Backends() {
		switch usable := describe(b).Usable(); {
		case b.Name() == name:
			last = usable
		case usable:
			return false
		}
	}
	return last
}

// DefaultPause is how long a pause lasts at most, if nothing is said of it.
const DefaultPause = 5 * time.Minute

func (h *Handler) pause(w http.ResponseWriter, r *http.Request) {
	d := DefaultPause
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil || len(query["for"]) > 1 {
		refuse(w, http.StatusBadRequest, "the query "+quote(r.URL.RawQuery)+" is none; write it as in ?for=5m")
		return
	}
	if text := query.Get("for"); text != "" {
		if d, err = time.ParseDuration(text); err != nil || d <= 0 {
			refuse(w, http.StatusBadRequest, "for: "+quote(text)+" is no time span above zero; write it as in 30s or 5m")
			return
		}
		if d > proxy.MaxPause {
			refuse(w, http.StatusBadRequest, "for: "+quote(text)+" is more than a pause may last; write "+proxy.MaxPause.String()+" or less")
			return
		}
	}
	h.Pauser.Pause(d)
	h.tellOthers(r.Context(), "pause", func(ctx context.Context, c *Client) error {
		_, err := c.Pause(ctx, d)
		return err
	})
	h.status(w, r)
}

func (h *Handler) resume(w http.ResponseWriter, r *http.Request) {
	h.Pauser.Resume() // a pause may have ended by itself a moment ago, here or there: what is asked for is so
	h.tellOthers(r.Context(), "resume", func(ctx context.Context, c *Client) error {
		_, err := c.Resume(ctx)
		return err
	})
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

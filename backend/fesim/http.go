package fesim

import (
	"encoding/json"
	"net"
	"net/http"
	"sync"
	"time"

	"segue/backend"
)

// healthServer is the HTTP port of one life.
type healthServer struct {
	life   *life
	server *http.Server
	ln     net.Listener

	mu     sync.Mutex
	conns  map[net.Conn]bool
	closed bool
	n      int // answers of /api/health
}

// listenHTTP opens the HTTP port.
func (l *life) listenHTTP() error {
	ln, err := l.fe.http.listen()
	if err != nil {
		return err
	}
	h := &healthServer{life: l, ln: ln, conns: make(map[net.Conn]bool)}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/health", h.health)
	mux.HandleFunc("GET /api/bootstrap", h.bootstrap)
	mux.HandleFunc("GET /status", h.health)
	mux.HandleFunc("GET /ha", h.ha)
	mux.HandleFunc("GET /info", h.info)
	mux.HandleFunc("GET /metrics", h.metrics)
	mux.HandleFunc("/api/", h.serveLoads)
	h.server = &http.Server{Handler: mux, ConnState: h.track, ReadHeaderTimeout: time.Minute}
	l.health = h
	l.wg.Go(func() { _ = h.server.Serve(ln) })
	return nil
}

// track keeps the connections, to reset them and to wait for them.
func (h *healthServer) track(conn net.Conn, state http.ConnState) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch state {
	case http.StateNew:
		h.conns[conn] = true
		h.life.wg.Add(1) // Serve runs, so the count is not zero
		if h.closed {
			conn.Close() // accepted while the server was closing, which does not know of it
		}
	case http.StateClosed, http.StateHijacked:
		if h.conns[conn] {
			delete(h.conns, conn)
			h.life.wg.Done()
		}
	case http.StateActive, http.StateIdle:
	}
}

// close ends the port and its connections.
func (h *healthServer) close(reset bool) {
	h.mu.Lock()
	h.closed = true
	for conn := range h.conns {
		if tcp, ok := conn.(*net.TCPConn); ok && reset {
			_ = tcp.SetLinger(0)
		}
	}
	h.mu.Unlock()
	_ = h.server.Close()
}

// stopListening lets new connections be refused; those that there are stay.
func (h *healthServer) stopListening() { h.ln.Close() }

// hold applies the faults that keep an answer back; false if there is to be none. The request's context ends with the life too: the
// server closes its connections.
func (h *healthServer) hold(r *http.Request, f Fault) bool {
	if !h.life.fe.thaw(r.Context().Done()) {
		return false
	}
	delay := f.HealthDelay
	if f.HealthHang && r.URL.Path != "/api/bootstrap" {
		delay = time.Hour
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.Context().Done():
		return false
	}
}

// health is /api/health (HealthAction), and /status of TiDB.
func (h *healthServer) health(w http.ResponseWriter, r *http.Request) {
	fe := h.life.fe
	f := fe.faults()
	if !h.hold(r, f) {
		return
	}
	h.mu.Lock()
	h.n++
	flap := f.HealthFlap && h.n%2 == 0
	h.mu.Unlock()
	fe.count(func(st *Stats) { st.HealthProbes++ })
	leaving := h.life.draining.Load()
	switch {
	case f.HealthCode != 0:
		w.WriteHeader(f.HealthCode)
	case flap:
		w.WriteHeader(http.StatusInternalServerError)
	case fe.opts.Flavor == backend.TiDB && leaving, fe.opts.Flavor == backend.StarRocks && leaving:
		w.WriteHeader(http.StatusInternalServerError)
	case fe.opts.Flavor == backend.TiDB:
		reply(w, map[string]any{"connections": len(h.life.all()), "version": fe.opts.ServerVersion, "git_hash": ""})
	case fe.opts.Flavor == backend.Doris && leaving: // HTTP status not verified in the source
		reply(w, map[string]any{"msg": "Server is not ready", "code": http.StatusServiceUnavailable, "data": nil, "count": 0})
	case fe.opts.Flavor == backend.Doris:
		reply(w, map[string]any{"msg": "success", "code": 0, "data": map[string]int{"online_backend_num": 1, "total_backend_num": 1}, "count": 0})
	default:
		online, total := fe.cluster.countBEs()
		reply(w, map[string]any{"online_backend_num": online, "total_backend_num": total, "status": "OK"})
	}
}

// bootstrap is /api/bootstrap (BootstrapFinishAction): always 200. An FE that knows no leader is in the state UNKNOWN, not ready.
func (h *healthServer) bootstrap(w http.ResponseWriter, r *http.Request) {
	fe := h.life.fe
	f := fe.faults()
	if !h.hold(r, f) {
		return
	}
	leader, _ := fe.cluster.watch()
	switch {
	case f.NotReady || leader == nil:
		reply(w, map[string]any{"status": "FAILED", "msg": "not ready"})
	case r.URL.Query().Get("token") != "":
		_, port, _ := net.SplitHostPort(fe.mysql.address)
		reply(w, map[string]any{
			"replayedJournalId": fe.cluster.replayedBy(fe), "queryPort": json.Number(port), "rpcPort": 9020, "feStartTime": h.life.began.UnixMilli(), "feVersion": h.life.version,
			"heapUsedPercent": 0.1, "status": "OK", "msg": "Success",
		})
	default:
		reply(w, map[string]any{"replayedJournalId": 0, "queryPort": 0, "rpcPort": 0, "feStartTime": 0, "status": "OK", "msg": "Success"})
	}
}

func reply(w http.ResponseWriter, body map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(body)
}

package fesim

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
)

// webPages is the web server of a BE: /api/health, which says the same until the process has gone; /varz, its settings; /metrics; and
// POST /api/update_config?name=value; and loads.
func (l *beLife) webPages() http.Handler {
	b := l.be
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/health", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"status": "OK","msg": "To Be Added"}`)
	})
	mux.HandleFunc("GET /varz", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "<h2>Configurations</h2><pre>\n")
		for _, name := range slices.Sorted(maps.Keys(beSettings)) {
			fmt.Fprintf(w, "%s=%s\n", name, b.setting(name))
		}
		_, _ = io.WriteString(w, "</pre>\n")
	})
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		running, _ := b.cluster.exitState(b)
		fmt.Fprintf(w, "# TYPE starrocks_be_pip_query_ctx_cnt gauge\nstarrocks_be_pip_query_ctx_cnt %d\n", running)
	})
	mux.HandleFunc("POST /api/update_config", func(w http.ResponseWriter, r *http.Request) {
		for name, values := range r.URL.Query() {
			if err := b.Configure(name, values[0]); err != nil {
				reply(w, map[string]any{"status": "BAD", "msg": err.Error()})
				return
			}
		}
		reply(w, map[string]any{"status": "OK", "msg": ""})
	})
	mux.HandleFunc("/api/", l.serveLoads)
	return mux
}

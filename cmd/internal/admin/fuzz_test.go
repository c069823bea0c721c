package admin

import (
	"bufio"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/prometheus/client_golang/prometheus"

	"segue/backend"
	"segue/cmd/internal/admin/history"
	"segue/config"
	proxy "segue/proxy"
)

// FuzzRequest sends whatever a stranger may send to an API that asks for a token beyond what is everybody's. It must answer, and must have changed
// nothing and told nothing, unless the token was there.
func FuzzRequest(f *testing.F) {
	const end = "\r\n\r\n"
	for _, seed := range []string{
		"GET /livez HTTP/1.1\r\nHost: localhost" + end,
		"POST /api/v1/backends/fe-1/drain HTTP/1.1\r\nHost: evil.example" + end, // DNS rebinding
		"POST /api/v1/backends/fe-1/drain HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer t0ken" + end,
		"POST /api/v1/backends/fe-1/drain HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer t0kem" + end,
		"POST /api/v1/backends/fe-1/drain HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer" + end,
		"POST /api/v1/backends/fe-1/drain HTTP/1.1\r\nHost: localhost\r\nAuthorization: x\r\nAuthorization: Bearer t0ken" + end,
		"POST /api/v1/backends/fe-1/drain?force=true&force=false HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer t0ken" + end,
		"POST http://evil.example/api/v1/pause?for=1h HTTP/1.1\r\nHost: localhost" + end,
		"POST /api/v1/pause?for=2562047h47m16s HTTP/1.1\r\nHost: [::1]:9131" + end, // overflow
		"POST /api/v1/pause HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 6\r\n\r\nfor=1h",
		"POST /api/v1/resume HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0" + end,
		"HEAD /api/v1/sessions HTTP/1.1\r\nHost: localhost" + end,
		"OPTIONS * HTTP/1.1\r\nHost: localhost" + end,
		"CONNECT localhost:1 HTTP/1.1\r\nHost: localhost" + end,
		"GET //api/v1/sessions HTTP/1.1\r\nHost: localhost" + end,
		"GET /livez/../api/v1/sessions HTTP/1.1\r\nHost: localhost" + end,
		"GET /livez%2f..%2fapi/v1/sessions HTTP/1.1\r\nHost: localhost" + end,
		"GET /page/main.js?/api HTTP/1.0" + end,
		"GET /page/..%2f..%2fapi/v1/sessions HTTP/1.1\r\nHost: localhost" + end,
		"GET /page/../api/v1/sessions HTTP/1.1\r\nHost: localhost" + end,
		"GET /api/v1/history?for=1h&points=99999999999 HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer t0ken" + end,
		"GET /api/v1/sessions/find?order=%1b&limit=-1 HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer t0ken" + end,
		"POST /livez HTTP/1.1\r\nHost: localhost\r\nX-HTTP-Method-Override: GET" + end,
		"PUT /api/v1/backends/fe-1/maint HTTP/1.1\r\nHost: localhost\r\nOrigin: null" + end,
		"POST /api/v1/backends/%1b%5b2J/drain HTTP/1.1\r\nHost: \x1b[2J" + end,
	} {
		f.Add(seed)
	}
	codes := []int{200, 301, 307, 400, 401, 403, 404, 405, 409, 413, 503}
	f.Fuzz(func(t *testing.T, raw string) {
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(raw)))
		if err != nil || strings.HasSuffix(r.URL.Path, "/events") { // which does not end
			return
		}
		r.RemoteAddr = "192.0.2.9:1"
		registry := backend.NewRegistry(backend.Options{})
		registry.Apply([]backend.Spec{{Name: "fe-1", Address: "192.0.2.1:9030"}})
		pauser := proxy.NewServer(registry, proxy.Options{}, nil, nil)
		h := &Handler{
			Registry: registry, Pauser: pauser, Failures: failureList{}, Metrics: prometheus.NewRegistry(), History: history.New(),
			Sessions: sessionList{{ID: 1, User: "somebody"}}, About: func() Status { return Status{Version: "v0"} },
		}
		h.SetAccess(config.Access{Read: config.WithToken, Token: "t0ken"})
		authorized := len(r.Header["Authorization"]) == 1 && strings.HasSuffix(strings.TrimSpace(r.Header.Get("Authorization")), "t0ken")
		for _, d := range []door{{h: h, local: true, open: newSemaphore(1), telling: newSemaphore(1)}, {h: h, open: newSemaphore(1), telling: newSemaphore(1)}} {
			w := httptest.NewRecorder()
			began := time.Now()
			h.handler(d).ServeHTTP(w, r)
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("took %s", took)
			}
			if !slices.Contains(codes, w.Code) {
				t.Errorf("%q: %d", raw, w.Code)
			}
			changed := registry.Backends()[0].Status().Admin != backend.Ready || pauser.Paused() != nil
			if changed && !authorized || strings.Contains(w.Body.String(), "somebody") && !authorized {
				t.Errorf("%q: %d %s", raw, w.Code, w.Body)
			}
			if w.Code >= 400 && strings.Contains(w.Header().Get("Content-Type"), "json") {
				var p problem
				if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || p.Error == "" {
					t.Errorf("%q: %s", raw, w.Body)
				}
				for _, c := range p.Error {
					if !unicode.IsPrint(c) {
						t.Errorf("%q: %q", raw, p.Error)
					}
				}
			}
		}
	})
}

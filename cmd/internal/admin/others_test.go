package admin

import (
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"segue/config"
)

// A Segue of another version that has been taken over from, whose metrics mean something else or are none, breaks no scrape.
func TestMetricsOfAnotherVersion(t *testing.T) {
	for name, theirs := range map[string]string{
		"other words":    "# HELP segue_build_info Another help.\n# TYPE segue_build_info gauge\nsegue_build_info 1\n# TYPE go_threads gauge\ngo_threads 7\n",
		"another type":   "# TYPE segue_build_info counter\nsegue_build_info 1\n# TYPE segue_new gauge\nsegue_new{process=\"x\"} 1\n",
		"no metrics":     "<html>",
		"nothing":        "",
		"cut off":        "# TYPE segue_build_info gau",
		"same, labelled": "# TYPE segue_build_info gauge\nsegue_build_info{process=\"7\"} 1\n",
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t)
			dir, err := os.MkdirTemp("", "segue") //nolint:usetesting // the path of a socket is short
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { os.RemoveAll(dir) })
			path := filepath.Join(dir, "s")
			answers(t, path, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n"+theirs)
			s.handler.DialOther = dialPath
			s.handler.Adopt([]Other{{PID: 7, Socket: path}})
			code, body, _ := s.request(t, "GET", "/metrics", nil)
			if code != 200 || strings.Count(body, "segue_build_info 1\n") != 1 || strings.Contains(body, "go_threads 7") {
				t.Errorf("%d\n%s", code, body)
			}
			if name == "other words" && !strings.Contains(body, `segue_build_info{process="7"} 1`) {
				t.Errorf("theirs is missing:\n%s", body)
			}
			if strings.Count(body, "# TYPE segue_build_info ") != 1 {
				t.Errorf("twice:\n%s", body)
			}
			s.handler.mu.Lock()
			defer s.handler.mu.Unlock()
			for _, o := range s.handler.others {
				o.client.Close()
			}
		})
	}
}

// Scrapes are as few at a time while there is another Segue to ask as they are otherwise.
func TestScrapesAreFewDuringATakeover(t *testing.T) {
	begun, goOn := make(chan struct{}), make(chan struct{})
	var scrapes atomic.Int32
	h := &Handler{DialOther: dialPath, Metrics: prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) {
		if scrapes.Add(1) <= maxScrapes {
			begun <- struct{}{}
			<-goOn
		}
		return nil, nil
	})}
	handler := h.metrics()
	scrape := func() int {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", http.NoBody))
		return w.Code
	}
	var waiting sync.WaitGroup
	for n := range maxScrapes {
		if n == maxScrapes/2 { // it has ended by the time that it is asked
			h.Adopt([]Other{{PID: 7, Socket: filepath.Join(t.TempDir(), "none")}})
		}
		waiting.Go(func() {
			if code := scrape(); code != http.StatusOK {
				t.Errorf("a scrape gets %d", code)
			}
		})
		<-begun
	}
	if code := scrape(); code != http.StatusServiceUnavailable {
		t.Errorf("one more gets %d", code)
	}
	close(goOn)
	waiting.Wait()
	if code := scrape(); code != http.StatusOK {
		t.Errorf("once they have ended: %d", code)
	}
}

// answers has each connection to a socket get the same.
func answers(t *testing.T, path, text string) {
	t.Helper()
	ln, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Read(make([]byte, 4096))
			_, _ = conn.Write([]byte(text))
			conn.Close()
		}
	}()
	t.Cleanup(func() { ln.Close(); <-ended })
}

// Once the API has been ceded, nothing is changed but by the one that has it, and what has been said is complete.
func TestCede(t *testing.T) {
	s := serve(t)
	if _, err := s.client.SetAdmin(t.Context(), "fe-1", 2, true); err != nil {
		t.Fatal(err)
	}
	in, others := s.handler.Cede()
	if len(in.Backends) != 1 || in.Backends["fe-1"] != 2 || in.PausedUntil != nil || len(others) != 0 {
		t.Errorf("%+v, %v", in, others)
	}
	for _, path := range []string{"/api/v1/backends/fe-1/ready", "/api/v1/pause", "/api/v1/resume"} {
		if code, body, _ := s.request(t, "POST", path, nil); code != 503 || !strings.Contains(body, "taken over") {
			t.Errorf("%s: %d %s", path, code, body)
		}
	}
	path := filepath.Join(t.TempDir(), "s")
	if len(path) > 107 {
		path = filepath.Join(os.TempDir(), "segue-cede-test")
	}
	ln, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.handler.ServePrivate(s.ctx, ln) }()
	c := NewClient("unix:" + path)
	defer c.Close()
	if b, err := c.SetAdmin(t.Context(), "fe-1", 0, false); err != nil || b.Admin != 0 {
		t.Errorf("by its own door: %+v, %v", b, err)
	}
	c.Close()
	s.stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// Beyond loopback every way in asks for the token, as on it; an empty token is none.
func TestTokenThatIsEmpty(t *testing.T) {
	s := serveAt(t, "127.0.0.1:0", slog.New(slog.DiscardHandler), config.Access{Read: config.WithToken, Write: config.WithToken})
	for _, header := range []string{"", "Bearer ", "Bearer", "bearer  "} {
		if code, _, _ := s.request(t, "GET", "/api/v1/status", map[string]string{"Authorization": header}); code != 401 {
			t.Errorf("%q: %d", header, code)
		}
	}
	s.client.Authorize("x")
	s.handler.SetAccess(config.Access{Read: config.WithToken, Token: "x"})
	if _, err := s.client.Status(t.Context()); err != nil {
		t.Error(err)
	}
}

package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"segue/bench/streamload"
	"segue/config"
)

// A BE that discards takes loads of both forms, several by a connection, says nothing before the body to HTTP/1.0, and is as slow as it is told to be.
func TestSink(t *testing.T) {
	serve := func(s sink) string {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { ln.Close() })
		go s.accept(ln)
		return ln.Addr().String()
	}
	fast, slow := serve(sink{}), serve(sink{rate: 10e6})
	client := streamload.Client{Timeout: 30 * time.Second, Patience: 30 * time.Second}
	put := func(address string, chunked bool) time.Duration {
		t.Helper()
		began := time.Now()
		const size = 3_000_000
		a, err := client.Put(t.Context(), &streamload.Request{
			Address: address, Path: "/", Size: size, Chunked: chunked, Body: func() io.Reader { return io.LimitReader(zeros{}, size) },
		})
		if err != nil || !a.Good() {
			t.Fatalf("%+v, %v", a, err)
		}
		return time.Since(began)
	}
	put(fast, false)
	put(fast, true)
	if took := put(slow, false); took < 250*time.Millisecond {
		t.Errorf("3 MB at 10 MB/s took %v", took)
	}
	conn, err := net.Dial("tcp", fast)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
	io.WriteString(conn, "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabcPUT / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc")
	said, err := io.ReadAll(conn)
	if err != nil || strings.Count(string(said), "HTTP/1.1 200 OK") != 2 || strings.Contains(string(said), "100 Continue") {
		t.Errorf("%q, %v", said, err)
	}
}

func TestFrontendOfLoads(t *testing.T) {
	for path, want := range map[string]string{
		"/api/health": "200 ", throttledPath: "307 http://127.0.0.1:24000" + throttledPath, fastPath: "307 http://127.0.0.1:24001" + fastPath,
	} {
		w := httptest.NewRecorder()
		frontend(w, httptest.NewRequest(http.MethodPut, path, nil))
		if got := w.Result().Status[:4] + w.Header().Get("Location"); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
}

// Segue's configuration for loads is one, and no two fronts share a port.
func TestConfigurationsOfLoads(t *testing.T) {
	ports := map[int]string{}
	for _, k := range loadFronts("segue", "other", "nginx") {
		text, err := k.loadConfig()
		if err != nil || strings.Contains(text, "<no value>") {
			t.Errorf("%s: %v\n%s", k.name, err, text)
		}
		for port := k.port; port < k.port+4; port++ {
			if ports[port] != "" {
				t.Errorf("%s and %s share port %d", ports[port], k.name, port)
			}
			ports[port] = k.name
		}
		if k.config != segueLoads {
			continue
		}
		if _, err := config.Parse("segue.yaml", []byte(text)); err != nil {
			t.Errorf("%s: %v", k.name, err)
		}
	}
}

func TestLoadTables(t *testing.T) {
	cells := []*loadCell{{Name: "1 GB", Samples: map[string][]loaded{
		"direct": {{200e6, 0}, {100e6, 0}}, "segue": {{190e6, 0.1}, {100e6, 0.3}},
	}}}
	got := loadTables(cells, []*front{{name: "direct"}, {name: "segue"}})
	for _, want := range []string{"| 1 GB | 150 | 145; 0.97 (0.95–1.00) |", "| 1 GB | – | 0.20 (0.10–0.30) |"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	if got := crowdTable([]crowd{{"segue", "1 MB", 1000, 37_400}}); !strings.Contains(got, "| `segue` | 1000 | 1 MB | 37.4 |") {
		t.Errorf("%s", got)
	}
}

// A body that stands still says so once, and ends with its context.
func TestStandingBody(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	stood := 0
	s := &standing{left: 5, ctx: ctx, stands: func() { stood++; cancel() }}
	read, err := io.ReadAll(s)
	if len(read) != 5 || err == nil || stood != 1 {
		t.Errorf("%d bytes, %v, stood %d times", len(read), err, stood)
	}
}

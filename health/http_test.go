package health

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"segue/backend"
)

// checkURL runs one HTTP check of this URL.
func checkURL(t *testing.T, flavor backend.Flavor, url string, timeout time.Duration) Result {
	t.Helper()
	_, b := oneBackend("127.0.0.1:1", url)
	h := NewHTTP(flavor, nil)
	defer h.Close()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	return h.Check(ctx, b)
}

func TestHTTPAnswers(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var status int
		var body string
		_, _ = fmt.Sscanf(r.URL.Path, "/%d", &status)
		body = r.URL.Query().Get("body")
		if status/100 == 3 {
			w.Header().Set("Location", "http://user:secret@elsewhere/health?token=secret")
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	defer srv.Close()
	for _, c := range []struct {
		path   string
		flavor backend.Flavor
		want   Verdict
		cause  string
	}{
		{"/200", 0, Passed, ""},
		{"/204", 0, Passed, ""},
		{`/200?body={"status":"OK"}`, 0, Passed, ""},
		{"/200?body=Server+is+not+ready", 0, Leaving, "/200 200: not ready"},
		{"/500", 0, Leaving, "/500 500"},
		{"/500?body=fine", 0, Leaving, "/500 500"},
		{"/503", 0, Leaving, "/503 503"},
		{"/502", 0, Failed, "/502 502"},
		{"/401", 0, Misconfigured, "/401 answers 401: enable_http_auth is on; write user:password@ into the health URL"},
		{"/401", backend.Doris, Misconfigured, "/401 answers 401: enable_all_http_auth is on; write user:password@ into the health URL"},
		{"/401", backend.MySQL, Misconfigured, "/401 answers 401: it wants a login; write user:password@ into the health URL"},
		{"/403", 0, Misconfigured, "/403 answers 403: Segue may not read it; allow it, or choose another health URL"},
		{"/404", 0, Misconfigured, "/404 answers 404: there is no such page; correct the path of the health URL"},
		{"/302", 0, Misconfigured, "/302 answers 302: redirects are not followed; is the health URL http://elsewhere/health?"},
		{"/418", 0, Misconfigured, "/418 answers 418: that says nothing about its health; correct the health URL"},
	} {
		r := checkURL(t, c.flavor, srv.URL+c.path, 5*time.Second)
		if r.Verdict != c.want || r.Cause != c.cause || r.Took <= 0 {
			t.Errorf("%s: %v %q in %v, want %v %q", c.path, r.Verdict, r.Cause, r.Took, c.want, c.cause)
		}
	}
}

func TestHTTPReadsALimitedBody(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for range 100 { // 100 times what is read
			if _, err := w.Write(make([]byte, maxHealthBody)); err != nil {
				return
			}
		}
		<-t.Context().Done()
	}))
	defer srv.CloseClientConnections()
	if r := checkURL(t, 0, srv.URL, 5*time.Second); r.Verdict != Passed {
		t.Errorf("%+v", r)
	}
}

// listen serves each connection with handle until the test ends, and gives the address.
func listen(tb testing.TB, handle func(net.Conn)) string {
	tb.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { ln.Close() })
	go acceptLoop(ln, handle)
	return ln.Addr().String()
}

func acceptLoop(ln net.Listener, handle func(net.Conn)) {
	for {
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		go handle(conn)
	}
}

// refusing gives an address on which nobody listens.
func refusing(tb testing.TB) string {
	tb.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

// say answers a connection with text and closes it.
func say(text string) func(net.Conn) {
	return func(conn net.Conn) {
		defer conn.Close()
		_, _ = conn.Read(make([]byte, 4096))
		_, _ = io.WriteString(conn, text)
	}
}

func hang(conn net.Conn) { _, _ = io.Copy(io.Discard, conn); conn.Close() }

func reset(conn net.Conn) {
	_ = conn.(*net.TCPConn).SetLinger(0)
	conn.Close()
}

func TestHTTPFailures(t *testing.T) {
	secure := httptest.NewUnstartedServer(http.NotFoundHandler())
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	defer secure.Close()
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	for _, c := range []struct {
		name, url string
		want      Verdict
		cause     string // a part of it
	}{
		{"refused", "http://" + refusing(t) + "/api/health", Failed, "/api/health refused"},
		{"hangs", "http://" + listen(t, hang) + "/api/health", Failed, "/api/health no answer in "},
		{"resets", "http://" + listen(t, reset) + "/api/health", Failed, "/api/health "},
		{"closes", "http://" + listen(t, say("")) + "/api/health", Failed, "/api/health closed the connection"},
		{"cut off", "http://" + listen(t, say("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{")) + "/h", Failed, "/h closed the connection"},
		{"cut off after 500", "http://" + listen(t, say("HTTP/1.1 500 No\r\nContent-Length: 9\r\n\r\n{")) + "/h", Leaving, "/h 500"},
		{"endless header", "http://" + listen(t, say("HTTP/1.1 200 OK\r\nX: "+strings.Repeat("x", 1<<20))) + "/h", Failed, "/h "},
		{"no HTTP", "http://" + listen(t, say("J\x00\x00\x00\x0a8.0.33\x00")) + "/h", Misconfigured, "does not speak HTTP"},
		{"unknown certificate", secure.URL + "/h", Misconfigured, "/h TLS: "},
		{"TLS to a plain port", strings.Replace(plain.URL, "http:", "https:", 1) + "/h", Misconfigured, "does not speak TLS"},
		{"plain to a TLS port", strings.Replace(secure.URL, "https:", "http:", 1) + "/h", Misconfigured, "answers 400"},
		{"no host", "http:///api/health", Misconfigured, "names no host"},
		{"no scheme", "fe-1:8030/api/health", Misconfigured, "write http:// or https://"},
		{"nonsense", "http://[::1/%zz", Misconfigured, "cannot be read"},
	} {
		timeout := 10 * time.Second
		if c.name == "hangs" {
			timeout = 100 * time.Millisecond
		}
		r := checkURL(t, 0, c.url, timeout)
		if r.Verdict != c.want || !strings.Contains(r.Cause, c.cause) {
			t.Errorf("%s: %v %q, want %v …%s…", c.name, r.Verdict, r.Cause, c.want, c.cause)
		}
	}
}

// ProxySQL #599, Vitess #5197: secrets in logs and errors.
func TestBug22_HealthURLPasswordStaysSecret(t *testing.T) {
	const secret = "hunter2"
	var auth atomic.Value
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, password, _ := r.BasicAuth()
		auth.Store(password)
	}))
	defer srv.Close()
	withPassword := func(url string) string { return strings.Replace(url, "//", "//probe:"+secret+"@", 1) }
	if r := checkURL(t, 0, withPassword(srv.URL), 5*time.Second); r.Verdict != Passed || auth.Load() != secret {
		t.Errorf("%+v; the server was given %v", r, auth.Load())
	}
	for _, url := range []string{
		"http://" + refusing(t) + "/h", "http://" + listen(t, say("junk")) + "/h", "http:///x", "ftp://host/x",
		"https://" + listen(t, say("junk")) + "/h", "http://host/%zz",
	} {
		if r := checkURL(t, 0, withPassword(url), time.Second); strings.Contains(r.Cause, secret) {
			t.Errorf("%s: cause %q", url, r.Cause)
		}
	}
}

func TestHTTPKeepsOneConnection(t *testing.T) {
	var opened atomic.Int32
	closed := make(chan struct{}, 10)
	start := func() *httptest.Server {
		srv := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
		srv.Config.ConnState = func(_ net.Conn, s http.ConnState) {
			if s == http.StateNew {
				opened.Add(1)
			}
			if s == http.StateClosed {
				closed <- struct{}{}
			}
		}
		srv.Start()
		t.Cleanup(srv.Close)
		return srv
	}
	first, second := start(), start()
	spec := backend.Spec{Name: "a", Address: "127.0.0.1:1", HealthURL: first.URL}
	r := registryOf(spec)
	b := r.Backends()[0]
	tripped := make(chan error, 1)
	h := NewHTTP(0, func(err error) { offer(tripped, err) })
	for range 10 {
		for _, c := range []Checker{h, h.Bootstrap()} {
			if res := c.Check(t.Context(), b); res.Verdict != Passed {
				t.Fatalf("%+v", res)
			}
		}
	}
	if n := opened.Load(); n != 1 {
		t.Errorf("20 requests on %d connections, want 1", n)
	}
	spec.HealthURL = second.URL
	r.Apply([]backend.Spec{spec})
	if res := h.Check(t.Context(), b); res.Verdict != Passed || opened.Load() != 2 {
		t.Errorf("after a change of the URL: %+v, %d connections", res, opened.Load())
	}
	select {
	case <-closed:
	case <-time.After(10 * time.Second):
		t.Error("the connection to the old URL stays open")
	}
	h.Close()
	<-closed
	select {
	case err := <-tripped:
		t.Errorf("closing it ourselves tripped the wire: %v", err)
	default:
	}
}

func TestBootstrap(t *testing.T) {
	var body atomic.Value
	status := 200
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != bootstrapPath || r.URL.RawQuery != "" {
			t.Errorf("asked for %s", r.URL)
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body.Load().(string))
	}))
	defer srv.Close()
	_, b := oneBackend("127.0.0.1:1", srv.URL+"/api/health?x=1")
	h := NewHTTP(0, nil)
	defer h.Close()
	for _, c := range []struct {
		status int
		body   string
		want   Verdict
		cause  string
	}{
		{200, `{"status":"FAILED","msg":"not ready"}`, Failed, "/api/bootstrap FAILED: not ready"},
		{200, `{"status":"OK","msg":"Success"}`, Passed, ""},
		{404, `{"status":"FAILED","msg":"not ready"}`, Passed, ""},
		{200, `nonsense`, Passed, ""},
	} {
		status = c.status
		body.Store(c.body)
		if r := h.Bootstrap().Check(t.Context(), b); r.Verdict != c.want || r.Cause != c.cause {
			t.Errorf("%d %s: %+v", c.status, c.body, r)
		}
	}
	srv.Close()
	if r := h.Bootstrap().Check(t.Context(), b); r.Verdict != Passed {
		t.Errorf("gone: %+v", r)
	}
}

func TestHTTPEndsWithItsContext(t *testing.T) {
	_, b := oneBackend("127.0.0.1:1", "http://"+listen(t, hang)+"/h")
	h := NewHTTP(0, nil)
	defer h.Close()
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("removed"))
	start := time.Now()
	if r := h.Check(ctx, b); r.Verdict != Failed || time.Since(start) > 5*time.Second {
		t.Errorf("%+v after %v", r, time.Since(start))
	}
}

func TestJudgeHTTPErrorAlert(t *testing.T) {
	cert := httptest.NewTLSServer(nil).TLS.Certificates
	ln, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		Certificates: cert, ClientAuth: tls.RequireAnyClientCert, MaxVersion: tls.VersionTLS12,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go acceptLoop(ln, func(c net.Conn) { _ = c.(*tls.Conn).Handshake(); c.Close() })
	r := checkURL(t, 0, "https://"+ln.Addr().String()+"/h", 5*time.Second)
	if r.Verdict != Misconfigured || !strings.Contains(r.Cause, "TLS") {
		t.Errorf("%+v", r)
	}
}

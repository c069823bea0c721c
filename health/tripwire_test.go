package health

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"segue/backend"
)

func TestTripwireNoticesTheEndOfTheServer(t *testing.T) {
	for _, secure := range []bool{false, true} {
		start := httptest.NewServer
		if secure {
			start = httptest.NewTLSServer
		}
		srv := start(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
		_, b := oneBackend("127.0.0.1:1", srv.URL+"/api/health")
		tripped := make(chan error, 1)
		h := NewHTTP(0, func(err error) { offer(tripped, err) })
		if secure {
			h.tls = srv.Client().Transport.(*http.Transport).TLSClientConfig
		}
		if r := h.Check(t.Context(), b); r.Verdict != Passed {
			t.Fatalf("%+v", r)
		}
		began := time.Now()
		srv.CloseClientConnections()
		select {
		case err := <-tripped:
			t.Logf("tls %v: %v after %v", secure, err, time.Since(began))
		case <-time.After(10 * time.Second):
			t.Errorf("tls %v: not noticed", secure)
		}
		h.Close()
		srv.Close()
	}
}

// A server that says that it closes the connection, or one whose answer ends with it, has not died.
func TestTripwireIgnoresAnnouncedEnds(t *testing.T) {
	for name, answer := range map[string]string{
		"Connection: close": "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
		"HTTP/1.0":          "HTTP/1.0 200 OK\r\n\r\nok",
		"no length":         "HTTP/1.1 200 OK\r\n\r\nok",
	} {
		_, b := oneBackend("127.0.0.1:1", "http://"+listen(t, say(answer))+"/h")
		tripped := make(chan error, 1)
		h := NewHTTP(0, func(err error) { offer(tripped, err) })
		for range 20 {
			if r := h.Check(t.Context(), b); r.Verdict != Passed {
				t.Fatalf("%s: %+v", name, r)
			}
		}
		h.Close()
		select {
		case err := <-tripped:
			t.Errorf("%s: tripped by %v", name, err)
		default:
		}
	}
}

func TestTripwireStates(t *testing.T) {
	var trips []error
	w := &tripwire{trip: func(err error) { trips = append(trips, err) }}
	for _, c := range []struct {
		name string
		do   func()
		want int // trips so far
	}{
		{"idle, closed by the server", func() { w.ended(io.EOF) }, 1},
		{"idle, closed by us", func() { w.ended(net.ErrClosed) }, 1},
		{"busy, the request will tell", func() { w.begin(); w.ended(io.EOF); w.end(false) }, 1},
		{"lost right after the answer", func() { w.begin(); w.ended(errors.New("reset")); w.end(true) }, 2},
		{"that was the request before", func() { w.begin(); w.end(true) }, 2},
		{"and idle again", func() { w.ended(io.EOF) }, 3},
	} {
		if c.do(); len(trips) != c.want {
			t.Errorf("%s: %d trips, want %d", c.name, len(trips), c.want)
		}
	}
}

// A process that ends takes both of its ports along: it is down at the first probe behind the tripwire.
func TestTripwireBelievesAProcessThatHasEnded(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go acceptLoop(ln, greet)
	r, b := oneBackend(ln.Addr().String(), srv.URL+"/api/health")
	run(t, NewMonitor(r, Options{Interval: time.Hour, FastInterval: time.Minute, Rise: 1}, nil, nil))
	await(t, r, b, backend.Up)
	ln.Close()
	start := time.Now()
	srv.Listener.Close()
	srv.CloseClientConnections()
	s := await(t, r, b, backend.Down)
	t.Logf("down after %v: %s", time.Since(start), s.Cause)
	srv.Close()
}

func TestRefuses(t *testing.T) {
	open := listen(t, greet)
	for _, c := range []struct {
		url, mysql string
		want       bool
	}{
		{"http://127.0.0.1:1/h", "127.0.0.1:1", true},
		{"http://127.0.0.1:1/h", open, false},
		{"http://" + open + "/h", "127.0.0.1:1", false}, // an FE that starts
		{"", "127.0.0.1:1", false},
	} {
		_, b := oneBackend(c.mysql, c.url)
		if got := refuses(t.Context(), b); got != c.want {
			t.Errorf("health URL %q, MySQL %s: %v", c.url, c.mysql, got)
		}
	}
}

// The whole of it: the process of a backend ends, its port refuses, and it is down long before the next round is due.
func TestTripwireTakesTheBackendDown(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	r, b := oneBackend(listen(t, greet), srv.URL+"/api/health")
	m := NewMonitor(r, Options{Interval: time.Hour, FastInterval: minInterval}, nil, nil)
	run(t, m)
	await(t, r, b, backend.Up)
	start := time.Now()
	srv.CloseClientConnections()
	srv.Close()
	s := await(t, r, b, backend.Down)
	t.Logf("down after %v: %s", time.Since(start), s.Cause)
	if s.Cause != "/api/health refused" {
		t.Errorf("cause %q", s.Cause)
	}
}

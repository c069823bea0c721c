package load_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"

	"segue/proxy/load"
)

// recorder is an FE that answers each request by OK once it has come whole, and keeps the heads.
type recorder struct {
	mu    sync.Mutex
	heads []string
	*fixed
}

func newRecorder(t *testing.T) *recorder {
	t.Helper()
	r := &recorder{}
	at := listen(t, func(conn net.Conn, in *bufio.Reader, head string) {
		r.mu.Lock()
		r.heads = append(r.heads, head)
		r.mu.Unlock()
		var length int64
		_, after, _ := strings.Cut(head, "Content-Length: ")
		fmt.Sscan(after, &length)
		if strings.Contains(head, "Expect: ") {
			io.WriteString(conn, "HTTP/1.1 100 Continue\r\n\r\n")
		}
		if _, err := io.CopyN(io.Discard, in, length); err == nil {
			io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 15\r\nConnection: close\r\n\r\n{\"Status\":\"OK\"}")
		}
	})
	host, port, _ := net.SplitHostPort(at)
	r.fixed = &fixed{
		frontends: []load.Frontend{{Name: "fe", Address: at, Up: true, Leader: true}}, nodes: []load.Node{{Host: host, Port: atoi(port), Alive: true}},
	}
	return r
}

// all are the heads that have come.
func (r *recorder) all() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Join(r.heads, "")
}

// dial connects to Segue.
func (r *rig) dial(t *testing.T) (net.Conn, *bufio.Reader) {
	t.Helper()
	conn, err := net.Dial("tcp", r.address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(deadline())
	return conn, bufio.NewReader(conn)
}

// read reads an answer to a request of that method.
func read(t *testing.T, in *bufio.Reader, method string) (int, string) {
	t.Helper()
	res, err := http.ReadResponse(in, &http.Request{Method: method})
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(b)
}

const get = " HTTP/1.1\r\nHost: x\r\nAuthorization: Basic cm9vdDo=\r\n\r\n"

// What Segue itself says to a HEAD has no body: whoever shares the connection would take it for the next answer.
func TestHead(t *testing.T) {
	c := newRecorder(t)
	r := serveCluster(t, c, options)
	conn, in := r.dial(t)
	io.WriteString(conn, "HEAD /api/_load_error_log?file=x&segue_node=stranger:1"+get+"HEAD /image"+get+"GET /api/x"+get)
	for i, want := range []struct {
		method string
		code   int
	}{{"HEAD", 403}, {"HEAD", 404}, {"GET", 200}} {
		if code, text := read(t, in, want.method); code != want.code || (text == "") != (want.method == "HEAD") {
			t.Errorf("answer %d: %d %q", i, code, text)
		}
	}
	for name, text := range map[string]string{
		"no host": "HEAD /api/x HTTP/1.1\r\n\r\n", "a bare LF": "HEAD /api/x HTTP/1.1\n\n", "no path": "HEAD /api/../x" + get,
	} {
		got := r.raw(t, text)
		if head, body, ok := strings.Cut(got, "\r\n\r\n"); !ok || body != "" || !strings.HasPrefix(head, "HTTP/1.1 400 ") {
			t.Errorf("%s: %q", name, got)
		}
	}
	o := options
	o.Hold = 1
	alone := serveCluster(t, &fixed{}, o)
	conn, in = alone.dial(t)
	io.WriteString(conn, "HEAD /api/x"+get+"GET /api/x"+get)
	for _, method := range []string{"HEAD", "GET"} {
		if code, text := read(t, in, method); code != 503 || (text == "") != (method == "HEAD") {
			t.Errorf("%s without FEs: %d %q", method, code, text)
		}
	}
}

// What FEs have for one another, without a password, is asked of none of them.
func TestMetaService(t *testing.T) {
	c := newRecorder(t)
	for _, flavor := range []string{"starrocks", "doris"} {
		o := options
		o.Flavor = flavor
		r := serveCluster(t, c, o)
		for path, want := range map[string]int{
			"/image?version=1&subdir=": 404, "/put?version=1&port=1": 404, "/info": 404, "/role": 404, "/journal_id": 404, "/check": 404, "/dump": 404, "/": 404, "/api": 404,
			"/api/..;/image": 400, "/api/%2e%2e/image": 400, "/api/%252e%252e/put": 400, "/api/..%2fimage": 400, "/rest/../image": 400, "//image": 400, "/rest/v1/x": map[string]int{"starrocks": 404, "doris": 200}[flavor],
		} {
			conn, in := r.dial(t)
			io.WriteString(conn, "GET "+path+get)
			if code, text := read(t, in, "GET"); code != want {
				t.Errorf("%s: %s: %d %q", flavor, path, code, text)
			}
			_ = conn.Close()
		}
	}
	if all := c.all(); strings.Count(all, "\r\n\r\n") != 1 || !strings.HasPrefix(all, "GET /rest/v1/x ") {
		t.Errorf("the FE was asked:\n%s", all)
	}
}

// Bodies of steps are long where an engine names its tablets. They are in the account of load.memory, and leave it.
func TestBodiesOfSteps(t *testing.T) {
	c := newRecorder(t)
	o := options
	o.Buffer, o.Memory = 40<<20, 16<<20
	r := serveCluster(t, c, o)
	header := map[string]string{"db": "d", "table": "t", "label": "l"}
	for size, want := range map[int]int{0: 200, 100: 200, 3 << 20: 200, 30 << 20: 503, 41 << 20: 413} {
		a := r.send(t, "POST", "/api/transaction/prepare", with(header, "Expect", "100-continue"), strings.NewReader(strings.Repeat("x", size)))
		if a.code != want {
			t.Errorf("%d bytes: %d %.300s %v", size, a.code, a.text, a.err)
		}
	}
	until(t, "no memory is held", func() bool { return r.metric(t, "segue_load_memory_bytes", "") == 0 })
}

// Where there is no place a client goes that only holds his: between two requests, or in the midst of a head.
func TestPlacesAreForRequests(t *testing.T) {
	o := options
	o.Connections, o.Header = 1, 2*wait
	for name, begin := range map[string]string{"a head that does not come on": "GET /api/x HTTP/1.1\r\n", "no request yet": "", "no request any more": "GET /api/x" + get} {
		r := serveCluster(t, newRecorder(t), o)
		held, in := r.dial(t)
		io.WriteString(held, begin)
		if strings.HasSuffix(begin, "\r\n\r\n") {
			if code, text := read(t, in, "GET"); code != 200 {
				t.Fatalf("%s: %d %s", name, code, text)
			}
		}
		until(t, name+": another one is served", func() bool { // its answer may be on its way
			conn, in := r.dial(t)
			io.WriteString(conn, "GET /api/x"+get)
			code, _ := read(t, in, "GET")
			_ = conn.Close()
			return code == 200
		})
		if b, err := io.ReadAll(in); len(b) > 0 || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s: %q, %v", name, b, err)
		}
	}
}

// A client that has connected, and not asked yet, when a drain begins, is served: it knows of none.
func TestDrainServesWhoHasCome(t *testing.T) {
	r := serveCluster(t, newRecorder(t), options)
	server := load.NewServer(options, newRecorder(t), r.ledger, discard, nil)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	counted := &counting{Listener: ln, come: make(chan struct{}, 1)}
	server.Listen(counted)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = server.Serve(ctx)
	}()
	r.address = ln.Addr().String()
	conn, in := r.dial(t)
	<-counted.come
	stop()
	until(t, "it listens no more", func() bool {
		c, err := net.Dial("tcp", r.address)
		if err == nil {
			_ = c.Close()
		}
		return err != nil
	})
	io.WriteString(conn, "GET /api/x"+get)
	if code, text := read(t, in, "GET"); code != 200 {
		t.Errorf("%d %s", code, text)
	}
	if _, err := in.ReadByte(); !errors.Is(err, io.EOF) {
		t.Errorf("and then: %v", err)
	}
	_ = conn.Close()
	<-ended
}

// lateDoor is a listener that gives one client only once it has been closed, as one does that still has to find out what it speaks.
type lateDoor struct {
	conn   chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (d *lateDoor) Accept() (net.Conn, error) {
	<-d.closed
	select {
	case conn := <-d.conn:
		return conn, nil
	default:
		return nil, net.ErrClosed
	}
}

func (d *lateDoor) Close() error {
	d.once.Do(func() { close(d.closed) })
	return nil
}

func (d *lateDoor) Addr() net.Addr { return &net.UnixAddr{Name: "late", Net: "unix"} }

// So is one whom a listener gives behind the drain's beginning, by one request.
func TestDrainServesWhoComesOutLate(t *testing.T) {
	r := serveCluster(t, newRecorder(t), options)
	server := load.NewServer(options, newRecorder(t), r.ledger, discard, nil)
	client, inside := net.Pipe()
	door := &lateDoor{conn: make(chan net.Conn, 1), closed: make(chan struct{})}
	door.conn <- inside
	server.Listen(door)
	ctx, stop := context.WithCancel(t.Context())
	stop()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = server.Serve(ctx)
	}()
	_ = client.SetDeadline(deadline())
	io.WriteString(client, "GET /api/x"+get)
	if code, text := read(t, bufio.NewReader(client), "GET"); code != 200 {
		t.Errorf("%d %s", code, text)
	}
	_ = client.Close()
	<-ended
}

// counting is a listener that tells of who is accepted.
type counting struct {
	net.Listener
	come chan struct{}
}

func (c *counting) Accept() (net.Conn, error) {
	conn, err := c.Listener.Accept()
	if err == nil {
		select {
		case c.come <- struct{}{}:
		default:
		}
	}
	return conn, err
}

// By a UNIX socket a client may name no host: what is sent on has one.
func TestNoHost(t *testing.T) {
	c := newRecorder(t)
	r := serveCluster(t, c, options)
	path := t.TempDir() + "/s"
	ln, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	r.Listen(ln)
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(deadline())
	io.WriteString(conn, "GET /api/x HTTP/1.0\r\n\r\n")
	if code, text := read(t, bufio.NewReader(conn), "GET"); code != 200 || !strings.Contains(c.all(), "\r\nHost: localhost\r\n") {
		t.Errorf("%d %s, for\n%s", code, text, c.all())
	}
}

// What strangers can bring about as often as they like is not logged as often, nor at their length.
func TestRefusedAreLoggedSeldom(t *testing.T) {
	r := serveCluster(t, &fixed{}, options)
	name := strings.Repeat("n", 50_000)
	const times = 50
	for range times {
		if got := r.raw(t, "GET /api/x HTTP/1.1\r\nHost: x\r\n"+name+": \x0b\r\n\r\n"); !strings.HasPrefix(got, "HTTP/1.1 400 ") {
			t.Fatalf("%.200q", got)
		}
	}
	if text := r.log.String(); len(text) > 32<<10 || strings.Count(text, "request refused") == times || !strings.Contains(text, "request refused") {
		t.Errorf("%d bytes: %.1000s", len(text), text)
	}
}

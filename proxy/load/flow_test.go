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
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"segue/backend/fesim"
	"segue/proxy/load"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// repeated is a body of n bytes: rows of nine.
type repeated struct{ n int64 }

func (b *repeated) Read(p []byte) (int, error) {
	if b.n == 0 {
		return 0, io.EOF
	}
	n := 0
	for n < len(p) && b.n > 0 {
		p[n] = "1,234567\n"[b.n%9]
		n++
		b.n--
	}
	return n, nil
}

// discarding returns a cluster whose BEs throw away what they read, with a Segue before it.
func discarding(t *testing.T, n int, be fesim.BEOptions, o load.Options) *rig {
	t.Helper()
	be.Discard = true
	r := start(t, 0, o)
	for range n {
		b, err := r.sim.AddBE(be)
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Start(); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// A body that is too long to be kept passes through, by a length and in chunks, from TCP and from a UNIX socket, and none of it is lost.
func TestLongBodies(t *testing.T) {
	r := discarding(t, 2, fesim.BEOptions{}, options)
	path := t.TempDir() + "/s"
	ln, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	r.Listen(ln)
	const size = 100 << 20
	for i, network := range []string{"tcp", "unix", "tcp", "unix"} {
		req, err := http.NewRequest("PUT", fmt.Sprintf("%s/api/fesim/loads_%d/_stream_load", r.url, i), &repeated{size})
		if err != nil {
			t.Fatal(err)
		}
		if i < 2 {
			req.ContentLength = size
		}
		req.SetBasicAuth("root", "")
		req.Header.Set("Expect", "100-continue")
		transport := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, address string) (net.Conn, error) {
			if network == "unix" {
				address = path
			}
			return new(net.Dialer).DialContext(ctx, network, address)
		}}
		began := time.Now()
		res, err := (&http.Client{Transport: transport}).Do(req)
		if err != nil {
			t.Fatal(err)
		}
		b, _ := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if got := r.sim.Loaded("fesim", fmt.Sprintf("loads_%d", i)).Bytes; got != size || !strings.Contains(string(b), `"Success"`) {
			t.Errorf("%s: %d bytes of %d: %s", network, got, int64(size), b)
		}
		t.Logf("%s, length %d: %v", network, req.ContentLength, time.Since(began))
	}
}

// openLoad begins a load by hand and sends a part of its body.
func (r *rig) openLoad(t *testing.T, table string, length int64, part string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", r.address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(2 * wait))
	fmt.Fprintf(conn, "PUT /api/fesim/%s/_stream_load HTTP/1.1\r\nHost: x\r\nAuthorization: Basic cm9vdDo=\r\nformat: csv\r\ncolumn_separator: ,\r\nContent-Length: %d\r\n\r\n%s", table, length, part)
	return conn
}

// until waits for something.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(wait); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within %v: %s", wait, what)
		}
	}
}

// A client that goes in the midst of its load: the BE's connection is closed, what was begun is rolled back, and nothing is left.
func TestClientGoes(t *testing.T) {
	for _, length := range []int64{1000, 1 << 30} {
		for _, reset := range []bool{false, true} {
			r := start(t, 1, options)
			conn := r.openLoad(t, "loads_a", length, "1,2\n")
			until(t, "the load has begun", func() bool { return r.sim.BEs()[0].Loads() == 1 })
			if reset {
				_ = conn.(*net.TCPConn).SetLinger(0)
			}
			_ = conn.Close()
			until(t, "nothing is in flight", func() bool { return len(r.Loads()) == 0 && r.sim.BEs()[0].Loads() == 0 })
			if txns := r.sim.LoadTxns("fesim"); len(txns) != 1 {
				t.Errorf("transactions: %v", txns)
			}
			until(t, "it is rolled back", func() bool { return r.sim.LoadTxns("fesim")[0].State == fesim.LoadAborted })
			if n := r.metric(t, "segue_loads_total", "gone"); n != 1 {
				t.Errorf("%v have gone", n)
			}
		}
	}
}

// metric is the value of a counter or gauge.
func (r *rig) metric(t *testing.T, name, label string) float64 {
	t.Helper()
	families, err := r.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == name && (label == "" || m.GetLabel()[0].GetValue() == label) {
				return m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	t.Fatalf("no metric %s %s", name, label)
	return 0
}

// When it is to end the server takes nobody any more, ends what is in flight, and returns.
func TestDrain(t *testing.T) {
	r := start(t, 1, options)
	ctx, stop := context.WithCancel(t.Context())
	server := load.NewServer(options, r.cluster, r.ledger, discard, nil)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server.Listen(ln)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = server.Serve(ctx)
	}()
	r.address = ln.Addr().String()
	idle, err := net.Dial("tcp", r.address)
	if err != nil {
		t.Fatal(err)
	}
	defer idle.Close()
	_ = idle.SetDeadline(time.Now().Add(wait))
	io.WriteString(idle, "GET /api/fesim/get_load_state?label=x HTTP/1.1\r\nHost: x\r\nAuthorization: Basic cm9vdDo=\r\n\r\n")
	answers := bufio.NewReader(idle)
	if res, err := http.ReadResponse(answers, nil); err != nil || res.StatusCode != 200 {
		t.Fatal(res, err)
	} else if _, err := io.Copy(io.Discard, res.Body); err != nil {
		t.Fatal(err)
	}
	conn := r.openLoad(t, "loads_a", 8, "1,2\n")
	until(t, "it is in flight", func() bool { l := server.Loads(); return len(l) == 1 && l[0].State == "body" && l[0].In == 4 })
	stop()
	if _, err := answers.ReadByte(); !errors.Is(err, io.EOF) {
		t.Errorf("the idle connection: %v", err)
	}
	if late, err := net.Dial("tcp", r.address); err == nil {
		_ = late.Close()
		t.Error("a client was taken")
	}
	select {
	case <-ended:
		t.Fatal("it has ended with a load in flight")
	default:
	}
	io.WriteString(conn, "2,2\n")
	b, err := io.ReadAll(conn)
	if err != nil || !strings.Contains(string(b), "Success") || !strings.Contains(string(b), "Connection: close\r\n") {
		t.Errorf("%q, %v", b, err)
	}
	select {
	case <-ended:
	case <-time.After(wait):
		t.Error("it does not end")
	}
	r.loaded(t, "loads_a", 2)
}

// Close ends what is in flight.
func TestClose(t *testing.T) {
	r := start(t, 1, options)
	conn := r.openLoad(t, "loads_a", 1<<30, "1,2\n")
	until(t, "it is in flight", func() bool { l := r.Loads(); return len(l) == 1 && l[0].State == "body" })
	r.Close()
	if b, err := io.ReadAll(conn); len(b) > 0 {
		t.Errorf("%q, %v", b, err)
	}
}

// A thousand loads at once cost little memory each, and leave nothing behind.
func TestThousandLoads(t *testing.T) {
	const n = 1000
	for _, length := range []int64{100 << 20, 1 << 20} { // spliced; kept
		c := sink(t)
		r := serveCluster(t, c, load.Options{Follow: true, Memory: 64 << 20})
		files := descriptors(t)
		var before, during runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		conns := make([]net.Conn, n)
		part := strings.Repeat("1,234567\n", 20_000)
		for i := range conns {
			conns[i] = r.openLoad(t, "loads_a", length, part)
		}
		until(t, "all are in flight", func() bool {
			in := 0
			for _, l := range r.Loads() {
				if l.State == "body" && l.In >= 64<<10 { // what is being spliced is counted by pieces
					in++
				}
			}
			return in == n
		})
		runtime.GC()
		runtime.ReadMemStats(&during)
		kept := int64(r.metric(t, "segue_load_memory_bytes", ""))
		each := (int64(during.HeapInuse+during.StackInuse) - int64(before.HeapInuse+before.StackInuse) - kept) / n
		t.Logf("%d loads of %d bytes in flight: %d bytes each, and %d bytes of bodies kept of all", n, length, each, kept)
		if each > 256<<10 || kept > 64<<20 || length == 1<<20 && kept < 32<<20 {
			t.Errorf("a load costs %d bytes, and %d are kept of all", each, kept)
		}
		var all sync.WaitGroup
		for _, conn := range conns {
			all.Go(func() { _ = conn.Close() })
		}
		all.Wait()
		until(t, "nothing is in flight", func() bool { return len(r.Loads()) == 0 })
		until(t, "no descriptor is left", func() bool { return descriptors(t) <= files+8 })
		if n := r.metric(t, "segue_load_memory_bytes", ""); n != 0 {
			t.Errorf("%v bytes are kept", n)
		}
		r.Close()
	}
}

// descriptors is how many the process has open. Pipes for splicing are kept for the next.
func descriptors(t *testing.T) int {
	t.Helper()
	runtime.GC()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip(err)
	}
	n := 0
	for _, e := range entries {
		if to, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil && strings.HasPrefix(to, "socket:") {
			n++
		}
	}
	return n
}

package load_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"segue/backend/secure"
	"segue/proxy/ledger"
	"segue/proxy/load"
)

// Loads by TLS, several by one connection, kept and not kept; the ErrorURL leads back by https.
func TestTLS(t *testing.T) {
	r := start(t, 2, load.Options{Follow: true, Flavor: "starrocks", Buffer: 1000})
	pem, key, err := secure.SelfSigned([]string{"127.0.0.1"}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := tls.X509KeyPair(pem, key)
	if err != nil {
		t.Fatal(err)
	}
	ln, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{certificate}})
	if err != nil {
		t.Fatal(err)
	}
	r.Listen(ln)
	transport := &http.Transport{ExpectContinueTimeout: wait, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	defer transport.CloseIdleConnections()
	for i, n := range []int{10, 1000, 100_000, 10} {
		req, err := http.NewRequest("PUT", fmt.Sprintf("https://%s/api/fesim/loads_%d/_stream_load", ln.Addr(), i), strings.NewReader(csv(0, n)))
		if err != nil {
			t.Fatal(err)
		}
		req.SetBasicAuth("root", "")
		for name, value := range csvHeader {
			req.Header.Set(name, value)
		}
		res, err := (&http.Client{Transport: transport}).Do(req)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if err != nil || !strings.Contains(string(b), `"Success"`) || res.Close {
			t.Errorf("%s %v, closed %v", b, err, res.Close)
		}
		r.loaded(t, fmt.Sprintf("loads_%d", i), n)
	}
}

// Nodes that belong to others are not chosen: compute nodes, whose warehouse is not known, and in Doris none at all but whom an FE names.
func TestOtherNodes(t *testing.T) {
	for name, c := range map[string]struct {
		flavor  string
		compute bool
		header  string
		other   bool
	}{
		"a BE": {"starrocks", false, "", true}, "a CN": {"starrocks", true, "", false}, "a warehouse": {"starrocks", false, "warehouse", false}, "doris": {"doris", false, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			cluster := &scripted{}
			var others atomic.Int64
			bad := cluster.node(t, func(string, net.Conn, *bufio.Reader) string { return "" })
			cluster.node(t, func(head string, conn net.Conn, in *bufio.Reader) string {
				others.Add(1)
				_ = body(head, conn, in)
				return success
			})
			for i := range cluster.nodes {
				cluster.nodes[i].Compute = c.compute
			}
			cluster.frontend(t, func(head string, _ net.Conn, _ *bufio.Reader) string {
				if strings.Contains(head, "get_load_state") {
					return state("ABORTED")
				}
				return redirect(bad, head)
			})
			o := short(load.Options{Flavor: c.flavor})
			header := csvHeader
			if c.header != "" {
				header = with(csvHeader, c.header, "w")
			}
			r := serveCluster(t, cluster, o)
			a := r.send(t, "PUT", path, header, strings.NewReader("1,2\n"))
			if (a.status() == "Success") != c.other || (others.Load() > 0) != c.other {
				t.Errorf("%d loads at the other: %d %s %v", others.Load(), a.code, a.text, a.err)
			}
		})
	}
}

// The ledger has what was hidden as hidden, and what was seen as seen: of loads, and of what is none.
func TestLedger(t *testing.T) {
	c := &scripted{}
	var fail, states atomic.Int64
	node := c.node(t, func(head string, conn net.Conn, in *bufio.Reader) string {
		_ = body(head, conn, in)
		return success
	})
	c.frontend(t, func(head string, _ net.Conn, _ *bufio.Reader) string {
		states.Add(1)
		if fail.Add(-1) >= 0 {
			return ""
		}
		if strings.HasPrefix(head, "GET") {
			return say(200, "{}")
		}
		return redirect(node, head)
	})
	r := serveCluster(t, c, short(load.Options{}))
	for i, want := range []struct {
		method string
		fail   int64
		seen   bool
	}{{"PUT", 1, false}, {"GET", 1, false}, {"PUT", 1e6, true}, {"GET", 1e6, true}} {
		before := r.ledger.Failures()
		fail.Store(want.fail)
		where, in := path, io.Reader(strings.NewReader("1,2\n"))
		if want.method == "GET" {
			where, in = "/api/v1/x", nil
		}
		a := r.send(t, want.method, where, nil, in)
		until(t, "it is entered", func() bool {
			after := r.ledger.Failures()
			return want.seen == (count(after, ledger.Seen) == count(before, ledger.Seen)+1) && count(after, ledger.Retried) > count(before, ledger.Retried) == (!want.seen || want.fail > 1)
		})
		if ok := a.code == 200 && a.status() != "Fail"; ok == want.seen {
			t.Errorf("%d: %d %s %v", i, a.code, a.text, a.err)
		}
	}
}

func count(f ledger.Failures, action ledger.Action) (n uint64) {
	for _, c := range f.Counts {
		if c.Kind == ledger.LostLoad && c.Action == action {
			n += c.Count
		}
	}
	return n
}

// Whose log is asked for is the client's word: nobody gets the client's account by it, and names that stand for many stand for none here.
func TestErrorLogOfStrangers(t *testing.T) {
	c := &scripted{}
	var heads atomic.Value
	heads.Store("")
	serve := func(head string, _ net.Conn, _ *bufio.Reader) string {
		heads.Store(head)
		return say(200, "rows")
	}
	node := c.node(t, serve)
	fe := c.frontend(t, serve)
	other := listen(t, func(conn net.Conn, _ *bufio.Reader, head string) { io.WriteString(conn, serve(head, nil, nil)) })
	o := short(load.Options{Nodes: []string{"*", "127.0.0.1"}})
	r := serveCluster(t, c, o)
	get := func(at string) answer {
		heads.Store("")
		return r.send(t, "GET", "/api/_load_error_log?file=x&segue_node="+at, map[string]string{"Cookie": "secret"}, nil)
	}
	if a := get(node); a.code != 200 || a.text != "rows" || strings.Contains(heads.Load().(string), "secret") || strings.Contains(heads.Load().(string), "Authorization") {
		t.Errorf("a node: %d %s %v; it got %q", a.code, a.text, a.err, heads.Load())
	}
	for name, at := range map[string]string{"a stranger": other, "an FE": fe} {
		if a := get(at); a.code == 200 || heads.Load() != "" {
			t.Errorf("%s: %d %s %v; it got %q", name, a.code, a.text, a.err, heads.Load())
		}
	}
	o.Nodes = []string{other}
	r.SetOptions(o)
	if a := get(other); a.code != 200 || strings.Contains(heads.Load().(string), "Authorization") {
		t.Errorf("one that is configured: %d %s %v; it got %q", a.code, a.text, a.err, heads.Load())
	}
}

// A node that is to get nothing new gets none of twenty loads, and no begin, though the FE names it; where there is no other one it gets them all the same.
func TestDrainedNode(t *testing.T) {
	c := &scripted{}
	var at [2]atomic.Int64
	for i := range at {
		c.node(t, func(head string, conn net.Conn, in *bufio.Reader) string {
			at[i].Add(1)
			if strings.Contains(head, "/begin") {
				return say(200, `{"Status":"OK"}`)
			}
			_ = body(head, conn, in)
			return success
		})
	}
	var turn atomic.Int64
	c.frontend(t, func(head string, _ net.Conn, _ *bufio.Reader) string {
		c.mu.Lock()
		defer c.mu.Unlock()
		if n := turn.Add(1); strings.Contains(head, "/begin") {
			return redirect(name(c.nodes[n%2]), head)
		}
		return redirect(name(c.nodes[0]), head)
	})
	c.nodes[0].Leaving = true
	r := serveCluster(t, c, short(load.Options{}))
	for range 20 {
		if a := r.send(t, "PUT", path, csvHeader, strings.NewReader("1,2\n")); a.status() != "Success" {
			t.Fatalf("%d %s %v", a.code, a.text, a.err)
		}
		if a := r.send(t, "POST", "/api/transaction/begin", map[string]string{"db": "d", "table": "t", "label": "l"}, nil); a.status() != "OK" {
			t.Fatalf("%d %s %v", a.code, a.text, a.err)
		}
	}
	if got := [2]int64{at[0].Load(), at[1].Load()}; got != [2]int64{0, 40} {
		t.Errorf("%v", got)
	}
	c.change(func() { c.nodes = c.nodes[:1] })
	if a := r.send(t, "PUT", path, csvHeader, strings.NewReader("1,2\n")); a.status() != "Success" || at[0].Load() != 1 {
		t.Errorf("the only one: %d %s %v", a.code, a.text, a.err)
	}
}

// Questions are no loads: nothing waits for them.
func TestQuestionsAreNoLoads(t *testing.T) {
	c := &scripted{}
	asked, answered := make(chan struct{}), make(chan struct{})
	c.frontend(t, func(string, net.Conn, *bufio.Reader) string {
		close(asked)
		<-answered
		return state("VISIBLE")
	})
	r := serveCluster(t, c, short(load.Options{}))
	answers := make(chan answer)
	go func() { answers <- r.send(t, "GET", "/api/d/get_load_state?label=x", nil, nil) }()
	<-asked
	if l := r.Loads(); len(l) > 0 {
		t.Errorf("in flight: %v", l)
	}
	close(answered)
	if a := <-answers; a.code != 200 {
		t.Errorf("%d %s %v", a.code, a.text, a.err)
	}
}

func name(n load.Node) string { return fmt.Sprintf("%s:%d", n.Host, n.Port) }

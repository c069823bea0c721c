package load_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"segue/backend/fesim"
	"segue/proxy/load"
)

// say is a whole answer.
func say(status int, body string, more ...string) string {
	return fmt.Sprintf("HTTP/1.1 %d X\r\nContent-Length: %d\r\n%sConnection: close\r\n\r\n%s", status, len(body), strings.Join(more, ""), body)
}

func redirect(to, head string) string {
	return say(307, "", "Location: http://"+to+strings.Fields(head)[1]+"\r\n")
}

func state(s string) string { return say(200, `{"state":"`+s+`"}`) }

// scripted is a cluster whose FEs and BEs say what they are told to.
type scripted struct {
	mu        sync.Mutex
	frontends []load.Frontend
	nodes     []load.Node
	changed   chan struct{}
}

func (c *scripted) Frontends() []load.Frontend {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]load.Frontend(nil), c.frontends...)
}

func (c *scripted) Nodes() []load.Node {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]load.Node(nil), c.nodes...)
}

func (c *scripted) Changed() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.changed
}

func (c *scripted) change(do func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	do()
	close(c.changed)
	c.changed = make(chan struct{})
}

// frontend adds an FE, the first of which leads.
func (c *scripted) frontend(t *testing.T, serve func(head string, conn net.Conn, in *bufio.Reader) string) string {
	t.Helper()
	if c.changed == nil {
		c.changed = make(chan struct{})
	}
	address := listen(t, func(conn net.Conn, in *bufio.Reader, head string) { io.WriteString(conn, serve(head, conn, in)) })
	n := len(c.frontends)
	c.frontends = append(c.frontends, load.Frontend{Name: fmt.Sprintf("fe-%d", n+1), Address: address, Up: true, Leader: n == 0})
	return address
}

// node adds a BE.
func (c *scripted) node(t *testing.T, serve func(head string, conn net.Conn, in *bufio.Reader) string) string {
	t.Helper()
	address := listen(t, func(conn net.Conn, in *bufio.Reader, head string) { io.WriteString(conn, serve(head, conn, in)) })
	host, port, _ := net.SplitHostPort(address)
	c.nodes = append(c.nodes, load.Node{Host: host, Port: atoi(port), Alive: true})
	return address
}

// body reads the body that a head tells of, behind a 100.
func body(head string, conn net.Conn, in *bufio.Reader) string {
	io.WriteString(conn, "HTTP/1.1 100 Continue\r\n\r\n")
	_, after, _ := strings.Cut(head, "\r\nContent-Length: ")
	n := 0
	fmt.Sscan(after, &n)
	b := make([]byte, n)
	got, _ := io.ReadFull(in, b)
	return string(b[:got])
}

var success = say(200, `{"Status":"Success","Label":"x"}`)

// short has what waits not wait for long.
func short(o load.Options) load.Options {
	o.Follow, o.Hold, o.Budget = true, 500*time.Millisecond, 500*time.Millisecond
	return o
}

const path = "/api/fesim/loads_a/_stream_load"

// A step whose FE refuses is tried again after pauses, and not for ever.
func TestRefusedStepsPause(t *testing.T) {
	var asked atomic.Int64
	c := &scripted{}
	c.frontend(t, func(string, net.Conn, *bufio.Reader) string {
		asked.Add(1)
		return say(503, "no")
	})
	r := serveCluster(t, c, short(load.Options{}))
	a := r.send(t, "POST", "/api/transaction/begin", nil, nil)
	if a.err != nil || a.status() == "OK" || asked.Load() > 40 {
		t.Errorf("after %d: %d %s %v", asked.Load(), a.code, a.text, a.err)
	}
}

// What was cut off does not concern the next transaction of the same label.
func TestLabelOfTornTransaction(t *testing.T) {
	r := start(t, 1, options)
	r.tornLoad(t)
	until(t, "it is rolled back", func() bool { return r.sim.LoadTxns("fesim")[0].State == fesim.LoadAborted })
	until(t, "it has gone", func() bool { return r.metric(t, "segue_loads_total", "gone") == 1 })
	for _, name := range []string{"begin", "load", "prepare", "commit"} {
		rows := ""
		if name == "load" {
			rows = csv(0, 10)
		}
		if a := r.step(t, name, "one", rows); a.status() != "OK" {
			t.Fatalf("%s: %s %v", name, a.text, a.err)
		}
	}
	r.loaded(t, "loads_txn", 10)
}

// A node that takes no more for too long, and goes on when it is given up: what was lost on the way to it is not made up for by what the client sends next.
func TestNodeTakesNoMore(t *testing.T) {
	c := &scripted{}
	const size, progress = 64 << 20, 300 * time.Millisecond
	holed := make(chan bool, 1)
	node := c.node(t, func(_ string, conn net.Conn, in *bufio.Reader) string {
		io.WriteString(conn, "HTTP/1.1 100 Continue\r\n\r\n")
		want := &repeated{size}
		same := func(n int64) bool {
			theirs, ours := make([]byte, 1<<20), make([]byte, 1<<20)
			for ; n > 0; n -= int64(len(ours)) {
				if _, err := io.ReadFull(in, theirs); err != nil {
					return true // cut short: that is told
				}
				if _, _ = io.ReadFull(want, ours); string(ours) != string(theirs) {
					return false
				}
			}
			return true
		}
		whole := same(1 << 20)
		time.Sleep(3 * progress) // beyond the time that a write has, and not as long as two of them have
		holed <- !whole || !same(size-1<<20)
		return success
	})
	c.frontend(t, func(head string, _ net.Conn, _ *bufio.Reader) string {
		if strings.Contains(head, "get_load_state") {
			return state("UNKNOWN")
		}
		return redirect(node, head)
	})
	r := serveCluster(t, c, short(load.Options{Buffer: -1, Progress: progress}))
	conn := r.openLoad(t, "loads_a", size, "")
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		_, _ = io.Copy(conn, io.MultiReader(&repeated{size}, &repeated{8 << 20}))
	}()
	answered, _ := io.ReadAll(conn)
	_ = conn.Close()
	<-sent
	if <-holed {
		t.Errorf("the node got a body with a hole, the client %.300q", answered)
	}
}

// A node that sends on does not have the client be sent on.
func TestNodeRedirects(t *testing.T) {
	c := &scripted{}
	node := c.node(t, func(head string, _ net.Conn, _ *bufio.Reader) string { return redirect("10.0.0.1:1", head) })
	c.frontend(t, func(head string, _ net.Conn, _ *bufio.Reader) string { return redirect(node, head) })
	r := serveCluster(t, c, short(load.Options{}))
	if a := r.send(t, "PUT", path, csvHeader, strings.NewReader("1,2\n")); a.code != 200 || a.status() != "Fail" {
		t.Errorf("%d %s %v", a.code, a.text, a.err)
	}
}

// A request that is no load, with a body: what is wrong with that is its client's affair, and costs no FE anything; the leader gets it where another FE names it.
func TestRelayedBodies(t *testing.T) {
	c := &scripted{}
	var asked atomic.Int64
	var got atomic.Value
	leader := c.frontend(t, func(head string, conn net.Conn, in *bufio.Reader) string {
		asked.Add(1)
		if strings.HasPrefix(head, "POST") {
			got.Store(body(head, conn, in))
		}
		return say(200, "{}")
	})
	r := serveCluster(t, c, short(load.Options{Header: wait, Progress: 300 * time.Millisecond}))
	const post = "POST /api/v1/x HTTP/1.1\r\nHost: x\r\n"
	if a := r.raw(t, post+"Transfer-Encoding: chunked\r\n\r\nzz\r\n"); !strings.HasPrefix(a, "HTTP/1.1 400 ") || asked.Load() > 1 {
		t.Errorf("%d times: %q", asked.Load(), a)
	}
	conn, err := net.Dial("tcp", r.address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(wait))
	io.WriteString(conn, post+"Content-Length: 9\r\n\r\n1,2\n")
	if b, err := io.ReadAll(conn); err != nil || !strings.HasPrefix(string(b), "HTTP/1.1 408 ") {
		t.Errorf("%q, %v", b, err)
	}
	if n := len(r.ledger.Failures().Seen); n > 0 {
		t.Errorf("%d failures of FEs", n)
	}
	follower := c.frontend(t, func(head string, conn net.Conn, in *bufio.Reader) string {
		if strings.HasPrefix(head, "POST") {
			_ = body(head, conn, in)
		}
		return redirect(leader, head)
	})
	c.change(func() { c.frontends[0].Up = false })
	got.Store("")
	c.mu.Lock()
	c.frontends[0].Up, c.frontends[0].Leader = true, false
	c.frontends[0], c.frontends[1] = c.frontends[1], c.frontends[0]
	c.mu.Unlock()
	for range 2 {
		if a := r.send(t, "POST", "/api/v1/x", nil, strings.NewReader("hello")); a.code != 200 || got.Load() != "hello" {
			t.Errorf("through %s: %d %s %v; the leader got %q", follower, a.code, a.text, a.err, got.Load())
		}
	}
}

// An FE that is frozen, or answers by errors, is not believed to lead.
func TestStaleLeader(t *testing.T) {
	for name, stale := range map[string]string{"it says unknown": state("UNKNOWN"), "it errs": say(500, "x"), "it says aborted": state("ABORTED")} {
		t.Run(name, func(t *testing.T) {
			c := &scripted{}
			var loads atomic.Int64
			node := c.node(t, func(head string, conn net.Conn, in *bufio.Reader) string {
				loads.Add(1)
				_ = body(head, conn, in)
				return "" // its answer is lost
			})
			serve := func(says string) func(string, net.Conn, *bufio.Reader) string {
				return func(head string, _ net.Conn, _ *bufio.Reader) string {
					if strings.Contains(head, "get_load_state") {
						return says
					}
					return redirect(node, head)
				}
			}
			c.frontend(t, serve(stale))
			leader := c.frontend(t, serve(state("VISIBLE")))
			c.frontend(t, func(head string, _ net.Conn, _ *bufio.Reader) string {
				if strings.Contains(head, "get_load_state") {
					return redirect(leader, head)
				}
				return redirect(node, head)
			})
			r := serveCluster(t, c, load.Options{Follow: true})
			a := r.send(t, "PUT", path, csvHeader, strings.NewReader("1,2\n"))
			if a.status() != "Success" || loads.Load() != 1 {
				t.Errorf("%d loads: %d %s %v", loads.Load(), a.code, a.text, a.err)
			}
		})
	}
}

// Who hangs is waited for until it is known not to live.
func TestHungNodes(t *testing.T) {
	c := &scripted{}
	ended := make(chan struct{})
	defer close(ended)
	var hung atomic.Int64
	bad := c.node(t, func(string, net.Conn, *bufio.Reader) string {
		hung.Add(1)
		<-ended
		return ""
	})
	good := c.node(t, func(head string, conn net.Conn, in *bufio.Reader) string {
		_ = body(head, conn, in)
		return success
	})
	var turn atomic.Int64
	c.frontend(t, func(head string, _ net.Conn, _ *bufio.Reader) string {
		switch {
		case strings.Contains(head, "get_load_state"):
			return state("ABORTED")
		case strings.Contains(head, "/commit"):
			hung.Add(1)
			<-ended
			return ""
		case turn.Add(1) == 1:
			return redirect(bad, head)
		}
		return redirect(good, head)
	})
	r := serveCluster(t, c, load.Options{Follow: true})
	answers := make(chan answer)
	go func() { answers <- r.send(t, "PUT", path, csvHeader, strings.NewReader("1,2\n")) }()
	until(t, "it hangs", func() bool { return hung.Load() == 1 })
	c.change(func() { c.nodes[0].Alive = false })
	if a := <-answers; a.status() != "Success" {
		t.Errorf("a load: %d %s %v", a.code, a.text, a.err)
	}
	c.frontend(t, func(head string, _ net.Conn, _ *bufio.Reader) string {
		if strings.Contains(head, "get_load_state") {
			return state("VISIBLE")
		}
		return say(200, `{"Status":"OK"}`)
	})
	go func() {
		answers <- r.send(t, "POST", "/api/transaction/commit", map[string]string{"db": "fesim", "label": "one"}, nil)
	}()
	until(t, "it hangs", func() bool { return hung.Load() == 2 })
	c.change(func() { c.frontends[0].Up, c.frontends[0].Leader, c.frontends[1].Leader = false, false, true })
	if a := <-answers; a.status() != "OK" && a.status() != "Success" {
		t.Errorf("a commit: %d %s %v", a.code, a.text, a.err)
	}
}

// Half an answer does not tell that the label is this load's: what has it is not cancelled.
func TestHalfAnAnswer(t *testing.T) {
	c := &scripted{}
	var cancels, loads atomic.Int64
	exists := say(200, `{"Status":"Label Already Exists","ExistingJobStatus":"RUNNING","Message":"x"}`)
	node := c.node(t, func(string, net.Conn, *bufio.Reader) string {
		if loads.Add(1) == 1 {
			return exists[:len(exists)-20]
		}
		return exists
	})
	c.frontend(t, func(head string, _ net.Conn, _ *bufio.Reader) string {
		switch {
		case strings.Contains(head, "get_load_state"):
			return state("PREPARE")
		case strings.Contains(head, "_cancel"):
			cancels.Add(1)
			return say(200, "{}")
		}
		return redirect(node, head)
	})
	r := serveCluster(t, c, short(load.Options{}))
	a := r.send(t, "PUT", path, with(csvHeader, "label", "theirs"), strings.NewReader("1,2\n"))
	if a.status() == "Success" || cancels.Load() > 0 {
		t.Errorf("%d cancels: %d %s %v", cancels.Load(), a.code, a.text, a.err)
	}
}

// A leader that is about to leave gets no begin, though followers name it, while another one may be elected.
func TestLeavingLeader(t *testing.T) {
	c := &scripted{}
	var begins atomic.Int64
	var leader atomic.Value
	serve := func(me int) func(string, net.Conn, *bufio.Reader) string {
		return func(head string, _ net.Conn, _ *bufio.Reader) string {
			c.mu.Lock()
			at := leader.Load().(int)
			to := c.frontends[at].Address
			c.mu.Unlock()
			if at != me {
				return redirect(to, head)
			}
			begins.Add(int64(1) << (8 * me))
			return say(200, `{"Status":"OK"}`)
		}
	}
	leader.Store(0)
	for i := range 3 {
		c.frontend(t, serve(i))
	}
	c.frontends[0].Leaving = true
	r := serveCluster(t, c, load.Options{Follow: true})
	answers := make(chan answer)
	go func() {
		answers <- r.send(t, "POST", "/api/transaction/begin", map[string]string{"db": "fesim", "label": "one", "table": "t"}, nil)
	}()
	until(t, "it waits", func() bool { return len(r.Loads()) == 1 })
	leader.Store(1)
	c.change(func() { c.frontends[0].Leader, c.frontends[1].Leader = false, true })
	if a := <-answers; a.status() != "OK" || begins.Load() != 1<<8 {
		t.Errorf("begun at %x: %d %s %v", begins.Load(), a.code, a.text, a.err)
	}
}

// An FE reads the whole body of a POST before it looks at it: the step that carries none must not tell of one.
func TestPostedLoad(t *testing.T) {
	c := &scripted{}
	node := c.node(t, func(head string, conn net.Conn, in *bufio.Reader) string {
		if got := body(head, conn, in); got != "1,2\n" {
			return say(200, `{"Status":"Fail"}`)
		}
		return say(200, `{"Status":"OK"}`)
	})
	c.frontend(t, func(head string, conn net.Conn, in *bufio.Reader) string {
		if !strings.Contains(head, "Content-Length: 0\r\n") || strings.Contains(head, "chunked") {
			_, _ = io.Copy(io.Discard, in)
			return ""
		}
		return redirect(node, head)
	})
	r := serveCluster(t, c, short(load.Options{}))
	a := r.send(t, "POST", "/api/transaction/load", map[string]string{"db": "fesim", "label": "one", "table": "t"}, strings.NewReader("1,2\n"))
	if a.status() != "OK" {
		t.Errorf("%d %s %v", a.code, a.text, a.err)
	}
}

// That an FE has gone says nothing of the BE that has the transaction: it is not cancelled.
func TestFrontendGoesInACommit(t *testing.T) {
	c := &scripted{}
	var cancels, commits atomic.Int64
	var gone net.Listener
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone = ln
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		conn, err := gone.Accept()
		if err != nil {
			return
		}
		_, _ = conn.Read(make([]byte, 4096))
		_ = gone.Close()
		_ = conn.Close()
	}()
	c.changed = make(chan struct{})
	c.frontends = []load.Frontend{{Name: "fe-0", Address: ln.Addr().String(), Up: true, Leader: true}}
	leader := c.frontend(t, func(head string, _ net.Conn, _ *bufio.Reader) string {
		switch {
		case strings.Contains(head, "get_load_state"):
			return state("PREPARE")
		case strings.Contains(head, "_cancel"):
			cancels.Add(1)
		case strings.Contains(head, "/commit"):
			commits.Add(1)
		}
		return say(200, `{"Status":"OK"}`)
	})
	_ = leader
	r := serveCluster(t, c, short(load.Options{}))
	a := r.send(t, "POST", "/api/transaction/commit", map[string]string{"db": "fesim", "label": "one"}, nil)
	<-ended
	if a.status() != "OK" || cancels.Load() > 0 || commits.Load() != 1 {
		t.Errorf("%d commits, %d cancels: %d %s %v", commits.Load(), cancels.Load(), a.code, a.text, a.err)
	}
}

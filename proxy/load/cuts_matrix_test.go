package load_test

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// Connections that are cut at any byte: between Segue and a BE, and between a client and Segue.

// cut is where a connection ends.
type cut struct {
	up, down int64 // after so many bytes to the server, or from it; below 0: not there
	reset    bool  // by RST
}

func (c cut) String() string {
	return fmt.Sprintf("cut after %d bytes up, %d down, reset %v", c.up, c.down, c.reset)
}

// cutter stands before a server. One connection that it is told of is cut, all others pass.
type cutter struct {
	ln net.Listener
	to string

	mu   sync.Mutex
	next *cut
	open map[net.Conn]bool
	work sync.WaitGroup
}

func newCutter(t *testing.T, to string) *cutter {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cutter{ln: ln, to: to, open: map[net.Conn]bool{}}
	c.work.Go(c.accept)
	t.Cleanup(func() {
		ln.Close()
		c.mu.Lock()
		for conn := range c.open {
			conn.Close()
		}
		c.mu.Unlock()
		c.work.Wait()
	})
	return c
}

// set has the next connection be cut.
func (c *cutter) set(next *cut) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.next = next
}

func (c *cutter) accept() {
	for {
		conn, err := c.ln.Accept()
		if err != nil {
			return
		}
		c.work.Go(func() { c.pass(conn) })
	}
}

func (c *cutter) pass(client net.Conn) {
	server, err := net.Dial("tcp", c.to)
	if err != nil {
		end(client, true)
		return
	}
	c.mu.Lock()
	how := cut{up: -1, down: -1}
	if c.next != nil {
		how, c.next = *c.next, nil
	}
	c.open[client], c.open[server] = true, true
	c.mu.Unlock()
	var both sync.WaitGroup
	both.Go(func() { pour(server, client, how.up, how.reset) })
	both.Go(func() { pour(client, server, how.down, how.reset) })
	both.Wait()
	client.Close()
	server.Close()
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.open, client)
	delete(c.open, server)
}

// pour moves bytes until there are no more, or so many have been moved that both connections end.
func pour(to, from net.Conn, most int64, reset bool) {
	if most < 0 {
		_, err := io.Copy(to, from)
		if tcp, ok := to.(*net.TCPConn); ok && err == nil {
			tcp.CloseWrite()
			return
		}
		end(to, reset)
		return
	}
	if n, _ := io.CopyN(to, from, most); n < most { // it ended before
		if tcp, ok := to.(*net.TCPConn); ok {
			tcp.CloseWrite()
		}
		return
	}
	end(to, reset)
	end(from, reset)
}

func end(conn net.Conn, reset bool) {
	if tcp, ok := conn.(*net.TCPConn); ok && reset {
		tcp.SetLinger(0)
	}
	conn.Close()
}

// startCut is startScaled with a cutter before each BE.
func startCut(t *testing.T, n int) (*rig, []*cutter) {
	t.Helper()
	r := startScaled(t, n)
	o := options
	o.Addresses = map[string]string{}
	var cutters []*cutter
	for _, be := range r.sim.BEs() {
		c := newCutter(t, be.HTTPAddress())
		o.Addresses[be.HTTPAddress()] = c.ln.Addr().String()
		cutters = append(cutters, c)
	}
	r.SetOptions(o)
	r.options = o
	r.witness(t)
	return r, cutters
}

// settled waits until no load is under way, neither in Segue nor in the cluster.
func (r *rig) settled(t *testing.T) {
	t.Helper()
	awaited(t, "an end of all loads", func() bool {
		if len(r.Loads()) > 0 {
			return false
		}
		for _, be := range r.sim.BEs() {
			if be.Loads() > 0 {
				return false
			}
		}
		return true
	})
}

// Whatever byte between Segue and a BE is the last one: what is told is true, and with the body in memory it is told to be loaded.
func TestCutsBehindSegue(t *testing.T) {
	t.Parallel()
	const seeds, shards = 160, 8
	told := &table{told: map[rune]int{}, lines: map[int]string{}}
	var done sync.WaitGroup
	for shard := range uint64(shards) {
		r, cutters := startCut(t, 3)
		done.Go(func() {
			for seed := shard; seed < seeds; seed += shards {
				what, took := r.cutBehind(t, seed, cutters)
				told.add(0, "", []rune{what}, took)
			}
		})
	}
	done.Wait()
	t.Logf("%d cuts: S success by the node %d, R success by the label %d, N nothing was loaded %d, F failed %d, U unknown %d; the slowest took %v",
		seeds, told.told[byNode], told.told[byLabel], told.told[nothing], told.told[failed], told.told[unknown], told.slowest.Round(time.Millisecond))
}

// cutBehind is one load, cut where the seed says.
func (r *rig) cutBehind(t *testing.T, seed uint64, cutters []*cutter) (what rune, took time.Duration) {
	t.Helper()
	random := rand.New(rand.NewPCG(seed, 16))
	w := ways[random.IntN(len(ways))]
	how := cut{up: -1, down: -1, reset: random.IntN(2) == 0}
	text := matrixBody(100_000 + int(seed)*matrixRows)
	switch random.IntN(6) {
	case 0:
		how.down = random.Int64N(60) // 100, and what is about it
	case 1:
		how.down = random.Int64N(700) // the answer
	case 2:
		how.up = random.Int64N(600) // the head, and the first bytes behind it
	default:
		how.up = random.Int64N(int64(len(text)) + 700)
	}
	o := r.options
	if !w.kept {
		o.Buffer = -1
	}
	r.SetOptions(o)
	for _, c := range cutters {
		c.set(&how)
	}
	name, label := fmt.Sprintf("c%d", seed), ""
	if w.label {
		label = fmt.Sprintf("cut-%d", seed)
	}
	began := time.Now()
	a := r.sendRows(t, name, label, w, &paused{text: text})
	what, took = letter(a), time.Since(began)
	for _, c := range cutters {
		c.set(nil)
	}
	r.settled(t)
	want := map[rune]int{byNode: 1, byLabel: 1, existing: 1, nothing: 0, failed: 0, unknown: -1}
	times, answered := want[what]
	if wrong := r.check(name, times); !answered || wrong != "" {
		t.Errorf("seed %d, %s, %s: told %d %s %v: %s\n%s", seed, w, how, a.code, a.text, a.err, wrong, r.log.tail())
	}
	if w.kept && what != byNode && what != byLabel {
		t.Errorf("seed %d, %s, %s: the client was told of it: %s", seed, w, how, a.text)
	}
	if what == nothing || what == failed || what == unknown && label != "" {
		b := r.sendRows(t, name, label, w, &paused{text: text})
		if again := letter(b); again != byNode && again != byLabel && again != existing {
			t.Errorf("seed %d, %s, %s: told %s, sent again: %d %s %v", seed, w, how, a.text, b.code, b.text, b.err)
		}
		if wrong := r.check(name, 1); wrong != "" {
			t.Errorf("seed %d, %s, %s: told %s, sent again: %s", seed, w, how, a.text, wrong)
		}
	}
	return what, took
}

// wireRequest is a request as a client without a library writes it.
func wireRequest(table, label, text string, chunked, expect bool) string {
	var b strings.Builder
	fmt.Fprintf(&b, "PUT /api/fesim/%s/_stream_load HTTP/1.1\r\nHost: segue\r\nAuthorization: Basic cm9vdDo=\r\nformat: csv\r\ncolumn_separator: ,\r\n", table)
	if label != "" {
		fmt.Fprintf(&b, "label: %s\r\n", label)
	}
	if expect {
		b.WriteString("Expect: 100-continue\r\n")
	}
	if chunked {
		half := len(text) / 2
		fmt.Fprintf(&b, "Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n%x\r\n%s\r\n0\r\n\r\n", half, text[:half], len(text)-half, text[half:])
	} else {
		fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n%s", len(text), text)
	}
	return b.String()
}

// A client that goes at any byte has nothing loaded, or all of it where it had sent all; and nothing of it stays behind.
func TestCutsBeforeSegue(t *testing.T) {
	const seeds = 120
	r := startScaled(t, 3)
	r.witness(t)
	whole, early := 0, 0
	for seed := range uint64(seeds) {
		random := rand.New(rand.NewPCG(seed, 61))
		w := ways[random.IntN(len(ways))]
		o := options
		if !w.kept {
			o.Buffer = -1
		}
		r.SetOptions(o)
		name, label, expect := fmt.Sprintf("b%d", seed), "", random.IntN(2) == 0
		if w.label {
			label = fmt.Sprintf("before-%d", seed)
		}
		text := matrixBody(200_000 + int(seed)*matrixRows)
		request := wireRequest(name, label, text, w.chunked, expect)
		at := len(request)
		switch random.IntN(4) {
		case 0: // all of it, and the answer or a part of it is not awaited
		case 1:
			at -= 1 + random.IntN(8)
		default:
			at = random.IntN(len(request))
		}
		answered := random.IntN(300)
		conn, err := net.Dial("tcp", r.address)
		if err != nil {
			t.Fatal(err)
		}
		conn.SetDeadline(time.Now().Add(2 * wait))
		if _, err := io.WriteString(conn, request[:at]); err != nil {
			t.Errorf("seed %d: %v", seed, err)
		}
		if at == len(request) && answered > 100 {
			io.CopyN(io.Discard, conn, int64(answered))
		}
		end(conn, random.IntN(2) == 0)
		r.settled(t)
		got := r.sim.Loaded("fesim", name)
		switch {
		case at < len(request) && got.Rows != 0:
			t.Errorf("seed %d, %s: %d rows of a request of which %d of %d bytes were sent", seed, w, got.Rows, at, len(request))
		case r.check(name, -1) != "":
			t.Errorf("seed %d, %s: %s", seed, w, r.check(name, -1))
		case got.Rows > 0:
			whole++
		case at < len(request):
			early++
		}
		if label == "" {
			continue
		}
		want := func() bool { // by now or in a moment: the BE may still be rolling back
			a := r.sendRows(t, name, label, w, &paused{text: text})
			return letter(a) == byNode || letter(a) == byLabel || letter(a) == existing
		}
		awaited(t, fmt.Sprintf("seed %d: the same request again", seed), want)
		if wrong := r.check(name, 1); wrong != "" {
			t.Errorf("seed %d, %s, sent again: %s", seed, w, wrong)
		}
	}
	t.Logf("%d clients went: %d before the end of their bodies, and %d loads are whole", seeds, early, whole)
}

// An answer that breaks off on its way to the client, and the request again, by a client that keeps its label.
func TestAnswerCutToClient(t *testing.T) {
	r := startScaled(t, 2)
	front := newCutter(t, r.address)
	for at := int64(1); at < 400; at += 23 {
		name, label := fmt.Sprintf("a%d", at), fmt.Sprintf("answer-%d", at)
		text := matrixBody(int(at) * matrixRows)
		for try := range 3 {
			how := &cut{up: -1, down: at, reset: at%2 == 0}
			if try > 0 {
				how = nil
			}
			front.set(how)
			conn, err := net.Dial("tcp", front.ln.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			conn.SetDeadline(time.Now().Add(2 * wait))
			io.WriteString(conn, wireRequest(name, label, text, false, false))
			res, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err == nil {
				var body []byte
				body, err = io.ReadAll(res.Body)
				if err == nil && !strings.Contains(string(body), `"Success"`) && !strings.Contains(string(body), `"FINISHED"`) {
					t.Errorf("cut at %d: %s", at, body)
				}
			}
			conn.Close()
			if err == nil {
				break
			}
			r.settled(t)
		}
		if wrong := r.check(name, 1); wrong != "" {
			t.Errorf("cut at %d: %s", at, wrong)
		}
	}
}

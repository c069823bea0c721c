package loop

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// BenchmarkRelay is what a small statement and its answer cost a relay in a process of its own, with one thread: through a loop, without TLS, with TLS for clients
// and for both sides, and through two goroutines per client that read and write. Clients and the backend are loops in the process of the benchmark.
func BenchmarkRelay(b *testing.B) {
	for _, conns := range []int{1, 16, 64, 512} {
		for _, kind := range []string{"loop", "tls", "tls-both", "goroutines"} {
			b.Run(fmt.Sprintf("conns=%d/%s", conns, kind), func(b *testing.B) { benchRelay(b, kind, conns) })
		}
	}
}

func benchRelay(b *testing.B, kind string, conns int) {
	b.Helper()
	backend, clients := run(b), run(b)
	ln := listen(b, "tcp")
	with := relayKinds(kind)
	post(backend, func() {
		if with.back != nil {
			_, _ = backend.Listen(ln, tlsEchoes{config: with.back})
		} else {
			_, _ = backend.Listen(ln, echoes{})
		}
	})
	to, pid := relayProcessOf(b, kind, ln.Addr())
	p := &pinger{left: int64(2*conns) + 1000, done: make(chan struct{})}
	players := make([]tlsPlayer, conns)
	post(clients, func() {
		for i := range players {
			players[i] = tlsPlayer{player{p: p}, with.front}
			_ = players[i].conn.Dial(clients, to, clients.Now()+int64(patience), &players[i])
		}
	})
	<-p.done // all are connected, and warm
	p.left, p.done = int64(b.N), make(chan struct{})
	b.ReportAllocs()
	b.ResetTimer()
	before := cpu(b, pid)
	post(clients, func() {
		for i := range players {
			players[i].Writable(&players[i].conn)
		}
	})
	<-p.done
	b.StopTimer()
	b.ReportMetric(float64(cpu(b, pid)-before)/float64(b.N), "cpu-ns/op")
}

// pinger counts what its players send.
type pinger struct {
	statement [64]byte
	left      int64
	out       int64
	done      chan struct{}
}

// player sends, and sends again when the answer has come.
type player struct {
	p    *pinger
	conn Conn
}

func (p *player) Writable(c *Conn) {
	if p.p.left == 0 {
		return
	}
	p.p.left--
	p.p.out++
	_, _ = c.Write(p.p.statement[:])
}

func (p *player) Readable(c *Conn) {
	if len(c.Read()) == 0 {
		return
	}
	p.Writable(c)
	if p.p.out--; p.p.out == 0 {
		close(p.p.done)
	}
}

func (p *player) Ended(*Conn, error) {}

// echoes is a backend.
type echoes struct{}

func (echoes) Accepted(ln *Listener, s Socket, _ netip.AddrPort) {
	_ = new(Conn).Adopt(ln.conn.loop, s, echoes{})
}
func (echoes) AcceptFailed(*Listener, error) {}
func (echoes) Readable(c *Conn)              { _, _ = c.Write(c.Read()) }
func (echoes) Writable(*Conn)                {}
func (echoes) Ended(c *Conn, _ error)        { c.Close() }

func run(b *testing.B) *Loop {
	b.Helper()
	l, err := New(Options{})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- l.Run(ctx) }()
	b.Cleanup(func() { cancel(); <-ended })
	return l
}

func post(l *Loop, f func()) {
	done := make(chan struct{})
	l.Post(Func(func(*Loop) { f(); close(done) }))
	<-done
}

// cpu is the time that a process has used, in nanoseconds.
func cpu(b *testing.B, pid int) (ns int64) {
	b.Helper()
	stats, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	if err != nil || len(stats) == 0 {
		b.Skip("the system does not say")
	}
	for _, s := range stats {
		if text, err := os.ReadFile(s); err == nil {
			n, _ := strconv.ParseInt(strings.Fields(string(text))[0], 10, 64)
			ns += n
		}
	}
	return ns
}

const relayProcess = "SEGUE_LOOP_RELAY"

// serveRelay is the process of a relay. It ends with its input.
func serveRelay() {
	kind, backend, _ := strings.Cut(os.Getenv(relayProcess), " ")
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println(ln.Addr())
	to, err := net.ResolveTCPAddr("tcp", backend)
	if err != nil {
		panic(err)
	}
	switch kind {
	case "goroutines":
		go copyAll(ln, to)
	case "handshake-bare":
		go serveBare(ln, benchTLS())
	default:
		l, err := New(Options{})
		if err != nil {
			panic(err)
		}
		a := Acceptor(&tlsRelays{relays: relays{to: to}, sides: relayKinds(kind), wide: true})
		switch kind {
		case "loop":
			a = &relays{to: to}
		case "handshake-loop":
			a = tlsEchoes{config: benchTLS()}
		case "echo-loop":
			a = echoes{}
		}
		_, _ = l.Listen(ln, a)
		go func() { _ = l.Run(context.Background()) }()
	}
	for asked := bufio.NewScanner(os.Stdin); asked.Scan(); { // how much memory it has in use
		var m runtime.MemStats
		for range 3 { // what a pool holds goes with the second
			runtime.GC()
		}
		runtime.ReadMemStats(&m)
		fmt.Println(m.HeapAlloc + m.StackInuse)
	}
}

// copyAll relays by two goroutines per client.
func copyAll(ln net.Listener, to net.Addr) {
	for {
		client, err := ln.Accept()
		if err != nil {
			return
		}
		go func() {
			backend, err := net.Dial("tcp", to.String())
			if err != nil {
				return
			}
			go copyOne(client, backend)
			copyOne(backend, client)
		}()
	}
}

func copyOne(to, from net.Conn) {
	b := make([]byte, 16<<10)
	for {
		n, err := from.Read(b)
		if err != nil {
			_ = to.Close()
			return
		}
		_, _ = to.Write(b[:n])
	}
}

// BenchmarkPost is what a message to a loop costs that is busy with others, and to one that sleeps.
func BenchmarkPost(b *testing.B) {
	l := run(b)
	var got atomic.Int64
	m := Func(func(*Loop) { got.Add(1) })
	b.ReportAllocs()
	for range b.N {
		l.Post(m)
	}
	for got.Load() < int64(b.N) {
		time.Sleep(time.Microsecond)
	}
}

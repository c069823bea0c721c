package proxy

import (
	"context"
	"io"
	"log/slog"
	"net"
	"runtime"
	"runtime/debug"
	"strconv"
	"testing"

	"segue/backend"
	"segue/backend/wire"
)

// canned is a backend without cost of its own: it answers whatever comes by the same bytes and allocates nothing.
func canned(tb testing.TB, answer []byte) (addr string) {
	tb.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = ln.Close() })
	go func() {
		for {
			nc, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = nc.Close() }()
				c := &peerConn{TCPConn: nc.(*net.TCPConn), r: wire.NewReader(nc, 0), caps: peerCaps}
				if !c.login() {
					return
				}
				buf := make([]byte, 512)
				for {
					if _, err := nc.Read(buf); err != nil {
						return
					}
					if _, err := nc.Write(answer); err != nil {
						return
					}
				}
			}()
		}
	}()
	return ln.Addr().String()
}

func benchServer(tb testing.TB, address string) string {
	tb.Helper()
	registry := backend.NewRegistry(backend.Options{})
	registry.Apply([]backend.Spec{{Name: "a", Address: address}})
	ln, err := Listen(tb.Context(), "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	s := NewServer(registry, Options{}, slog.New(slog.DiscardHandler), nil)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = s.Serve(ctx, ln)
	}()
	tb.Cleanup(func() {
		cancel()
		s.Close()
		<-done
	})
	return ln.Addr().String()
}

func benchClient(tb testing.TB, addr string) *net.TCPConn {
	tb.Helper()
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = nc.Close() })
	r := wire.NewReader(nc, 0)
	if _, _, err := r.Next(); err != nil {
		tb.Fatal(err)
	}
	response := wire.HandshakeResponse41{Capabilities: wire.ClientProtocol41 | wire.ClientSecureConnection, Username: "u"}
	packet, _ := wire.AppendPacket(nil, 1, response.Append(nil))
	if _, err := nc.Write(packet); err != nil {
		tb.Fatal(err)
	}
	if _, _, err := r.Next(); err != nil {
		tb.Fatal(err)
	}
	return nc.(*net.TCPConn)
}

// smallStatement is a statement, smallAnswer its answer of one row.
func smallStatement() []byte {
	b, _ := wire.AppendPacket(nil, 0, append([]byte{byte(wire.ComQuery)}, "SELECT c FROM sbtest1 WHERE id=5012"...))
	return b
}

func smallAnswer() (b []byte) {
	seq := uint8(1)
	for _, p := range [][]byte{{1}, peerDef, peerEOF, {1, '7'}, peerEOF} {
		b, seq = wire.AppendPacket(b, seq, p)
	}
	return b
}

// exchange sends a statement and reads its answer.
func exchange(tb testing.TB, nc *net.TCPConn, statement, answer []byte) {
	tb.Helper()
	if _, err := nc.Write(statement); err != nil {
		tb.Fatal(err)
	}
	if _, err := io.ReadFull(nc, answer); err != nil {
		tb.Fatal(err)
	}
}

// BenchmarkStatement is one small statement through the proxy and back, the client and the backend included: allocs/op is what
// the proxy allocates, for neither of them does.
func BenchmarkStatement(b *testing.B) {
	statement, answer := smallStatement(), smallAnswer()
	address := canned(b, answer)
	for name, addr := range map[string]string{"direct": address, "proxied": benchServer(b, address)} {
		b.Run(name, func(b *testing.B) {
			nc := benchClient(b, addr)
			got := make([]byte, len(answer))
			b.ReportAllocs()
			for b.Loop() {
				exchange(b, nc, statement, got)
			}
		})
	}
}

// No memory is allocated for a statement and its answer.
func TestStatementAllocatesNothing(t *testing.T) {
	statement, answer := smallStatement(), smallAnswer()
	nc := benchClient(t, benchServer(t, canned(t, answer)))
	got := make([]byte, len(answer))
	exchange(t, nc, statement, got)
	if n := testing.AllocsPerRun(2000, func() { exchange(t, nc, statement, got) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// BenchmarkVisit is a client that connects, asks once, and quits, the client and the backend included.
func BenchmarkVisit(b *testing.B) {
	statement, answer := smallStatement(), smallAnswer()
	address := canned(b, answer)
	quit, _ := wire.AppendPacket(nil, 0, []byte{byte(wire.ComQuit)})
	for name, addr := range map[string]string{"direct": address, "proxied": benchServer(b, address)} {
		b.Run(name, func(b *testing.B) {
			got := make([]byte, len(answer))
			b.ReportAllocs()
			for b.Loop() {
				nc := benchClient(b, addr)
				exchange(b, nc, statement, got)
				_, _ = nc.Write(quit)
				_ = nc.Close()
			}
		})
	}
}

// BenchmarkIdleSession reports what the proxy holds for each of many idle sessions that have worked before: heap and stacks,
// less what client and backend, which live in the same process here, hold for a connection of their own.
func BenchmarkIdleSession(b *testing.B) {
	for _, n := range []int{1000, 4500} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			address := canned(b, smallAnswer())
			through := benchServer(b, address)
			for b.Loop() {
				direct := held(b, address, n)
				proxied := held(b, through, n)
				b.ReportMetric((proxied-direct)/float64(n), "B/session")
			}
		})
	}
}

// held is the memory that n idle connections to addr take.
func held(b *testing.B, addr string, n int) float64 {
	b.Helper()
	statement, answer := smallStatement(), smallAnswer()
	before := inUse()
	conns := make([]*net.TCPConn, n)
	for i := range conns {
		conns[i] = benchClient(b, addr)
		exchange(b, conns[i], statement, answer)
		exchange(b, conns[i], statement, answer)
	}
	after := inUse()
	for _, c := range conns {
		_ = c.Close()
	}
	return after - before
}

func inUse() float64 {
	runtime.GC()
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapInuse + m.StackInuse)
}

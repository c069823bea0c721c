package loop

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// benchTLS is what clients and backends of a benchmark use; each process has a certificate of its own.
func benchTLS() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13, DynamicRecordSizingDisabled: true, InsecureSkipVerify: true,
		Certificates: []tls.Certificate{authority().cert},
	}
}

// relayKinds are the processes that a benchmark of a relay compares, and where there is TLS.
func relayKinds(kind string) (with sides) {
	if strings.HasPrefix(kind, "tls") {
		with.front = benchTLS()
	}
	if kind == "tls-both" {
		with.back = benchTLS()
	}
	return with
}

// relayProcessOf starts a relay in a process of its own.
func relayProcessOf(b *testing.B, kind string, backend net.Addr) (at net.Addr, pid int) {
	b.Helper()
	at, pid, _ = relayThatTells(b, kind, backend)
	return at, pid
}

// relayThatTells is one that can be asked how much memory it uses.
func relayThatTells(b *testing.B, kind string, backend net.Addr) (at net.Addr, pid int, memory func() int) {
	b.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), relayProcess+"="+kind+" "+backend.String(), "GOMAXPROCS=1")
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = in.Close(); _ = cmd.Wait() })
	said := bufio.NewReader(out)
	line, err := said.ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	to, err := net.ResolveTCPAddr("tcp", strings.TrimSpace(line))
	if err != nil {
		b.Fatal(err)
	}
	return to, cmd.Process.Pid, func() (n int) {
		_, _ = in.Write([]byte("\n"))
		if _, err := fmt.Fscanln(said, &n); err != nil {
			b.Fatal(err)
		}
		return n
	}
}

// tlsPlayer is a player that begins with TLS, if there is any.
type tlsPlayer struct {
	player
	config *tls.Config
}

func (p *tlsPlayer) Writable(c *Conn) {
	if config := p.config; config != nil {
		p.config = nil
		_ = c.Secure(Secured{Config: config, Client: true, Deadline: c.Loop().Now() + int64(patience), Done: p})
		return
	}
	p.player.Writable(c)
}

func (p *tlsPlayer) Secured(c *Conn, _ tls.ConnectionState, err error) {
	if err != nil {
		panic(err)
	}
	p.player.Writable(c)
}

// tlsEchoes is a backend with TLS.
type tlsEchoes struct {
	echoes
	config *tls.Config
}

func (e tlsEchoes) Accepted(ln *Listener, s Socket, _ netip.AddrPort) {
	c, l := new(Conn), ln.conn.loop
	if c.Adopt(l, s, e) == nil {
		_ = c.Secure(Secured{Config: e.config, Deadline: l.Now() + int64(patience), Done: e})
	}
}

func (e tlsEchoes) Secured(c *Conn, _ tls.ConnectionState, err error) {
	if err != nil {
		c.Close()
	}
}

// BenchmarkLargeTLS is what 64 MB from a backend to a client cost the relay, by where there is TLS.
func BenchmarkLargeTLS(b *testing.B) {
	for _, kind := range []string{"plain", "tls", "tls-both"} {
		b.Run(kind, func(b *testing.B) {
			with := relayKinds(kind)
			const total = 64 << 20
			ln := listen(b, "tcp")
			go func() {
				buf := make([]byte, 1<<20)
				for {
					nc, err := ln.Accept()
					if err != nil {
						return
					}
					if with.back != nil {
						nc = tls.Server(nc, with.back)
					}
					if _, err := io.ReadFull(nc, make([]byte, 1)); err != nil {
						return
					}
					for range total / len(buf) {
						_, _ = nc.Write(buf)
					}
					_ = nc.Close()
				}
			}()
			at, pid := relayProcessOf(b, kind, ln.Addr())
			once := func() {
				nc := dialTo(b, at)
				if with.front != nil {
					nc = tls.Client(nc, with.front)
				}
				_, _ = nc.Write([]byte("x"))
				if n, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, nc, make([]byte, 1<<20)); n != total {
					b.Fatal(n, err)
				}
				_ = nc.Close()
			}
			once()
			b.SetBytes(total)
			b.ResetTimer()
			before := cpu(b, pid)
			for range b.N {
				once()
			}
			b.StopTimer()
			b.ReportMetric(float64(cpu(b, pid)-before)/float64(b.N)/total, "cpu-s/GB")
		})
	}
}

// BenchmarkHandshake is what a TLS handshake, and the end of the connection, cost a loop, and a bare server of crypto/tls that has a goroutine for each. Both
// are in processes of their own, with one thread.
func BenchmarkHandshake(b *testing.B) {
	for _, kind := range []string{"handshake-bare", "handshake-loop"} {
		for _, resumed := range []bool{false, true} {
			b.Run(fmt.Sprintf("%s/resumed=%v", kind, resumed), func(b *testing.B) { benchHandshake(b, kind, resumed) })
		}
	}
}

func benchHandshake(b *testing.B, kind string, resumed bool) {
	b.Helper()
	at, pid := relayProcessOf(b, kind, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1})
	config := benchTLS()
	if resumed {
		config.ServerName = "test"
		config.ClientSessionCache = tls.NewLRUClientSessionCache(0)
	}
	once := func() {
		nc := dialTo(b, at)
		defer func() { _ = nc.Close() }()
		far := tls.Client(nc, config)
		if _, err := far.Write([]byte("x")); err != nil {
			b.Error(err)
			return
		}
		if _, err := io.ReadFull(far, make([]byte, 1)); err != nil {
			b.Error(err)
		}
	}
	once()
	b.ResetTimer()
	before := cpu(b, pid)
	work := make(chan struct{})
	done := make(chan struct{})
	for range 8 {
		go func() {
			for range work {
				once()
			}
			done <- struct{}{}
		}()
	}
	for range b.N {
		work <- struct{}{}
	}
	close(work)
	for range 8 {
		<-done
	}
	b.StopTimer()
	b.ReportMetric(float64(cpu(b, pid)-before)/float64(b.N), "cpu-ns/op")
}

// BenchmarkIdle is the memory that a connection holds which is idle: with and without TLS, after little and after much has been read by it.
func BenchmarkIdle(b *testing.B) {
	for _, kind := range []string{"echo-loop", "handshake-loop", "handshake-bare"} {
		for _, size := range []int{100, 100 << 10} {
			b.Run(fmt.Sprintf("%s/statement=%d", kind, size), func(b *testing.B) {
				at, _, memory := relayThatTells(b, kind, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1})
				conns := make([]net.Conn, 0, 2000)
				use := func() {
					nc := dialTo(b, at)
					conns = append(conns, nc)
					if kind != "echo-loop" {
						nc = tls.Client(nc, benchTLS())
					}
					go func() { _, _ = nc.Write(make([]byte, size)) }()
					if _, err := io.ReadFull(nc, make([]byte, size)); err != nil {
						b.Error(err)
					}
				}
				for range 10 {
					use()
				}
				for range b.N {
					before := memory()
					for range cap(conns) / 2 {
						use()
					}
					b.ReportMetric(float64(memory()-before)/float64(cap(conns)/2), "B/conn")
				}
				for _, nc := range conns {
					_ = nc.Close()
				}
			})
		}
	}
}

// serveBare is a server of crypto/tls that echoes.
func serveBare(ln net.Listener, config *tls.Config) {
	for {
		nc, err := ln.Accept()
		if err != nil {
			return
		}
		go func() {
			defer func() { _ = nc.Close() }()
			far := tls.Server(nc, config)
			b := make([]byte, 1<<10)
			for {
				n, err := far.Read(b)
				if err != nil {
					return
				}
				_, _ = far.Write(b[:n])
			}
		}()
	}
}

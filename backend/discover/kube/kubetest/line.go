package kubetest

import (
	"io"
	"net"
	"strings"
	"sync"
	"testing"
)

// Line is a way to the API server that can be cut.
type Line struct {
	// URL leads to the server through the line.
	URL string

	listener net.Listener
	target   string
	all      sync.WaitGroup

	mu    sync.Mutex
	conns []net.Conn
	count int
}

// Line makes one.
func (s *Server) Line(t *testing.T) *Line {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &Line{URL: "https://" + listener.Addr().String(), listener: listener, target: strings.TrimPrefix(s.URL, "https://")}
	l.all.Go(l.accept)
	t.Cleanup(l.end)
	return l
}

// Cut ends all connections. New ones can be made.
func (l *Line) Cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.conns {
		c.Close()
	}
	l.conns = nil
}

// Connections is how many were made so far.
func (l *Line) Connections() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.count
}

func (l *Line) end() {
	l.listener.Close()
	l.Cut()
	l.all.Wait()
}

func (l *Line) accept() {
	for {
		client, err := l.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", l.target)
		if err != nil {
			client.Close()
			continue
		}
		l.mu.Lock()
		l.conns = append(l.conns, client, server)
		l.count++
		l.mu.Unlock()
		l.all.Go(func() { relay(client, server) })
		l.all.Go(func() { relay(server, client) })
	}
}

// relay copies until one side ends, and ends the other.
func relay(to, from net.Conn) {
	_, _ = io.Copy(to, from) // until one side ends
	to.Close()
	from.Close()
}

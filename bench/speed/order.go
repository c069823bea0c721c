package main

import (
	"fmt"
	"net/netip"
)

// order has the server's loop do something, and returns what came of it.
func (s *server) order(do func() error) error {
	done := make(chan error, 1)
	s.orders <- func() { done <- do() }
	if _, err := s.wake.Write([]byte{1, 0, 0, 0, 0, 0, 0, 0}); err != nil {
		return fmt.Errorf("wake the servers: %w", err)
	}
	return <-done
}

// obey does what has been ordered.
func (s *server) obey() {
	var count [8]byte
	_, _ = s.wake.Read(count[:]) // resets the eventfd
	for {
		select {
		case do := <-s.orders:
			do()
		default:
			return
		}
	}
}

// unlisten closes a port and the connections that came by it.
func (s *server) unlisten(at netip.AddrPort) {
	for ln, a := range s.listeners {
		if a != at {
			continue
		}
		delete(s.listeners, ln)
		_ = ln.Close()
		for fd, c := range s.conns {
			if c.port == ln {
				delete(s.conns, fd)
				_ = c.Close()
			}
		}
	}
}

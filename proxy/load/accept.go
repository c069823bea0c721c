package load

import (
	"errors"
	"net"
	"net/http"
	"time"

	"segue/backend"
)

// mostRefused is how many clients are told at a time that there are too many; beyond them they are told nothing.
const mostRefused = 64

// mostOusted is how many clients at a time may be about to go for others.
const mostOusted = 256

// keepAlive finds peers that have vanished without a FIN.
var keepAlive = net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second, Interval: 5 * time.Second, Count: 3}

// attend accepts on a listener, until that is closed.
func (s *Server) attend(ln net.Listener) {
	defer s.unheld(ln)
	for pause := time.Duration(0); ; {
		conn, err := ln.Accept()
		switch {
		case err == nil:
			pause = 0
			s.admit(conn)
			continue
		case errors.Is(err, net.ErrClosed):
			return
		}
		var temporary interface{ Temporary() bool }
		if lack := backend.Lack(err); lack == "" && (!errors.As(err, &temporary) || !temporary.Temporary()) {
			s.log.Error("no more loads by this address", "address", ln.Addr().String(), "cause", err)
			s.Unlisten(ln)
			return
		}
		pause = min(max(2*pause, 5*time.Millisecond), time.Second)
		s.log.Warn("no load accepted", "cause", cause(err))
		if !s.sleep(pause) {
			return
		}
	}
}

// sleep waits, and tells whether all goes on.
func (s *Server) sleep(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-s.base.Done():
		return false
	}
}

// cause is an error's text, with the remedy where it is Segue that lacks something.
func cause(err error) string {
	if lack := backend.Lack(err); lack != "" {
		return lack
	}
	return err.Error()
}

// admit has a client be served, if there is room for one.
func (s *Server) admit(conn net.Conn) {
	address := conn.RemoteAddr().String()
	if named, ok := conn.(interface{ Unwrap() net.Conn }); ok { // a name alone must not keep it from being spliced and half-closed
		conn = named.Unwrap()
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetKeepAliveConfig(keepAlive)
	}
	c := &client{server: s, line: line{Conn: conn}, address: address, fresh: true, idle: time.Now()}
	most := s.options.Load().Connections
	s.mu.Lock()
	full := len(s.clients)-s.ousted >= most && !s.oust()
	switch {
	case s.base.Err() != nil:
		s.mu.Unlock()
		_ = conn.Close()
		return
	case full && s.refusing.Load() >= mostRefused:
		s.mu.Unlock()
		s.metrics.ends.WithLabelValues(endRefused).Inc()
		_ = conn.Close()
		return
	case full:
		s.refusing.Add(1)
		s.ousted++
		c.ousted = true
		s.clients[c] = struct{}{} // Close ends it
		s.work.Go(c.refuse)
	default:
		s.clients[c] = struct{}{}
		s.work.Go(c.serve)
	}
	s.mu.Unlock()
}

// oust has that client go which has been between two requests, or before its first, for the longest time, and else one whose head is on its way for the longest. It tells whether there is
// one: places are for requests, and whoever only holds his must not keep others out. It is called with Server.mu held.
func (s *Server) oust() bool {
	if s.ousted >= mostOusted {
		return false
	}
	var longest *client
	for c := range s.clients {
		if c.ousted || c.idle.IsZero() {
			continue
		}
		if longest == nil || c.resting && !longest.resting || c.resting == longest.resting && c.idle.Before(longest.idle) {
			longest = c
		}
	}
	if longest == nil {
		return false
	}
	s.ousted++
	longest.ousted = true
	longest.interrupt()
	return true
}

// refuse tells a client that there are too many.
func (c *client) refuse() {
	defer c.server.refusing.Add(-1)
	defer c.end()
	c.readWithin(refusedLinger) // a TLS handshake reads
	c.server.metrics.ends.WithLabelValues(endRefused).Inc()
	c.close = true
	c.say(http.StatusServiceUnavailable, "too many clients (load.connections); raise it, or let applications keep fewer connections")
	c.linger(refusedLinger)
}

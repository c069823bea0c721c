package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"

	"segue/backend/wire"
)

// server answers from memory, in one thread and one loop: next to nothing of what is measured is its own.
type server struct {
	poller    *poller
	listeners map[socket]netip.AddrPort
	conns     map[socket]*served
	workloads []workload
	prepared  []byte
	greeting  []byte
	orders    chan func() // for the loop, which wake wakes
	wake      socket
	buf       [64 << 10]byte
}

// served is a connection.
type served struct {
	socket
	port   socket // of which listener
	in     bool   // it has logged in
	rest   []byte // of a packet that has not come whole
	answer *answer
	offset int // how much of answer is written
}

const capabilities = wire.ClientProtocol41 | wire.ClientSecureConnection | wire.ClientPluginAuth | wire.ClientConnectWithDB | wire.ClientLongPassword |
	wire.ClientTransactions | wire.ClientMultiStatements | wire.ClientMultiResults

// newServer listens on so many ports from base on.
func newServer(base netip.AddrPort, ports int) (*server, error) {
	p, err := newPoller()
	if err != nil {
		return nil, err
	}
	greeting := wire.HandshakeV10{ServerVersion: "8.0.33", ConnectionID: 7, AuthData: bytes.Repeat([]byte{'s'}, wire.SaltLen), Capabilities: capabilities, Charset: 45, AuthPlugin: wire.PluginNativePassword}
	s := &server{
		poller: p, listeners: map[socket]netip.AddrPort{}, conns: map[socket]*served{},
		workloads: workloads(), prepared: preparation(), greeting: packet(0, greeting.Append(nil)),
		orders: make(chan func(), 1),
	}
	wake, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("eventfd: %w", err)
	}
	s.wake = socket(wake)
	if err := p.add(s.wake, syscall.EPOLLIN); err != nil {
		return nil, err
	}
	for i := range ports {
		if err := s.listen(netip.AddrPortFrom(base.Addr(), base.Port()+uint16(i))); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *server) listen(at netip.AddrPort) error {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("socket: %w", err)
	}
	_ = syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1)
	_ = syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1) // accepted sockets inherit it
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Port: int(at.Port()), Addr: at.Addr().As4()}); err != nil {
		return fmt.Errorf("bind %s: %w", at, err)
	}
	if err := syscall.Listen(fd, 4096); err != nil {
		return fmt.Errorf("listen on %s: %w", at, err)
	}
	s.listeners[socket(fd)] = at
	return s.poller.add(socket(fd), syscall.EPOLLIN)
}

// listenUnix listens on a UNIX socket too for the server at at.
func (s *server) listenUnix(path string, at netip.AddrPort) error {
	_ = os.Remove(path) // of a run that was killed
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("socket: %w", err)
	}
	if err := syscall.Bind(fd, &syscall.SockaddrUnix{Name: path}); err != nil {
		return fmt.Errorf("bind %s: %w", path, err)
	}
	if err := syscall.Listen(fd, 4096); err != nil {
		return fmt.Errorf("listen on %s: %w", path, err)
	}
	s.listeners[socket(fd)] = at
	return s.poller.add(socket(fd), syscall.EPOLLIN)
}

// run serves until ctx ends.
func (s *server) run(ctx context.Context) error {
	runtime.LockOSThread()
	for ctx.Err() == nil {
		events, err := s.poller.wait(100)
		if err != nil {
			return err
		}
		for _, e := range events {
			fd := socket(e.Fd)
			if fd == s.wake {
				s.obey()
				continue
			}
			if _, ok := s.listeners[fd]; ok {
				s.accept(fd)
				continue
			}
			if c := s.conns[fd]; c != nil && !s.serve(c) {
				delete(s.conns, fd)
				_ = c.Close()
			}
		}
	}
	return nil
}

func (s *server) accept(ln socket) {
	for {
		fd, _, err := syscall.Accept4(int(ln), syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC)
		if err != nil {
			return
		}
		c := &served{socket: socket(fd), port: ln}
		s.conns[c.socket] = c
		_, _ = c.Write(s.greeting) // a new socket has room for it
		_ = s.poller.add(c.socket, syscall.EPOLLIN)
	}
}

// serve does what can be done for a connection now. It reports false when that has ended.
func (s *server) serve(c *served) bool {
	if c.answer != nil && !s.write(c) {
		return true
	}
	n, err := syscall.Read(int(c.socket), s.buf[:])
	if errors.Is(err, syscall.EAGAIN) {
		return true
	}
	if err != nil || n == 0 {
		return false
	}
	b := s.buf[:n]
	if len(c.rest) > 0 {
		b = append(c.rest, b...)
		c.rest = nil
	}
	for len(b) >= wire.HeaderLen {
		size, seq := wire.DecodeHeader(b)
		if len(b) < wire.HeaderLen+size {
			break
		}
		if !s.command(c, b[:wire.HeaderLen+size], seq) {
			return false
		}
		b = b[wire.HeaderLen+size:]
	}
	if len(b) > 0 {
		c.rest = bytes.Clone(b)
	}
	return true
}

// command answers one packet.
func (s *server) command(c *served, p []byte, seq uint8) bool {
	switch {
	case !c.in:
		c.in = true
		_, _ = c.Write(packet(seq+1, ok))
		return true
	case wire.Command(p[wire.HeaderLen]) == wire.ComQuit:
		return false
	case wire.Command(p[wire.HeaderLen]) == wire.ComStmtPrepare:
		_, _ = c.Write(s.prepared)
		return true
	case wire.Command(p[wire.HeaderLen]).Silent():
		return true
	}
	for i := range s.workloads {
		if w := &s.workloads[i]; bytes.Equal(w.statement, p) {
			c.answer, c.offset = &w.answer, 0
			if !s.write(c) {
				s.poller.want(c.socket, syscall.EPOLLOUT)
			}
			return true
		}
	}
	_, _ = c.Write(packet(1, ok))
	return true
}

// write writes of the answer what the socket takes, and reports whether that was the rest.
func (s *server) write(c *served) bool {
	waited := c.offset > 0
	for c.offset < c.answer.size() {
		n, err := syscall.Write(int(c.socket), c.answer.from(c.offset))
		if err != nil {
			return false // what is wrong shows when it is read
		}
		c.offset += n
	}
	c.answer = nil
	if waited {
		s.poller.want(c.socket, syscall.EPOLLIN)
	}
	return true
}

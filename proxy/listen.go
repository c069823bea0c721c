package proxy

import (
	"context"
	"errors"
	"net"
	"sync"
	"syscall"
	"time"
)

// keepAlive finds peers that have vanished without a FIN.
var keepAlive = net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second, Interval: 5 * time.Second, Count: 3}

// listener is a listening socket that a [Server] accepts on by itself, and which tells it when somebody else closes it.
type listener struct {
	net.Listener      // a *net.TCPListener or *net.UnixListener
	keepsAlive   bool // connections inherit keepAlive from it, or need none
	once         sync.Once
	closed       chan struct{}
}

// Close implements net.Listener.
func (l *listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

// SyscallConn implements syscall.Conn.
func (l *listener) SyscallConn() (syscall.RawConn, error) {
	sc, ok := l.Listener.(syscall.Conn)
	if !ok {
		return nil, errors.ErrUnsupported
	}
	return sc.SyscallConn()
}

// Listen is net.Listen for clients of a Server, by TCP. Their keepalive is set on the listening socket, where the system lets accepted ones inherit
// it: eight system calls fewer per client than with any other listener.
func Listen(ctx context.Context, address string) (net.Listener, error) {
	c := net.ListenConfig{KeepAlive: -1, Control: inherit}
	if !inherits {
		c = net.ListenConfig{KeepAliveConfig: keepAlive}
	}
	ln, err := c.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	return &listener{Listener: ln, keepsAlive: inherits, closed: make(chan struct{})}, nil
}

// Accepting makes of a socket from elsewhere, a UNIX socket or another process's, one that a Server accepts on at the least cost. Its connections get keepAlive
// once they have turned out to last, unless they are of this machine.
func Accepting(ln net.Listener) net.Listener {
	switch ln.(type) {
	case *net.TCPListener:
		return &listener{Listener: ln, closed: make(chan struct{})}
	case *net.UnixListener:
		return &listener{Listener: ln, keepsAlive: true, closed: make(chan struct{})}
	}
	return ln
}

package proxy

import (
	"context"
	"net"
	"sync"
	"time"
)

// keepAlive finds peers that have vanished without a FIN.
var keepAlive = net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second, Interval: 5 * time.Second, Count: 3}

// listener is a listening socket that a [Server] accepts on by itself, and which tells it when somebody else closes it.
type listener struct {
	*net.TCPListener
	keepsAlive bool // connections inherit keepAlive from it
	once       sync.Once
	closed     chan struct{}
}

// Close implements net.Listener.
func (l *listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.TCPListener.Close()
}

// Listen is net.Listen for clients of a Server. Their keepalive is set on the listening socket, where the system lets accepted ones inherit
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
	return &listener{TCPListener: ln.(*net.TCPListener), keepsAlive: inherits, closed: make(chan struct{})}, nil
}

// Accepting makes of a socket from elsewhere, another process perhaps, one that a Server accepts on at the least cost. Its connections get keepAlive
// once they have turned out to last.
func Accepting(ln net.Listener) net.Listener {
	if tcp, ok := ln.(*net.TCPListener); ok {
		return &listener{TCPListener: tcp, closed: make(chan struct{})}
	}
	return ln
}

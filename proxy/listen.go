package proxy

import (
	"context"
	"net"
	"time"
)

// keepAlive finds peers that have vanished without a FIN.
var keepAlive = net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second, Interval: 5 * time.Second, Count: 3}

// listener accepts connections that have inherited keepAlive.
type listener struct{ net.Listener }

// Listen is net.Listen for clients of a Server. Their keepalive is set on the listening socket, where the system lets accepted ones inherit
// it: eight system calls fewer per client than with any other listener, which will do as well.
func Listen(ctx context.Context, address string) (net.Listener, error) {
	c := net.ListenConfig{KeepAlive: -1, Control: inherit}
	if !inherits {
		c = net.ListenConfig{KeepAliveConfig: keepAlive}
	}
	ln, err := c.Listen(ctx, "tcp", address)
	if err != nil || !inherits {
		return ln, err
	}
	return listener{ln}, nil
}

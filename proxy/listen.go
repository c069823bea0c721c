package proxy

import (
	"context"
	"net"
	"time"
)

// keepAlive finds peers that have vanished without a FIN.
var keepAlive = net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second, Interval: 5 * time.Second, Count: 3}

// listener accepts connections that have inherited keepAlive.
type listener struct{ *net.TCPListener }

// Listen is net.Listen for clients of a Server. Their keepalive is set on the listening socket, where the system lets accepted ones inherit
// it: eight system calls fewer per client than with any other listener, such as that of a socket from another process, which will do as well:
// a connection gets keepAlive once it has turned out to last (conn.last).
func Listen(ctx context.Context, address string) (net.Listener, error) {
	c := net.ListenConfig{KeepAlive: -1, Control: inherit}
	if !inherits {
		c = net.ListenConfig{KeepAliveConfig: keepAlive}
	}
	ln, err := c.Listen(ctx, "tcp", address)
	if err != nil || !inherits {
		return ln, err
	}
	return listener{ln.(*net.TCPListener)}, nil
}

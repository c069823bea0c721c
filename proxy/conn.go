package proxy

import (
	"net"
	"syscall"
	"time"

	"segue/proxy/wire"
)

// conn is one of a session's two connections. The connection phase uses it as a net.Conn; the pumps of the command
// phase work on raw, below net.Conn, and know nothing of TLS: a connection that is to carry it will need a pump of its own.
type conn struct {
	net.Conn
	raw    syscall.RawConn
	reader *wire.Reader // connection phase only
	tight  bool         // see suspectBackend; its session's mu guards it
}

// newConn wraps a TCP or UNIX socket.
func newConn(nc net.Conn) (*conn, error) {
	sc, ok := nc.(syscall.Conn)
	if !ok {
		return nil, errNotASocket
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return nil, err
	}
	_ = reportLeft(raw) // where it is not to be had, every read is followed by another
	return &conn{Conn: nc, raw: raw, reader: wire.NewReader(nc, maxHandshake)}, nil
}

// closeWrite sends a FIN: the peer sees the end of the stream and may go on sending.
func (c *conn) closeWrite() error {
	if cw, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return cw.CloseWrite()
	}
	return c.Close()
}

// waiting reports whether the peer has sent bytes that have not been read.
func (c *conn) waiting() (yes bool) {
	_ = c.raw.Control(func(fd uintptr) { yes = waiting(fd) })
	return yes
}

// hungUp reports whether the peer has closed the connection and nothing else is left to read.
func (c *conn) hungUp() (yes bool) {
	_ = c.raw.Control(func(fd uintptr) { yes = hungUp(fd) })
	return yes
}

// quit says COM_QUIT and closes the sending side, so that the server counts no aborted connection.
func (c *conn) quit() {
	_ = c.SetWriteDeadline(time.Now().Add(closeGrace))
	_, _ = c.Write(comQuit)
	_ = c.closeWrite()
}

var comQuit = []byte{1, 0, 0, 0, byte(wire.ComQuit)}

// past is a deadline that wakes whoever is parked on a connection.
var past = time.Unix(1, 0)

package proxy

import (
	"bufio"
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
	fd     uintptr       // for who knows that nobody closes it meanwhile: see pump.write
	reader *wire.Reader  // connection phase only
	ahead  *bufio.Reader // beneath it; nil: nothing is read ahead
	// Its session's mu guards these.
	tight   bool // see suspectBackend
	lasting bool // it has keepAlive
}

// newConn wraps a TCP or UNIX socket. With ahead, its reader takes a packet's header and its payload by one system call, and may take what is
// behind them: see handOver.
func newConn(nc net.Conn, ahead bool) (*conn, error) {
	sc, ok := nc.(syscall.Conn)
	if !ok {
		return nil, errNotASocket
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return nil, err
	}
	c := &conn{Conn: nc, raw: raw}
	if ahead {
		c.ahead = bufio.NewReaderSize(nc, aheadSize)
		c.reader = wire.NewReader(c.ahead, maxHandshake)
	} else {
		c.reader = wire.NewReader(nc, maxHandshake)
	}
	return c, raw.Control(func(fd uintptr) { c.fd = fd })
}

// aheadSize holds a packet of the connection phase, for the most part.
const aheadSize = 512

// handOver ends the connection phase. It returns what has been read ahead of its end, nothing for the most part.
func (c *conn) handOver() (early []byte) {
	if c.ahead != nil && c.ahead.Buffered() > 0 {
		early, _ = c.ahead.Peek(c.ahead.Buffered())
	}
	c.reader, c.ahead = nil, nil
	return early
}

// last gives the connection keepAlive, once it has turned out to last: most sessions of clients without a pool are over before, and
// it takes four system calls.
func (c *conn) last() {
	if tc, ok := c.Conn.(*net.TCPConn); ok && !c.lasting {
		_ = tc.SetKeepAliveConfig(keepAlive)
	}
	c.lasting = true
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

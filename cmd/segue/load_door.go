package main

import (
	"container/list"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"segue/backend/proxyheader"
)

// loadEntry is what those who connect for a load may, and have to, show before anything is heard of it.
type loadEntry struct {
	tls      *tls.Config // what they are offered; nil: nothing
	required bool        // it is insisted on, but by a UNIX socket
	patience time.Duration
	proxied  proxyheader.Networks // networks of proxies, whose connections have to begin with a header
}

// mostDoubtful is how many clients at a time of one listener may be about to say what they speak. With more the one that has been silent for the longest goes.
const mostDoubtful = 1024

// loadDoor accepts for loads, by TLS and without it on one port, as the first byte tells, and from proxies. Who speaks plainly comes out as the very socket, so that bytes can be
// passed on by the system alone.
type loadDoor struct {
	net.Listener
	entry func() loadEntry
	// refused hears of a client that was not let in, and why; nil: nobody does.
	refused func(from net.Addr, cause error)

	begin   sync.Once
	come    chan come
	closing sync.Once
	over    chan struct{} // nobody is given any more
	end     sync.Once

	hearing  sync.WaitGroup
	most     int        // may be in doubt
	mu       sync.Mutex // guards what follows
	doubtful *list.List // of net.Conn: those in doubt, the oldest first
}

// come is what Accept gives.
type come struct {
	conn net.Conn
	err  error
}

func newLoadDoor(ln net.Listener, entry func() loadEntry) *loadDoor {
	return &loadDoor{
		Listener: ln, entry: entry, come: make(chan come), over: make(chan struct{}),
		most: mostDoubtful, doubtful: list.New(),
	}
}

// Accept implements net.Listener. Of a closed door it gives those who had come before.
func (d *loadDoor) Accept() (net.Conn, error) {
	d.begin.Do(func() { go d.attend() })
	select {
	case c := <-d.come:
		return c.conn, c.err
	case <-d.over:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener. Who has come before it, and is still to say what he speaks, is given by Accept; closed once more the door gives nobody.
func (d *loadDoor) Close() error {
	first := false
	d.closing.Do(func() {
		first = true
		time.AfterFunc(d.entry().patience, d.stop) // nobody may accept any more
	})
	if !first {
		d.stop()
		return nil
	}
	return d.Listener.Close()
}

// stop ends all of it.
func (d *loadDoor) stop() {
	d.end.Do(func() { close(d.over) })
	d.mu.Lock()
	defer d.mu.Unlock()
	for e := d.doubtful.Front(); e != nil; e = e.Next() {
		_ = e.Value.(net.Conn).Close()
	}
}

// attend accepts until the socket is closed, by whomever.
func (d *loadDoor) attend() {
	for {
		conn, err := d.Listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			break
		}
		if err != nil {
			d.give(come{err: err})
			continue // who accepts knows how long to wait
		}
		e := d.entry()
		if e.tls == nil && !e.required && !e.isProxy(conn) {
			d.give(come{conn: conn})
			continue
		}
		doubt := d.doubt(conn)
		d.hearing.Go(func() {
			heard, err := e.hear(conn)
			d.decide(doubt)
			if err == nil {
				d.give(come{conn: heard})
			} else {
				_ = conn.Close()
				if d.refused != nil {
					d.refused(conn.RemoteAddr(), err)
				}
			}
		})
	}
	d.hearing.Wait()
	d.stop()
}

// doubt enters one who is to say what he speaks. Where there are too many the oldest goes.
func (d *loadDoor) doubt(conn net.Conn) *list.Element {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.doubtful.Len() >= d.most {
		_ = d.doubtful.Remove(d.doubtful.Front()).(net.Conn).Close()
	}
	return d.doubtful.PushBack(conn)
}

// decide has one be in doubt no more.
func (d *loadDoor) decide(doubt *list.Element) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.doubtful.Remove(doubt) // nothing, if it has been removed
}

func (d *loadDoor) give(c come) {
	select {
	case d.come <- c:
	case <-d.over:
		if c.conn != nil {
			_ = c.conn.Close()
		}
	}
}

// isProxy reports whether a connection comes from a network of proxies.
func (e *loadEntry) isProxy(conn net.Conn) bool {
	from := netip.Addr{}
	if at, ok := conn.RemoteAddr().(*net.TCPAddr); ok {
		from = at.AddrPort().Addr()
	}
	return e.proxied.Has(from)
}

// hear finds out what a client speaks, and agrees with it on that.
func (e *loadEntry) hear(conn net.Conn) (net.Conn, error) {
	_ = conn.SetDeadline(time.Now().Add(e.patience))
	if e.isProxy(conn) {
		from, err := introduced(conn)
		if err != nil {
			return nil, err
		}
		if from.IsValid() {
			conn = named{conn, net.TCPAddrFromAddrPort(from)}
		}
	}
	first, err := peek(conn)
	if err != nil {
		return nil, err
	}
	const handshake = 22 // the type of a record of TLS (RFC 8446, 5.1): no method of HTTP begins so
	local := conn.LocalAddr().Network() == "unix"
	switch {
	case first == handshake && e.tls != nil:
		ctx, cancel := context.WithTimeout(context.Background(), e.patience)
		defer cancel()
		secured := tls.Server(conn, e.tls)
		if err := secured.HandshakeContext(ctx); err != nil {
			return nil, err
		}
		conn = secured
	case e.required && !local:
		tell(conn, insist)
		return nil, errPlain
	}
	return conn, conn.SetDeadline(time.Time{})
}

// errPlain is why a client is turned away that speaks without TLS where it is required.
var errPlain = errors.New("it speaks without TLS (tls.mode: required)")

// mostUnread is how much is read of a client that is told why it is turned away: what comes to a socket that has been closed has the system throw away what was told.
const mostUnread = 256 << 10

// tell tells a client something, and reads on until it has read that, within the connection's deadline and a bound.
func tell(conn net.Conn, text string) {
	if _, err := io.WriteString(conn, text); err != nil {
		return
	}
	if half, ok := conn.(interface{ CloseWrite() error }); ok && half.CloseWrite() == nil {
		_, _ = io.CopyN(io.Discard, conn, mostUnread)
	}
}

// insist is what a client is told that speaks without TLS where it is required.
var insist = fmt.Sprintf("HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", len(insistence), insistence)

const insistence = "segue: loads are taken by TLS alone here (tls.mode: required): use https\n"

// named is a connection by the name of whom it is.
type named struct {
	net.Conn
	from net.Addr
}

// RemoteAddr implements net.Conn.
func (n named) RemoteAddr() net.Addr { return n.from }

// Unwrap is the connection itself: by what it is the system passes bytes on alone.
func (n named) Unwrap() net.Conn { return n.Conn }

// CloseWrite ends what is sent, where the connection can.
func (n named) CloseWrite() error {
	if half, ok := n.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}

// SetLinger is that of TCP, where the connection is one.
func (n named) SetLinger(seconds int) error {
	if tcp, ok := n.Conn.(*net.TCPConn); ok {
		return tcp.SetLinger(seconds)
	}
	return errors.ErrUnsupported
}

// SyscallConn implements syscall.Conn.
func (n named) SyscallConn() (syscall.RawConn, error) { return rawOf(n.Conn) }

func rawOf(conn net.Conn) (syscall.RawConn, error) {
	sc, ok := conn.(syscall.Conn)
	if !ok {
		return nil, errors.ErrUnsupported
	}
	return sc.SyscallConn()
}

// introduced takes the header of the PROXY protocol off a connection; the zero address where that does not say whose it is. It is read byte by byte, so that nothing behind it is.
func introduced(conn net.Conn) (from netip.AddrPort, err error) {
	header, one := []byte(nil), make([]byte, 1)
	for {
		if _, err := conn.Read(one); err != nil {
			return from, err
		}
		header = append(header, one[0])
		n, err := proxyheader.Size(header)
		switch {
		case err != nil:
			return from, err
		case n > 0:
			return proxyheader.Read(header)
		}
	}
}

// peek waits for the first byte, and leaves it there.
func peek(conn net.Conn) (first byte, err error) {
	raw, err := rawOf(conn)
	if err != nil {
		return 0, err
	}
	buffer, n, failed := make([]byte, 1), 0, error(nil)
	err = raw.Read(func(fd uintptr) bool {
		n, _, failed = syscall.Recvfrom(int(fd), buffer, syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		return !errors.Is(failed, syscall.EAGAIN) && !errors.Is(failed, syscall.EINTR)
	})
	switch {
	case err != nil:
		return 0, err
	case failed != nil:
		return 0, failed
	case n == 0:
		return 0, io.EOF
	}
	return buffer[0], nil
}

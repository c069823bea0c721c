package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"time"
)

// One Segue takes over from another on the same machine (segue serve --takeover). The one that runs offers its sockets, to processes
// of its own user, on a UNIX socket in the abstract namespace, which belongs to the network namespace as ports do. The new one gets them, looks at
// its backends, and says so when it is ready; from then on it alone accepts, and the old one goes on for the sessions that it has (see
// app.cedes). Both have the same sockets, so that there is no moment in which nobody listens and no client is lost in a queue. If the new one
// ends before it is ready, nothing has happened.

// readyTimeout is how long a new Segue may take to be ready.
const readyTimeout = 30 * time.Second

// takenOver is what the new one says when it is ready.
var takenOver = []byte{1}

// offerName is where the Segue that serves applications at an address can be taken over from.
func offerName(at net.Addr) *net.UnixAddr {
	a, _ := at.(*net.TCPAddr)
	host := ""
	if a.IP != nil && !a.IP.IsUnspecified() {
		host = a.IP.String()
	}
	return &net.UnixAddr{Net: "unix", Name: fmt.Sprintf("@segue/%s:%d", host, a.Port)}
}

// sameListener tells whether ln is what an address of the configuration stands for.
func sameListener(ln net.Listener, address string) bool {
	a, err := net.ResolveTCPAddr("tcp", address)
	return err == nil && offerName(a).Name == offerName(ln.Addr()).Name
}

// predecessor is a Segue that is about to be taken over from.
type predecessor struct {
	conn *net.UnixConn
	pid  int32
}

// relieve tells the predecessor that it may go, and returns when it accepts nobody any more, or has gone.
func (p *predecessor) relieve() {
	defer p.conn.Close()
	_, _ = p.conn.Write(takenOver)
	_ = p.conn.SetReadDeadline(time.Now().Add(readyTimeout))
	_, _ = p.conn.Read(make([]byte, 1))
}

// spare tells the predecessor that it is to stay.
func (p *predecessor) spare() { _ = p.conn.Close() }

// takeOver asks for the sockets of the Segue that serves applications at an address. Without one there, p is nil.
func takeOver(listen string) (s sockets, p *predecessor, err error) {
	at, err := net.ResolveTCPAddr("tcp", listen)
	if err != nil {
		return s, nil, err
	}
	conn, err := net.DialUnix("unix", nil, offerName(at))
	if errors.Is(err, syscall.ECONNREFUSED) {
		return s, nil, nil
	}
	if err != nil {
		return s, nil, err
	}
	p = &predecessor{conn: conn}
	if s, err = p.ask(); err != nil {
		s.close()
		_ = conn.Close()
		return sockets{}, nil, fmt.Errorf("%w; see what the log of process %d says", err, p.pid)
	}
	return s, p, nil
}

// ask gets the sockets.
func (p *predecessor) ask() (s sockets, err error) {
	var uid int
	if uid, p.pid, err = peer(p.conn); err != nil {
		return s, err
	}
	if uid != os.Geteuid() {
		return s, fmt.Errorf("the Segue that runs is user %d's, this is user %d's; start it as the same user", uid, os.Geteuid())
	}
	_ = p.conn.SetReadDeadline(time.Now().Add(readyTimeout))
	message, rights := make([]byte, 1), make([]byte, syscall.CmsgSpace(3*4))
	_, n, _, _, err := p.conn.ReadMsgUnix(message, rights)
	if err != nil {
		return s, fmt.Errorf("the Segue that runs gives nothing: %w", innermost(err))
	}
	parts, err := syscall.ParseSocketControlMessage(rights[:n])
	if err != nil || len(parts) != 1 {
		return s, fmt.Errorf("the Segue that runs gives nothing: %d parts, %w", len(parts), err)
	}
	fds, err := syscall.ParseUnixRights(&parts[0])
	if err != nil {
		return s, err
	}
	return adoptAll(fds)
}

// adoptAll makes listeners of what a predecessor has given.
func adoptAll(fds []int) (s sockets, err error) {
	for i, fd := range fds {
		f := os.NewFile(uintptr(fd), "taken over")
		ln, bad := net.FileListener(f)
		_ = f.Close()
		if bad != nil {
			err = bad
			continue
		}
		switch i {
		case 0:
			s.clients = ln
		case 1:
			s.api = ln
		case 2:
			s.offer, _ = ln.(*net.UnixListener)
		}
	}
	if err == nil && s.offer == nil {
		err = fmt.Errorf("%d sockets in place of 3", len(fds))
	}
	return s, err
}

// relieve takes over from the predecessor, if there is one, once this Segue knows its backends. If none of them is up, it is this one that
// is wrong, or the moment.
func (a *app) relieve(ctx context.Context) error {
	if a.predecessor == nil {
		return nil
	}
	a.awaitVerdicts(ctx)
	if ctx.Err() != nil {
		a.predecessor.spare()
		return nil
	}
	if a.up() == 0 {
		a.predecessor.spare()
		return fmt.Errorf("take over from process %d: %s; it goes on; `segue check` looks into backends that are not up", a.predecessor.pid, a.summary())
	}
	a.predecessor.relieve()
	return nil
}

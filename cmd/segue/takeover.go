package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"slices"
	"syscall"
	"time"

	"segue/config"
)

// One Segue takes over from another on the same machine (segue serve --takeover). The one that runs offers its sockets on a UNIX socket whose
// file is open to its own user alone (place.go). The new one gets them, looks at its backends, and says so when it is ready; from then on it
// alone accepts, and the old one goes on for the sessions that it has (see app.cedes). Both have the same sockets, so that there is no moment
// in which nobody listens and no client is lost in a queue. With them goes what the operator has said (message.go), and how to ask the old one
// what it still has. If the new one ends before it is ready, nothing has happened.

// readyTimeout is how long a new Segue may take to be ready.
const readyTimeout = 30 * time.Second

// sameListener tells whether ln is what an address of the configuration stands for.
func sameListener(ln net.Listener, address string) bool {
	if path, ok := config.UnixPath(address); ok {
		return ln.Addr().Network() == "unix" && ln.Addr().String() == path
	}
	a, err := net.ResolveTCPAddr("tcp", address)
	return err == nil && ln.Addr().Network() == "tcp" && offerName(a) == offerName(ln.Addr())
}

// predecessor is a Segue that is about to be taken over from.
type predecessor struct {
	conn    *net.UnixConn
	pid     int32
	program string   // the file that it runs (programFile); empty: it does not tell
	args    []string // what it was started with
}

// wanted is which Segue is to be taken over from: one that serves applications at one of these addresses; or the one of this run of a unit, if this process is of
// one (INVOCATION_ID), wherever it serves.
type wanted struct {
	listen []config.Listen
	run    string
}

// fits is an error unless this one is it.
func (w wanted) fits(g greeting, s sockets, pid int32) error {
	if s.clients.know(w.listen) || w.run != "" && w.run == g.Run {
		return nil
	}
	return fmt.Errorf("process %d serves applications on %s: %w", pid, s.clients, errNoSegue)
}

// relieve tells the predecessor that it may go, and returns when it accepts nobody any more, with what it leaves, or has gone. invocation is the
// one of systemd that this process is of.
func (p *predecessor) relieve(invocation string) (l legacy, err error) {
	defer p.conn.Close()
	_ = p.conn.SetDeadline(time.Now().Add(readyTimeout))
	if err := writeMessage(p.conn, ready{Ready: true, Invocation: invocation}); err != nil {
		return l, err
	}
	err = readMessage(p.conn, nil, &l)
	return l, err
}

// spare tells the predecessor that it is to stay.
func (p *predecessor) spare() { _ = p.conn.Close() }

// leave is spare of one who only asked who is there.
func (p *predecessor) leave() {
	_ = p.conn.SetDeadline(time.Now().Add(readyTimeout))
	_ = writeMessage(p.conn, ready{Asks: true}) // what it makes of it is its own affair
	_ = p.conn.Close()
}

// errNoSegue is what takeOver says of somebody at the place of a Segue's offer who is none that could be taken over from.
var errNoSegue = errors.New("it is taken for no Segue")

// takeOver asks for the sockets of a Segue at the place where it would offer them. Without one there, p is nil, and err says if there is somebody else.
func takeOver(path string, which wanted) (s sockets, p *predecessor, err error) {
	conn, err := net.DialUnix("unix", nil, &net.UnixAddr{Net: "unix", Name: path})
	if errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, fs.ErrNotExist) {
		return s, nil, nil
	}
	if err != nil {
		return s, nil, fmt.Errorf("%s: %w: %w", path, innermost(err), errNoSegue)
	}
	p = &predecessor{conn: conn}
	if s, err = p.take(which); err != nil {
		s.close()
		_ = conn.Close()
		return sockets{}, nil, err
	}
	return s, p, nil
}

// take gets the sockets, if it is one to be taken over from.
func (p *predecessor) take(which wanted) (s sockets, err error) {
	if err := p.check(); err != nil {
		return s, err
	}
	said := fmt.Sprintf("; see what the log of process %d says", p.pid)
	g, fds, err := p.ask()
	if err != nil {
		closeAll(fds)
		return s, fmt.Errorf("the Segue that runs gives nothing: %w%s", err, said)
	}
	if g.Version != takeoverVersion {
		closeAll(fds)
		return s, fmt.Errorf("process %d takes part in a takeover in another way (%d, not %d); stop it in place of taking over", p.pid, g.Version, takeoverVersion)
	}
	p.program, p.args = g.Program, g.Args
	if here := network(); g.Network != "" && here != "" && g.Network != here {
		closeAll(fds)
		return s, fmt.Errorf("process %d is in another network (%s, not %s): %w", p.pid, g.Network, here, errNoSegue)
	}
	if s, err = adoptAll(g, fds); err != nil {
		return s, fmt.Errorf("%w%s", err, said)
	}
	return s, which.fits(g, s, p.pid)
}

// check tells whether it may be one: it is this user's.
func (p *predecessor) check() error {
	uid, pid, err := peer(p.conn)
	if err != nil {
		return err
	}
	p.pid = pid
	if err := sameUser(uid, os.Geteuid(), overflowUID(os.ReadFile)); err != nil {
		return fmt.Errorf("process %d: %w: %w", pid, err, errNoSegue)
	}
	return nil
}

// maxSockets is how many a predecessor may give: some day there may be more kinds than today.
const maxSockets = 32

// ask gets the descriptors of the sockets.
func (p *predecessor) ask() (g greeting, fds []int, err error) {
	_ = p.conn.SetReadDeadline(time.Now().Add(readyTimeout))
	begin, rights := make([]byte, 4096), make([]byte, syscall.CmsgSpace(maxSockets*4))
	n, given, _, _, err := p.conn.ReadMsgUnix(begin, rights)
	if err != nil {
		return g, nil, innermost(err)
	}
	fds, err = descriptors(rights[:given])
	if err != nil {
		return g, fds, err
	}
	if n == 0 {
		return g, fds, errors.New("it has closed the connection")
	}
	return g, fds, readMessage(p.conn, begin[:n], &g)
}

// descriptors are those in what came beside a message.
func descriptors(rights []byte) (fds []int, err error) {
	parts, err := syscall.ParseSocketControlMessage(rights)
	if err != nil {
		return nil, err
	}
	for i := range parts {
		if parts[i].Header.Level != syscall.SOL_SOCKET || parts[i].Header.Type != syscall.SCM_RIGHTS {
			continue
		}
		more, err := syscall.ParseUnixRights(&parts[i])
		if err != nil {
			return fds, err
		}
		fds = append(fds, more...)
	}
	return fds, nil
}

func closeAll(fds []int) {
	for _, fd := range fds {
		_ = syscall.Close(fd)
	}
}

// adoptAll makes listeners of what a predecessor has given with its greeting. It closes all descriptors.
func adoptAll(g greeting, fds []int) (s sockets, err error) {
	names := g.Sockets
	s.clients, s.apiPassed = &clientSockets{passed: slices.Contains(g.Passed, "listen")}, slices.Contains(g.Passed, "admin")
	for i, fd := range fds {
		ln, bad := adoptListener(fd, "taken over")
		if bad != nil {
			err = bad
			continue
		}
		name := ""
		if i < len(names) {
			name = names[i]
		}
		unix, isUnix := ln.(*net.UnixListener)
		switch {
		case name == "listen":
			s.clients.add(newClientSocket(ln, !s.clients.passed))
		case name == forLoads.key:
			if s.loads == nil {
				s.loads = &clientSockets{loads: true, passed: slices.Contains(g.Passed, forLoads.key)}
			}
			s.loads.add(forLoads.adopt(ln, !s.loads.passed))
		case name == "admin" && s.api == nil:
			s.api = ln
			if isUnix && !s.apiPassed {
				s.api = newSocketFile(unix, unix.Addr().String())
			}
		case name == "offer" && s.offer == nil && isUnix:
			s.offer = newOffer(newSocketFile(unix, unix.Addr().String()))
		default:
			_ = ln.Close()
		}
	}
	if err == nil && (len(names) != len(fds) || len(s.clients.all()) == 0 || s.offer == nil) {
		err = fmt.Errorf("%d sockets for %q, and one for applications and one for the takeover are needed", len(fds), names)
	}
	return s, err
}

// hasEnded tells whether an error is that of asking one that is about to end, or has: it was told to stop. Who is to run where it runs is not to run there on.
func hasEnded(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET)
}

// anyUpTime is for how long one that takes over waits for a backend to be up, behind the first look at all of them: that may have met a moment in which none answered.
const anyUpTime = 5 * time.Second

// relieve takes over from the predecessor, if there is one, once this Segue knows its backends. If none of them is up, it is this one that
// is wrong, or the moment.
func (a *app) relieve(ctx context.Context) error {
	if a.predecessor == nil {
		return nil
	}
	a.awaitVerdicts(ctx)
	a.await(ctx, anyUpTime, func() bool { return a.up() > 0 })
	if ctx.Err() != nil {
		a.predecessor.spare()
		return nil
	}
	if a.up() == 0 {
		a.predecessor.spare()
		return fmt.Errorf("take over from process %d: %s; it goes on; `segue check` looks into backends that are not up", a.predecessor.pid, a.summary())
	}
	l, err := a.predecessor.relieve(a.systemd.invocation)
	if a.systemd.begun != nil && hasEnded(err) {
		return fmt.Errorf("process %d has ended before it could be taken over from; start Segue (systemctl start segue)", a.predecessor.pid)
	}
	a.sockets.offer.own()
	c := a.config.current()
	a.leave(a.sockets.clients.surplus(c.Listen))
	a.dropLoads(a.sockets.loads.surplus(c.Loads.Listen))
	a.sockets.permit(c, a.log)
	a.reoffer(c.Listen)
	if err != nil {
		a.log.Warn("the Segue that was taken over from has left no word of what operators have said, and of its sessions", "pid", a.predecessor.pid, "cause", innermost(err))
		return nil
	}
	a.inherit(l)
	return nil
}

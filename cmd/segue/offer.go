package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strconv"
	"syscall"
	"time"

	"segue/cmd/internal/admin"
)

// Between two tries to accept while there are no descriptors for it, and the like.
const (
	shortPause = 5 * time.Millisecond
	longPause  = time.Second
)

// offers lets other Segues take over, until one has, which it reports, or ctx is done. It calls cede when one is ready, and tells that one what
// cede gives. What keeps it from accepting is waited out: it is over some time.
func (s *sockets) offers(ctx context.Context, log *slog.Logger, cede func(pid int32, invocation string) legacy) bool {
	if s.offer == nil {
		return false
	}
	defer s.offer.close()
	defer context.AfterFunc(ctx, func() { _ = s.offer.at().SetDeadline(time.Unix(1, 0)) })()
	pause := shortPause
	for ctx.Err() == nil {
		at := s.offer.at()
		conn, err := at.AcceptUnix()
		if err != nil {
			if s.offer.at() != at {
				continue // it has moved
			}
			if ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
				return false
			}
			log.Warn("another Segue that wants to take over has to wait", "cause", err, "took", pause)
			select {
			case <-ctx.Done():
			case <-time.After(pause):
			}
			pause = min(2*pause, longPause)
			continue
		}
		pause = shortPause
		pid, said, err := s.giveTo(ctx, conn)
		if err == nil {
			log.Info("another Segue has taken over", "pid", pid)
			if err := writeMessage(conn, cede(pid, said.Invocation)); err != nil {
				log.Warn("what operators have said has not got to the Segue that has taken over", "pid", pid, "cause", innermost(err))
			}
			_ = conn.Close()
			return true
		}
		_ = conn.Close()
		if said.Asks {
			continue
		}
		log.Warn("another Segue has not taken over", "pid", pid, "cause", err)
	}
	return false
}

// cedes lets another Segue take over. It returns true when that has happened and the sessions that are left have had their time, false when ctx is
// done or no other can take over. answer serves the successor's questions.
func (a *app) cedes(ctx context.Context, answer func(*socketFile), cedeAPI func()) bool {
	cede := func(pid int32, invocation string) (l legacy) {
		a.systemd.follow(pid, invocation) // before the other one speaks
		l.Intent, l.Others = a.admin.Cede()
		l.LastID, l.Ready = a.server.LastID(), a.admin.Ready()
		l.Loads = a.loads.Legacy()
		if f := a.openPrivate(); f != nil {
			answer(f)
			l.Others = append(l.Others, admin.Other{PID: int32(os.Getpid()), Socket: f.path})
		}
		a.keeper.cede()
		a.ceded.Store(true)
		cedeAPI()
		a.sockets.close()
		a.leaveLoads()
		return l
	}
	if !a.sockets.offers(ctx, a.log, cede) {
		return false
	}
	most := a.config.current().TakeoverTimeout
	a.log.Info("going on for the sessions that are left", "sessions", len(a.server.Sessions()), "timeout", most)
	select {
	case <-time.After(most):
		return true
	case <-ctx.Done():
		return false
	}
}

// openPrivate binds the socket on which a Segue that has been taken over from answers its successor, beside the one of the offer.
func (a *app) openPrivate() *socketFile {
	path := a.sockets.offer.at().path + "." + strconv.FormatInt(time.Now().UnixNano(), 36) // a process id may be another's in another container
	f, err := openSocket(path)
	if err != nil {
		a.log.Warn("the Segue that has taken over cannot ask for the sessions that are left", "cause", innermost(err))
		return nil
	}
	return f
}

// giveTo gives a new Segue the sockets, and returns without an error when it is ready.
func (s *sockets) giveTo(ctx context.Context, conn *net.UnixConn) (pid int32, said ready, err error) {
	_ = conn.SetDeadline(time.Now().Add(readyTimeout))
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()
	uid, pid, err := peer(conn)
	if err != nil {
		return pid, said, err
	}
	if err := sameUser(uid, os.Geteuid(), overflowUID(os.ReadFile)); err != nil {
		return pid, said, err
	}
	if err := s.give(conn); err != nil {
		return pid, said, err
	}
	if err := readMessage(conn, nil, &said); err != nil {
		return pid, said, fmt.Errorf("it has ended before it was ready: %w", innermost(err))
	}
	if !said.Ready {
		return pid, said, errors.New("it says that it is not ready")
	}
	return pid, said, nil
}

// give gives the sockets.
func (s *sockets) give(conn *net.UnixConn) error {
	g := greeting{Version: takeoverVersion, Network: network(), Program: programFile(), Run: s.run, Args: s.args}
	var fds []int
	type named struct {
		name string
		ln   net.Listener
	}
	var all []named
	for _, c := range s.clients.all() {
		all = append(all, named{"listen", c.Listener})
	}
	for _, c := range s.loads.all() {
		all = append(all, named{forLoads.key, c.Listener})
	}
	if s.loads != nil && s.loads.passed {
		g.Passed = append(g.Passed, forLoads.key)
	}
	if s.clients.passed {
		g.Passed = append(g.Passed, "listen")
	}
	if s.apiPassed {
		g.Passed = append(g.Passed, "admin")
	}
	for _, socket := range append(all, named{"admin", s.api}, named{"offer", s.offer.at()}) {
		if err := control(socket.ln, func(fd int) { fds = append(fds, fd) }); err != nil {
			return err
		}
		g.Sockets = append(g.Sockets, socket.name)
	}
	line, err := encodeMessage(g)
	if err != nil {
		return err
	}
	_, _, err = conn.WriteMsgUnix(line, syscall.UnixRights(fds...), nil)
	return err
}

// control lets do use the descriptor of a socket.
func control(socket any, do func(fd int)) error {
	sc, ok := socket.(syscall.Conn)
	if !ok {
		return fmt.Errorf("%T cannot be given away", socket)
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return err
	}
	return raw.Control(func(fd uintptr) { do(int(fd)) })
}

// dialOther connects to a Segue of this user.
func dialOther(ctx context.Context, path string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "unix", path)
	if err != nil {
		return nil, err
	}
	unix, _ := conn.(*net.UnixConn)
	uid, _, err := peer(unix)
	if err == nil {
		err = sameUser(uid, os.Geteuid(), overflowUID(os.ReadFile))
	}
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return conn, nil
}

package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"syscall"
	"time"
)

// offers lets other Segues take over, until one has, which it reports, or ctx is done. It calls cede when one is ready, and tells that one when cede has returned.
func (s *sockets) offers(ctx context.Context, log *slog.Logger, cede func()) bool {
	if s.offer == nil {
		return false
	}
	defer s.offer.Close()
	defer context.AfterFunc(ctx, func() { _ = s.offer.SetDeadline(time.Unix(1, 0)) })()
	for ctx.Err() == nil {
		conn, err := s.offer.AcceptUnix()
		if err != nil {
			if ctx.Err() == nil {
				log.Warn("no other Segue can take over any more", "cause", err)
			}
			return false
		}
		pid, err := s.giveTo(ctx, conn)
		if err == nil {
			log.Info("another Segue has taken over", "pid", pid)
			cede()
			_ = conn.Close()
			return true
		}
		_ = conn.Close()
		log.Warn("another Segue has not taken over", "pid", pid, "cause", err)
	}
	return false
}

// cedes lets another Segue take over. It returns true when that has happened and the sessions that are left have had their time, false when ctx is
// done or no other can take over.
func (a *app) cedes(ctx context.Context, cedeAPI func()) bool {
	if !a.sockets.offers(ctx, a.log, func() { cedeAPI(); a.sockets.close() }) {
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

// giveTo gives a new Segue the sockets, and returns without an error when it is ready.
func (s *sockets) giveTo(ctx context.Context, conn *net.UnixConn) (pid int32, err error) {
	_ = conn.SetDeadline(time.Now().Add(readyTimeout))
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()
	uid, pid, err := peer(conn)
	if err != nil {
		return pid, err
	}
	if uid != os.Geteuid() {
		return pid, fmt.Errorf("it is user %d's, this is user %d's; start it as the same user", uid, os.Geteuid())
	}
	var fds []int
	for _, ln := range []any{s.clients, s.api, s.offer} {
		if err := control(ln, func(fd int) { fds = append(fds, fd) }); err != nil {
			return pid, err
		}
	}
	if _, _, err := conn.WriteMsgUnix(takenOver, syscall.UnixRights(fds...), nil); err != nil {
		return pid, err
	}
	if _, err := conn.Read(make([]byte, 1)); err != nil {
		return pid, fmt.Errorf("it has ended before it was ready: %w", innermost(err))
	}
	return pid, nil
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

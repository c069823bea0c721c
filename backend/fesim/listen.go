package fesim

import (
	"errors"
	"net"
	"time"
)

// listenMySQL opens the MySQL port.
func (l *life) listenMySQL() error {
	ln, err := l.fe.mysql.listen()
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.dead || l.mysql != nil {
		return ln.Close()
	}
	l.mysql = ln
	l.wg.Go(func() { l.accept(ln) })
	return nil
}

// closeMySQL makes the MySQL port refuse.
func (l *life) closeMySQL() {
	l.mu.Lock()
	ln := l.mysql
	l.mysql = nil
	l.mu.Unlock()
	if ln != nil {
		ln.Close()
	}
}

// refuse closes or opens the MySQL port of a running FE.
func (l *life) refuse(refuse bool) {
	l.mu.Lock()
	change := l.up && !l.dead && refuse == (l.mysql != nil)
	l.mu.Unlock()
	switch {
	case change && refuse:
		l.closeMySQL()
	case change && (!l.draining.Load() || l.opts.Generation != G4):
		if err := l.listenMySQL(); err != nil {
			l.fe.log.Warn("listen on MySQL port", "cause", err)
		}
	}
}

// accept serves the connections of ln until it is closed.
func (l *life) accept(ln net.Listener) {
	for {
		conn, err := ln.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			l.fe.log.Warn("accept connection", "cause", err)
			time.Sleep(5 * time.Millisecond) // out of file descriptors
			continue
		}
		if s := l.register(conn.(*net.TCPConn)); s != nil {
			l.wg.Go(s.run)
		} else {
			conn.Close()
		}
	}
}

// register gives a connection its id; nil if the FE is dead.
func (l *life) register(conn *net.TCPConn) *session {
	salt := l.fe.salt()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.dead {
		return nil
	}
	l.lastID = (l.lastID + 1) & (1<<24 - 1)
	s := newSession(l, conn, uint32(l.opts.FID)<<24|l.lastID, salt)
	l.sessions[s.id] = s
	l.fe.count(func(st *Stats) { st.Accepted++; st.LastAccepted = time.Now(); st.Open++ })
	return s
}

func (l *life) unregister(s *session) {
	l.mu.Lock()
	delete(l.sessions, s.id)
	if s.admitted {
		l.loggedIn--
		l.byUser[s.client.Username]--
	}
	l.mu.Unlock()
	l.fe.count(func(st *Stats) { st.Open-- })
}

// all returns the sessions there are now.
func (l *life) all() []*session {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := make([]*session, 0, len(l.sessions))
	for _, s := range l.sessions {
		list = append(list, s)
	}
	return list
}

// nextStatementID counts prepared statements, for all sessions of the FE.
func (l *life) nextStatementID() uint32 {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lastStmt++
	return l.lastStmt
}

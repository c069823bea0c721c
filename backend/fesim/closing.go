package fesim

import (
	"errors"
	"time"
)

// race is a command that has arrived while the session was being closed. Nobody can tell the client which it was: executed, its answer
// lost; not executed; or refused by RST.
func (s *session) race(payload []byte) bool {
	s.fe.count(func(st *Stats) { st.Raced++ })
	switch s.fe.intN(3) {
	case 0:
		s.mute = true
		s.command(s.life.ctx, payload)
	case 1:
		_ = s.conn.SetLinger(0)
	}
	return false
}

// leavesAfterStmt says whether a leaving FE closes the session after this command: [Options.CloseAfterStmt] (PR #57080), unless the
// statement is one that drivers send before the true one. After a command without statement, such as COM_PING, the session stays.
func (s *session) leavesAfterStmt() bool {
	o := s.life.opts
	if s.life.closing.Load() {
		return s.state.txn == 0 // TiDB
	}
	return s.life.draining.Load() && o.CloseAfterStmt && o.Generation != G4 && s.last != nil && !s.last.preQuery
}

// sweep closes the session if its last command ended more than idle ago, and reports whether it does. The session itself closes: within
// race it may still take a command.
func (s *session) sweep(now time.Time, idle time.Duration, sparesTxn bool, race time.Duration) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running || !s.used || s.closing || now.Sub(s.since) <= idle || sparesTxn && s.inTxn {
		return false
	}
	s.closeLocked(race)
	return true
}

// closeTimedOut closes the session if it has been idle for wait_timeout.
func (s *session) closeTimedOut(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.loggedIn && !s.running && !s.closing && now.Sub(s.since) > s.life.opts.scaled(s.timeout) {
		s.closeLocked(0)
	}
}

// closeLocked lets run end when its read does. It needs s.mu.
func (s *session) closeLocked(after time.Duration) {
	s.closing = true
	_ = s.conn.SetReadDeadline(time.Now().Add(after))
}

// kill is KILL CONNECTION: a running statement is cancelled, and no ERR is sent.
func (s *session) kill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cancel != nil {
		s.cancel(errKilled)
	}
	s.closeLocked(0)
	_ = s.conn.SetWriteDeadline(time.Now().Add(time.Second)) // kill() waits for the executor for a second
}

// killQuery is KILL QUERY: the running statement, if there is one, gets an ERR.
func (s *session) killQuery() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cancel != nil {
		s.cancel(fail("Cancelled by KILL QUERY")) // a guess: the FE's own text was not found
	}
}

var (
	errKilled = errors.New("killed")
	errGone   = errors.New("client gone")
)

// die cuts the connection: the process has ended.
func (s *session) die(d death) {
	_ = s.conn.SetWriteDeadline(time.Now().Add(20 * time.Millisecond)) // for a client that does not read
	s.answering.Lock()
	defer s.answering.Unlock()
	s.mu.Lock()
	running := s.running
	s.closing = true
	s.mu.Unlock()
	if running {
		s.fe.count(func(st *Stats) { st.Cut++ })
		if d.partial {
			_, _ = s.conn.Write([]byte{200, 0, 0, 1, 1}) // a packet of 200 bytes, cut after the first
		}
	}
	if running || d.reset {
		_ = s.conn.SetLinger(0)
	}
	s.conn.Close()
}

func (s *session) busy() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.running
}

func (s *session) inTransaction() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.inTxn
}

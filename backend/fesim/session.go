package fesim

import (
	"context"
	"net"
	"sync"
	"time"

	"segue/backend/wire"
)

// session is one connection at the MySQL port: FE's ConnectContext.
type session struct {
	// Static after newSession.
	life *life
	fe   *FE
	conn *net.TCPConn
	id   uint32
	salt []byte

	// Owned by run.
	r      *wire.Reader
	out    []byte // packets not yet written
	seq    uint8  // of the next packet
	mute   bool   // what is written is thrown away
	fault  Fault  // at the start of the present command
	last   *statement
	client wire.HandshakeResponse41
	state  state
	// admitted says that life.loggedIn counts the session.
	admitted bool

	// answering is held while the end of an answer is written and the session becomes idle: a process does not die between the two. It is
	// locked before mu.
	answering sync.Mutex

	mu       sync.Mutex
	running  bool      // a command is being executed or answered
	closing  bool      // no further command is executed
	used     bool      // a command has been finished
	since    time.Time // start of the running command, or end of the last one, or of the login
	cancel   context.CancelCauseFunc
	shown    shown
	timeout  time.Duration // wait_timeout, not scaled
	inTxn    bool
	loggedIn bool
}

// shown is what SHOW PROCESSLIST says of a session.
type shown struct {
	User, Host, DB, Command, Info string
}

func newSession(l *life, conn *net.TCPConn, id uint32, salt []byte) *session {
	s := &session{life: l, fe: l.fe, conn: conn, id: id, salt: salt, since: time.Now()}
	s.r = wire.NewReader(conn, 256<<20)
	s.shown.Host = conn.RemoteAddr().String()
	s.shown.Command = "Connect"
	return s
}

// run serves the connection until it ends.
func (s *session) run() {
	defer s.conn.Close() // FIN, or RST if something unread is left: never an ERR. Last, so that who sees it finds all else done
	defer s.life.unregister(s)
	defer s.forget()
	if s.connect() {
		for s.serveOne() {
		}
	}
}

// forget gives up what lives in the cluster: a transaction is rolled back, temporary tables are dropped.
func (s *session) forget() {
	if s.state.txn != 0 {
		s.fe.cluster.rollback(s.state.txn)
	}
}

// serveOne reads and answers one command; false if the connection is to end.
func (s *session) serveOne() bool {
	payload, seq, err := s.r.Next()
	if err != nil {
		return false
	}
	s.seq = seq + 1
	if len(payload) == 0 {
		return false
	}
	if !s.fe.thaw(s.life.ctx.Done()) {
		return false
	}
	s.fault, s.last = s.fe.faults(), nil
	ctx, ok := s.begin(wire.Command(payload[0]))
	if !ok {
		return s.race(payload)
	}
	keep := s.command(ctx, payload)
	keep = keep && !s.leavesAfterStmt()
	if !keep {
		cork(s.conn) // answer and FIN in one segment, if the system can do that
	}
	s.answering.Lock()
	defer s.answering.Unlock()
	return s.finish(s.flush()) && keep
}

// begin marks the session as busy; false if it is being closed.
func (s *session) begin(c wire.Command) (context.Context, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return nil, false
	}
	ctx, cancel := context.WithCancelCause(s.life.ctx)
	s.running, s.since, s.cancel = true, time.Now(), cancel
	s.shown.Command = c.String()
	return ctx, true
}

// finish marks the session as idle if its answer has been written; false if it is to be closed.
func (s *session) finish(err error) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cancel(nil)
	s.cancel = nil
	if err != nil {
		return false
	}
	s.running, s.used, s.since = false, true, time.Now()
	s.shown.Command, s.shown.Info = "Sleep", ""
	s.inTxn, s.timeout = s.state.txn != 0, s.state.waitTimeout()
	return !s.closing
}

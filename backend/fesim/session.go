package fesim

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"segue/proxy/wire"
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
	User, Host, DB, Command, Info, QueryID string
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

// hang says nothing more, until the client or the FE ends the connection.
func (s *session) hang() {
	_, _ = io.Copy(io.Discard, s.conn)
}

// flushAt is how many bytes are gathered before they are written.
const flushAt = 64 << 10

// packet sends a payload: at once if the fault says so, else when there is enough or the answer is complete.
func (s *session) packet(payload []byte) error {
	s.out, s.seq = wire.AppendPacket(s.out, s.seq, payload)
	if s.fault.SlowResult > 0 {
		if err := s.sleep(s.life.ctx, s.fault.SlowResult); err != nil {
			return err
		}
		return s.flush()
	}
	if len(s.out) >= flushAt {
		return s.flush()
	}
	return nil
}

// flush writes what has been gathered.
func (s *session) flush() error {
	out := s.out
	s.out = s.out[:0]
	if s.mute || len(out) == 0 {
		return nil
	}
	if s.fault.Truncate && s.last != nil {
		_, _ = s.conn.Write(out[:len(out)-1-len(out)/3])
		return errCut
	}
	_, err := s.conn.Write(out)
	return err
}

var errCut = errors.New("cut by fault")

// sleep waits for d. It ends early, with an error, with ctx or when the client has gone.
func (s *session) sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for {
		select {
		case <-timer.C:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-look.C:
			if s.clientGone() {
				return errGone
			}
		}
	}
}

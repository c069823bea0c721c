package proxy

import (
	"log/slog"
	"net"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"segue/backend"
	"segue/proxy/track"
	"segue/proxy/wire"
)

// session is one client connection and what serves it. See the package documentation for its life.
type session struct {
	// Set before any goroutine of the session starts.
	server *Server
	id     uint32
	opened time.Time
	client *conn

	// Written by enter alone, read by anyone.
	state atomic.Uint32
	since atomic.Int64 // when, in nanoseconds since the server's start

	// Owned by the connection phase; fixed before the pumps start.
	login   login
	user    string
	hello   hello        // what the client said of itself, for later logins
	cred    *credential  // what it can be logged in again with; nil: nothing. Both are void after a COM_CHANGE_USER
	up      pump         // client → backend
	down    pump         // backend → client
	pumping atomic.Int32 // pumps that have not ended; 0 in the connection phase
	kept    kept

	threads threads              // its ids on backends; written under mu
	doom    atomic.Pointer[doom] // what KILLs have in store for it; nil almost always

	mu   sync.Mutex // guards what follows
	turn sync.Cond  // on mu: a move, or an exchange of Segue's own, is over
	// Set by the connection phase for each attempt, and by each move.
	lease   *backend.Lease
	back    *conn
	track   track.State
	head    head
	hurried bool   // the backend has turned out to be down: give it no more time
	undial  func() // ends the dialing that is under way; nil: none is
	away    away   // where the session stands with leaving its backend
	nap     nap    // and with having nothing to do
	kill    *kill  // the client's own KILL that is under way
	masked  bool   // the backend takes the session's user for the service account
	// How it ended, or is ending: once end is set, nothing the client sends is sent on.
	end     End
	cause   error
	severed bool      // its connections have been cut: by cut, or because the client has vanished
	last    *wire.Err // for the client, in place of an answer of which no byte has passed
	insist  bool      // last stands in place of something that has been seen but not passed on
}

// enter is the only writer of the state. It panics on a transition that is not in the table: that is a bug of ours, which
// the session does not survive.
func (s *session) enter(to State) {
	from := s.current()
	if !next[from].has(to) {
		panic("proxy: session: " + from.String() + " → " + to.String())
	}
	s.state.Store(uint32(to))
	s.since.Store(s.server.elapsed())
}

func (s *session) current() State { return State(s.state.Load()) }

// run serves the session up to the command phase and then hands it to its two pumps, which start on fresh stacks: an idle
// session costs two goroutines that have never called deeply.
func (s *session) run() {
	defer s.recovered()
	deepen(s)
	if err := s.connect(); err != nil {
		s.refuse(err)
		s.finish()
		return
	}
	s.server.joined(s.lease.Backend())
	go s.pumpUp()
	go s.pumpDown()
}

// deepen makes the goroutine's stack as large as the connection phase needs, while there is next to nothing on it that would have to be
// copied, in one step instead of three.
//
//go:noinline
func deepen(s *session) byte {
	var frame [6 << 10]byte
	return frame[int(s.id)%len(frame)]
}

// recovered keeps a panic from leaving the session that it happened in.
func (s *session) recovered() {
	if p := recover(); p != nil {
		s.crashed(p)
		s.finish()
	}
}

// crashed notes a panic, which is a bug of ours, and cuts both connections. It takes mu, which therefore is nowhere held
// but with a deferred unlock where anything can panic.
func (s *session) crashed(p any) {
	s.server.metrics.panics.Inc()
	s.server.log.Error("session panicked: please report this", slog.Uint64("session", uint64(s.id)), slog.Any("cause", p),
		slog.String("stack", string(debug.Stack())))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rouse()
	s.end, s.cause, s.last = Protocol, errPanic, nil // whatever it was ending of
	_ = s.client.SetDeadline(past)
	if s.back != nil {
		_ = s.back.SetDeadline(past)
	}
	s.interrupt()
	s.turn.Broadcast()
}

// pumpEnded counts down the pumps; the last one finishes the session.
func (s *session) pumpEnded() {
	if p := recover(); p != nil {
		s.crashed(p)
	}
	if s.pumping.Add(-1) == 0 {
		s.finish()
	}
}

// finish gives back all that the session held. It runs once, after the last of the session's goroutines has done its work.
func (s *session) finish() {
	if s.current() != Closed {
		s.enter(Closed)
	}
	_ = s.client.Close()
	if s.back != nil {
		_ = s.back.Close()
	}
	s.dropNext()
	if s.lease != nil {
		s.lease.Release()
	}
	s.giveSlot()
	s.settleDebt()
	s.dropKill()
	s.server.left(s)
}

// backendName is the name of the session's backend, or empty.
func (s *session) backendName() string {
	if s.lease == nil {
		return ""
	}
	return s.lease.Backend().Name()
}

// SessionInfo describes a session as the admin API shows it.
type SessionInfo struct {
	ID      uint32 `json:"id"`
	Client  string `json:"client"` // address
	User    string `json:"user"`
	Backend string `json:"backend"`
	State   string `json:"state"`
	Pinned  string `json:"pinned"` // why it cannot leave its backend between two statements, or empty
	// PinnedSince is when that began, if it is more than for the statement that runs; otherwise zero.
	PinnedSince time.Time `json:"pinned_since,omitzero"`
	Since       time.Time `json:"since"` // in this state
	Moves       int       `json:"moves"` // how often it has passed to another backend
	Opened      time.Time `json:"opened"`
}

func (s *session) info() SessionInfo {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := SessionInfo{
		ID: s.id, Client: addr(s.client), User: s.user, Backend: s.backendName(), State: s.current().String(),
		Since: s.server.at(s.since.Load()), Moves: int(s.away.moves), Opened: s.opened,
	}
	switch s.current() {
	case Idle, Busy, Pinned:
		if i.Pinned = s.track.Pinned(); i.Pinned == "" && !s.hasCredential() {
			i.Pinned, i.PinnedSince = pinNoCredential, s.opened
		} else if s.away.pinned != 0 {
			i.PinnedSince = s.server.at(s.away.pinned)
		}
	default:
	}
	return i
}

// notePinned keeps since when the session is pinned: a transaction of many statements is one.
func (s *session) notePinned(st State) {
	switch {
	case st == Idle:
		s.away.pinned = 0
	case st == Pinned && s.away.pinned == 0:
		s.away.pinned = s.since.Load()
	}
}

// pinNoCredential is the reason of a session that Segue could not log in again. All others are package track's.
const pinNoCredential = "no-credential"

func addr(c net.Conn) string {
	if a := c.RemoteAddr(); a != nil {
		return a.String()
	}
	return ""
}

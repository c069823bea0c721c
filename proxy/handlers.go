package proxy

import (
	"log/slog"
	"time"
)

// What the loop, and the link to the backend, tell a session.

// Crashed implements loop.Crasher. It is called after a panic, which is a bug of ours, and ends the session.
func (s *session) Crashed(cause any, stack []byte) {
	s.w.server.metrics.panics.Inc()
	s.w.server.log.Error("session panicked: please report this", slog.Uint64("session", uint64(s.id)), slog.Any("cause", cause),
		slog.String("stack", string(stack)))
	s.end, s.cause = Protocol, errPanic // whatever it was ending of
	s.finish()
}

// writable implements linkUser: the backend has taken all that was pending.
func (s *session) writable(*link) { s.client.listen() }

// broke implements linkUser.
func (s *session) broke(_ *link, err error) {
	if s.state != Closed && !(&killWait{s, err}).begin() {
		s.lost(err)
	}
}

// crashed notes a panic in a task for all sessions, which is a bug of ours.
func (s *Server) crashed(cause any, stack []byte) {
	s.metrics.serverPanics.Inc()
	s.log.Error("task panicked: please report this", slog.Any("cause", cause), slog.String("stack", string(stack)))
}

const (
	minPause = 20 * time.Millisecond
	maxPause = 250 * time.Millisecond
)

// upTo is a part of d, so that not all do something at one moment.
func (w *worker) upTo(d time.Duration) time.Duration {
	return time.Duration(w.rand.Int64N(int64(d) + 1))
}

// jitter is the half of d and a part of the other.
func (w *worker) jitter(d time.Duration) time.Duration { return d/2 + w.upTo(d/2) }

package proxy

import (
	"errors"
	"time"
)

// A client may vanish without a FIN: its machine loses power, or a firewall forgets the connection. While nothing is on its way to it,
// TCP keepalive finds that out. While something is, the kernel goes on sending it for a quarter of an hour, and sends no keepalive;
// meanwhile the session holds its backend connection, in the middle of an answer perhaps. TCP_USER_TIMEOUT would be no help: it also ends
// the connection of a client that lives, acknowledges, and takes its time to read a long answer. So the kernel is asked how it
// stands with each client that has been silent.

const (
	// goneAfter is how long a client may leave what is sent to it unacknowledged: as long as keepalive gives it.
	goneAfter = 30 * time.Second
	// goneTries is how often the kernel must have sent it in vain.
	goneTries = 3
	// searchEvery is how often clients that have gone are looked for.
	searchEvery = 5 * time.Second
)

var errUnacknowledged = errors.New("it acknowledges nothing any more")

// ears is what the kernel knows of a peer's acknowledgements.
type ears struct {
	tries int           // that have not been acknowledged since the peer was last heard: retransmissions and probes of a closed window
	since time.Duration // it was last heard
}

// deaf reports whether the peer has gone. One that reads slowly acknowledges each probe of its closed window, however rare those get.
func (e ears) deaf(after time.Duration) bool { return e.tries >= goneTries && e.since >= after }

// search ends the sessions of clients that have left all that was sent to them unacknowledged for so long.
func (s *Server) search(after time.Duration) {
	for _, c := range s.list() {
		if c.deaf(after) {
			c.vanished()
		}
	}
}

// deaf reports whether the session's client has gone. One in its connection phase has deadlines of its own.
func (s *session) deaf(after time.Duration) bool {
	if s.pumping.Load() == 0 || s.server.elapsed()-s.since.Load() < int64(after) {
		return false
	}
	var e ears
	_ = s.client.raw.Control(func(fd uintptr) { e = hears(fd) })
	return e.deaf(after)
}

// vanished ends a session whose client has gone.
func (s *session) vanished() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.severed {
		return
	}
	s.severed = true
	s.endLocked(ClientGone, errUnacknowledged)
	s.severLocked()
}

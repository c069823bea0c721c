package proxy

import (
	"errors"
	"net"
	"syscall"
	"time"

	"segue/proxy/loop"
)

// What the kernel is told and asked of sockets.

// suspectKeepAlive takes the place of keepAlive on connections to a backend that is down: they may lead nowhere, which nobody would tell for a long
// time. One that has vanished then ends with ETIMEDOUT, as if the backend had closed it. A process that hangs is not found by that: its kernel
// answers for it.
var suspectKeepAlive = net.KeepAliveConfig{Enable: true, Idle: time.Second, Interval: time.Second, Count: 3}

// suspectTimeout is how long what has been sent may go without an ACK. It is not set on others: it counts for a peer
// that acknowledges everything, and has no room for it, too.
const suspectTimeout = 4 * time.Second

// tighten has the kernel find out within seconds which connections to a backend that is down lead nowhere, until it is up again.
func (f *fold) tighten(is bool) {
	if !is && !f.suspect {
		return
	}
	f.suspect = is
	for _, s := range f.sessions { // if it is, also those that have come since
		if l := s.back; l != nil && !l.closed && l.tight != is {
			l.tight, l.lasting = is, true
			_ = l.conn.Control(func(fd uintptr) { setTight(int(fd), is) })
		}
	}
}

// last gives the connections of sessions that last keepAlive: most sessions of clients without a pool are over before, and it takes four
// system calls.
func (w *worker) last() {
	now := w.now()
	for _, s := range w.all {
		if now-s.past.opened < int64(lastsAfter) || !s.commanding() {
			continue
		}
		if !s.client.lasting {
			s.client.lasting = true
			_ = s.client.Control(func(fd uintptr) { setKeepAlive(int(fd), keepAlive) })
		}
		if l := s.back; l != nil && !l.lasting && !l.closed {
			l.lasting = true
			_ = l.conn.Control(func(fd uintptr) { setKeepAlive(int(fd), keepAlive) })
		}
	}
}

// lastsAfter is how old a session is that is likely to last.
const lastsAfter = 2 * time.Second

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

// peerInfo is what the kernel knows of a peer's acknowledgements.
type peerInfo struct {
	tries int           // that have not been acknowledged since the peer was last heard: retransmissions and probes of a closed window
	since time.Duration // it was last heard
}

// vanished reports whether the peer has gone. One that reads slowly acknowledges each probe of its closed window, however rare those get.
func (i peerInfo) vanished(after time.Duration) bool { return i.tries >= goneTries && i.since >= after }

// searchVanished ends the sessions of clients that have left all that was sent to them unacknowledged for so long.
func (w *worker) searchVanished(after time.Duration) {
	w.last()
	now := w.now()
	for i := len(w.all) - 1; i >= 0; i = min(i, len(w.all)) - 1 { // one that ends makes room for one that has been looked at
		s := w.all[i]
		if !s.commanding() || now-s.since < int64(after) {
			continue
		}
		if peerInfoOf(&s.client.Conn).vanished(after) {
			s.endAs(ClientGone, errUnacknowledged)
			s.finish()
		}
	}
}

func peerInfoOf(c *loop.Conn) (i peerInfo) {
	_ = c.Control(func(fd uintptr) { i = acknowledgements(int(fd)) })
	return i
}

func setKeepAlive(fd int, c net.KeepAliveConfig) {
	_ = syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_KEEPALIVE, 1)
	setKeepAliveTimes(fd, c)
}

// Package loop is the event loop that owns sessions: connections, timers and a mailbox, each loop's served by one goroutine, which calls their owners. It knows
// nothing of what the connections carry.
//
// # For owners
//
// An [Owner] has [Conn]s and [Timer]s as parts of its struct and is called back when something happens to one. Everything that belongs to a loop
// is touched on that loop's goroutine alone, and needs no lock; whoever else wants something of it posts a [Message]. A callback must not block.
//
//	type session struct {
//		client, backend loop.Conn
//		timer           loop.Timer
//	}
//
//	func (s *session) Readable(c *loop.Conn) {
//		from, to := …
//		if _, err := to.Write(from.Read()); err == nil && to.Pending() > 0 {
//			from.Pause() // until Writable(to)
//		}
//	}
//
// An owner passes to another loop by [Conn.Detach], a message with the [Socket] to that loop, and [Conn.Adopt] there; nothing that has been
// received, or is still to be sent, is lost. Its timers it stops, and arms anew.
//
// # How a loop sleeps
//
// A thread that blocks in epoll_wait costs twice what a proxy may at light load: the Go runtime keeps taking the processor from it. So the loop sleeps in the
// runtime's poller, as every goroutine that waits for the network does: its epoll set is non-blocking and wrapped as an [os.File], and the runtime's own
// epoll set watches the descriptor of ours, edge-triggered. The loop is one call of [syscall.RawConn.Read], whose callback asks the set without
// waiting and returns false to sleep. What one must know of that:
//
//   - Each new call of RawConn.Read discards the edges that came before. There is only one, and it begins by asking the set.
//   - When epoll_pwait returns fewer events than there was room for, the set was empty, and whatever happens afterwards raises an edge that the
//     runtime keeps (fs/eventpoll.c: ep_poll_callback wakes those that poll the set itself). So the loop need not ask again only to hear that there is nothing. It
//     does after a turn with more than one connection: then there mostly is.
//   - A loop that never slept would keep its processor from all other goroutines for ten milliseconds at a time, and the network from them. So it sleeps
//     after a millisecond, and wakes itself if something is left.
//
// recv, send, accept4, connect and the like cannot block on these descriptors, and are made without telling the scheduler, which saves an eighth.
//
// # Edges
//
// A connection is registered once, for everything, edge-triggered: no system call is spent on what it is watched for. Therefore:
//
//   - A read that does not fill its buffer has left nothing, and is not followed by another only to meet EAGAIN (epoll(7), question 9). Saves a quarter
//     of all system calls.
//   - An end of the stream that came with the bytes is not announced again after that short read. But EPOLLRDHUP comes in the same event, so that the loop knows, and
//     reads on. A server that closes right behind an answer does exactly this.
//   - What an owner did not read, because it had paused the connection or had no use for more, is remembered; Resume reads without an edge.
//   - A send that took a part announces room, as one that took nothing does. A UNIX socket announces it whenever the peer has read something, so that it is watched for
//     that only while something is pending, at two system calls.
//   - [Conn.Adopt] need not look for what it might have missed: to add a descriptor to a set announces what it is ready for.
//
// # Descriptors
//
// Connections are found by descriptor in a flat table. The number of one that is closed may be given to the next while events for it are still
// in hand: so descriptors are closed at the end of a turn, and each event carries the generation that its connection had in the table. The kernel goes on to speak of
// a closed descriptor as long as another process, or a duplicate, has the same socket open; such events find nobody. A listener is always
// a duplicate, and taken out of the set before it is closed.
//
// # Fairness
//
// In a turn each connection is read once, at most a megabyte; one with more to read comes again in the next turn, behind what has happened meanwhile.
//
// # TLS
//
// [Conn.Secure] puts TLS upon a connection, and the rest remains as it is. What is received is unsealed within the read, and what is written is sealed within the
// write: what is pending is sealed, and what crypto/tls keeps between two calls is at most the beginning of a record. A goroutine there is for the handshake alone,
// in which crypto/tls takes a read without bytes for the end: it is started when the peer's first record is there, and so are at most [maxHandshakes] at a time,
// of which as many compute as the loop can wait for.
//
// # Codecs
//
// [Conn.Code] puts a [Codec] upon a connection, above TLS if there is some: what is read is decoded within the read, as much as there is room for, and what is written is encoded within the
// write. What has been received and not been taken stays as it was received, so that little which stands for much costs little as long as nobody wants it.
//
// # Panics
//
// A panic in a callback ends what that callback was about, not the loop: see [Crasher] and [Options]. It costs one deferred call per turn.
//
// # Without epoll
//
// Elsewhere than on Linux, with [Options.Portable], and for connections that are no plain sockets, two goroutines per connection feed the loop through its
// mailbox, and one per listener and per dial. All else is the same, but slower.
package loop

package track

import "segue/backend/wire"

// A session that has a witness is one for which Segue has agreed on CLIENT_SESSION_TRACK with a server whose client has not: the server tells what has
// become of the session, stored functions included. The client is to see none of it: what its packets have of it is taken out on the way, in place. Without a
// change of the session there is nothing to be taken out, and nothing is moved.
//
// The server tracks what it tracks by its own settings: time_zone, character sets, autocommit and the database, unless its administrator wants more. A SET by Segue
// for more would show to stored functions and views that read it, and cost a visit of one statement a third more of its server's time (MariaDB 10.11). With
// session_track_transaction_info each SELECT of a transaction has the flag, which then means nothing any more.

// maxTold bounds the packets that are waited for until they have come whole. No server's session state is as long.
const maxTold = 1 << 20

// tells reports what status flags the packet at the head of chunk has, and whether more of it must be seen first.
func (s *State) tells(chunk []byte) (told wire.Tells, wait bool) {
	if s.queue.n == 0 || !s.server.AtStart() {
		return wire.TellsNothing, false
	}
	if len(chunk) < wire.HeaderLen {
		return wire.TellsNothing, true
	}
	n, _ := wire.DecodeHeader(chunk)
	if n == 0 || n > maxTold {
		return wire.TellsNothing, false
	}
	if len(chunk) == wire.HeaderLen {
		return wire.TellsNothing, true
	}
	told = s.x.Tells(n, chunk[wire.HeaderLen])
	return told, told != wire.TellsNothing && len(chunk) < wire.HeaderLen+n
}

// joined is how far bytes of a chunk have been moved together: those in front of to are done, and those from from on belong behind them.
type joined struct{ to, from int }

// without takes out of b what the packet of n bytes at at says of the session.
func (k *joined) without(b []byte, at, n int, told wire.Tells) {
	payload := b[at+wire.HeaderLen : at+wire.HeaderLen+n]
	if told == wire.TellsEOF {
		wire.EOFWithoutSessionState(payload)
		return
	}
	left := wire.WithoutSessionState(payload)
	if left == n {
		return
	}
	wire.PutHeader(b[at:], left, b[at+wire.HeaderLen-1])
	end := at + wire.HeaderLen + left
	k.to += k.move(b, end)
	k.from = at + wire.HeaderLen + n
}

// move moves what has been kept up to end to where it belongs, and returns how much that is.
func (k *joined) move(b []byte, end int) int {
	if k.to != k.from {
		copy(b[k.to:], b[k.from:end])
	}
	return end - k.from
}

// close moves the rest of b, and returns what b has become.
func (k *joined) close(b []byte) []byte {
	k.to += k.move(b, len(b))
	return b[:k.to]
}

// Dialect is that of the session's server.
func (s *State) Dialect() Dialect { return s.dialect }

// Version is that of its server, as in Options.
func (s *State) Version() uint32 { return s.version }

// Capabilities are those that hold on the connection to the backend: the client's, and what the witness needs.
func (s *State) Capabilities() wire.Capability { return s.caps }

package compress

import "segue/backend/wire"

// stream is where one direction stands between the headers of packets.
type stream struct {
	left int32 // payload bytes of the packet that is passing
	full bool  // that packet is as long as one can be: the next one continues it
	have uint8 // bytes of a header that has not come whole
	cut  bool  // … which does not begin a compressed packet that is out of the sequence
	part [wire.HeaderLen]byte
}

// begin is behind a header.
func (s *stream) begin(size int) { s.left, s.full = int32(size), size == wire.MaxPayload }

// skip takes up to n payload bytes.
func (s *stream) skip(n int) int {
	n = min(n, int(s.left))
	s.left -= int32(n)
	return n
}

// keep keeps the beginning of a header.
func (s *stream) keep(b []byte) { s.have = uint8(copy(s.part[:], b)) }

// whole puts what was kept in front of b.
func (s *stream) whole(b []byte) []byte {
	if s.have == 0 || len(b) == 0 {
		return b
	}
	b = append(append(make([]byte, 0, len(b)+wire.HeaderLen), s.part[:s.have]...), b...)
	s.have = 0
	return b
}

// numbers are the sequence ids of a connection.
type numbers struct {
	next  uint8 // of the next compressed packet that is sent
	start uint8 // … where sends has found that it begins something
	delta uint8 // what packets that are sent have more than they would have uncompressed

	sent    uint8 // sequence id of the last packet that was sent, as it is uncompressed
	heard   uint8 // … that was received, as it is uncompressed
	raw     uint8 // … as it was received from a client
	settled bool  // all has been answered
	spoke   bool  // a command has come since an answer began
	turn    bool  // the other side is to go on within an exchange
	quiet   bool  // nothing has been received since something was sent
}

// Settled tells that every command has been answered whole: what follows the next command is an answer to that. Without it that is concluded from the ids, which cannot tell, behind an
// answer whose last packet had the id 0, whether the next goes on with it.
func (n *numbers) Settled() { n.settled = true }

// sends takes the header of a packet that is about to be sent, seen being the last compressed packet that was received. It reports whether a compressed packet begins with it, which
// start is for; delta is for the packet.
func (n *numbers) sends(toClient bool, seen, seq uint8, continues bool) (begins bool) {
	follows := seq == n.sent+1
	n.sent = seq
	quiet := n.quiet
	n.quiet = true
	switch {
	case continues:
		return false
	case toClient:
		return n.answers(seen, seq, follows)
	case seq == 0 && (!follows || !quiet): // a command; 0 behind 255, with nothing heard, goes on with a file
		n.start, n.delta, n.spoke = 0, 0, true
		return true
	case !quiet: // goes on within the exchange
		n.start, n.delta, n.turn = seen+1, seen+1-seq, true
		return true
	}
	return false
}

// answers is sends towards a client.
func (n *numbers) answers(seen, seq uint8, follows bool) (begins bool) {
	switch {
	case seq == 0 && !n.spoke && !n.turn && !follows: // said unasked
		n.start = 0
	case n.settled, n.turn, n.spoke && !follows:
		n.start = seen + 1
	case !follows: // an answer behind another one
		n.start = seq
	default:
		return false
	}
	n.settled, n.spoke, n.turn, n.delta = false, false, false, n.start-seq
	return true
}

// hears takes the header of a packet that has been received, and returns the sequence id that it has uncompressed. jumps: it begins a compressed packet that does not follow the one before
// it.
func (n *numbers) hears(fromClient bool, seq uint8, continues, jumps bool) uint8 {
	quiet := n.quiet
	n.quiet = false
	switch {
	case fromClient:
		n.said(seq, continues, quiet)
	case continues:
		n.heard++
	case seq == 0 && n.next != 0 && (jumps || n.settled): // said unasked
		n.heard = 0
	case n.turn, n.spoke && (n.settled || jumps):
		n.heard = n.sent + 1
		n.turn, n.spoke, n.settled = false, false, false
	case jumps: // an answer behind another one
		n.heard = 1
	default:
		n.heard++
	}
	return n.heard
}

// said is hears for what a client says; first: and it has said nothing since something was sent. MariaDB's library gives the parts of a long packet ids that nobody could foresee: a server
// that is compressed looks at none.
func (n *numbers) said(seq uint8, continues, first bool) {
	follows := seq == n.raw+1
	n.raw = seq
	switch {
	case continues:
		n.heard++
	case seq == 0 && (first || !follows): // a command; 0 behind 255 goes on with a file
		n.heard, n.spoke = 0, true
	case first:
		n.heard, n.turn = n.sent+1, true
	default:
		n.heard++
		n.turn = true
	}
}

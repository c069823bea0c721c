package wire

import "encoding/binary"

// HeadLen is how many payload bytes of a packet a Framer gathers before it reports it. The longest
// prefix anything here looks at is an OK_Packet up to its status flags: a header byte, two
// length-encoded integers of at most nine bytes each and two bytes of flags.
const HeadLen = 24

// Packet is one packet as a Framer saw it pass: its header and the beginning of its payload.
type Packet struct {
	Len int   // length of the payload, at most MaxPayload
	Seq uint8 // sequence id
	// Continues says that this packet carries on the payload of the one before it, which was
	// MaxPayload long: its first byte is data, not a packet type.
	Continues bool
	// Body is the part of the payload that Next consumed: all of it if it lay whole in the chunk, and
	// never fewer than the first min(Len, HeadLen) bytes. It points into the chunk or into the
	// Framer and is valid until the next call.
	Body []byte
}

// Framer follows one direction of a connection from packet header to packet header. It sees each chunk
// of bytes as it passes, keeps nothing of the payloads beyond a short head that a chunk's end cuts
// in two, and allocates nothing. The zero value stands at a packet's first byte.
//
// See https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_basic_packets.html.
type Framer struct {
	left      int32 // payload bytes of the current packet that are still to come
	continued bool  // the packet before, or the current one while left > 0, was MaxPayload long
	have      uint8
	seq       uint8                     // of the packet that passed last, or is passing
	part      [HeaderLen + HeadLen]byte // a header and head that a chunk's end cut in two
}

// AtStart reports whether the next byte begins a new logical packet: nothing of a packet is outstanding,
// no fragment of a long payload either.
func (f *Framer) AtStart() bool { return f.left == 0 && f.have == 0 && !f.continued }

// Seq is the sequence id of the packet that passed last, or is passing.
func (f *Framer) Seq() uint8 { return f.seq }

// InPayload reports whether a packet has been reported of which payload bytes are still to come. They are
// consumed with Skip.
func (f *Framer) InPayload() bool { return f.left > 0 }

// Skip consumes payload bytes of the packet reported last and returns how many of chunk they are.
func (f *Framer) Skip(chunk []byte) int {
	n := min(int(f.left), len(chunk))
	f.left -= int32(n)
	return n
}

// Rest returns how many bytes at the head of chunk belong to the logical packet under way, whose beginning has been seen: all of them, or those up to
// where another one begins. It consumes nothing.
func (f *Framer) Rest(chunk []byte) (n int) {
	left, more := int(f.left), f.continued
	if f.have > 0 {
		var head [HeaderLen]byte
		k := copy(head[:], f.part[:min(int(f.have), HeaderLen)])
		if k+copy(head[k:], chunk) < HeaderLen {
			return len(chunk)
		}
		length, _ := DecodeHeader(head[:])
		left, more = HeaderLen+length-int(f.have), length == MaxPayload
	}
	for left < len(chunk)-n {
		if n += left; !more {
			return n
		}
		if len(chunk)-n < HeaderLen {
			break
		}
		length, _ := DecodeHeader(chunk[n:])
		left, more = HeaderLen+length, length == MaxPayload
	}
	return len(chunk)
}

// Next consumes the header and head of the next packet from chunk, tells of it in p, and returns how many
// bytes these were. ok is false if the chunk ended first; Next has then consumed all of it, and p is as it
// was. It must not be called while InPayload is true.
func (f *Framer) Next(chunk []byte, p *Packet) (n int, ok bool) {
	if f.have == 0 && len(chunk) >= HeaderLen {
		length, seq := DecodeHeader(chunk)
		if body := chunk[HeaderLen:]; len(body) >= min(length, HeadLen) {
			if len(body) > length {
				body = body[:length]
			}
			f.begin(p, length, seq, body)
			return HeaderLen + len(body), true
		}
	}
	return f.gather(chunk, p)
}

// gather is Next for a header or head that lies across chunks.
func (f *Framer) gather(chunk []byte, p *Packet) (n int, ok bool) {
	if f.have < HeaderLen {
		k := copy(f.part[f.have:HeaderLen], chunk)
		f.have += uint8(k)
		n += k
		if f.have < HeaderLen {
			return n, false
		}
	}
	length, seq := DecodeHeader(f.part[:])
	want := HeaderLen + min(length, HeadLen)
	k := copy(f.part[f.have:want], chunk[n:])
	f.have += uint8(k)
	n += k
	if int(f.have) < want {
		return n, false
	}
	f.have = 0
	f.begin(p, length, seq, f.part[HeaderLen:want])
	return n, true
}

// begin notes the packet whose payload starts with body.
func (f *Framer) begin(p *Packet, length int, seq uint8, body []byte) {
	p.Len, p.Seq, p.Continues, p.Body = length, seq, f.continued, body
	f.left, f.seq = int32(length-len(body)), seq
	f.continued = length == MaxPayload
}

// SkipRows consumes whole packets at the start of chunk that cannot end a result set: shorter than
// MaxPayload and beginning with neither 0xfe (EOF_Packet, OK_Packet) nor 0xff (ERR_Packet). It is the
// fast path for rows; what it leaves goes through Next.
func (f *Framer) SkipRows(chunk []byte) int {
	if f.left > 0 || f.have > 0 || f.continued {
		return 0
	}
	at := 0
	for len(chunk)-at > HeaderLen {
		head := binary.LittleEndian.Uint32(chunk[at:])
		length := int(head & MaxPayload)
		end := at + HeaderLen + length
		if length == 0 || length == MaxPayload || end > len(chunk) || chunk[at+HeaderLen] >= headerEOF {
			break
		}
		f.seq = uint8(head >> 24)
		at = end
	}
	return at
}

// First bytes by which packets are told apart.
const (
	headerOK       = 0x00
	headerMore     = 0x01 // AuthMoreData
	headerInfile   = 0xfb // LOCAL INFILE request
	headerEOF      = 0xfe // EOF_Packet, or OK_Packet with CLIENT_DEPRECATE_EOF; AuthSwitchRequest
	headerERR      = 0xff
	progressReport = 0xffff // ERR_Packet code by which MariaDB reports progress: nothing has failed or ended
)

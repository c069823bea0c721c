package simulate

import (
	"slices"
	"strings"

	proto "segue/backend/wire"
)

// Messages of 16 MiB and more, which take several packets.

// long takes a message of which the first packet is full.
func (p *packets) long(seq uint8) (payload []byte, first uint8, ok bool) {
	at := 0
	for n := proto.MaxPayload; n == proto.MaxPayload; at += proto.HeaderLen + n {
		if len(p.b) < at+proto.HeaderLen {
			return nil, 0, false
		}
		if n, _ = proto.DecodeHeader(p.b[at:]); len(p.b) < at+proto.HeaderLen+n {
			return nil, 0, false
		}
		p.more++
	}
	p.more--
	for from := 0; from < at; {
		n, _ := proto.DecodeHeader(p.b[from:])
		payload = append(payload, p.b[from+proto.HeaderLen:from+proto.HeaderLen+n]...)
		from += proto.HeaderLen + n
	}
	p.b = p.b[at:]
	return payload, seq, true
}

// huge says a statement that is as long as a packet can be, or a little less or more, and may ask for an answer like that.
func (c *client) huge(tag string, _ bool) *statement {
	if c.pace() || c.index%8 != 0 || c.count > 3 { // it takes long enough
		return nil
	}
	tag = "q" + tag
	n := proto.MaxPayload - 40 + c.d.IntN(80)
	if c.d.one(2) {
		s := query(tag, "SELECT '"+tag+"', huge("+number(n).text+")")
		s.ok = func(a *answer) {
			if a.rows != 1 || a.first[0].text != tag || a.first[1].text != strings.Repeat("x", n) {
				c.fail("the answer to %s is another, or cut", tag)
			}
		}
		return s
	}
	s := query(tag, "")
	s.body = slices.Concat([]byte("SELECT '"+tag+"', LENGTH('"), []byte(strings.Repeat("x", n)), []byte("')"))
	s.what = "SELECT … of 16 MiB"
	s.ok = func(a *answer) {
		if a.rows != 1 || a.first[0].text != tag || a.first[1].text != number(n).text {
			c.fail("the answer to %s is %d rows, the first is %v", tag, a.rows, a.first)
		}
	}
	return s
}

// packets is how many the statement has behind its first.
func (s *statement) packets() uint8 { return uint8((1 + len(s.body)) / proto.MaxPayload) }

// pace reports whether the client reads slowly, or over a connection that is slow.
func (c *client) pace() bool { return c.x.pace > 0 || c.x.slow > 0 || c.x.size < 64<<10 }

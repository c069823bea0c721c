package simulate

import (
	"encoding/binary"
	"strconv"

	proto "segue/backend/wire"
)

// Commands that few clients send, and those that no server knows.

// doMore executes such a command; nil: it is none.
func (b *backConn) doMore(c proto.Command, body []byte) *result {
	switch c {
	case proto.ComStmtFetch:
		return b.fetch(body)
	case proto.ComStatistics:
		return &result{text: "Uptime: " + strconv.Itoa(int(b.s.w.now)) + "  Threads: 1"}
	case proto.ComDebug:
		return &result{}
	case proto.ComSetOption:
		if on := binary.LittleEndian.Uint16(body) == 0; !on {
			b.s.w.fail("%s is to take no several statements any more, and nobody says so", b.name)
		}
		return &result{}
	case unknown, unknown + 1:
		return sqlErr(1047, "08S01", "Unknown command")
	default:
		return nil
	}
}

// unknown is the byte of no command.
const unknown proto.Command = 0x70

// odd says one of them.
func (c *client) odd(tag string, alone bool) *statement {
	n := c.d.IntN(5)
	if c.w.Kind == StarRocks {
		n = 0
	}
	s := &statement{tag: "o" + tag}
	switch n {
	case 0, 1:
		if !alone {
			return nil // a server might have no answer to what it does not know
		}
		s.c, s.fails = unknown+proto.Command(n), 1047
	case 2:
		s.c = proto.ComStatistics
	case 3:
		s.c = proto.ComDebug
	default:
		s.c, s.body = proto.ComSetOption, []byte{0, 0}
	}
	s.what = s.c.String()
	return s
}

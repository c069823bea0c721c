package simulate

import (
	"bytes"
	"encoding/binary"
	"time"

	proto "segue/backend/wire"
)

// Servers that say what no server says. Whose connection it was may hear anything, and nobody else; Segue lives on.

// lie says something in place of an answer, and nothing true any more.
func (b *backConn) lie() {
	lie := b.lies()
	b.note("lies: %.80q", lie)
	if id, ok := b.s.w.core.Owner(b.s.name, b.thread); ok {
		if c := b.s.w.byID[id]; c != nil {
			c.deceived = true
			c.note("is lied to")
			b.s.w.after(int64(3*time.Second), func() { c.leave("reset") })
		}
	} else {
		b.s.w.lied = true
	}
	b.busy = true
	b.send(lie, false)
	b.s.w.after(b.d.span(2*time.Second), func() { b.end(b.d.one(2)) })
}

func (b *backConn) lies() (lie []byte) {
	say := func(payload []byte) []byte {
		packet, _ := proto.AppendPacket(nil, b.seq, payload)
		return packet
	}
	junk := make([]byte, 1+b.d.IntN(600))
	for i := range junk {
		junk[i] = byte(b.d.IntN(256))
	}
	switch b.d.IntN(13) {
	case 0:
		return junk
	case 1:
		return append([]byte{0xff, 0xff, 0xff, b.seq}, junk...)
	case 2:
		return say((&proto.Err{Code: 1064, State: "42000", Message: string(bytes.Repeat([]byte("x"), 70_000))}).Append(nil))
	case 3:
		b.seq += uint8(1 + b.d.IntN(255))
		return say((&proto.OK{}).Append(nil, b.caps))
	case 4:
		return say((&proto.StmtPrepareOK{StatementID: 0xffffffff, NumColumns: 65535, NumParams: 65535}).Append(nil))
	case 5:
		ok := say((&proto.OK{}).Append(nil, b.caps))
		return append(ok, ok...)
	case 6:
		return say(binary.LittleEndian.AppendUint64([]byte{0xfe}, 1<<63))
	case 7:
		return say(append([]byte{0xfe}, junk...))
	case 8:
		return say(append([]byte{0xfb}, "/etc/passwd"...))
	case 9:
		return say(nil)
	case 10:
		return say(append([]byte{1}, junk...))
	case 11:
		return say([]byte{0xff})
	}
	return say(junk)
}

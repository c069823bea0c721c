package wire

import "encoding/binary"

// EOF is EOF_Packet, which ends the column definitions and the rows of a result set where ClientDeprecateEOF is not agreed on.
//
// https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_basic_eof_packet.html
type EOF struct {
	Warnings uint16
	Status   Status
}

// IsEOF reports whether the packet is an EOF_Packet where one may stand. A row may start with 0xfe too, but is never that short.
func IsEOF(payload []byte) bool {
	return len(payload) > 0 && len(payload) < maxEOF && payload[0] == headerEOF
}

// Decode reads an EOF_Packet of a server from 4.1 on.
func (m *EOF) Decode(payload []byte) error {
	d := newDecoder("EOF", payload)
	d.first(headerEOF)
	*m = EOF{Warnings: d.uint16("warnings"), Status: Status(d.uint16("status_flags"))}
	if d.more() {
		d.fail("status_flags", "more bytes follow")
	}
	return d.done()
}

// Append appends the payload of the packet.
func (m *EOF) Append(dst []byte) []byte {
	dst = binary.LittleEndian.AppendUint16(append(dst, headerEOF), m.Warnings)
	return binary.LittleEndian.AppendUint16(dst, uint16(m.Status))
}

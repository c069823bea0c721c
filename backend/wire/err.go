package wire

import (
	"encoding/binary"
	"fmt"
)

// Err is ERR_Packet, and as an error what the server said.
//
// https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_basic_err_packet.html
type Err struct {
	Code uint16
	// State is the SQLSTATE, five characters; empty if the packet has none, as before the capabilities are agreed on.
	State   string
	Message string
}

const sqlStateLen = 5

// IsErr reports whether the packet is an ERR_Packet where one may stand. No row starts with 0xff.
func IsErr(payload []byte) bool { return len(payload) > 0 && payload[0] == headerERR }

// Error implements error, in the form that MySQL's own client prints, fit to be shown.
func (m *Err) Error() string {
	if m.State == "" {
		return fmt.Sprintf("ERROR %d: %s", m.Code, Shown(m.Message, MaxShown))
	}
	return fmt.Sprintf("ERROR %d (%s): %s", m.Code, Shown(m.State, sqlStateLen), Shown(m.Message, MaxShown))
}

// Decode reads an ERR_Packet, with or without an SQLSTATE.
func (m *Err) Decode(payload []byte) error {
	d := newDecoder("ERR", payload)
	d.first(headerERR)
	*m = Err{Code: d.uint16("error_code")}
	if d.more() && d.rest[0] == '#' {
		d.take("sql_state_marker", 1)
		m.State = string(d.take("sql_state", sqlStateLen))
	}
	m.Message = string(d.end())
	return d.done()
}

// Append appends the payload of the packet. A State that is not five characters long is cut or filled up with zeros.
func (m *Err) Append(dst []byte) []byte {
	dst = binary.LittleEndian.AppendUint16(append(dst, headerERR), m.Code)
	if m.State != "" {
		state := (m.State + "00000")[:sqlStateLen]
		dst = append(append(dst, '#'), state...)
	}
	return append(dst, m.Message...)
}

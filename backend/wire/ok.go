package wire

import (
	"encoding/binary"
	"fmt"
)

// OK is OK_Packet.
//
// https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_basic_ok_packet.html
type OK struct {
	// Header is 0x00, or 0xfe when the packet ends a result set in place of an EOF_Packet (ClientDeprecateEOF).
	Header       byte
	AffectedRows uint64
	LastInsertID uint64
	Status       Status // with ClientProtocol41 or ClientTransactions
	Warnings     uint16 // with ClientProtocol41
	// Info is a text for people. Without ClientSessionTrack it is the rest of the packet, as the manual says; MySQL
	// and MariaDB put a length-encoded string there all the same, whose length is then part of Info.
	Info []byte
	// SessionState is the encoded list of session_state_changes; with ClientSessionTrack and StatusSessionStateChanged.
	SessionState []byte
}

// Decode reads an OK_Packet as it is after caps have been agreed on.
func (m *OK) Decode(payload []byte, caps Capability) error {
	d := newDecoder("OK", payload)
	*m = OK{Header: d.uint8("header")}
	if d.err == nil && m.Header != headerOK && m.Header != headerEOF {
		d.fail("header", fmt.Sprintf("is 0x%02x, neither 0x00 nor 0xfe", m.Header))
	}
	m.AffectedRows = d.lenencInt("affected_rows")
	m.LastInsertID = d.lenencInt("last_insert_id")
	switch {
	case caps.Has(ClientProtocol41):
		m.Status = Status(d.uint16("status_flags"))
		m.Warnings = d.uint16("warnings")
	case caps.Has(ClientTransactions):
		m.Status = Status(d.uint16("status_flags"))
	}
	if !caps.Has(ClientSessionTrack) {
		m.Info = d.end()
		return d.done()
	}
	if d.more() { // servers leave out an empty info when nothing follows it
		m.Info = d.lenenc("info")
	}
	if m.Status.Has(StatusSessionStateChanged) && d.more() {
		m.SessionState = d.lenenc("session_state_info")
	}
	return d.done()
}

// Append appends the payload of the packet for a peer with caps.
func (m *OK) Append(dst []byte, caps Capability) []byte {
	dst = append(dst, m.Header)
	dst = AppendLenencInt(dst, m.AffectedRows)
	dst = AppendLenencInt(dst, m.LastInsertID)
	switch {
	case caps.Has(ClientProtocol41):
		dst = binary.LittleEndian.AppendUint16(dst, uint16(m.Status))
		dst = binary.LittleEndian.AppendUint16(dst, m.Warnings)
	case caps.Has(ClientTransactions):
		dst = binary.LittleEndian.AppendUint16(dst, uint16(m.Status))
	}
	if !caps.Has(ClientSessionTrack) {
		return append(dst, m.Info...)
	}
	changed := m.Status.Has(StatusSessionStateChanged)
	if len(m.Info) > 0 || changed {
		dst = AppendLenencString(dst, m.Info)
	}
	if changed {
		dst = AppendLenencString(dst, m.SessionState)
	}
	return dst
}

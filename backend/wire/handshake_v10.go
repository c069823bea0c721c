package wire

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// HandshakeV10 is Protocol::HandshakeV10, the server's greeting.
//
// https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_connection_phase_packets_protocol_handshake_v10.html
type HandshakeV10 struct {
	ServerVersion string
	ConnectionID  uint32 // thread_id
	// AuthData is auth-plugin-data, the salt, without the NUL at its end: 20 bytes with all servers of today.
	AuthData     []byte
	Capabilities Capability
	Charset      uint8 // character_set, the low byte of a collation id
	Status       Status
	// ExtCapabilities are MariaDB's, see [MariaDBClientProgress]; always 0 when Capabilities has ClientLongPassword.
	ExtCapabilities uint32
	AuthPlugin      string // auth_plugin_name, empty without ClientPluginAuth
}

const (
	protocolVersion = 10
	saltPart1       = 8  // auth-plugin-data-part-1
	saltPart2       = 13 // the least length of auth-plugin-data-part-2, its NUL included
	maxSalt         = 254
)

// Decode reads a greeting. If the server sent an ERR_Packet in its place ("too many connections"), the error is that [*Err].
func (m *HandshakeV10) Decode(payload []byte) error {
	if IsErr(payload) {
		refused := new(Err)
		if err := refused.Decode(payload); err != nil {
			return err
		}
		return refused
	}
	d := newDecoder("HandshakeV10", payload)
	if v := d.uint8("protocol version"); d.err == nil && v != protocolVersion {
		d.fail("protocol version", fmt.Sprintf("is %d, not %d", v, protocolVersion))
	}
	*m = HandshakeV10{ServerVersion: d.text("server version"), ConnectionID: d.uint32("thread id")}
	m.AuthData = d.bytes("auth-plugin-data-part-1", saltPart1)
	d.take("filler", 1)
	lower := d.uint16("capability_flags_1")
	m.Charset = d.uint8("character_set")
	m.Status = Status(d.uint16("status_flags"))
	m.Capabilities = Capability(uint32(lower) | uint32(d.uint16("capability_flags_2"))<<16)
	if d.err == nil && !m.Capabilities.Has(ClientProtocol41) {
		d.fail("capability_flags_1", "no CLIENT_PROTOCOL_41: the server is older than 4.1")
	}
	saltLen := int(d.uint8("auth_plugin_data_len"))
	d.take("reserved", 6)
	if ext := d.uint32("reserved"); !m.Capabilities.Has(ClientLongPassword) {
		m.ExtCapabilities = ext
	}
	m.decodeAuth(d, saltLen)
	return d.done()
}

// decodeAuth reads the second part of the salt, and the plugin.
func (m *HandshakeV10) decodeAuth(d *decoder, saltLen int) {
	if !m.Capabilities.Has(ClientPluginAuth) {
		saltLen = 0 // the manual: 0 without the flag
	}
	if m.Capabilities&(ClientSecureConnection|ClientPluginAuth) != 0 {
		part := d.take("auth-plugin-data-part-2", max(saltPart2, saltLen-saltPart1))
		m.AuthData = append(m.AuthData, part[:max(0, len(part)-1)]...) // the last byte is the NUL
	}
	if m.Capabilities.Has(ClientPluginAuth) {
		m.AuthPlugin = d.textOrEnd() // servers before 5.5.10 and 5.6.2 leave out the NUL (MySQL bug 59453)
	}
}

// Append appends the payload of the greeting. A salt shorter than 20 bytes is filled up with NULs, as the
// manual has it; one longer than 254 bytes does not fit and is cut off.
func (m *HandshakeV10) Append(dst []byte) []byte {
	salt := m.AuthData[:min(len(m.AuthData), maxSalt)]
	if short := saltPart1 + saltPart2 - 1 - len(salt); short > 0 {
		salt = append(bytes.Clone(salt), make([]byte, short)...)
	}
	dst = append(dst, protocolVersion)
	dst = append(append(dst, m.ServerVersion...), 0)
	dst = binary.LittleEndian.AppendUint32(dst, m.ConnectionID)
	dst = append(append(dst, salt[:saltPart1]...), 0)
	dst = binary.LittleEndian.AppendUint16(dst, uint16(m.Capabilities))
	dst = append(dst, m.Charset)
	dst = binary.LittleEndian.AppendUint16(dst, uint16(m.Status))
	dst = binary.LittleEndian.AppendUint16(dst, uint16(m.Capabilities>>16))
	saltLen := 0
	if m.Capabilities.Has(ClientPluginAuth) {
		saltLen = len(salt) + 1
	}
	dst = append(dst, byte(saltLen), 0, 0, 0, 0, 0, 0)
	ext := m.ExtCapabilities
	if m.Capabilities.Has(ClientLongPassword) {
		ext = 0
	}
	dst = binary.LittleEndian.AppendUint32(dst, ext)
	if m.Capabilities&(ClientSecureConnection|ClientPluginAuth) != 0 {
		dst = append(append(dst, salt[saltPart1:]...), 0)
	}
	if m.Capabilities.Has(ClientPluginAuth) {
		dst = append(append(dst, m.AuthPlugin...), 0)
	}
	return dst
}

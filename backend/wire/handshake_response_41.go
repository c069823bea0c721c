package wire

import (
	"encoding/binary"
	"errors"
)

// ErrHandshakeResponse320 is the error of [HandshakeResponse41.Decode] for a client of before MySQL 4.1.
var ErrHandshakeResponse320 = errors.New("decode HandshakeResponse41: the client sent a HandshakeResponse320 (no CLIENT_PROTOCOL_41): clients older than MySQL 4.1 are not supported")

// HandshakeResponse41 is Protocol::HandshakeResponse41, the client's answer to the greeting.
// Decode followed by Append gives the same bytes for what real clients send, as long as Capabilities is not changed;
// when it is, Append leaves out or re-encodes the fields that depend on it.
//
// https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_connection_phase_packets_protocol_handshake_response.html
type HandshakeResponse41 struct {
	Capabilities  Capability
	MaxPacketSize uint32
	Charset       uint8
	// Filler is zero, but for MariaDB's extended capabilities in the last four bytes.
	Filler       [23]byte
	Username     string
	AuthResponse []byte
	Database     string // only with ClientConnectWithDB
	AuthPlugin   string // only with ClientPluginAuth
	// Attributes are the connection attributes, only with ClientConnectAttrs: length-encoded keys and values in turn,
	// without the length of the whole.
	Attributes []byte
	ZstdLevel  byte // only with ClientZstdCompressionAlgorithm
	// Trailer is what follows the last field that the manual knows, kept as it is.
	Trailer []byte

	// How the client wrote what can be written in more than one way; zero in a message that was not decoded.
	absent         optionalField // the first field that Capabilities announces and the payload does not have
	attributesSize []byte        // the length of Attributes if it is not in its shortest form
}

// optionalField counts the fields that depend on Capabilities, in their order on the wire.
type optionalField uint8

const (
	noField optionalField = iota
	fieldDatabase
	fieldAuthPlugin
	fieldAttributes
	fieldZstdLevel
)

// Decode reads a response. The error is [ErrHandshakeResponse320] if the client is too old for this message.
func (m *HandshakeResponse41) Decode(payload []byte) error {
	if len(payload) >= 2 && !Capability(binary.LittleEndian.Uint16(payload)).Has(ClientProtocol41) {
		return ErrHandshakeResponse320
	}
	d := newDecoder("HandshakeResponse41", payload)
	*m = HandshakeResponse41{
		Capabilities:  Capability(d.uint32("client_flag")),
		MaxPacketSize: d.uint32("max_packet_size"),
		Charset:       d.uint8("character_set"),
	}
	copy(m.Filler[:], d.take("filler", len(m.Filler)))
	m.Username = d.text("username")
	m.AuthResponse = d.authResponse(m.Capabilities)
	if m.has(d, fieldDatabase, ClientConnectWithDB) {
		m.Database = d.textOrEnd()
	}
	if m.has(d, fieldAuthPlugin, ClientPluginAuth) {
		m.AuthPlugin = d.textOrEnd()
	}
	if m.has(d, fieldAttributes, ClientConnectAttrs) {
		m.decodeAttributes(d)
	}
	if m.has(d, fieldZstdLevel, ClientZstdCompressionAlgorithm) {
		m.ZstdLevel = d.uint8("zstd_compression_level")
	}
	m.Trailer = d.end()
	return d.done()
}

// has reports whether a field is there. Clients announce fields that they then leave out, if the server's greeting did not offer
// the capability (MariaDB's client library) or there is nothing to tell (mysqlnd).
func (m *HandshakeResponse41) has(d *decoder, field optionalField, flag Capability) bool {
	if !m.Capabilities.Has(flag) || d.err != nil {
		return false
	}
	if !d.more() && m.absent == noField {
		m.absent = field
	}
	return d.more()
}

func (m *HandshakeResponse41) decodeAttributes(d *decoder) {
	_, size := LenencInt(d.rest)
	prefix := clone(d.rest[:size])
	m.Attributes = d.lenenc("connect attributes")
	if len(prefix) != len(AppendLenencInt(nil, uint64(len(m.Attributes)))) {
		m.attributesSize = prefix // npm mariadb always takes three bytes
	}
}

// last returns the last field that is to be written if Capabilities announces it.
func (m *HandshakeResponse41) last() optionalField {
	valued := noField
	switch {
	case m.ZstdLevel != 0 || len(m.Trailer) > 0:
		valued = fieldZstdLevel
	case len(m.Attributes) > 0:
		valued = fieldAttributes
	case m.AuthPlugin != "":
		valued = fieldAuthPlugin
	case m.Database != "":
		valued = fieldDatabase
	}
	if m.absent == noField {
		return fieldZstdLevel
	}
	return max(valued, m.absent-1)
}

// Append appends the payload of the response.
func (m *HandshakeResponse41) Append(dst []byte) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, uint32(m.Capabilities))
	dst = binary.LittleEndian.AppendUint32(dst, m.MaxPacketSize)
	dst = append(dst, m.Charset)
	dst = append(dst, m.Filler[:]...)
	dst = append(append(dst, m.Username...), 0)
	dst = appendAuthResponse(dst, m.AuthResponse, m.Capabilities)
	last := m.last()
	if m.Capabilities.Has(ClientConnectWithDB) && last >= fieldDatabase {
		dst = append(append(dst, m.Database...), 0)
	}
	if m.Capabilities.Has(ClientPluginAuth) && last >= fieldAuthPlugin {
		dst = append(append(dst, m.AuthPlugin...), 0)
	}
	if m.Capabilities.Has(ClientConnectAttrs) && last >= fieldAttributes {
		dst = m.appendAttributes(dst)
	}
	if m.Capabilities.Has(ClientZstdCompressionAlgorithm) && last >= fieldZstdLevel {
		dst = append(dst, m.ZstdLevel)
	}
	return append(dst, m.Trailer...)
}

func (m *HandshakeResponse41) appendAttributes(dst []byte) []byte {
	if n, size := LenencInt(m.attributesSize); size > 0 && n == uint64(len(m.Attributes)) {
		return append(append(dst, m.attributesSize...), m.Attributes...)
	}
	return AppendLenencString(dst, m.Attributes)
}

// ExtCapabilities returns MariaDB's extended capabilities; 0 if the client has not said that it is a MariaDB client.
func (m *HandshakeResponse41) ExtCapabilities() uint32 {
	if m.Capabilities.Has(ClientLongPassword) {
		return 0
	}
	return binary.LittleEndian.Uint32(m.Filler[19:])
}

// SetExtCapabilities writes MariaDB's extended capabilities into the filler. They count only when Capabilities lacks ClientLongPassword.
func (m *HandshakeResponse41) SetExtCapabilities(ext uint32) {
	binary.LittleEndian.PutUint32(m.Filler[19:], ext)
}

// authResponse reads auth_response in the form that caps asks for.
func (d *decoder) authResponse(caps Capability) []byte {
	const field = "auth_response"
	switch {
	case caps.Has(ClientPluginAuthLenencClientData):
		return d.lenenc(field)
	case caps.Has(ClientSecureConnection):
		return d.bytes(field, int(d.uint8(field+"_length")))
	}
	return d.nulOrEnd()
}

// appendAuthResponse is the counterpart of authResponse. What does not fit the form is cut off: more than 255 bytes without
// ClientPluginAuthLenencClientData.
func appendAuthResponse(dst, response []byte, caps Capability) []byte {
	switch {
	case caps.Has(ClientPluginAuthLenencClientData):
		return AppendLenencString(dst, response)
	case caps.Has(ClientSecureConnection):
		response = response[:min(len(response), 255)]
		return append(append(dst, byte(len(response))), response...)
	}
	return append(append(dst, response...), 0)
}

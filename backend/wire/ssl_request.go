package wire

import "encoding/binary"

// SSLRequest is Protocol::SSLRequest: the first 32 bytes of a [HandshakeResponse41], sent in clear in front of the TLS handshake.
//
// https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_connection_phase_packets_protocol_ssl_request.html
type SSLRequest struct {
	Capabilities  Capability
	MaxPacketSize uint32
	Charset       uint8
	Filler        [23]byte
}

const sslRequestLen = 32

// IsSSLRequest reports whether the client's first packet is an SSLRequest, not a HandshakeResponse41.
func IsSSLRequest(payload []byte) bool {
	return len(payload) == sslRequestLen && Capability(binary.LittleEndian.Uint32(payload)).Has(ClientSSL|ClientProtocol41)
}

// Decode reads an SSLRequest.
func (m *SSLRequest) Decode(payload []byte) error {
	d := newDecoder("SSLRequest", payload)
	*m = SSLRequest{
		Capabilities:  Capability(d.uint32("client_flag")),
		MaxPacketSize: d.uint32("max_packet_size"),
		Charset:       d.uint8("character_set"),
	}
	copy(m.Filler[:], d.take("filler", len(m.Filler)))
	if d.more() {
		d.fail("filler", "more bytes follow")
	}
	return d.done()
}

// Append appends the payload of the request.
func (m *SSLRequest) Append(dst []byte) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, uint32(m.Capabilities))
	dst = binary.LittleEndian.AppendUint32(dst, m.MaxPacketSize)
	dst = append(dst, m.Charset)
	return append(dst, m.Filler[:]...)
}

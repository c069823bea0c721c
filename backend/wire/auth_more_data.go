package wire

// AuthMoreData is Protocol::AuthMoreData: the plugin's server side has more to say (caching_sha2_password: 3 fast success, 4 full authentication, or the
// server's public key).
//
// https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_connection_phase_packets_protocol_auth_more_data.html
type AuthMoreData struct {
	Data []byte
}

// Decode reads an AuthMoreData.
func (m *AuthMoreData) Decode(payload []byte) error {
	d := newDecoder("AuthMoreData", payload)
	d.first(headerMore)
	*m = AuthMoreData{Data: d.end()}
	return d.done()
}

// Append appends the payload of the message.
func (m *AuthMoreData) Append(dst []byte) []byte {
	return append(append(dst, headerMore), m.Data...)
}

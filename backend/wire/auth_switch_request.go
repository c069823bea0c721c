package wire

// AuthSwitchRequest is Protocol::AuthSwitchRequest: the server asks the client to authenticate (again) with another plugin or other data.
//
// https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_connection_phase_packets_protocol_auth_switch_request.html
type AuthSwitchRequest struct {
	// Plugin is empty in Protocol::OldAuthSwitchRequest, a lone 0xfe, which asks for mysql_old_password.
	Plugin string
	// Data is the plugin's own, as it stands on the wire: a salt has a NUL at its end, which [NewAuthSwitchRequest] puts there
	// and [AuthSwitchRequest.Salt] takes off.
	Data []byte
}

// NewAuthSwitchRequest returns the request to answer salt by plugin, one of the mysql_native_password or caching_sha2_password kind.
func NewAuthSwitchRequest(plugin string, salt []byte) *AuthSwitchRequest {
	data := make([]byte, 0, len(salt)+1)
	return &AuthSwitchRequest{Plugin: plugin, Data: append(append(data, salt...), 0)}
}

// Salt returns Data without the NUL at its end. The result aliases Data.
func (m *AuthSwitchRequest) Salt() []byte {
	if n := len(m.Data); n > 0 && m.Data[n-1] == 0 {
		return m.Data[:n-1]
	}
	return m.Data
}

// Decode reads an AuthSwitchRequest or an OldAuthSwitchRequest.
func (m *AuthSwitchRequest) Decode(payload []byte) error {
	d := newDecoder("AuthSwitchRequest", payload)
	d.first(headerEOF)
	*m = AuthSwitchRequest{}
	if d.more() {
		m.Plugin = d.text("plugin name")
		if d.err == nil && m.Plugin == "" {
			d.fail("plugin name", "is empty")
		}
		m.Data = d.end()
	}
	return d.done()
}

// Append appends the payload of the request.
func (m *AuthSwitchRequest) Append(dst []byte) []byte {
	dst = append(dst, headerEOF)
	if m.Plugin == "" {
		return dst
	}
	dst = append(append(dst, m.Plugin...), 0)
	return append(dst, m.Data...)
}

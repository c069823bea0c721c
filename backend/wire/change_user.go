package wire

import "encoding/binary"

// ChangeUser is COM_CHANGE_USER.
//
// https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_com_change_user.html
type ChangeUser struct {
	Username     string
	AuthResponse []byte
	Database     string
	// NoCharset says that the packet ends after the database, as that of clients before 5.1.
	NoCharset  bool
	Charset    uint16
	AuthPlugin string // only with ClientPluginAuth
	Attributes []byte // only with ClientConnectAttrs; see [HandshakeResponse41]
	Trailer    []byte // what follows, kept as it is
}

// Decode reads a COM_CHANGE_USER of a client with caps.
func (m *ChangeUser) Decode(payload []byte, caps Capability) error {
	d := newDecoder("COM_CHANGE_USER", payload)
	d.first(byte(ComChangeUser))
	*m = ChangeUser{Username: d.text("user")}
	m.AuthResponse = d.authResponse(caps &^ ClientPluginAuthLenencClientData)
	m.Database = d.text("schema_name")
	if m.NoCharset = !d.more(); m.NoCharset {
		return d.done()
	}
	m.Charset = d.uint16("character_set")
	if caps.Has(ClientPluginAuth) && d.more() {
		m.AuthPlugin = d.textOrEnd()
	}
	if caps.Has(ClientConnectAttrs) && d.more() {
		m.Attributes = d.lenenc("connection attributes")
	}
	m.Trailer = d.end()
	return d.done()
}

// Append appends the payload of the command, for a session with caps.
func (m *ChangeUser) Append(dst []byte, caps Capability) []byte {
	dst = append(append(append(dst, byte(ComChangeUser)), m.Username...), 0)
	dst = appendAuthResponse(dst, m.AuthResponse, caps&^ClientPluginAuthLenencClientData)
	dst = append(append(dst, m.Database...), 0)
	if m.NoCharset {
		return dst
	}
	dst = binary.LittleEndian.AppendUint16(dst, m.Charset)
	if caps.Has(ClientPluginAuth) {
		dst = append(append(dst, m.AuthPlugin...), 0)
	}
	if caps.Has(ClientConnectAttrs) {
		dst = AppendLenencString(dst, m.Attributes)
	}
	return append(dst, m.Trailer...)
}

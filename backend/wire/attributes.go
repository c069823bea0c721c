package wire

// maxAttributes bounds connection attributes: MySQL refuses a login with more (sql_authentication.cc: read_client_connect_attrs).
const maxAttributes = 1<<16 - 1

// Attribute is a connection attribute.
type Attribute struct{ Key, Value string }

// AddAttributes adds attributes behind those that there are, all of them or, where there is no room, none. It needs a message that has attributes, be it none: what
// stands in front of them could not be told apart otherwise.
func (m *HandshakeResponse41) AddAttributes(more ...Attribute) (added bool) {
	if !m.Capabilities.Has(ClientConnectAttrs) || m.absent != noField && m.absent <= fieldAttributes {
		return false
	}
	size := len(m.Attributes)
	for _, a := range more {
		size += lenencSize(len(a.Key)) + lenencSize(len(a.Value))
	}
	if size > maxAttributes {
		return false
	}
	all := append(make([]byte, 0, size), m.Attributes...) // others may have what there is
	for _, a := range more {
		all = AppendLenencString(AppendLenencString(all, a.Key), a.Value)
	}
	m.Attributes = all
	return true
}

// lenencSize is how many bytes a length-encoded string of n takes at most.
func lenencSize(n int) int { return n + 3 }

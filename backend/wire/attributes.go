package wire

import "strings"

// maxAttributes bounds connection attributes: MySQL refuses a login with more (sql_authentication.cc: read_client_connect_attrs).
const maxAttributes = 1<<16 - 1

// Attribute is a connection attribute.
type Attribute struct{ Key, Value string }

// LeadAttributes puts attributes in front of those that there are, all of them or, where there is no room, none. Of those that there are it leaves out whose keys
// begin with prefix, in whatever case, and what is no attribute, with all behind it. It needs a message that has attributes, be it none: what stands in front of
// them could not be told apart otherwise.
func (m *HandshakeResponse41) LeadAttributes(prefix string, more ...Attribute) (added bool) {
	if !m.Capabilities.Has(ClientConnectAttrs) || m.absent != noField && m.absent <= fieldAttributes {
		return false
	}
	var lead []byte
	for _, a := range more {
		lead = AppendLenencString(AppendLenencString(lead, a.Key), a.Value)
	}
	all := appendAttributesWithout(lead, m.Attributes, prefix) // others may have what there is
	if added = len(all) <= maxAttributes; !added {
		all = all[len(lead):]
	}
	m.Attributes = all
	return added
}

// appendAttributesWithout appends the attributes of b whose keys do not begin with prefix.
func appendAttributesWithout(dst, b []byte, prefix string) []byte {
	for len(b) > 0 {
		key, n := LenencString(b)
		_, size := LenencString(b[n:])
		if n == 0 || size == 0 {
			break
		}
		size += n
		if len(key) < len(prefix) || !strings.EqualFold(string(key[:len(prefix)]), prefix) {
			dst = append(dst, b[:size]...)
		}
		b = b[size:]
	}
	return dst
}

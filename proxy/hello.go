package proxy

import (
	"unique"

	"segue/proxy/wire"
)

// hello is a client's HandshakeResponse41 without its answer to the salt and without its database: what later logins in
// the client's name need. Sessions of one pool say the same, and share it.
type hello struct {
	packed unique.Handle[string]
}

func newHello(r *wire.HandshakeResponse41) hello {
	plain := *r
	plain.AuthResponse, plain.AuthPlugin, plain.Database = nil, "", ""
	plain.Capabilities &^= wire.ClientConnectWithDB
	return hello{unique.Make(string(plain.Append(nil)))}
}

// response returns the message, for the caller to complete; nil if the client has not said any.
func (h hello) response() *wire.HandshakeResponse41 {
	if h == (hello{}) {
		return nil
	}
	r := new(wire.HandshakeResponse41)
	if r.Decode([]byte(h.packed.Value())) != nil { // it was encoded by newHello
		return nil
	}
	return r
}

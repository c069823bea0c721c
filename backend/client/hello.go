package client

import (
	"unique"

	"segue/backend/wire"
)

// Hello is a client's HandshakeResponse41 without its answer to the salt and without its database: what later logins in the client's name
// need. Those of one pool say the same, and share it.
type Hello struct {
	said unique.Handle[hello]
}

// hello is one that is held once for all who say the same.
type hello struct{ packed, user string }

// NewHello keeps what r says.
func NewHello(r *wire.HandshakeResponse41) Hello {
	plain := *r
	plain.AuthResponse, plain.AuthPlugin, plain.Database = nil, "", ""
	plain.Capabilities &^= wire.ClientConnectWithDB | wire.ClientSSL // what the client's side goes over is nothing to a server
	return Hello{unique.Make(hello{string(plain.Append(nil)), plain.Username})}
}

// Response returns the message, for the caller to complete; nil if nothing has been said.
func (h Hello) Response() *wire.HandshakeResponse41 {
	if h == (Hello{}) {
		return nil
	}
	r := new(wire.HandshakeResponse41)
	if r.Decode([]byte(h.said.Value().packed)) != nil { // it was encoded by NewHello
		return nil
	}
	return r
}

// User is who has said it; "" if nothing has been said.
func (h Hello) User() string {
	if h == (Hello{}) {
		return ""
	}
	return h.said.Value().user
}

// OwnResponse is what Segue says to a greeting in its own name, to log in as user: EOF_Packets, no database, no session tracking.
func OwnResponse(g *wire.HandshakeV10, user string) *wire.HandshakeResponse41 {
	const asked = wire.ClientLongPassword | wire.ClientProtocol41 | wire.ClientSecureConnection | wire.ClientPluginAuth |
		wire.ClientTransactions | wire.ClientPluginAuthLenencClientData
	const utf8General = 33 // utf8_general_ci, which every server knows
	return &wire.HandshakeResponse41{Capabilities: g.Capabilities & asked, MaxPacketSize: wire.MaxPayload, Charset: utf8General, Username: user}
}

// MaxHandshake bounds the messages of the connection phase: connection attributes may take 64 KiB, tokens some more.
const MaxHandshake = 128 << 10

// Shaping are the capabilities that decide what packets look like. A server that lacks one which a client uses cannot take its session.
const Shaping = wire.ClientCompress | wire.ClientSSL | wire.ClientZstdCompressionAlgorithm | wire.ClientOptionalResultsetMetadata |
	wire.ClientDeprecateEOF | wire.ClientSessionTrack | wire.ClientQueryAttributes | wire.MultiFactorAuthentication |
	wire.ClientProtocol41 | wire.ClientSecureConnection

// Fits reports whether a server can do what a client that has said r relies on. TLS is each side's own affair.
func Fits(r *wire.HandshakeResponse41, g *wire.HandshakeV10) bool {
	return r.Capabilities&Shaping&^wire.ClientSSL&^g.Capabilities == 0 &&
		(r.Capabilities.Has(wire.ClientLongPassword) || r.ExtCapabilities()&^g.ExtCapabilities == 0)
}

// Witness is CLIENT_SESSION_TRACK where a server that has greeted with g has it, and a client that has said r does without: Segue may agree on it with the
// server alone. Elsewhere it is 0.
func Witness(r *wire.HandshakeResponse41, g *wire.HandshakeV10) wire.Capability {
	if r.Capabilities.Has(wire.ClientSessionTrack) || !(r.Capabilities & g.Capabilities).Has(wire.ClientProtocol41) {
		return 0
	}
	return g.Capabilities & wire.ClientSessionTrack
}

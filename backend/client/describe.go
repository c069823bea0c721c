package client

import (
	"net/netip"
	"strconv"

	"segue/backend/wire"
)

// Describe adds to what a client says to a server that has greeted with g where the client comes from and which session is its own, as connection attributes: the
// server has no other way to know. The zero AddrPort is a UNIX socket. A client that says no attributes, or a server that takes none, does without.
func Describe(r *wire.HandshakeResponse41, g *wire.HandshakeV10, from netip.AddrPort, session uint32) {
	if !r.Capabilities.Has(wire.ClientConnectAttrs) || !g.Capabilities.Has(wire.ClientConnectAttrs) {
		return
	}
	address := "unix"
	if from.IsValid() {
		address = from.String()
	}
	r.AddAttributes(wire.Attribute{Key: "segue_client", Value: address}, wire.Attribute{Key: "segue_session", Value: strconv.FormatUint(uint64(session), 10)})
}

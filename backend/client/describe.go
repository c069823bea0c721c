package client

import (
	"net/netip"
	"strconv"

	"segue/backend/wire"
)

// reserved begins the keys of attributes that are Segue's own: a client that said them could claim to be another.
const reserved = "segue_"

// Describe puts in front of what a client says to a server that has greeted with g where the client comes from and which session is its own, as connection
// attributes: the server has no other way to know. The zero AddrPort is a UNIX socket. A client that says no attributes, or a server that takes none, does without.
func Describe(r *wire.HandshakeResponse41, g *wire.HandshakeV10, from netip.AddrPort, session uint32) {
	if !g.Capabilities.Has(wire.ClientConnectAttrs) {
		return
	}
	address := "unix"
	if from.IsValid() {
		address = from.String()
	}
	r.LeadAttributes(reserved, wire.Attribute{Key: reserved + "client", Value: address}, wire.Attribute{Key: reserved + "session", Value: strconv.FormatUint(uint64(session), 10)})
}

// Undescribed leaves out what a client itself says by such keys, towards a server that is told in another way.
func Undescribed(r *wire.HandshakeResponse41) { r.LeadAttributes(reserved) }

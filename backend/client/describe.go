package client

import (
	"net/netip"
	"strconv"

	"segue/backend/wire"
)

// reserved begins the keys of attributes that are Segue's own: a client that said them could claim to be another.
const reserved = "segue_"

// Describe puts in front of what a client says to a server that has greeted with g where the client comes from and which session is its own, as connection
// attributes, and whose certificate it has shown: the server has no other way to know. The zero AddrPort is a UNIX socket. A client that says no attributes, or a
// server that takes none, does without.
func Describe(r *wire.HandshakeResponse41, g *wire.HandshakeV10, from netip.AddrPort, session uint32, peer Peer) {
	if !g.Capabilities.Has(wire.ClientConnectAttrs) {
		return
	}
	address := "unix"
	if from.IsValid() {
		address = from.String()
	}
	told := []wire.Attribute{{Key: reserved + "client", Value: address}, {Key: reserved + "session", Value: strconv.FormatUint(uint64(session), 10)}}
	r.LeadAttributes(reserved, append(told, shown(peer)...)...)
}

// Undescribed leaves out what a client itself says by such keys, towards a server that is told in another way where it comes from.
func Undescribed(r *wire.HandshakeResponse41, peer Peer) { r.LeadAttributes(reserved, shown(peer)...) }

// maxSubject is how much of a certificate's subject is told: what servers keep of all attributes is some hundred bytes.
const maxSubject = 200

// shown is what a client's certificate says.
func shown(peer Peer) []wire.Attribute {
	if !peer.Certificate {
		return nil
	}
	return []wire.Attribute{{Key: reserved + "subject", Value: wire.Shown(peer.Subject, maxSubject)}}
}

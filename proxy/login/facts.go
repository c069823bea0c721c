package login

import (
	"bytes"

	"segue/backend/client"
	"segue/backend/wire"
)

// carried are the capabilities of backends that clients are offered: what both sides must have, and the relay can follow. Compression and TLS are each side's own affair; the other
// absent ones change the shape of packets in ways not implemented here.
const carried = ^(wire.ClientCompress | wire.ClientSSL | wire.ClientZstdCompressionAlgorithm | wire.ClientOptionalResultsetMetadata |
	wire.MultiFactorAuthentication | wire.ClientCapabilityExtension | wire.ClientSSLVerifyServerCert | wire.ClientRememberOptions)

// carriedExt are MariaDB's extended capabilities that the relay can follow.
const carriedExt = wire.MariaDBClientProgress | wire.MariaDBClientStmtBulkOperations | wire.MariaDBClientExtendedMetadata |
	wire.MariaDBClientCacheMetadata | wire.MariaDBClientBulkUnitResults

// Salt makes a salt of 20 random bytes: of seven bits each, with neither a NUL, which ends it on the wire, nor a $, as MySQL makes its own.
func Salt(random [wire.SaltLen]byte) []byte {
	for i, b := range random {
		if b &= 0x7f; b == 0 || b == '$' {
			b++
		}
		random[i] = b
	}
	return random[:]
}

// Refuse appends an ERR_Packet in place of whatever the client waits for. It has no SQLSTATE before the client has named its capabilities.
func (h *Handshake) Refuse(dst []byte, e wire.Err) []byte {
	if !h.said {
		e.State = ""
	}
	at := len(dst)
	dst = e.Append(append(dst, 0, 0, 0, 0))
	wire.PutHeader(dst[at:], len(dst)-at-wire.HeaderLen, h.seq)
	h.seq++
	h.wait = ForNothing
	return dst
}

// Response is what the client has said, as backends are told it: with the capabilities that it was not offered taken off. Nil before that.
func (h *Handshake) Response() *wire.HandshakeResponse41 {
	if !h.said {
		return nil
	}
	return &h.response
}

// Proves is the credential by which Segue answers the backend at hand or, where that has not been answered, will answer the next greeting, in the
// client's place, if the client has proved that it knows it; nil: the client answers, or what is said is its word alone.
func (h *Handshake) Proves() *client.Credential {
	answered := h.back != nil && h.stage != hasGreeted && h.wait != ForBackendTLS
	if h.vetted && (answered && h.proves || !answered && h.mayProve()) {
		return h.cred
	}
	return nil
}

// Credential is what the session can be logged in again with, after LoggedIn; nil if there is nothing.
func (h *Handshake) Credential() *client.Credential { return h.cred }

// Greeting is that of the backend at hand; nil if there is none.
func (h *Handshake) Greeting() *wire.HandshakeV10 { return h.back }

// Terms are what client and backend have agreed on, and the status flags of the OK_Packet, after LoggedIn.
func (h *Handshake) Terms() client.Terms {
	t := client.Terms{Status: h.status}
	if h.said && h.back != nil {
		t.Capabilities = h.told.Capabilities & h.back.Capabilities &^ apart
		t.ExtCapabilities = h.response.ExtCapabilities() & h.back.ExtCapabilities
	}
	return t
}

// OtherSalt reports, after LoggedIn, whether the salt that the client was asked by last is not that of the backend: of a COM_CHANGE_USER that can
// prove nothing there.
func (h *Handshake) OtherSalt() bool {
	if h.proves {
		return !bytes.Equal(h.own.Salt(), h.asked.Salt)
	}
	return !h.fresh
}

// End is why the client was not logged in, after ClientEnded, and Err what there is to say of it: a [*wire.Err] with Refused.
func (h *Handshake) End() End { return h.end }

// Err is what there is to say of the End.
func (h *Handshake) Err() error { return h.err }

// Failure is how the last backend has failed, after BackendFailed.
func (h *Handshake) Failure() *client.Error { return h.failure }

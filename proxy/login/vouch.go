package login

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"segue/backend/wire"
)

// MariaDB's clients that cannot verify a certificate believe it all the same if the OK_Packet of the login proves that whoever has shown it knows their password
// (MDEV-31855, in run_plugin_auth of plugins/auth/my_auth.c of MariaDB Connector/C): by a 0x01, and, in hexadecimal digits, the SHA-256 of what the server stores of the password,
// the salt, and the fingerprint of the certificate. A backend's proof is of its own certificate, and nothing to a client that has been shown Segue's.

// vouch is the OK_Packet of a login with Segue's proof, if there is one, and without the backend's.
func (h *Handshake) vouch(payload []byte) []byte {
	if !h.tls && !h.via.Transport.Safe() {
		return payload
	}
	const caps = wire.ClientProtocol41 | wire.ClientSessionTrack // by shape: the text of the packet has a length, whatever was agreed on
	var ok wire.OK
	if ok.Decode(payload, caps) != nil {
		return payload
	}
	proof := h.proof()
	if proof == nil && (len(ok.Info) == 0 || ok.Info[0] != proofMark) {
		return payload
	}
	ok.Info = proof
	return ok.Append(nil, caps)
}

// proofMark begins a proof.
const proofMark = 0x01

// proof proves that Segue knows the client's password, or what a server stores of it, for the certificate that the client has been shown; nil if it does not, or the
// client's plugin has no such proof.
func (h *Handshake) proof() []byte {
	if !h.tls || h.asked.Plugin != wire.PluginNativePassword || len(h.asked.Salt) < wire.SaltLen || h.asked.Empty() {
		return nil
	}
	hash, ok := h.cred.NativeHash()
	if !ok {
		return nil
	}
	return prove(hash, h.asked.Salt, h.policy.Fingerprint)
}

func prove(hash [sha1.Size]byte, salt []byte, fingerprint [sha256.Size]byte) []byte {
	d := sha256.New()
	d.Write(hash[:])
	d.Write(salt[:wire.SaltLen])
	d.Write(fingerprint[:])
	return append([]byte{proofMark}, strings.ToUpper(hex.EncodeToString(d.Sum(nil)))...)
}

package login

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"segue/backend/client"
	"segue/backend/compress"
	"segue/backend/wire"
)

// Policy is what the operator has said of logins, whoever logs in.
type Policy struct {
	// Witnessed says that backends are asked to tell what becomes of a session: see [client.Witness].
	Witnessed bool
	// TLS says that clients are offered it, and Required that there is no login without it but by a UNIX socket.
	TLS, Required bool
	// Fingerprint is the SHA-256 of the certificate that clients are shown.
	Fingerprint [sha256.Size]byte
	// Requires says that there are accounts which not every client may log in to.
	Requires bool
	// Learns says that clients of whom no password is known are asked for theirs, where nobody can listen.
	Learns bool
	// Compression is what backends are asked for that offer it.
	Compression compress.Algorithm
	// Trust says whom a password that was learned may be given to.
	Trust client.Trust
	// Key is what a client that is not on TLS encrypts its password by for a backend that is; nil: there is none.
	Key *Key
}

var (
	errTLS      = errors.New("read HandshakeResponse41: the client asks for TLS, which this listener does not offer")
	errTwice    = errors.New("read HandshakeResponse41: the client asks for TLS within TLS")
	errInsecure = errors.New("connections without TLS are not let in here (tls.mode: required)")
	errName     = errors.New("the user's name is not in a character set by which Segue knows whose it is")
	errNoKey    = errors.New("the client wants a key to encrypt its password by, and Segue has none")
)

// ErrInClear is why a client on TLS is not logged in to a backend that wants its password in clear.
var ErrInClear = errors.New("it wants the password in clear, which the client has said on TLS, and the connection to it is not on TLS: backend_tls puts it there")

// FromSocket tells, right behind New or Reset, that the client has come by a UNIX socket, where nobody can listen.
func (h *Handshake) FromSocket() { h.local = true }

// ClientSecured tells that the client is on TLS now, which it was waited for with ForClientTLS.
func (h *Handshake) ClientSecured(state *tls.ConnectionState) {
	if h.wait != ForClientTLS {
		return
	}
	h.tls, h.wait = true, ForClient
	if len(state.PeerCertificates) > 0 && len(state.VerifiedChains) > 0 {
		h.peer = client.Peer{TLS: true, Certificate: true, Subject: state.PeerCertificates[0].Subject.String()}
	} else {
		h.peer = client.Peer{TLS: true}
	}
}

// Demanded reports, after an end that is Insecure, whether it is not the account but the listener that wants TLS.
func (h *Handshake) Demanded() bool { return h.policy.Required && !h.tls && !h.local }

// Peer is what is known of the client's connection.
func (h *Handshake) Peer() client.Peer { return h.peer }

// sslRequested takes the SSLRequest of a client.
func (h *Handshake) sslRequested() Outcome {
	switch {
	case h.tls:
		return h.stop(Protocol, errTwice)
	case !h.policy.TLS:
		return h.stop(Protocol, errTLS)
	}
	h.wait = ForClientTLS
	return Continues
}

// admits reports whether the client may log in by a connection like its own. Otherwise it has been stopped.
func (h *Handshake) admits() (out Outcome, ok bool) {
	switch {
	case h.Demanded():
		return h.stop(Insecure, errInsecure), false
	case h.policy.Requires && !PlainName(h.response.Username, uint16(h.response.Charset)):
		return h.stop(Insecure, errName), false
	case h.account == nil:
		return Continues, true
	}
	if err := h.account.Requires.Met(h.peer); err != nil {
		return h.stop(Insecure, fmt.Errorf("user %q: %w", wire.Shown(h.response.Username, wire.MaxShown), err)), false
	}
	return Continues, true
}

// PlainName reports whether a server reads a user's name as it is written: it is ASCII, or of a character set that is UTF-8.
func PlainName(name string, charset uint16) bool {
	ascii := strings.IndexFunc(name, func(r rune) bool { return r >= utf8.RuneSelf }) < 0
	return ascii || utf8.ValidString(name) && isUTF8(charset)
}

// isUTF8 reports whether a collation is one of utf8mb3 or utf8mb4 (information_schema.COLLATIONS of MySQL 8.4 and MariaDB 11.4).
func isUTF8(collation uint16) bool {
	switch {
	case collation == 33, collation == 45, collation == 46, collation == 76, collation == 83, collation >= 192 && collation <= 215, collation >= 223 && collation <= 247,
		collation >= 255 && collation <= 323:
		return true
	}
	return false
}

// Over is what the client's side goes over.
func (h *Handshake) Over() client.Transport {
	switch {
	case h.tls:
		return client.TLS
	case h.local:
		return client.UnixSocket
	}
	return client.Plain
}

// seals reports whether the backend at hand is to be put on TLS before it is answered. Where it has to be and cannot, the attempt is over.
func (h *Handshake) seals() (yes bool, failed *client.Error) {
	switch offered := h.back.Capabilities.Has(wire.ClientSSL); {
	case h.via.Secures() && offered:
		return true, nil
	case h.via.Mode.Insists() && h.via.Transport != client.TLS:
		return false, &client.Error{Kind: client.Unsecured, Err: &client.InsecureError{Mode: h.via.Mode}}
	}
	return false, nil
}

// askForTLS gives the backend an SSLRequest in front of the answer to its greeting.
func (h *Handshake) askForTLS(out *Output) {
	request := wire.SSLRequest{Capabilities: h.told.Capabilities, MaxPacketSize: h.told.MaxPacketSize, Charset: h.told.Charset, Filler: h.told.Filler}
	at := len(out.Backend)
	out.Backend = request.Append(append(out.Backend, 0, 0, 0, 0))
	h.toBackend(out, at)
	h.backSeq++
	h.stage, h.wait = nothingDue, ForBackendTLS
}

// BackendSecured tells that the backend at hand is on TLS now, which it was waited for with ForBackendTLS.
func (h *Handshake) BackendSecured(out *Output) Outcome {
	if h.wait != ForBackendTLS {
		return ClientEnded
	}
	h.via.Transport = client.TLS
	h.answerGreeting(out)
	return Continues
}

// Forsake begins the farewell to the backend at hand, which TLS has been put on the connection to, and which is not to hear of the login: its certificate does not do.
func (h *Handshake) Forsake(dst []byte) ([]byte, client.Farewell) {
	return client.LeaveSecured(dst, h.backSeq, h.told.Capabilities)
}

// learns reports whether the client is to be asked for its password, and asks for it: by the full authentication of the plugin that it has
// answered by, as a server does that has nothing in its cache.
func (h *Handshake) learns(out *Output) bool {
	if !h.policy.Learns || !h.Over().Safe() || h.cred != nil || h.account != nil && (h.account.HasPassword || h.account.HasHash) ||
		h.asked.Plugin != wire.PluginCachingSHA2Password || h.asked.Empty() || !h.response.Capabilities.Has(wire.ClientPluginAuth) {
		return false
	}
	h.passOn(out, []byte{0x01, wire.SHA2FullAuth})
	h.question, h.wait = ourQuestion, ForClient
	return true
}

// learned takes the password that the client was asked for.
func (h *Handshake) learned(payload []byte) {
	h.believe(string(bytes.TrimSuffix(payload, []byte{0})))
}

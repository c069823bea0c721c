package login

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"

	"segue/backend/client"
	"segue/backend/wire"
)

// A password that a plugin wants whole is said in clear where nobody can listen, by TLS or a UNIX socket, and encrypted by the server's key elsewhere. Where the
// client's side is of the one kind and the backend's of the other, neither understands what the other says. Then Segue is a server to the client, with a
// key of its own, and a client to the backend.

// Key is an RSA key of Segue's own, which clients encrypt their passwords by.
type Key struct {
	private *rsa.PrivateKey
	public  []byte // as PEM
}

// keyBits are those of the key that MySQL makes for itself.
const keyBits = 2048

// NewKey makes one, which takes a while.
func NewKey() (*Key, error) {
	private, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return nil, err
	}
	public, err := x509.MarshalPKIXPublicKey(private.Public())
	if err != nil {
		return nil, err
	}
	return &Key{private, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})}, nil
}

var errEncrypted = errors.New("the client's password cannot be decrypted: it is encrypted by another key than Segue's, or by none")

// password decrypts what a client has encrypted by the key, and the salt.
func (k *Key) password(encrypted, salt []byte) ([]byte, error) {
	if len(salt) == 0 {
		return nil, errEncrypted
	}
	plain, err := rsa.DecryptOAEP(sha1.New(), nil, k.private, encrypted, nil)
	if err != nil {
		return nil, errEncrypted
	}
	for i := range plain {
		plain[i] ^= salt[i%len(salt)]
	}
	return bytes.TrimSuffix(plain, []byte{0}), nil
}

// InClear reports whether a client says its password, or what is as good as one, in clear to a plugin, or may do so, whoever listens.
func InClear(plugin string) bool {
	return plugin == wire.PluginClearPassword || plugin == wire.PluginDialog || plugin == wire.PluginOpenIDConnect
}

// isSHA2 reports whether a plugin has the exchange of caching_sha2_password.
func isSHA2(plugin string) bool {
	return plugin == wire.PluginCachingSHA2Password || plugin == wire.PluginTiDBSM3Password
}

// differs reports whether one side says passwords in clear that the other encrypts.
func (h *Handshake) differs() bool { return h.Over().Safe() != h.via.Transport.Safe() }

// unfit reports whether what the client has answered its greeting with is nothing for the backend at hand: it may be a password in clear, or the request for a key.
func (h *Handshake) unfit() bool {
	return h.differs() && h.asked.Plugin == wire.PluginSHA256Password || h.tls && !h.via.Transport.Safe() && InClear(h.asked.Plugin)
}

// keep notes a message of the backend's to which the client's answer may be nothing for it as it stands.
func (h *Handshake) keep(payload []byte) {
	h.asks = nil
	switch {
	case !h.Over().Safe() && !h.via.Transport.Safe():
	case h.question == itsSwitch && h.pending.Plugin == wire.PluginSHA256Password,
		h.question == itsData && isSHA2(h.asked.Plugin) && len(payload) > 1 && payload[0] == 0x01 && payload[1] == wire.SHA2FullAuth:
		h.asks = bytes.Clone(payload)
	}
}

// What clients ask for a key by.
const (
	sha2KeyRequest   = wire.SHA2RequestKey
	sha256KeyRequest = 0x01
)

// translate takes the answer to such a message. done is false if there is none, and the answer is to be passed on.
func (h *Handshake) translate(out *Output, payload []byte) (outcome Outcome, done bool) {
	wantsKey := len(payload) == 1 && (payload[0] == sha2KeyRequest || payload[0] == sha256KeyRequest)
	switch {
	case h.asks == nil, h.back == nil, h.stage != awaits:
		return Continues, false
	case wantsKey && !h.via.Transport.Safe(): // which that backend has
		return Continues, false
	case wantsKey && h.policy.Key == nil:
		return h.stop(Protocol, errNoKey), true
	case wantsKey:
		h.passOn(out, append([]byte{0x01}, h.policy.Key.public...))
		h.question, h.wait = ourKey, ForClient
		return Continues, true
	case h.via.Transport.Safe(): // in clear, or encrypted by a key of the backend's that Segue has not
		return Continues, false
	case len(payload) > maxPassword:
		return h.fail(&client.Error{Kind: client.Denied, Err: errLong}, awaits), true
	}
	h.believe(string(bytes.TrimSuffix(payload, []byte{0})))
	return h.answerItself(out), true
}

// maxPassword is the longest, with its NUL, that a key of 2048 bits encrypts (RFC 8017, 7.1.1: by SHA-1).
const maxPassword = 2048/8 - 2*sha1.Size - 2

var errLong = errors.New("the client's password is longer than a backend's key encrypts; backend_tls takes it as it is")

// decrypt takes a password that is encrypted by Segue's key.
func (h *Handshake) decrypt(out *Output, payload []byte) Outcome {
	password, err := h.policy.Key.password(payload, h.asked.Salt)
	if err != nil {
		return h.stop(Protocol, fmt.Errorf("connection phase: %w", err))
	}
	h.believe(string(password))
	if h.back == nil || h.stage != awaits { // the one that has asked is gone
		return h.proceed(out)
	}
	return h.answerItself(out)
}

// believe takes the password that the client has said: it is not asked for it again, whichever backend wants it.
func (h *Handshake) believe(password string) {
	h.whole = client.Password(password).Trusting(h.policy.Trust)
	h.cred, h.standing, h.vetted = h.whole, verdictOnly, false
}

// answerItself answers the backend's last message in the client's place, which then waits for the verdict alone.
func (h *Handshake) answerItself(out *Output) Outcome {
	h.proves = true
	h.own = client.ResumeLogin(h.cred, h.back, &h.told, h.via.Transport, h.asked.Plugin, h.asked.Salt)
	var outcome client.Outcome
	if out.Backend, outcome = h.own.Answer(out.Backend, h.asks, h.backSeq); outcome != client.Continues {
		return h.fail(&client.Error{Kind: client.Denied, Err: h.own.Cause()}, awaits) // the next one may be told
	}
	h.asks, h.stage, h.wait = nil, owes, ForBackend
	return Continues
}

package client

import (
	"errors"
	"fmt"

	"segue/backend/wire"
)

// maxLoginMessages bounds what a server may say in one login. The longest real one has four messages: switch, full authentication, public
// key, OK.
const maxLoginMessages = 8

// ErrUnanswerable is wrapped by the cause of a login in which the server has sent what is of the protocol and cannot be answered: a public key
// that is none, or one message after another.
var ErrUnanswerable = errors.New("cannot authenticate")

// Login logs in on a server from a credential, in the place of a client. First is what answers the greeting; after that Answer takes each
// message of the server until the outcome is another than Continues. What [Credential.Becomes] says is the caller's to run.
type Login struct {
	cred   *Credential
	hello  *wire.HandshakeResponse41
	caps   wire.Capability
	ext    uint32
	plugin string // that the server has asked for last
	salt   []byte
	keyed  bool // a public key has been asked for
	heard  int
	status wire.Status
	over   Outcome
	err    error
}

// NewLogin begins a login on the server that has greeted with g. hello is what the client would say: user, database, character set,
// attributes and capabilities; neither is changed. A server that wants another plugin than is chosen here asks for it, if hello has PLUGIN_AUTH;
// without it no plugin can be named, and mysql_native_password is understood.
func NewLogin(cred *Credential, g *wire.HandshakeV10, hello *wire.HandshakeResponse41) Login {
	l := Login{cred: cred, hello: hello, caps: g.Capabilities, ext: g.ExtCapabilities, plugin: wire.PluginNativePassword, salt: g.AuthData}
	switch {
	case cred.kind == CredentialToken:
		l.plugin = wire.PluginTiDBSessionToken
	case g.AuthPlugin == wire.PluginCachingSHA2Password && cred.kind != CredentialNative && hello.Capabilities.Has(wire.ClientPluginAuth):
		l.plugin = wire.PluginCachingSHA2Password
	}
	return l
}

// First appends the packet that answers the greeting, whose sequence id was seq.
func (l *Login) First(dst []byte, seq uint8) []byte {
	r := *l.hello
	if l.cred.user != "" {
		r.Username = l.cred.user
	}
	r.Capabilities &^= wire.ClientConnectWithDB
	if r.Database != "" {
		r.Capabilities |= wire.ClientConnectWithDB
	}
	l.caps &= r.Capabilities
	l.ext &= r.ExtCapabilities()
	if l.cred.kind == CredentialToken { // longer than the 255 bytes that fit otherwise; TiDB does not offer it, but takes it
		r.Capabilities |= wire.ClientPluginAuth | wire.ClientPluginAuthLenencClientData
	}
	r.AuthPlugin = l.plugin
	r.AuthResponse, _ = l.proof() // of a plugin that was chosen because there is one
	at := len(dst)
	dst = r.Append(append(dst, 0, 0, 0, 0))
	return seal(dst, at, seq+1)
}

// Answer takes a message of the server's with the sequence id of its last packet, and appends the packet that answers it, if one is due.
// What comes behind the end of the login is not looked at.
func (l *Login) Answer(dst, payload []byte, seq uint8) ([]byte, Outcome) {
	if l.over != Continues {
		return dst, l.over
	}
	l.over, l.status, l.err = Verdict(payload, l.caps)
	if l.over != Continues {
		return dst, l.over
	}
	if l.heard++; l.heard >= maxLoginMessages {
		l.over, l.err = Garbled, fmt.Errorf("%w: more than %d messages", ErrUnanswerable, maxLoginMessages)
		return dst, l.over
	}
	answer, speaks, err := l.answer(payload)
	switch {
	case errors.As(err, new(*UnprovableError)):
		l.over, l.err = Unprovable, err
	case err != nil:
		l.over, l.err = Garbled, err
	case speaks:
		at := len(dst)
		dst = seal(append(append(dst, 0, 0, 0, 0), answer...), at, seq+1)
	}
	return dst, l.over
}

// answer is what is to be said to a message that ends nothing, if anything is.
func (l *Login) answer(payload []byte) (answer []byte, speaks bool, err error) {
	switch payload[0] {
	case 0xfe:
		var request wire.AuthSwitchRequest
		if err := request.Decode(payload); err != nil {
			return nil, false, err
		}
		l.plugin, l.salt = request.Plugin, request.Salt()
		answer, err := l.proof()
		return answer, true, err // of an account without a password an empty packet, but a packet
	case 0x01:
		var more wire.AuthMoreData
		if err := more.Decode(payload); err != nil {
			return nil, false, err
		}
		return l.more(more.Data)
	}
	return nil, false, fmt.Errorf("authentication: message 0x%02x is not known", payload[0])
}

// more deals with caching_sha2_password's AuthMoreData. The full authentication sends the password encrypted with the server's public key: with the one
// that is known, or, if that has been said in so many words, with whatever key is presented when it is asked for.
func (l *Login) more(data []byte) (answer []byte, speaks bool, err error) {
	switch {
	case l.plugin != wire.PluginCachingSHA2Password || l.cred.kind != CredentialPassword:
		return nil, false, l.unprovable()
	case len(data) == 1 && data[0] == wire.SHA2FastSuccess:
		return nil, false, nil
	case len(data) == 1 && data[0] == wire.SHA2FullAuth:
		return l.full()
	case !l.keyed:
		return nil, false, fmt.Errorf("%w: the server presents a key, or something else, that nobody has asked for", ErrUnanswerable)
	}
	l.keyed = false
	if answer, err = wire.EncryptPassword([]byte(l.cred.secret), l.salt, data); err != nil {
		return nil, false, fmt.Errorf("%w: %w", ErrUnanswerable, err)
	}
	return answer, true, nil
}

// full answers a server that wants the whole password.
func (l *Login) full() (answer []byte, speaks bool, err error) {
	switch trust := l.cred.trust; {
	case trust.Key != "":
		if answer, err = wire.EncryptPassword([]byte(l.cred.secret), l.salt, []byte(trust.Key)); err != nil {
			return nil, false, fmt.Errorf("%w: server_public_key_file: %w", ErrUnanswerable, err)
		}
		return answer, true, nil
	case trust.AnyKey:
		l.keyed = true
		return []byte{wire.SHA2RequestKey}, true, nil
	}
	return nil, false, &UnprovableError{Plugin: l.plugin, Credential: l.cred.String(), Whole: true}
}

// proof is the answer to the plugin and the salt at hand. The error names no secret.
func (l *Login) proof() ([]byte, error) {
	c := l.cred
	switch {
	case c.kind == CredentialEmpty && (l.plugin == wire.PluginNativePassword || l.plugin == wire.PluginCachingSHA2Password):
		return nil, nil
	case l.plugin == wire.PluginNativePassword && (c.kind == CredentialNative || c.kind == CredentialPassword):
		return wire.NativeAnswer(l.salt, c.native), nil
	case l.plugin == wire.PluginCachingSHA2Password && c.kind == CredentialPassword:
		return wire.CachingSHA2Password(l.salt, []byte(c.secret)), nil
	case l.plugin == wire.PluginClearPassword && c.kind == CredentialPassword && c.clear:
		return append([]byte(c.secret), 0), nil
	case l.plugin == wire.PluginTiDBSessionToken && c.kind == CredentialToken:
		return []byte(c.secret), nil
	}
	return nil, l.unprovable()
}

func (l *Login) unprovable() error {
	return &UnprovableError{Plugin: l.plugin, Credential: l.cred.String()}
}

// Err is what has ended the login, if it was not an OK_Packet: an [*Error].
func (l *Login) Err() error {
	switch l.over {
	case Refused, Unprovable:
		return &Error{Denied, l.err}
	case Passing:
		return &Error{ServerError, l.err}
	case Garbled:
		return &Error{Malformed, l.err}
	default:
		return nil
	}
}

// Cause is the bare cause of Err: a [*wire.Err] where the server has said it.
func (l *Login) Cause() error { return l.err }

// Plugin is what the server has asked for last.
func (l *Login) Plugin() string { return l.plugin }

// Salt is what it has asked for that by.
func (l *Login) Salt() []byte { return l.salt }

// Terms are what both sides have agreed on, once the outcome is LoggedIn.
func (l *Login) Terms() Terms {
	return Terms{Capabilities: l.caps, ExtCapabilities: l.ext, Status: l.status}
}

// seal puts the header in front of the payload that was appended behind the four bytes at at.
func seal(dst []byte, at int, seq uint8) []byte {
	wire.PutHeader(dst[at:], len(dst)-at-wire.HeaderLen, seq)
	return dst
}

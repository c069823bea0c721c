package client

import (
	"crypto/rsa"
	"errors"
	"fmt"

	"segue/backend/scramble"
	"segue/backend/wire"
)

// maxLoginMessages bounds what a server may say in one login. The longest real one has four messages: switch, full authentication, public
// key, OK.
const maxLoginMessages = 8

// ErrUnanswerable is wrapped by the cause of a login in which the server has sent what is of the protocol and cannot be answered: a public key
// that is none, or one message after another.
var ErrUnanswerable = errors.New("cannot authenticate")

// Login logs in on a server from a credential, in the place of a client. Open is what answers the greeting; where its outcome is Secures the caller puts
// TLS on the connection and sends what Secured gives. After that Answer takes each message of the server until the outcome is another than Continues.
// What [Credential.Becomes] says is the caller's to run.
type Login struct {
	cred   *Credential
	hello  *wire.HandshakeResponse41
	caps   wire.Capability
	ext    uint32
	plugin string // that the server has asked for last
	salt   []byte
	keyed  bool // a public key has been asked for
	heard  int
	over   Transport
	seq    uint8 // of the greeting
	status wire.Status
	end    Outcome
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

// Open appends what answers the greeting, whose sequence id was seq. The outcome is Continues; or Secures, where an SSLRequest has been appended: once TLS
// is on the connection, Secured is next. It is Insecure, and nothing has been appended, if the server offers no TLS and via insists on it: such a server has
// been told nothing, and is to be left as one that has greeted, see [Leave].
func (l *Login) Open(dst []byte, seq uint8, via Via) ([]byte, Outcome) {
	l.over, l.seq = via.Transport, seq
	switch offered := l.caps.Has(wire.ClientSSL); {
	case via.secures() && offered:
		r := l.response()
		r.Capabilities |= wire.ClientSSL
		request := wire.SSLRequest{Capabilities: r.Capabilities, MaxPacketSize: r.MaxPacketSize, Charset: r.Charset, Filler: r.Filler}
		l.seq++
		at := len(dst)
		dst = request.Append(append(dst, 0, 0, 0, 0))
		return seal(dst, at, l.seq), Secures
	case via.Mode.Insists() && via.Transport != TLS:
		l.end, l.err = Insecure, &InsecureError{Mode: via.Mode}
		return dst, Insecure
	}
	return l.respond(dst), Continues
}

// Secured appends the answer to the greeting, now that TLS is on the connection.
func (l *Login) Secured(dst []byte) []byte {
	l.over = TLS
	return l.respond(dst)
}

// Forsake begins the farewell to a server that TLS has been put on the connection to, and that is not to hear of the login: its certificate does not do.
func (l *Login) Forsake(dst []byte) ([]byte, Farewell) {
	r := l.response()
	return LeaveSecured(dst, l.seq, r.Capabilities|wire.ClientSSL)
}

// First is Open for a connection as it is, without TLS.
func (l *Login) First(dst []byte, seq uint8) []byte {
	dst, _ = l.Open(dst, seq, Via{})
	return dst
}

// response is what is said to the greeting, but for the proof.
func (l *Login) response() wire.HandshakeResponse41 {
	r := *l.hello
	if l.cred.user != "" {
		r.Username = l.cred.user
	}
	r.Capabilities &^= wire.ClientConnectWithDB | wire.ClientSSL
	if r.Database != "" {
		r.Capabilities |= wire.ClientConnectWithDB
	}
	if l.over == TLS {
		r.Capabilities |= wire.ClientSSL
	}
	return r
}

// respond appends the HandshakeResponse41.
func (l *Login) respond(dst []byte) []byte {
	r := l.response()
	l.caps &= r.Capabilities
	l.ext &= r.ExtCapabilities()
	if l.cred.kind == CredentialToken { // longer than the 255 bytes that fit otherwise; TiDB does not offer it, but takes it
		r.Capabilities |= wire.ClientPluginAuth | wire.ClientPluginAuthLenencClientData
	}
	r.AuthPlugin = l.plugin
	r.AuthResponse, _ = l.proof() // of a plugin that was chosen because there is one
	at := len(dst)
	dst = r.Append(append(dst, 0, 0, 0, 0))
	return seal(dst, at, l.seq+1)
}

// Answer takes a message of the server's with the sequence id of its last packet, and appends the packet that answers it, if one is due.
// What comes behind the end of the login is not looked at.
func (l *Login) Answer(dst, payload []byte, seq uint8) ([]byte, Outcome) {
	if l.end != Continues {
		return dst, l.end
	}
	l.end, l.status, l.err = Verdict(payload, l.caps)
	if l.end != Continues {
		return dst, l.end
	}
	if l.heard++; l.heard >= maxLoginMessages {
		l.end, l.err = Garbled, fmt.Errorf("%w: more than %d messages", ErrUnanswerable, maxLoginMessages)
		return dst, l.end
	}
	answer, speaks, err := l.answer(payload)
	switch {
	case errors.As(err, new(*UnprovableError)):
		l.end, l.err = Unprovable, err
	case err != nil:
		l.end, l.err = Garbled, err
	case speaks:
		at := len(dst)
		dst = seal(append(append(dst, 0, 0, 0, 0), answer...), at, seq+1)
	}
	return dst, l.end
}

// answer is what is to be said to a message that ends nothing, if anything is.
func (l *Login) answer(payload []byte) (answer []byte, speaks bool, err error) {
	switch payload[0] {
	case 0xfe:
		var request wire.AuthSwitchRequest
		if err := request.Decode(payload); err != nil {
			return nil, false, err
		}
		l.plugin, l.salt, l.keyed = request.Plugin, saltOf(&request), false
		answer, err := l.proof()
		return answer, true, err // of an account without a password an empty packet, but a packet
	case 0x01:
		var more wire.AuthMoreData
		if err := more.Decode(payload); err != nil {
			return nil, false, err
		}
		return l.more(more.Data)
	}
	if l.plugin == wire.PluginParsec { // MariaDB's plugins speak bare
		return l.more(payload)
	}
	return nil, false, fmt.Errorf("authentication: message 0x%02x is not known", payload[0])
}

// more deals with an AuthMoreData: of caching_sha2_password and its like, and the server's public key, where it has been asked for.
func (l *Login) more(data []byte) (answer []byte, speaks bool, err error) {
	cached := l.plugin == wire.PluginCachingSHA2Password || l.plugin == wire.PluginTiDBSM3Password
	switch {
	case l.plugin == wire.PluginParsec && l.cred.kind == CredentialPassword:
		if answer, err = scramble.Parsec(l.salt, data, []byte(l.cred.secret)); err != nil {
			return nil, false, fmt.Errorf("%w: %w", ErrUnanswerable, err)
		}
		return answer, true, nil
	case l.cred.kind != CredentialPassword || !cached && l.plugin != wire.PluginSHA256Password:
		return nil, false, l.unprovable()
	case cached && len(data) == 1 && data[0] == wire.SHA2FastSuccess:
		return nil, false, nil
	case cached && len(data) == 1 && data[0] == wire.SHA2FullAuth:
		answer, err = l.whole(wire.SHA2RequestKey)
		return answer, err == nil, err
	case !l.keyed:
		return nil, false, fmt.Errorf("%w: the server presents a key, or something else, that nobody has asked for", ErrUnanswerable)
	}
	l.keyed = false
	if answer, err = wire.EncryptPassword([]byte(l.cred.secret), l.salt, data); errors.Is(err, rsa.ErrMessageTooLong) { // the password's fault, and not the server's
		return nil, false, &UnprovableError{Plugin: l.plugin, Credential: l.cred.String(), Whole: true}
	} else if err != nil {
		return nil, false, fmt.Errorf("%w: %w", ErrUnanswerable, err)
	}
	return answer, true, nil
}

// whole gives a server the whole password: as it is, where nobody on the way can read it (a server on TLS, or on a UNIX socket, takes a request for its key for
// the password); otherwise encrypted with its public key, the one that is known, or, if that has been said in so many words, whatever key is presented when it is
// asked for.
func (l *Login) whole(request byte) ([]byte, error) {
	encrypts := l.plugin != wire.PluginTiDBSM3Password // TiDB has no key
	// sha256_password takes a UNIX socket for no secret place, and wants the password encrypted there; whose key it is needs no proof.
	local := l.plugin == wire.PluginSHA256Password && l.over == UnixSocket
	switch trust := l.cred.trust; {
	case l.over.Safe() && !local:
		return wire.WholePassword([]byte(l.cred.secret)), nil
	case encrypts && trust.Key != "":
		answer, err := wire.EncryptPassword([]byte(l.cred.secret), l.salt, []byte(trust.Key))
		if err != nil {
			return nil, fmt.Errorf("%w: server_public_key_file: %w", ErrUnanswerable, err)
		}
		return answer, nil
	case encrypts && (trust.AnyKey || local):
		l.keyed = true
		return []byte{request}, nil
	}
	return nil, &UnprovableError{Plugin: l.plugin, Credential: l.cred.String(), Whole: true}
}

// saltOf is the salt of an AuthSwitchRequest. Those of MariaDB's plugins may end in a NUL of their own.
func saltOf(request *wire.AuthSwitchRequest) []byte {
	if len(request.Data) == scramble.Ed25519SaltLen && (request.Plugin == wire.PluginEd25519 || request.Plugin == wire.PluginParsec) {
		return request.Data
	}
	return request.Salt()
}

// proof is the answer to the plugin and the salt at hand. The error names no secret.
func (l *Login) proof() ([]byte, error) {
	switch c := l.cred; c.kind {
	case CredentialEmpty:
		switch l.plugin {
		case wire.PluginNativePassword, wire.PluginCachingSHA2Password, wire.PluginTiDBSM3Password:
			return nil, nil
		case wire.PluginSHA256Password:
			return []byte{0}, nil
		}
	case CredentialNative:
		if l.plugin == wire.PluginNativePassword {
			return wire.NativeAnswer(l.salt, c.native), nil
		}
	case CredentialPassword:
		return l.password()
	case CredentialToken:
		if l.plugin == wire.PluginTiDBSessionToken {
			return []byte(c.secret), nil
		}
	case CredentialBearer:
		if l.plugin == wire.PluginOpenIDConnect && l.over.Safe() {
			return []byte(c.secret), nil
		}
	default:
	}
	return nil, l.unprovable()
}

// password is the proof of who has the password.
func (l *Login) password() ([]byte, error) {
	c := l.cred
	secret := []byte(c.secret)
	switch l.plugin {
	case wire.PluginNativePassword:
		return wire.NativeAnswer(l.salt, c.native), nil
	case wire.PluginCachingSHA2Password:
		return wire.CachingSHA2Password(l.salt, secret), nil
	case wire.PluginTiDBSM3Password:
		return scramble.TiDBSM3(l.salt, secret), nil
	case wire.PluginSHA256Password:
		return l.whole(wire.SHA256RequestKey)
	case wire.PluginEd25519:
		if len(l.salt) == scramble.Ed25519SaltLen {
			return scramble.Ed25519(l.salt, secret), nil
		}
	case wire.PluginParsec:
		return nil, nil // asks for the rest of the salt
	case wire.PluginClearPassword:
		if c.clear || l.over.Safe() {
			return wire.WholePassword(secret), nil
		}
	}
	return nil, l.unprovable()
}

func (l *Login) unprovable() error {
	return &UnprovableError{Plugin: l.plugin, Credential: l.cred.String()}
}

// Err is what has ended the login, if it was not an OK_Packet: an [*Error].
func (l *Login) Err() error {
	switch l.end {
	case Refused, Unprovable:
		return &Error{Denied, l.err}
	case Passing:
		return &Error{ServerError, l.err}
	case Garbled:
		return &Error{Malformed, l.err}
	case Insecure:
		return &Error{Unsecured, l.err}
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

package proxy

import (
	"errors"
	"fmt"

	"segue/proxy/wire"
)

// maxLoginMessages bounds what a backend may say in one login. The longest real one has four messages: switch, full
// authentication, public key, OK.
const maxLoginMessages = 8

// logIn authenticates on a backend in a client's name without the client. g is the backend's greeting, hello what the client
// would say: user, database, character set, attributes and capabilities. Both connections' deadlines are the caller's. The
// error is a *setupError if another backend may do, and an *endError if the backend refused the credential or wants
// what the credential does not have. What cred.becomes says is the caller's to run.
func logIn(c *conn, g *wire.HandshakeV10, hello *wire.HandshakeResponse41, cred *credential) (wire.Status, error) {
	p := newProver(cred, g)
	response := p.hello(hello)
	seq := uint8(1)
	send := func(payload []byte) error {
		packet, next := wire.AppendPacket(nil, seq, payload)
		seq = next
		if _, err := c.Write(packet); err != nil {
			return &setupError{readKind(err), fmt.Errorf("authentication: %w", plain(err))}
		}
		return nil
	}
	if err := send(response.Append(nil)); err != nil {
		return 0, err
	}
	for range maxLoginMessages {
		payload, at, err := c.reader.Next()
		if err != nil {
			return 0, &setupError{readKind(err), fmt.Errorf("authentication: %w", plain(err))}
		}
		seq = at + 1
		done, status, err := loginVerdict(payload, response.Capabilities)
		if done || err != nil {
			return status, err
		}
		answer, err := p.answer(payload)
		switch {
		case errors.As(err, new(*unprovableError)):
			if send([]byte{}) == nil { // so that MySQL counts a denied login, not a handshake that was cut off: see leaveHandshake
				_, _, _ = c.reader.Next()
			}
			return 0, &endError{Refused, err}
		case err != nil:
			return 0, &setupError{setupMalformed, err}
		}
		if answer == nil {
			continue
		}
		if err := send(answer); err != nil {
			return 0, err
		}
	}
	return 0, &setupError{setupMalformed, fmt.Errorf("authentication: more than %d messages", maxLoginMessages)}
}

// loginVerdict reads the packets that end an authentication: OK and ERR. Anything else is not done, and no error.
func loginVerdict(payload []byte, caps wire.Capability) (done bool, status wire.Status, err error) {
	switch {
	case len(payload) == 0:
		return false, 0, &setupError{setupMalformed, errors.New("authentication: empty packet")}
	case payload[0] == 0x00:
		var ok wire.OK
		if err := ok.Decode(payload, caps); err != nil {
			return false, 0, &setupError{setupMalformed, err}
		}
		return true, ok.Status, nil
	case wire.IsErr(payload):
		said := new(wire.Err)
		if err := said.Decode(payload); err != nil {
			return false, 0, &setupError{setupMalformed, err}
		}
		if retriable(said) {
			return false, 0, &setupError{setupErr, said}
		}
		return false, 0, &endError{Refused, said}
	}
	return false, 0, nil
}

// prover answers a backend's questions from a credential.
type prover struct {
	cred   *credential
	plugin string // that the backend has asked for last
	salt   []byte
}

// newProver chooses the plugin to begin with. A server that wants another one asks for it.
func newProver(cred *credential, g *wire.HandshakeV10) *prover {
	p := &prover{cred: cred, plugin: wire.PluginNativePassword, salt: g.AuthData}
	switch {
	case cred.kind == credentialToken:
		p.plugin = wire.PluginTiDBSessionToken
	case g.AuthPlugin == wire.PluginCachingSHA2Password && cred.kind != credentialNative:
		p.plugin = wire.PluginCachingSHA2Password
	}
	return p
}

// hello completes what the client says by the answer to the greeting.
func (p *prover) hello(client *wire.HandshakeResponse41) *wire.HandshakeResponse41 {
	r := *client
	if p.cred.user != "" {
		r.Username = p.cred.user
	}
	r.Capabilities &^= wire.ClientConnectWithDB
	if r.Database != "" {
		r.Capabilities |= wire.ClientConnectWithDB
	}
	if p.cred.kind == credentialToken { // longer than the 255 bytes that fit otherwise; TiDB does not offer it, but takes it
		r.Capabilities |= wire.ClientPluginAuth | wire.ClientPluginAuthLenencClientData
	}
	r.AuthPlugin = p.plugin
	r.AuthResponse, _ = p.proof() // of a plugin that was chosen because there is one
	return &r
}

// proof is the answer to the plugin and the salt at hand. The error names no secret.
func (p *prover) proof() ([]byte, error) {
	c := p.cred
	switch p.plugin {
	case wire.PluginNativePassword:
		switch c.kind {
		case credentialEmpty:
			return nil, nil
		case credentialNative, credentialPassword:
			return wire.NativeAnswer(p.salt, c.native), nil
		default:
		}
	case wire.PluginCachingSHA2Password:
		switch c.kind {
		case credentialEmpty:
			return nil, nil
		case credentialPassword:
			return wire.CachingSHA2Password(p.salt, []byte(c.secret)), nil
		default:
		}
	case wire.PluginClearPassword:
		if c.kind == credentialPassword && c.clear {
			return append([]byte(c.secret), 0), nil
		}
	case wire.PluginTiDBSessionToken:
		if c.kind == credentialToken {
			return []byte(c.secret), nil
		}
	}
	return nil, &unprovableError{p.plugin, c.String()}
}

// answer is what is to be said to a message of the backend's that ends nothing; nil if it wants no answer. The error is an
// *unprovableError if the credential has no answer to it.
func (p *prover) answer(payload []byte) ([]byte, error) {
	switch payload[0] {
	case 0xfe:
		var request wire.AuthSwitchRequest
		if err := request.Decode(payload); err != nil {
			return nil, err
		}
		p.plugin, p.salt = request.Plugin, request.Salt()
		answer, err := p.proof()
		if answer == nil && err == nil {
			answer = []byte{} // an account without a password: an empty packet, but a packet
		}
		return answer, err
	case 0x01:
		var more wire.AuthMoreData
		if err := more.Decode(payload); err != nil {
			return nil, err
		}
		return p.more(more.Data)
	}
	return nil, fmt.Errorf("authentication: message 0x%02x is not known", payload[0])
}

// more deals with caching_sha2_password's AuthMoreData.
func (p *prover) more(data []byte) ([]byte, error) {
	switch {
	case p.plugin != wire.PluginCachingSHA2Password || p.cred.kind != credentialPassword:
		return nil, &unprovableError{p.plugin, p.cred.String()}
	case len(data) == 1 && data[0] == wire.SHA2FastSuccess:
		return nil, nil
	case len(data) == 1 && data[0] == wire.SHA2FullAuth:
		return []byte{wire.SHA2RequestKey}, nil
	}
	return wire.EncryptPassword([]byte(p.cred.secret), p.salt, data)
}

// unprovableError says that a backend wants what a credential does not have.
type unprovableError struct{ plugin, credential string }

// Error implements error.
func (e *unprovableError) Error() string {
	plugin := e.plugin
	if plugin == "" {
		plugin = wire.PluginOldPassword
	}
	remedy := "alter the account to mysql_native_password or caching_sha2_password"
	switch plugin {
	case wire.PluginClearPassword:
		remedy = "Segue gives a password in clear only to whom the client itself has given it so"
	case wire.PluginCachingSHA2Password:
		remedy = "give the user's password (users: password or password_file) rather than its hash"
	}
	return fmt.Sprintf("log in: the backend wants %.64q, for which the credential (%s) does not do; %s", plugin, e.credential, remedy)
}

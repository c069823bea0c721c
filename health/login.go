package health

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"time"

	"segue/proxy/wire"
)

// login logs in to a server as a probe does: no database, no TLS, COM_QUIT right after the OK.
type login struct {
	conn           net.Conn
	reader         *wire.Reader
	user, password string

	plugin string
	salt   []byte
}

// errPlugin wraps what stands in the way of a login that the server would let us try.
var errPlugin = errors.New("cannot authenticate")

// loginCapabilities are what the probe asks for, of what the server offers.
const loginCapabilities = wire.ClientLongPassword | wire.ClientProtocol41 | wire.ClientSecureConnection |
	wire.ClientPluginAuth | wire.ClientTransactions

// utf8General is the collation utf8_general_ci, which every server of these flavors knows.
const utf8General = 33

// maxLoginMessages is how many messages of the server are read in one login. The longest real one has five: switch,
// full authentication, public key, OK.
const maxLoginMessages = 8

// run logs in and quits. seq is the sequence id of the answer to the greeting. The error is a *[wire.Err] if the server
// refused, and wraps errPlugin if there is no way to answer it.
func (l *login) run(greeting *wire.HandshakeV10, seq uint8) error {
	l.plugin, l.salt = greeting.AuthPlugin, greeting.AuthData
	if l.plugin != wire.PluginCachingSHA2Password { // with anything else the server asks for the switch itself
		l.plugin = wire.PluginNativePassword
	}
	response, err := l.answer()
	if err != nil {
		return err
	}
	hello := wire.HandshakeResponse41{
		Capabilities:  loginCapabilities & greeting.Capabilities,
		MaxPacketSize: wire.MaxPayload,
		Charset:       utf8General,
		Username:      l.user,
		AuthResponse:  response,
		AuthPlugin:    l.plugin,
	}
	if err := l.send(seq, hello.Append(nil)); err != nil {
		return err
	}
	for range maxLoginMessages {
		payload, seq, err := l.reader.Next()
		if err != nil {
			return err
		}
		done, err := l.handle(payload, seq+1)
		if done || err != nil {
			return err
		}
	}
	return fmt.Errorf("%w: more than %d messages", errPlugin, maxLoginMessages)
}

// handle deals with one message of the server. seq is the sequence id of the answer to it.
func (l *login) handle(payload []byte, seq uint8) (done bool, err error) {
	var first byte = 0xff
	if len(payload) > 0 {
		first = payload[0]
	}
	switch first {
	case 0x00: // OK_Packet
		_ = l.send(0, []byte{byte(wire.ComQuit)}) // a courtesy: the login has succeeded
		return true, nil
	case 0x01:
		var more wire.AuthMoreData
		if err := more.Decode(payload); err != nil {
			return false, err
		}
		return false, l.more(more.Data, seq)
	case 0xfe:
		var request wire.AuthSwitchRequest
		if err := request.Decode(payload); err != nil {
			return false, err
		}
		l.plugin, l.salt = request.Plugin, request.Salt()
		response, err := l.answer()
		if err != nil {
			return false, err
		}
		return false, l.send(seq, response)
	}
	return false, decodeErr(payload)
}

// answer is what proves the password to the server's plugin.
func (l *login) answer() ([]byte, error) {
	switch l.plugin {
	case wire.PluginNativePassword:
		return wire.NativePassword(l.salt, []byte(l.password)), nil
	case wire.PluginCachingSHA2Password:
		return wire.CachingSHA2Password(l.salt, []byte(l.password)), nil
	}
	return nil, fmt.Errorf("%w: it wants %q, and a probe knows only %s and %s", errPlugin, short(l.plugin),
		wire.PluginNativePassword, wire.PluginCachingSHA2Password)
}

func (l *login) send(seq uint8, payload []byte) error {
	packet, _ := wire.AppendPacket(nil, seq, payload)
	_, err := l.conn.Write(packet)
	return err
}

// refusals are the codes with which a server that works refuses this user: what is wrong is the user, not the server.
var refusals = []uint16{
	1044, // ER_DBACCESS_DENIED_ERROR
	1045, // ER_ACCESS_DENIED_ERROR
	1251, // ER_NOT_SUPPORTED_AUTH_MODE
	1524, // ER_PLUGIN_IS_NOT_LOADED
	1698, // ER_ACCESS_DENIED_NO_PASSWORD_ERROR
	1862, // ER_MUST_CHANGE_PASSWORD_LOGIN
	3118, // ER_ACCOUNT_HAS_BEEN_LOCKED
	3159, // ER_SECURE_TRANSPORT_REQUIRED
	4151, // MariaDB: ER_ACCOUNT_HAS_BEEN_LOCKED
	5205, // StarRocks: ERR_SECURE_TRANSPORT_REQUIRED
}

// loginVerdict says what the outcome of a login means for a server whose greeting was good.
func loginVerdict(user string, err error, took time.Duration) (v Verdict, cause string) {
	refused, isErr := errors.AsType[*wire.Err](err)
	_, garbled := errors.AsType[*wire.DecodeError](err)
	switch {
	case err == nil:
		return Passed, ""
	case isErr && slices.Contains(refusals, refused.Code):
		return Passed, fmt.Sprintf("mysql %d %s: correct health.user (%s) or its password; until then the greeting "+
			"alone counts", refused.Code, short(refused.Message), user)
	case isErr:
		return Failed, fmt.Sprintf("mysql login %d %s", refused.Code, short(refused.Message))
	case errors.Is(err, errPlugin):
		return Passed, fmt.Sprintf("mysql login as health.user (%s): %s; until then the greeting alone counts", user,
			err)
	case garbled, errors.Is(err, wire.ErrPayloadTooLarge):
		return Failed, "mysql login: " + short(err.Error())
	}
	return Failed, "mysql login: " + netCause(err, took)
}

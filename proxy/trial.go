package proxy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"segue/backend"
	"segue/proxy/wire"
)

// Trial is what came of trying a user on a backend: whether its sessions can be moved there.
type Trial struct {
	Movable bool
	Refused bool   // not Movable because of what is configured, here or at the backend; otherwise the backend did not work
	Cause   string // why not, or a word on what it rests on; may be empty
}

// TryUser logs in on the server at address as u, in the way in which a move of u's sessions would, and logs off. A service
// account is also made to become the user as.
func TryUser(ctx context.Context, address string, flavor backend.Flavor, u User, as string) Trial {
	if !u.HasPassword {
		return Trial{Movable: true, Cause: "by hash: not tried; a session can move once it has logged in with mysql_native_password"}
	}
	c, g, err := greeted(ctx, address)
	if err != nil {
		return Trial{Cause: plain(err).Error()}
	}
	defer func() { _ = c.Close() }()
	defer context.AfterFunc(ctx, func() { _ = c.SetDeadline(past) })()
	hello := &wire.HandshakeResponse41{
		Capabilities: g.Capabilities & (wire.ClientLongPassword | wire.ClientProtocol41 | wire.ClientSecureConnection | wire.ClientPluginAuth |
			wire.ClientTransactions | wire.ClientPluginAuthLenencClientData),
		MaxPacketSize: wire.MaxPayload, Charset: 33, Username: u.Name, // utf8_general_ci, which every server knows
	}
	if _, err := logIn(c, g, hello, newPassword(u.Password)); err != nil {
		return loginTrial(err)
	}
	defer c.quit()
	switch {
	case u.Service && impersonates(flavor):
		return c.tryImpersonation(&u, as)
	case flavor == backend.TiDB:
		return c.trySessionStates()
	}
	return Trial{Movable: true}
}

// greeted connects and reads the greeting.
func greeted(ctx context.Context, address string) (*conn, *wire.HandshakeV10, error) {
	nc, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, nil, err
	}
	if deadline, ok := ctx.Deadline(); ok {
		_ = nc.SetDeadline(deadline)
	}
	c, err := newConn(nc, false)
	g := new(wire.HandshakeV10)
	if err == nil {
		var payload []byte
		if payload, _, err = c.reader.Next(); err == nil {
			err = g.Decode(payload)
		}
	}
	if err != nil {
		_ = nc.Close()
		return nil, nil, err
	}
	return c, g, nil
}

// loginTrial says what a failed login comes to.
func loginTrial(err error) Trial {
	unprovable, refused := new(unprovableError), new(endError)
	switch {
	case errors.As(err, &unprovable) && unprovable.plugin == wire.PluginClearPassword:
		return Trial{Movable: true, Cause: "the backend wants the password in clear (LDAP): not tried; a session can move once its client has sent it so"}
	case errors.As(err, &refused):
		return Trial{Refused: true, Cause: refused.err.Error()}
	}
	return Trial{Cause: err.Error()}
}

// tryImpersonation finds out whether a service account may become the user as.
func (c *conn) tryImpersonation(service *User, as string) Trial {
	cred := newService(service, as)
	if cred == nil {
		return Trial{Refused: true, Cause: fmt.Sprintf("EXECUTE AS: the name %q cannot be used; name another user", as)}
	}
	_, err := c.row(cred.becomes())
	said := new(wire.Err)
	switch {
	case err == nil:
		return Trial{Movable: true, Cause: "EXECUTE AS '" + as + "' works"}
	case errors.As(err, &said):
		return Trial{Refused: true, Cause: fmt.Sprintf("EXECUTE AS '%s': %v; GRANT IMPERSONATE ON USER '%s' TO USER '%s'", as, said, as, service.Name)}
	}
	return Trial{Cause: "EXECUTE AS: " + plain(err).Error()}
}

// trySessionStates finds out whether a TiDB server hands out session tokens. Without them a session moves by its
// password.
func (c *conn) trySessionStates() Trial {
	row, err := c.row("SHOW SESSION_STATES")
	said := new(wire.Err)
	switch {
	case err == nil && len(row) == 2 && len(row[1]) > 0:
		return Trial{Movable: true, Cause: "session token: yes"}
	case err == nil, errors.As(err, &said):
		const remedy = "set security.session-token-signing-cert and -key on every TiDB server, for users that are not listed here"
		if err != nil {
			return Trial{Movable: true, Cause: fmt.Sprintf("session token: no (%v); %s", said, remedy)}
		}
		return Trial{Movable: true, Cause: "session token: no; " + remedy}
	}
	return Trial{Cause: "SHOW SESSION_STATES: " + plain(err).Error()}
}

// row runs a statement and returns the first row of its result, nil if it has none. The connection has agreed on
// EOF_Packets. An ERR_Packet is returned as a *wire.Err.
func (c *conn) row(statement string) (row [][]byte, err error) {
	packet, _ := wire.AppendPacket(nil, 0, append([]byte{byte(wire.ComQuery)}, statement...))
	if _, err := c.Write(packet); err != nil {
		return nil, err
	}
	for eofs, first := 0, true; eofs < 2; first = false {
		payload, _, err := c.reader.Next()
		switch {
		case err != nil:
			return nil, err
		case wire.IsErr(payload):
			said := new(wire.Err)
			if err := said.Decode(payload); err != nil {
				return nil, err
			}
			return nil, said
		case len(payload) == 0:
			return nil, errors.New("empty packet")
		case first && payload[0] == 0x00: // OK_Packet
			return nil, nil
		case payload[0] == 0xfe && len(payload) < 9: // EOF_Packet
			eofs++
		case eofs == 1 && row == nil:
			row = columns(payload)
		}
	}
	return row, nil
}

// columns takes a row of a text result apart; NULL is nil.
func columns(row []byte) (list [][]byte) {
	list = [][]byte{}
	for len(row) > 0 {
		if row[0] == 0xfb {
			list, row = append(list, nil), row[1:]
			continue
		}
		value, n := wire.LenencString(row)
		if n == 0 {
			return list
		}
		list, row = append(list, append([]byte{}, value...)), row[n:]
	}
	return list
}

// TrialTimeout is how long a trial should be given: a server may ask LDAP.
const TrialTimeout = 5 * time.Second

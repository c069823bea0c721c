package proxy

import (
	"context"
	"errors"
	"fmt"
	"time"

	"segue/backend"
	"segue/backend/client"
	"segue/backend/wire"
)

// Trial is what came of trying a user on a backend: whether its sessions can be moved there.
type Trial struct {
	Movable bool
	Refused bool   // not Movable because of what is configured, here or at the backend; otherwise the backend did not work
	Cause   string // why not, or a word on what it rests on; may be empty
}

// TrialTimeout is how long a trial should be given: a server may ask LDAP.
const TrialTimeout = 5 * time.Second

// TryUser logs in on b as u, in the way in which a move of u's sessions would, and logs off. A service
// account is also made to become the user as.
func TryUser(ctx context.Context, b *backend.Backend, flavor backend.Flavor, u User, as string) Trial {
	if !u.HasPassword {
		return Trial{Movable: true, Cause: "by hash: not tried; a session can move once it has logged in with mysql_native_password"}
	}
	nc, err := b.Dial(ctx)
	if err != nil {
		return Trial{Cause: client.DialError(err).Error()}
	}
	c := client.New(nc)
	defer c.Close()
	g, err := c.Greet(ctx)
	if err != nil {
		return Trial{Cause: err.Error()}
	}
	c.Secure(b.TLS(), b.Address())
	if err := c.Login(ctx, u.account().Credential(), client.OwnResponse(g, u.Name)); err != nil {
		return loginTrial(err)
	}
	defer c.Quit()
	t := &tried{ctx, c}
	if _, err := t.row(trialText); err != nil {
		return statementTrial(err)
	}
	switch {
	case u.Service && impersonates(flavor):
		return t.impersonation(&u, as)
	case flavor == backend.TiDB:
		return t.sessionStates()
	}
	return Trial{Movable: true}
}

// loginTrial says what a failed login comes to.
func loginTrial(err error) Trial {
	unprovable, failed := new(client.UnprovableError), new(client.Error)
	switch {
	case errors.As(err, &unprovable) && unprovable.Plugin == wire.PluginClearPassword:
		return Trial{Movable: true, Cause: "the backend wants the password in clear (LDAP): not tried; a session can move once its client has sent it so"}
	case errors.As(err, &unprovable) && unprovable.Whole:
		return Trial{Refused: true, Cause: unprovable.Error()}
	case errors.As(err, &failed) && (failed.Kind == client.Denied || failed.Kind == client.Unsecured):
		return Trial{Refused: true, Cause: failed.Error()}
	}
	return Trial{Cause: err.Error()}
}

// statementTrial says what a failed statement behind a login comes to.
func statementTrial(err error) Trial {
	if refusal := new(client.Refusal); errors.As(err, &refusal) {
		return Trial{Refused: !client.SpeaksOfServer(refusal.Said), Cause: (&untriedError{refusal.Said}).Error()}
	}
	return Trial{Cause: err.Error()}
}

// tried is a connection that has been logged in for a trial.
type tried struct {
	ctx  context.Context //nolint:containedctx // it lasts for one trial
	conn *client.Conn
}

// row runs a statement and returns the first row of its result, nil if it has none.
func (t *tried) row(text string) ([]client.Value, error) {
	table, err := t.conn.Query(t.ctx, text)
	if err != nil || len(table.Rows) == 0 {
		return nil, err
	}
	return table.Rows[0], nil
}

// impersonation finds out whether a service account may become the user as.
func (t *tried) impersonation(service *User, as string) Trial {
	cred := client.Service(service.Name, service.Password, as)
	if cred == nil {
		return Trial{Refused: true, Cause: fmt.Sprintf("EXECUTE AS: the name %q cannot be used; name another user", as)}
	}
	_, err := t.row(cred.Becomes())
	refusal := new(client.Refusal)
	switch {
	case err == nil:
		return Trial{Movable: true, Cause: "EXECUTE AS '" + as + "' works"}
	case errors.As(err, &refusal):
		return Trial{Refused: true, Cause: fmt.Sprintf("EXECUTE AS '%s': %v; GRANT IMPERSONATE ON USER '%s' TO USER '%s'", as, refusal.Said, as, service.Name)}
	}
	return Trial{Cause: "EXECUTE AS: " + err.Error()}
}

// sessionStates finds out whether a TiDB server hands out session tokens. Without them a session moves by its
// password.
func (t *tried) sessionStates() Trial {
	row, err := t.row("SHOW SESSION_STATES")
	refusal := new(client.Refusal)
	switch {
	case err == nil && len(row) == 2 && len(row[1]) > 0:
		return Trial{Movable: true, Cause: "session token: yes"}
	case err == nil, errors.As(err, &refusal):
		const remedy = "set security.session-token-signing-cert and -key on every TiDB server, for users that are not listed here"
		if err != nil {
			return Trial{Movable: true, Cause: fmt.Sprintf("session token: no (%v); %s", refusal.Said, remedy)}
		}
		return Trial{Movable: true, Cause: "session token: no; " + remedy}
	}
	return Trial{Cause: "SHOW SESSION_STATES: " + err.Error()}
}

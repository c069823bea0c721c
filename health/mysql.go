package health

import (
	"context"
	"errors"
	"fmt"
	"time"

	"segue/backend"
	"segue/backend/client"
	"segue/backend/secure"
	"segue/backend/wire"
)

// MySQL asks the backend's MySQL port for its greeting, and logs in if it is given a user. What the greeting says is
// kept ([backend.Backend.Learn]). It runs one check at a time.
type MySQL struct {
	// User and Password log in; empty: only the greeting is read. A login that the server refuses for want of rights
	// does not make the check fail: the greeting has shown that the server works, and the cause says what is wrong.
	User, Password string
	// Trust says whom the password may be given to, if a server wants it whole.
	Trust client.Trust

	budget *budget  // nil: handshakes may be left unfinished
	held   *unheard // a connection on which the server has said nothing yet; nil: there is none
	counts bool     // the server counts handshakes that are left unfinished, and User is given

	refusals backend.Refusals // of logins: a password that is wrong is not tried until the account is locked
	noted    Verdict          // what the last of them came to
	note     string
	secured  *secure.Policy // by which it was tried
}

// full is what a server says that has no room.
func full(e *wire.Err) backend.Full {
	return backend.Full{Code: e.Code, State: e.State, Message: short(e.Message)}
}

// Check implements [Checker].
func (c *MySQL) Check(ctx context.Context, b *backend.Backend) Result {
	start := time.Now()
	v, cause := c.probe(ctx, b, start)
	return Result{v, cause, time.Since(start)}
}

func (c *MySQL) probe(ctx context.Context, b *backend.Backend, start time.Time) (v Verdict, cause string) {
	first := c.held == nil
	if c.budget != nil && first && !c.budget.allows(b.Logins()) {
		return Misconfigured, exhausted
	}
	conn, err := c.connect(ctx, b)
	if err != nil {
		if c.noted == Failed { // a server that is started again may have another certificate
			c.refusals.Accepted()
		}
		v, cause = netVerdict(err, time.Since(start))
		return v, "mysql " + cause
	}
	defer func() {
		if conn != c.held {
			conn.Close()
		}
	}()
	greeting, err := conn.Greet(ctx)
	refused, isErr := errors.AsType[*wire.Err](err)
	if err == nil || isErr {
		b.Spoke()
	}
	if c.budget != nil && !isErr && first {
		c.budget.spend() // a server that answers ERR has not begun a handshake
	}
	switch {
	case isErr && refused.Refuses() == wire.ServerFull:
		b.Fill(full(refused))
		return Full, fmt.Sprintf("mysql %d %s", refused.Code, short(refused.Message))
	case isErr:
		return Failed, fmt.Sprintf("mysql %d %s", refused.Code, short(refused.Message))
	case err != nil:
		if isTimeout(err) && !conn.Heard() {
			c.held = conn
		}
		return Failed, greetingCause(err, time.Since(start))
	}
	b.Learn(backend.Facts{
		Known:           true,
		Capabilities:    uint32(greeting.Capabilities),
		ExtCapabilities: greeting.ExtCapabilities,
		ServerVersion:   greeting.ServerVersion,
		Charset:         greeting.Charset,
		AuthPlugin:      greeting.AuthPlugin,
	})
	if mode := b.TLS().Mode(); mode.Insists() && !greeting.Capabilities.Has(wire.ClientSSL) {
		if c.counts && c.User != "" {
			conn.Leave(ctx)
		}
		return Failed, "mysql " + (&client.InsecureError{Mode: mode}).Error()
	}
	if c.User == "" {
		return Passed, ""
	}
	return c.logIn(ctx, b, conn.Conn, greeting, start)
}

// logIn goes on behind a good greeting, unless the last login was refused a moment ago. No database is asked for.
func (c *MySQL) logIn(ctx context.Context, b *backend.Backend, conn *client.Conn, g *wire.HandshakeV10, start time.Time) (v Verdict, cause string) {
	if p := b.TLS(); p != c.secured {
		c.refusals.Accepted()
		c.secured = p
	}
	if c.refusals.Bar(time.Now()) {
		if c.counts {
			conn.Leave(ctx)
		}
		return c.noted, c.note
	}
	b.Try()
	conn.Secure(c.secured, b.Address())
	err := conn.Login(ctx, client.Password(c.Password).Trusting(c.Trust), client.OwnResponse(g, c.User))
	v, cause = loginVerdict(c.User, err, time.Since(start))
	refused, isErr := errors.AsType[*wire.Err](err)
	switch {
	case err == nil:
		conn.Quit() // a courtesy: the login has succeeded
		c.refusals.Accepted()
		b.Roomy()
	case isErr && refused.Refuses() == wire.ServerFull:
		b.Fill(full(refused))
	case isErr && refused.Refuses() == wire.AccountRefused, unsecured(err): // servers count TLS handshakes that fail against the host, too
		c.refusals.Refused(time.Now())
		c.noted, c.note = v, cause
	}
	return v, cause
}

// greetingCause says what it means that there was no greeting.
func greetingCause(err error, took time.Duration) string {
	if garbled, is := errors.AsType[*wire.DecodeError](err); is {
		return "mysql greeting cannot be read: " + short(garbled.Error())
	}
	if errors.Is(err, wire.ErrPayloadTooLarge) {
		return "mysql greeting cannot be read: " + short(err.Error())
	}
	return "mysql " + netCause(err, took) + " in place of a greeting"
}

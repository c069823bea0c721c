package health

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"segue/backend"
	"segue/proxy/wire"
)

// maxGreeting is the longest message that is read from a server while it is probed, in bytes. A greeting has about 100;
// the longest ERR packet has 521 (MYSQL_ERRMSG_SIZE 512).
const maxGreeting = 4 << 10

// MySQL asks the backend's MySQL port for its greeting, and logs in if it is given a user. What the greeting says is
// kept ([backend.Backend.Learn]). It runs one check at a time.
type MySQL struct {
	// User and Password log in; empty: only the greeting is read. A login that the server refuses for want of rights
	// does not make the check fail: the greeting has shown that the server works, and the cause says what is wrong.
	User, Password string

	budget *budget  // nil: handshakes may be left unfinished
	held   *unheard // a connection on which the server has said nothing yet; nil: there is none
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
		v, cause = netVerdict(err, time.Since(start))
		return v, "mysql " + cause
	}
	defer func() {
		if conn != c.held {
			conn.Close()
		}
	}()
	_ = conn.SetDeadline(time.Time{})
	defer cutWith(ctx, conn)()
	greeting, seq, err := readGreeting(conn.reader)
	refused, isErr := errors.AsType[*wire.Err](err)
	if err == nil || isErr {
		b.Spoke()
	}
	if c.budget != nil && !isErr && first {
		c.budget.spend() // a server that answers ERR has not begun a handshake
	}
	switch {
	case isErr:
		return Failed, fmt.Sprintf("mysql %d %s", refused.Code, short(refused.Message))
	case err != nil:
		if isTimeout(err) && !conn.spoken {
			c.held = conn
		}
		return Failed, greetingCause(err, time.Since(start))
	}
	b.Learn(backend.Facts{
		Known:           true,
		Capabilities:    uint32(greeting.Capabilities),
		ExtCapabilities: greeting.ExtCapabilities,
		ServerVersion:   greeting.ServerVersion,
	})
	if c.User == "" {
		return Passed, ""
	}
	l := &login{conn: conn, reader: conn.reader, user: c.User, password: c.Password}
	return loginVerdict(c.User, l.run(greeting, seq+1), time.Since(start))
}

// cutWith cuts the connection's reads and writes off when ctx is done, so that a probe ends with its context. The
// function that it returns ends that.
func cutWith(ctx context.Context, conn net.Conn) (stop func()) {
	cut := make(chan struct{})
	end := context.AfterFunc(ctx, func() {
		_ = conn.SetDeadline(time.Unix(1, 0))
		close(cut)
	})
	return func() {
		if !end() {
			<-cut
		}
	}
}

// readGreeting reads the server's first packet. An ERR packet in its place is returned as a *[wire.Err].
func readGreeting(r *wire.Reader) (*wire.HandshakeV10, uint8, error) {
	payload, seq, err := r.Next()
	if err != nil {
		return nil, 0, err
	}
	if wire.IsErr(payload) {
		return nil, 0, decodeErr(payload)
	}
	greeting := new(wire.HandshakeV10)
	if err := greeting.Decode(payload); err != nil {
		return nil, 0, err
	}
	return greeting, seq, nil
}

// decodeErr gives the ERR packet as an error, or what is wrong with it.
func decodeErr(payload []byte) error {
	e := new(wire.Err)
	if err := e.Decode(payload); err != nil {
		return err
	}
	return e
}

// greetingCause says what it means that there was no greeting.
func greetingCause(err error, took time.Duration) string {
	_, decode := errors.AsType[*wire.DecodeError](err)
	if decode || errors.Is(err, wire.ErrPayloadTooLarge) {
		return "mysql greeting cannot be read: " + short(err.Error())
	}
	return "mysql " + netCause(err, took) + " in place of a greeting"
}

package client

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"

	"segue/backend/dial"
	"segue/backend/secure"
	"segue/backend/wire"
)

// Conn is a connection to a server on which Segue is the client. Its methods block until their context is done, at the latest; they are not for
// several goroutines at a time. Their errors are of type [*Error], or a [*Refusal].
type Conn struct {
	nc       net.Conn
	in       wire.Inbox
	buf      []byte
	out      []byte
	heard    bool
	greeting *wire.HandshakeV10
	seq      uint8 // of the greeting
	terms    Terms
	over     Transport
	policy   *secure.Policy
	host     string // for policy
}

// readSize holds what a server says at a time, for the most part.
const readSize = 4 << 10

// farewellTime is how long a server gets to take note of the end of a handshake, or of a connection.
const farewellTime = time.Second

// Dial connects to the server at address, "host:port". [Conn.Greet] is next.
func Dial(ctx context.Context, address string) (*Conn, error) {
	nc, err := dial.Dialer{}.Dial(ctx, address, new(dial.Memory))
	if err != nil {
		return nil, DialError(err)
	}
	return New(nc), nil
}

// New makes a Conn of a connection to a server that has not greeted yet.
func New(nc net.Conn) *Conn {
	return &Conn{nc: nc, in: wire.NewInbox(MaxHandshake), over: TransportOf(nc)}
}

// Secure has Login put TLS on the connection as the policy says, which may be nil; address is the server's, "host:port". It is to be called ahead of Login.
func (c *Conn) Secure(p *secure.Policy, address string) { c.policy, c.host = p, address }

// Transport is what the connection is by now.
func (c *Conn) Transport() Transport { return c.over }

// until bounds what follows by ctx. The function that it returns ends that.
func (c *Conn) until(ctx context.Context) (release func()) {
	past := time.Unix(1, 0)
	deadline, _ := ctx.Deadline()
	if ctx.Err() != nil {
		deadline = past
	}
	nc := c.nc // which Login may put TLS on
	_ = nc.SetDeadline(deadline)
	cut := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		_ = nc.SetDeadline(past)
		close(cut)
	})
	return func() {
		if !stop() {
			<-cut // so that it cuts off nothing that follows
		}
	}
}

// read waits for bytes. What has come and has not been taken stays.
func (c *Conn) read() error {
	c.in.Keep()
	if c.buf == nil {
		c.buf = make([]byte, readSize)
	}
	n, err := c.nc.Read(c.buf)
	if n == 0 {
		return err
	}
	c.heard = true
	c.in.Feed(c.buf[:n])
	return nil
}

// next waits for a message of the connection phase.
func (c *Conn) next(doing string) (payload []byte, seq uint8, err error) {
	for {
		payload, seq, ok, err := c.in.Next()
		if err != nil {
			return nil, 0, &Error{Malformed, fmt.Errorf("%s: %w", doing, err)}
		}
		if ok {
			return payload, seq, nil
		}
		if err := c.read(); err != nil {
			return nil, 0, IOError(doing, err)
		}
	}
}

func (c *Conn) write(doing string, b []byte) error {
	if len(b) == 0 {
		return nil
	}
	if _, err := c.nc.Write(b); err != nil {
		return IOError(doing, err)
	}
	return nil
}

// Greet waits for the server's greeting. After an error of kind Timeout it may be called again.
func (c *Conn) Greet(ctx context.Context) (*wire.HandshakeV10, error) {
	defer c.until(ctx)()
	payload, seq, err := c.next("read greeting")
	if err != nil {
		return nil, err
	}
	g := new(wire.HandshakeV10)
	if err := g.Decode(payload); err != nil {
		kind := Malformed
		if errors.As(err, new(*wire.Err)) {
			kind = ServerError
		}
		return nil, &Error{kind, fmt.Errorf("greeting: %w", err)}
	}
	c.greeting, c.seq = g, seq
	return g, nil
}

// Login logs in, after Greet. hello is what to say beside the credential: see [OwnResponse] and [Hello]. Whom the credential becomes is the
// caller's to run. The connection is of no use after an error.
func (c *Conn) Login(ctx context.Context, cred *Credential, hello *wire.HandshakeResponse41) error {
	const doing = "authentication"
	if c.greeting == nil {
		return &Error{Malformed, errors.New("authentication: the server has not greeted")}
	}
	defer c.until(ctx)()
	l := NewLogin(cred, c.greeting, hello)
	if err := c.open(ctx, &l); err != nil {
		return err
	}
	for {
		if err := c.write(doing, c.out); err != nil {
			return err
		}
		payload, seq, err := c.next(doing)
		if err != nil {
			return err
		}
		var outcome Outcome
		c.out, outcome = l.Answer(c.out[:0], payload, seq)
		switch outcome {
		case Continues:
			continue
		case LoggedIn:
			c.terms = l.Terms()
			return nil
		case Unprovable:
			out, farewell := LeaveUnanswered(c.out[:0], seq)
			c.leave(ctx, farewell, out)
		default:
		}
		return l.Err()
	}
}

// open has the login answer the greeting: what is to be written is in c.out.
func (c *Conn) open(ctx context.Context, l *Login) error {
	var outcome Outcome
	switch c.out, outcome = l.Open(c.out[:0], c.seq, Via{c.over, c.policy.Mode()}); outcome {
	case Secures:
		if err := c.handshake(ctx, l); err != nil {
			return err
		}
		c.out = l.Secured(c.out[:0])
	case Insecure:
		out, farewell := Leave(c.out[:0], c.seq)
		c.leave(ctx, farewell, out)
		return l.Err()
	default:
	}
	return nil
}

// handshake writes the SSLRequest that is in c.out, and puts TLS on the connection. A server whose certificate does not do hears no word of the login, and is left in
// good manners.
func (c *Conn) handshake(ctx context.Context, l *Login) error {
	if len(c.in.Rest()) > 0 { // whoever has put it there meant it to be taken for what comes inside TLS
		return &Error{Malformed, errors.New("TLS: the server says more in clear than its greeting")}
	}
	if err := c.write("TLS", c.out); err != nil {
		return err
	}
	secured := tls.Client(c.nc, c.policy.Unjudged(c.host))
	if err := secured.HandshakeContext(ctx); err != nil {
		return HandshakeError(err)
	}
	c.nc, c.over = secured, TLS
	if err := c.policy.Judge(c.host, secured.ConnectionState().PeerCertificates); err != nil {
		out, farewell := l.Forsake(c.out[:0])
		c.leave(ctx, farewell, out)
		return HandshakeError(err)
	}
	return nil
}

// Leave ends the handshake with a server that has greeted, if it is not to be finished: in such a way that the server does not count it as cut
// off. It takes a message to the server and one back. Close is next.
func (c *Conn) Leave(ctx context.Context) {
	if c.greeting == nil {
		return
	}
	out, farewell := Leave(c.out[:0], c.seq)
	c.leave(ctx, farewell, out)
}

// leave drives a Farewell to its end, for which a server that hangs gets no longer than farewellTime.
func (c *Conn) leave(ctx context.Context, f Farewell, out []byte) {
	ctx, cancel := context.WithTimeout(ctx, farewellTime)
	defer cancel()
	defer c.until(ctx)()
	for over := false; ; {
		if c.write("leave", out) != nil || over {
			return
		}
		payload, seq, err := c.next("leave")
		if err != nil {
			return
		}
		out, over = f.Hear(out[:0], payload, seq)
	}
}

// Heard reports whether the server has sent anything.
func (c *Conn) Heard() bool { return c.heard }

// Run runs commands, after Login, one by one or together. After an error other than a *Refusal the connection is of no use; nor is it after that,
// if they ran together.
func (c *Conn) Run(ctx context.Context, oneByOne bool, commands ...Command) error {
	const doing = "run commands"
	defer c.until(ctx)()
	t := c.terms
	t.OneByOne = oneByOne
	s := NewScript(t, commands...)
	defer func() { c.terms.Status = s.Status() }()
	for {
		c.out = s.Send(c.out[:0])
		if err := c.write(doing, c.out); err != nil {
			return err
		}
		if s.Done() || s.Err() != nil {
			return s.Err()
		}
		for len(c.in.Rest()) == 0 {
			if err := c.read(); err != nil {
				return IOError(doing, err)
			}
		}
		n, err := s.Feed(c.in.Rest())
		c.in.Skip(n)
		if err != nil {
			return err
		}
	}
}

// Query runs one statement and gives its result.
func (c *Conn) Query(ctx context.Context, text string) (*Table, error) {
	t := &Table{Ext: c.terms.ExtCapabilities}
	err := c.Run(ctx, true, Command{Command: wire.ComQuery, Text: text, Take: t.Take})
	return t, err
}

// Quit says COM_QUIT and closes the connection, so that the server counts none that was aborted. It does not wait.
func (c *Conn) Quit() {
	_ = c.nc.SetWriteDeadline(time.Now().Add(farewellTime))
	_, _ = c.nc.Write([]byte{1, 0, 0, 0, byte(wire.ComQuit)})
	_ = c.nc.Close()
}

// Close closes the connection.
func (c *Conn) Close() { _ = c.nc.Close() }

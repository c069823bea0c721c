package proxy

import (
	"errors"
	"time"

	"segue/backend"
	"segue/backend/client"
	"segue/backend/compress"
	"segue/backend/proxyheader"
	"segue/backend/wire"
)

// call is a connection of Segue's own making: it is dialed, and logged in with one credential after the other until the backend takes one.
type call struct {
	s       *session
	backend *backend.Backend
	by      caller
	user    string                                             // whose they are
	creds   []*client.Credential                               // still to be tried
	hello   func(*client.Credential) *wire.HandshakeResponse41 // what is said beside one
	until   int64                                              // when it is given up at the latest
	alarm   alarm                                              // by which it is told the time
	witness bool                                               // the server is to tell what becomes of the session

	cred     *client.Credential // the one at hand
	permit   *permit            // to log in with it
	barred   *client.Error      // why another one has not been tried
	link     *link
	said     *wire.HandshakeResponse41
	greeting *wire.HandshakeV10
	packs    compress.Algorithm // what follows the login
	login    client.Login
	asks     *question // behind the login
	stage    stage
	began    time.Time
	due      int64 // how long the backend may take for the stage at hand
}

// caller is told what comes of a call. It may close it at any time.
type caller interface {
	loggedIn(c *call)
	failed(c *call, err error)
}

// begin tries the next credential. err is what the one before it has come to.
func (c *call) begin(err error) {
	switch {
	case len(c.creds) > 0:
		c.cred, c.creds = c.creds[0], c.creds[1:]
		c.within()
		c.permit = &permit{s: c.s, backend: c.backend, user: c.user, cred: c.cred, settled: c.settled}
		c.permit.ask()
	case c.barred != nil: // once that is over it may be let in
		c.by.failed(c, c.barred)
	default:
		c.by.failed(c, err)
	}
}

// within gives the backend some time.
func (c *call) within() {
	o := c.s.w.server.options()
	c.due = c.s.w.now() + int64(min(o.connectTimeout(), o.connectBudget()))
	c.s.by(c.alarm, min(c.until, c.due))
}

// settled dials, if the credential may be tried.
func (c *call) settled(barred *client.Error) {
	if barred != nil {
		c.barred = barred
		c.begin(barred)
		return
	}
	c.said = c.hello(c.cred)
	c.link = c.s.w.newLink(c.s, c.backend, nil, c)
	c.stage, c.began = dialing, time.Now()
	c.within()
	c.link.dial()
}

// run asks something on it, once it is logged in.
func (c *call) run(q *question) {
	terms := c.login.Terms()
	terms.OneByOne = oneByOne(c.s.w.server.options().Flavor)
	c.asks = q
	q.begin(c.link, terms)
}

// oneByOne reports whether servers of a flavor promise no order to commands that come together.
func oneByOne(f backend.Flavor) bool { return f.IsFE() }

// received implements linkUser.
func (c *call) received(l *link, b []byte, fin bool) {
	if c.stage == over {
		c.spoiled(errOutOfTurn)
		return
	}
	if err := l.handshake(c, b, fin, c.heard); err != nil {
		c.fail(err)
	}
}

// heard takes a message of the handshake.
func (c *call) heard(payload []byte, seq uint8) {
	if c.stage == greeting {
		g, failed := c.link.greeted(payload, time.Since(c.began))
		switch {
		case failed != nil:
			c.fail(failed)
			return
		case !client.Fits(c.said, g):
			c.fail(&client.Error{Kind: client.Capabilities, Err: errors.New("capabilities differ from those the client was promised")})
			return
		}
		c.greeting, c.stage = g, authenticating
		c.due = c.s.w.now() + int64(c.s.w.server.options().authTimeout())
		said := *c.said
		if c.witness {
			said.Capabilities |= client.Witness(c.said, g)
		}
		if c.backend.ProxyProtocol() == proxyheader.None {
			client.Describe(&said, g, c.s.client.origin(), c.s.id, c.s.who.seen())
		} else {
			client.Undescribed(&said, c.s.who.seen())
		}
		if asked := c.s.w.server.options().BackendCompression.Capability() & g.Capabilities; asked != 0 {
			said.Capabilities |= asked
			said.ZstdLevel = compress.ZstdLevel
		}
		c.packs = compress.Agreed(said.Capabilities & g.Capabilities)
		c.login = client.NewLogin(c.cred, g, &said)
		c.open(seq)
		return
	}
	reply, outcome := c.login.Answer(nil, payload, seq)
	if len(reply) > 0 {
		c.link.write(reply)
	}
	switch outcome {
	case client.Continues:
	case client.LoggedIn:
		c.stage = over
		c.permit.end(c.cred, nil)
		c.link.compress(c.packs)
		c.s.by(c.alarm, c.until)
		c.by.loggedIn(c)
	case client.Unprovable: // so that MySQL counts a denied login, not a handshake that was cut off
		last, _ := client.LeaveUnanswered(nil, seq)
		c.link.write(last)
		c.fail(c.login.Err())
	default:
		c.fail(c.login.Err())
	}
}

// open answers the greeting, behind TLS where that is asked for.
func (c *call) open(seq uint8) {
	out, outcome := c.login.Open(nil, seq, c.link.via())
	switch outcome {
	case client.Insecure:
		c.link.part(client.Leave(nil, seq))
		c.fail(c.login.Err())
	case client.Secures:
		l := c.link
		l.write(out)
		l.secure(c.login.Forsake, func(err error) {
			switch {
			case c.link != l || c.stage != authenticating:
			case err != nil:
				c.fail(client.HandshakeError(err))
			default:
				l.write(c.login.Secured(nil))
			}
		})
	default:
		c.link.write(out)
	}
}

// writable implements linkUser.
func (c *call) writable(*link) {
	if c.stage == dialing {
		c.stage = greeting
	}
}

// broke implements linkUser.
func (c *call) broke(_ *link, err error) {
	if c.stage == over {
		c.spoiled(err)
		return
	}
	c.fail(c.stage.failed(err))
}

// spoiled follows the end of a connection that has been logged in, or what is said on it unasked.
func (c *call) spoiled(err error) {
	if c.asks == nil { // it waits for what is to be done with it
		c.fail(client.IOError("wait", err))
	}
}

// ring is called when what it waits for has taken too long.
func (c *call) ring() {
	switch {
	case c.permit.waits():
		c.permit.expired()
	case c.asks != nil:
		c.asks.expired()
	case c.stage > greeting && c.s.w.now() < c.until:
		c.s.by(c.alarm, c.until)
	default:
		c.broke(c.link, late(c.due, c.until))
	}
}

func (c *call) fail(err error) {
	c.permit.end(c.cred, err)
	c.close()
	if denied, is := errors.AsType[*client.Error](err); is && denied.Kind == client.Denied {
		c.begin(err)
		return
	}
	c.by.failed(c, err)
}

// close gives it up, and closes its connection.
func (c *call) close() {
	c.permit.drop()
	if c.asks != nil {
		c.asks.drop()
		c.asks = nil
	}
	c.stage = over
	if c.link != nil {
		c.link.close()
	}
}

// quit closes its connection with a word.
func (c *call) quit() { c.link.quit() }

// hangUp gives it up: with a word, if it has been logged in and nothing is under way.
func (c *call) hangUp() {
	if c.stage == over && c.asks == nil && c.link != nil && !c.link.closed {
		c.quit()
		return
	}
	c.close()
}

package proxy

import (
	"bytes"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"time"

	"segue/backend"
	"segue/backend/client"
	"segue/backend/proxyheader"
	"segue/backend/wire"
	"segue/proxy/gate"
	"segue/proxy/login"
	"segue/proxy/loop"
	"segue/proxy/track"
)

// connecting is a session's connection phase: it tries one backend after another until one has accepted the client, and lets the
// client see nothing of those that failed. See "Life of a session" in the package documentation.
type connecting struct {
	s        *session
	opts     *Options
	shake    *login.Handshake
	deadline int64 // the end of the connect budget; as Server.elapsed
	waited   int64 // since when the client is to speak; 0: it is not. Its own time is not the backends'
	failures trail
	unseen   []unseen // failures, until it is known that the client sees none of them
	tried    []*backend.Backend
	rested   bool // all have been tried once: those that have just failed are left alone
	pause    time.Duration

	stage  stage
	turns  *gate.Gate // where it waits for its turn to dial
	pass   *gate.Pass // its place there
	inside bool       // its turn has come
	owes   *crowd     // the client has yet to answer something there
	fold   *fold      // whose turn it is
	lease  *backend.Lease
	link   *link
	permit *permit // to log in there
	answer []byte  // … behind its greeting, which waits for that
	began  int64
	due    int64  // how long the backend may take for the stage at hand
	lobby  *lobby // in which it waits; nil: in none
	place  int
}

// begin begins a session.
func (w *worker) begin(id uint32, socket loop.Socket, from netip.AddrPort, lasting bool) {
	now := w.now()
	s := &session{w: w, id: id, places: places{on: -1}, since: now, past: past{opened: now}}
	s.owner.Store(w)
	s.client.session, s.client.from, s.client.port, s.client.lasting = s, from.Addr(), from.Port(), lasting
	if err := s.client.Adopt(w.loop, socket, &s.client); err != nil {
		w.server.forgetID(s.id)
		return
	}
	w.add(s)
	if w.server.options().ProxiedFrom.Has(s.client.from) {
		s.introduce()
		return
	}
	s.connect(!s.client.from.IsValid())
}

// connect begins the connection phase. local: the client has come by a UNIX socket, where nobody can listen.
func (s *session) connect(local bool) {
	w := s.w
	c := &connecting{s: s, opts: w.server.options(), pause: minPause}
	c.deadline = w.now() + int64(c.opts.connectBudget())
	c.shake = w.takeHandshake(s.id, c.opts)
	if local {
		c.shake.FromSocket()
	}
	s.errand = c
	c.next()
}

// next leases the next backend.
func (c *connecting) next() {
	s, w := c.s, c.s.w
	c.leaveLobby()
	switch {
	case w.server.halted.Load():
		c.end(Shutdown, errStopped)
		return
	case w.paused:
		c.waited = w.now()
		s.due.clear(alarmErrand)
		c.waitIn(&w.resuming)
		return
	}
	if s.state != Leasing {
		s.enter(Leasing)
	}
	choose := w.server.registry.Lease
	if c.rested {
		choose = w.server.registry.LeaseRested
	}
	lease, err := choose(func(b *backend.Backend) bool { return slices.Contains(c.tried, b) || c.avoids(b) })
	if err != nil {
		wait := w.jitter(c.pause)
		if c.failures.hopeless(c.tried) {
			c.gaveUp(fmt.Errorf("no backend lets this client in: %s", &c.failures))
			return
		}
		if w.now()+int64(wait) > c.deadline {
			c.gaveUp(c.failures.giveUp(err, c.opts.connectBudget()))
			return
		}
		c.pause = min(2*c.pause, maxPause)
		c.tried, c.rested = c.tried[:0], true // do not storm them
		c.waitIn(&w.resting)
		s.after(alarmErrand, wait)
		return
	}
	c.lease = lease
	w.attached(s, lease.Backend())
	c.fold = w.folds[lease.Backend()]
	c.link = w.newLink(s, lease.Backend(), lease, c)
	s.back = c.link
	s.enter(Dialing)
	c.began, c.stage = w.now(), dialing
	if c.shake.Response() == nil {
		c.queue(c.fold.crowd.greets)
		return
	}
	c.askLeave(func(barred *client.Error) {
		if barred != nil {
			c.fail(barred)
			return
		}
		if c.permit.cred != nil {
			c.queue(c.fold.crowd.dials)
		} else {
			c.queue(c.fold.crowd.greets)
		}
	})
}

// queue waits for the client's turn to dial.
func (c *connecting) queue(at *gate.Gate) {
	s, w := c.s, c.s.w
	c.turns = at
	c.pass = at.Enter(w.now(), func() { s.post(c.mayDial) })
	switch {
	case c.pass.Passed():
		c.dial()
	case c.unanswered() && w.now() < c.fold.crowd.stuck.Load():
		c.greetFirst()
	case c.unanswered():
		s.by(alarmErrand, min(w.now()+int64(crowdPatience), c.deadline))
	default:
		s.by(alarmErrand, c.deadline)
	}
}

// mayDial is called when it is the client's turn.
func (c *connecting) mayDial() {
	if c.pass != nil && c.pass.Passed() && c.s.errand == errand(c) {
		c.dial()
	}
}

// dial connects to the leased backend.
func (c *connecting) dial() {
	c.pass, c.inside = nil, true
	c.stage = dialing
	c.within(c.opts.connectTimeout())
	c.link.dial()
}

// within gives the backend so much time, but not beyond the deadline.
func (c *connecting) within(d time.Duration) {
	c.due = c.s.w.now() + min(int64(d), int64(c.opts.connectBudget()))
	c.s.by(alarmErrand, min(c.due, c.deadline))
}

// leaveTurns lets the next client dial.
func (c *connecting) leaveTurns() {
	if p := c.pass; p != nil {
		c.pass = nil
		c.turns.GiveUp(p)
		c.inside = p.Passed()
	}
	if c.inside {
		c.inside = false
		c.turns.Leave()
	}
}

// writable implements linkUser.
func (c *connecting) writable(l *link) {
	if c.stage == dialing {
		c.stage = greeting
		return
	}
	c.s.client.Resume()
}

// received implements linkUser.
func (c *connecting) received(l *link, b []byte, fin bool) {
	if err := l.handshake(c, b, fin, c.heard); err != nil {
		c.fail(err)
	}
}

// heard takes a message of the backend's.
func (c *connecting) heard(payload []byte, seq uint8) {
	switch {
	case c.stage == greeting:
		c.greeted(payload)
	case c.answer != nil && !wire.IsErr(payload): // it has yet to be answered
		c.fail(&client.Error{Kind: client.Malformed, Err: errOutOfTurn})
	default:
		out := c.s.w.output()
		c.act(out, c.shake.FromBackend(out, payload, seq))
	}
}

// greeted takes the backend's greeting.
func (c *connecting) greeted(payload []byte) {
	s, w := c.s, c.s.w
	g, failed := c.link.greeted(payload, time.Duration(w.now()-c.began))
	if failed != nil {
		c.fail(failed)
		return
	}
	if c.turns == c.fold.crowd.dials {
		c.leaveTurns()
	}
	c.stage = authenticating
	s.enter(Authenticating)
	caps, ext := w.server.shared()
	c.shake.Describe(s.client.origin(), c.link.backend.ProxyProtocol() == proxyheader.None)
	out := w.output()
	c.act(out, c.shake.Greeted(out, g, c.link.via(), caps, ext))
}

// fromClient takes what the client sends.
func (c *connecting) fromClient(b []byte) {
	s := c.s
	for len(b) > 0 && s.errand == errand(c) {
		payload, seq, size, err := wire.OnePacket(b, client.MaxHandshake)
		switch {
		case err != nil:
			c.end(Protocol, err)
			return
		case size == 0:
			s.client.put(b)
			return
		case c.shake.Waits() != login.ForClient:
			s.client.put(b)
			s.client.Pause() // until it is its turn
			return
		}
		b = b[size:]
		s.client.put(b)
		c.clientSpoke()
		first, out := c.unanswered(), s.w.output()
		outcome := c.shake.FromClient(out, payload, seq)
		if !first || c.shake.Proves() != nil { // more may be asked of it otherwise
			c.leaveTurns()
		}
		if c.act(out, outcome); c.shake.Waits() == login.ForClientTLS {
			return // what follows is not for anybody to read
		}
	}
}

// clientSpoke adds the time that the client took to the backends'.
func (c *connecting) clientSpoke() {
	if c.waited != 0 {
		c.deadline += c.s.w.now() - c.waited
		c.waited = 0
	}
	c.answered()
}

// act sends what a call of the handshake has for the two sides, and does what it has come to.
func (c *connecting) act(out *login.Output, outcome login.Outcome) {
	s := c.s
	if len(out.Client) > 0 {
		if _, err := s.client.Write(out.Client); err != nil {
			c.end(ClientGone, err)
			return
		}
	}
	if len(out.Backend) > 0 && !c.mayAnswer(out.Backend) {
		return
	}
	switch outcome {
	case login.LoggedIn:
		c.loggedIn()
	case login.BackendFailed:
		c.failed(c.shake.Failure())
	case login.ClientEnded:
		c.refused()
	case login.Continues:
		c.awaits()
	}
}

// mayAnswer sends what the backend is to hear. Its greeting is answered when the login has been given leave.
func (c *connecting) mayAnswer(b []byte) bool {
	if p := c.permit; p != nil && p.cred == c.shake.Proves() {
		c.link.write(b)
		return true
	}
	c.answer = bytes.Clone(b)
	c.askLeave(c.permitted)
	return false
}

// permitted answers the backend's greeting, or leaves it unanswered.
func (c *connecting) permitted(barred *client.Error) {
	answer := c.answer
	c.answer = nil
	if barred != nil {
		c.shake.Withhold(barred)
		c.failed(barred)
		return
	}
	c.link.write(answer)
	c.awaits()
}

// refused ends a session whose client is not to be logged in.
func (c *connecting) refused() {
	switch c.shake.End() {
	case login.Refused:
		c.permit.end(c.permit.cred, c.shake.Err())
		c.end(Refused, c.shake.Err())
	case login.Stuck:
		c.end(BackendGone, c.shake.Err())
	case login.Protocol:
		c.end(Protocol, c.shake.Err())
	case login.Insecure:
		_, _ = c.s.client.Write(c.shake.Refuse(nil, *insecure(c.shake)))
		c.end(Refused, c.shake.Err())
	}
}

// awaits waits for whose turn it is.
func (c *connecting) awaits() {
	s := c.s
	switch c.shake.Waits() {
	case login.ForBackend:
		c.within(c.opts.authTimeout())
	case login.ForClient:
		if c.permit != nil {
			c.permit.relayed()
		}
		c.waited = max(s.w.now(), 1)
		c.awaitClient()
		s.client.Resume()
		if len(s.client.rest) > 0 {
			c.fromClient(s.client.rest)
		}
	case login.ForClientTLS:
		c.secureClient()
	case login.ForBackendTLS:
		c.secureBackend()
	case login.ForLease:
		c.next()
	case login.ForNothing:
	}
}

// loggedIn begins the command phase.
func (c *connecting) loggedIn() {
	s, w, l := c.s, c.s.w, c.link
	s.due.clear(alarmErrand)
	c.leaveTurns()
	c.concealed()
	c.permit.end(c.shake.Credential(), nil)
	r, g := c.shake.Response(), c.shake.Greeting()
	withClient, withBackend := c.shake.Compression()
	s.client.compress(withClient)
	l.compress(withBackend)
	s.who = identity{hello: client.NewHello(r), cred: c.shake.Credential(), salted: c.shake.OtherSalt()}
	if s.who.over = c.shake.Over(); s.who.over == client.TLS {
		peer := c.shake.Peer()
		s.who.peer = &peer
	}
	s.stands()
	s.past.threads.become(l.thread)
	options := trackOptions(r, g, c.opts.Flavor)
	options.Memory = w.server.memory
	s.catalogue(&options, l.backend)
	s.track = track.New(options, c.shake.Terms().Status)
	c.lease.Established()
	l.user = s
	s.errand = nil
	w.giveHandshake(c.shake)
	s.follow()
	if !s.readsFirst() {
		(&inquiry{s: s}).soon()
	}
	w.joined(s, l.backend)
	if s.state != Closed {
		s.client.again()
	}
}

// ring is called when somebody has taken too long, or a rest is over.
func (c *connecting) ring() {
	s := c.s
	switch {
	case c.lobby == &s.w.resting:
		c.next()
	case c.permit.waits():
		c.permit.expired()
	case c.pass != nil && c.unanswered() && c.greetFirst():
	case c.pass != nil:
		c.end(NoBackend, fmt.Errorf("%s: %w", c.lease.Backend().Name(), errCrowd))
	case c.waited != 0 && c.s.w.now() < c.waited+int64(clientTimeout):
		if c.letGo(); s.errand == errand(c) {
			c.awaitClient()
		}
	case c.waited != 0:
		c.end(Timeout, fmt.Errorf("connection phase: the client sent nothing for %s", clientTimeout))
	case c.link != nil:
		c.broke(c.link, late(c.due, c.deadline))
	}
}

// broke implements linkUser.
func (c *connecting) broke(l *link, err error) {
	if l != c.link || c.s.errand != errand(c) {
		return
	}
	c.fail(c.stage.failed(err))
}

// fail gives up the backend at hand.
func (c *connecting) fail(err *client.Error) {
	c.shake.Fail(err)
	c.failed(err)
}

// hurry gives up a backend that has turned out to be down.
func (c *connecting) hurry(b *backend.Backend) {
	if c.link != nil && c.link.backend == b && c.waited == 0 {
		c.broke(c.link, errTimedOut)
	}
}

var errTimedOut = os.ErrDeadlineExceeded

// cutShort says that who waited for a backend could wait no longer, although that still had time: a word against nobody.
type cutShort struct{}

func (cutShort) Error() string { return "timed out" }

// Is makes it a timeout, as [os.ErrDeadlineExceeded] is.
func (cutShort) Is(target error) bool { return target == os.ErrDeadlineExceeded }

// late is why an attempt has ended for which the backend had time until due, and who waits for it until deadline.
func late(due, deadline int64) error {
	if deadline < due {
		return cutShort{}
	}
	return errTimedOut
}

// authSwitchPlugin is the name of no authentication plugin. A server that reads it as the client's answers with an
// AuthSwitchRequest for the plugin that the account really has, with its own salt.
const authSwitchPlugin = "segue_auth_switch"

// shared is what all backends are known to be able to do.
func (s *Server) shared() (caps wire.Capability, ext uint32) {
	caps, ext = ^wire.Capability(0), ^uint32(0)
	for _, b := range s.registry.Backends() {
		if f := b.Facts(); f.Known && b.Status().Admin != backend.Maint {
			caps &= wire.Capability(f.Capabilities)
			ext &= f.ExtCapabilities
		}
	}
	return caps, ext
}

// takeHandshake lends the memory of a handshake.
func (w *worker) takeHandshake(id uint32, o *Options) *login.Handshake {
	if last := len(w.shakes) - 1; last >= 0 {
		h := w.shakes[last]
		w.shakes = w.shakes[:last]
		h.Reset(id, o)
		return h
	}
	return login.New(id, o)
}

func (w *worker) giveHandshake(h *login.Handshake) {
	if len(w.shakes) < spareHandshakes {
		h.Reset(0, nil)
		w.shakes = append(w.shakes, h)
	}
}

// spareHandshakes is how many a worker keeps for later.
const spareHandshakes = 64

// output is where the next call of a handshake puts what it has to say; it has been sent before the next one.
func (w *worker) output() *login.Output {
	w.out.Client, w.out.Backend = w.out.Client[:0], w.out.Backend[:0]
	return &w.out
}

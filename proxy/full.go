package proxy

import (
	"errors"
	"slices"
	"time"

	"segue/backend"
	"segue/backend/client"
	"segue/backend/wire"
	"segue/proxy/accounts"
)

// A backend, or an account on it, that is full or rests is none of a session's to leave, and takes no other for a while: see backend.Full and
// package accounts.

var errUnderWay = errors.New("another login of the account has been under way for too long")

// Accounts lists the accounts that some backend does not let in: Segue's credential was refused, or there are too many connections of it.
func (s *Server) Accounts() []accounts.Account { return s.accounts.List() }

// permit is what a login of the session's begins with: leave to try it, once that has come. settled is called on the session's loop, once: with nil, or
// with why there is to be no login now. Deadlines are its owner's.
type permit struct {
	s       *session
	backend *backend.Backend
	user    string
	cred    *client.Credential // by which Segue answers; nil: the client does
	settled func(barred *client.Error)
	leave   *accounts.Leave
	wait    *accounts.Wait
}

// ask asks for leave. It may come before ask returns.
func (p *permit) ask() {
	var err error
	p.leave, p.wait, err = p.s.w.server.accounts.Enter(p.backend, p.user, p.cred, time.Now(), func() { p.s.post(p.again) })
	switch {
	case err != nil:
		p.settled(&client.Error{Kind: client.Barred, Err: err})
	case p.leave != nil:
		p.settled(nil)
	}
}

// again is called when the login has ended that this one waits for.
func (p *permit) again() {
	if p.wait != nil {
		p.wait = nil
		p.ask()
	}
}

// waits reports whether another login is to end first.
func (p *permit) waits() bool { return p != nil && p.wait != nil }

// expired gives up the wait.
func (p *permit) expired() {
	p.drop()
	p.settled(&client.Error{Kind: client.Barred, Err: errUnderWay})
}

// end says what came of the login. cred is what was answered by or, if that was the client's business, what has been learned; nil: nothing was. p may
// be nil.
func (p *permit) end(cred *client.Credential, err error) {
	if p != nil && p.leave != nil {
		p.leave.End(time.Now(), cred, err)
	}
	p.drop()
}

// relayed says that the client answers after all.
func (p *permit) relayed() {
	if p.cred != nil && p.leave != nil {
		p.cred = nil
		p.leave.Relayed()
	}
}

// drop ends a login of which nothing came, or the wait for it. p may be nil.
func (p *permit) drop() {
	switch {
	case p == nil:
	case p.wait != nil:
		p.wait.GiveUp()
		p.wait = nil
	case p.leave != nil:
		p.leave.Drop()
	}
}

// refusal is what a backend has refused that has failed a set-up, and how it has said so.
func refusal(err error) (said *wire.Err, is wire.Refusal) {
	var failed *client.Error
	if !errors.As(err, &failed) || failed.Kind != client.ServerError || !errors.As(failed.Err, &said) {
		return nil, wire.RefusalOther
	}
	return said, said.Refuses()
}

// blame gives back the lease of a backend on which a set-up has failed, with a word against it if it deserves one. It reports whether the
// set-up was a failure of that backend at all.
func (s *Server) blame(lease *backend.Lease, err error) bool {
	var failed *client.Error
	switch said, is := refusal(err); {
	case is == wire.ServerFull:
		lease.Full(backend.Full{Code: said.Code, State: said.State, Message: said.Message})
		s.shutGate() // if it was the last that had room
		return true
	case is == wire.AccountFull:
		lease.Release() // it serves other accounts
		return true
	case errors.As(err, new(*replayError)), errors.As(err, new(cutShort)), errors.As(err, &failed) && failed.Blameless(), backend.Lack(err) != "":
		lease.Release() // it serves others well
		return false
	}
	lease.Failed(err)
	s.evidence(lease.Backend(), err)
	return true
}

// askLeave asks whether the client's login on the backend at hand may begin. A client that cannot be brought to another one is not kept from this one.
func (c *connecting) askLeave(settled func(barred *client.Error)) {
	s, b, user := c.s, c.link.backend, c.shake.Response().Username
	c.permit.drop()
	c.permit = &permit{s: s, backend: b, user: user, cred: c.shake.Proves(), settled: settled}
	if !c.shake.CanRetry() {
		c.permit.leave = s.w.server.accounts.Free(b, user)
		settled(nil)
		return
	}
	c.within(c.opts.connectTimeout())
	c.permit.ask()
}

// proves are the credentials by which Segue would answer the next backend in the client's place.
func (c *connecting) proves() (list []*client.Credential) {
	if cred := c.shake.Proves(); cred != nil {
		list = append(list, cred)
	}
	return list
}

// avoids reports whether a backend is none for the client's next attempt.
func (c *connecting) avoids(b *backend.Backend) bool {
	r := c.shake.Response()
	return r != nil && c.shake.CanRetry() && c.s.w.server.accounts.Barred(b, r.Username, c.proves(), time.Now()) != nil
}

// words is what a backend has said that would take the client, if each of those that would is full, for all or for its account, or does not let it in
// with what Segue answers; nil if one of them has another reason.
func (c *connecting) words() (said *wire.Err) {
	for _, b := range c.s.w.server.registry.Backends() {
		if !takes(b) {
			continue
		}
		e := c.wordsOf(b)
		if e == nil {
			return nil
		}
		if said == nil {
			said = e
		}
	}
	return said
}

func (c *connecting) wordsOf(b *backend.Backend) *wire.Err {
	if f, full := b.Full(); full {
		return &wire.Err{Code: f.Code, State: f.State, Message: f.Message}
	}
	if r := c.shake.Response(); r != nil {
		return c.s.w.server.accounts.Words(b, r.Username, c.shake.Proves())
	}
	return nil
}

// wordsError is an error of which the client is told what a server has said.
type wordsError struct {
	error
	said *wire.Err
}

func (e *wordsError) Unwrap() error { return e.error }

// gaveUp ends a session for whose client there was no backend within the budget.
func (c *connecting) gaveUp(cause error) {
	if said := c.words(); said != nil {
		cause = &wordsError{cause, said}
	}
	c.end(NoBackend, cause)
}

// fulls are the backends that the log says to be full.
type fulls map[*backend.Backend]bool

// tellFull tells the log which backends have become full, and which are so no more, whoever has found out.
func (s *Server) tellFull(told *fulls) {
	now := fulls{}
	for _, b := range s.registry.Backends() {
		f, full := b.Full()
		switch {
		case full && !(*told)[b]:
			s.log.Warn("backend is full: it keeps its sessions, and gets no new one", "backend", b.Name(), "cause", f.String())
		case !full && (*told)[b]:
			s.log.Info("backend is full no more", "backend", b.Name())
		}
		if full {
			now[b] = true
		}
	}
	*told = now
}

// heldBackError says that a move comes to nothing because each backend that might take the session is full, or does not let its account in.
type heldBackError struct {
	error
	until time.Time // when one of them may be tried
}

func (e *heldBackError) Unwrap() error { return e.error }

// mostHeldBack is how long at most a session stays that other backends do not let in now: the credential may change.
const mostHeldBack = 5 * time.Second

// bars is why none of these credentials may be tried for the session on b now; nil if one may.
func (d *departure) bars(b *backend.Backend, creds []*client.Credential) *accounts.BarredError {
	return d.s.w.server.accounts.Barred(b, d.s.who.user(), creds, time.Now())
}

// heldBack returns err as a *heldBackError, if that is why there is no backend for the session.
func (d *departure) heldBack(err error) error {
	s, creds, now := d.s, d.credentials(), time.Now()
	own := s.backend()
	var until time.Time
	for _, b := range s.w.server.registry.Backends() {
		if b == own || !takes(b) {
			continue
		}
		_, full := b.Full()
		barred := d.bars(b, creds)
		switch {
		case full:
			until = earlier(until, now.Add(movePause))
		case barred != nil:
			until = earlier(until, barred.Until)
		default:
			return err
		}
	}
	if until.IsZero() {
		return err
	}
	return &heldBackError{err, until}
}

// unwelcome adds to the trail why backends that might take the session were not tried.
func (d *departure) unwelcome() {
	creds := d.credentials()
	for _, b := range d.s.w.server.registry.Backends() {
		if !takes(b) || slices.Contains(d.search.tried, b) {
			continue
		}
		if f, full := b.Full(); full {
			d.search.failures.add(b.Name(), errors.New(f.String()))
		} else if barred := d.bars(b, creds); barred != nil {
			d.search.failures.add(b.Name(), barred)
		}
	}
}

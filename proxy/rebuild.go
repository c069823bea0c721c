package proxy

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"segue/backend"
	"segue/proxy/track"
	"segue/proxy/wire"
)

// arrival is a session rebuilt on another backend.
type arrival struct {
	lease   *backend.Lease
	conn    *conn
	options track.Options
	status  wire.Status
	thread  uint32   // connection id there
	masked  bool     // it has been logged in by way of the service account
	ids     []uint32 // of the prepared statements; nil if they have kept theirs
}

// abandon gives back what nobody needs any more.
func (a *arrival) abandon() {
	a.conn.quit()
	_ = a.conn.Close()
	a.lease.Release()
}

// luggage is what a session takes along, and how it logs in.
type luggage struct {
	track.Replay
	creds  []*credential // the best first
	states string        // TiDB's own account of the session, in place of what is in Replay
	// collation is what that account has wrong, as an SQL literal.
	collation string
}

// rebuild logs in to another backend and rebuilds the session there. It changes nothing on the old one.
func (s *session) rebuild() (*arrival, error) {
	opts := s.server.options()
	lost, to := s.whither()
	if lost {
		return s.rebuildLost(opts)
	}
	deadline := time.Now().Add(moveTimeout)
	if !s.waitForSlot(deadline) {
		return nil, errCrowd
	}
	bag, err := s.pack(false, deadline, opts)
	if errors.As(err, new(*spoiledError)) && s.spoil(err) { // an answer to Segue that comes late must not reach the client
		return s.rebuildLost(opts)
	}
	if err != nil {
		return nil, err
	}
	q := search{tried: []*backend.Backend{s.lease.Backend()}}
	for {
		lease, err := s.server.registry.Lease(func(b *backend.Backend) bool {
			return slices.Contains(q.tried, b) || !takes(b) || to != nil && b != to
		})
		if err != nil {
			return nil, s.nowhere(&q, err, opts)
		}
		if a, over, err := s.try(&q, lease, bag, deadline, opts); over {
			return a, err
		}
	}
}

// rebuildLost is rebuild for a session whose backend has gone. It has all the time there is while no backend can take it, and
// connect.budget from when one could, without the time at the gate.
func (s *session) rebuildLost(opts *Options) (*arrival, error) {
	bag, err := s.pack(true, time.Time{}, opts)
	if err != nil {
		return nil, err
	}
	q := search{tried: []*backend.Backend{s.lease.Backend()}}
	deadline := time.Now().Add(opts.connectBudget())
	for pause := minPause; ; {
		if s.server.gate.isShut() {
			deadline = time.Time{}
		}
		began := time.Now()
		if !s.awaitPass() {
			if s.isOver() {
				return nil, errStopped
			}
			s.giveUpAgain() // and wait on
			continue
		}
		if deadline.IsZero() {
			deadline = time.Now().Add(opts.connectBudget())
		} else {
			deadline = deadline.Add(time.Since(began))
		}
		if bag.creds = s.credentials(); len(bag.creds) == 0 { // a token does not last
			return nil, &endError{Refused, errors.New("no credential")}
		}
		lease, err := s.server.registry.LeaseRested(func(b *backend.Backend) bool { return slices.Contains(q.tried, b) || slices.Contains(q.refusers, b) })
		if err == nil {
			a, over, err := s.try(&q, lease, bag, deadline, opts)
			if !over || err != nil && s.server.gate.isShut() && !s.isOver() {
				s.leaveGate()
				continue
			}
			return a, err
		}
		shut := s.server.gate.isShut()
		s.leaveGate()
		switch {
		case s.isOver():
			return nil, errStopped
		case s.refusedByAll(&q) && !shut, !s.server.pause(&pause, deadline) && !shut:
			return nil, s.nowhere(&q, err, opts)
		}
		q.tried = q.tried[:0] // the old one as well: it may have closed one connection and be well
	}
}

// search is what has come of looking for a backend so far.
type search struct {
	tried    []*backend.Backend
	failures trail
	refusers []*backend.Backend // that will not have this client
	refused  error              // what one of them said
}

// refusedByAll reports whether nobody is left who might have the client: one that has failed a moment ago, and rests, still might.
func (s *session) refusedByAll(q *search) bool {
	return q.refused != nil && !slices.ContainsFunc(s.server.registry.Backends(), func(b *backend.Backend) bool { return takes(b) && !slices.Contains(q.refusers, b) })
}

// nowhere is the error of a search that has found nothing.
func (s *session) nowhere(q *search, none error, opts *Options) error {
	if s.refusedByAll(q) {
		return q.refused
	}
	return q.failures.giveUp(none, opts.connectBudget())
}

// try rebuilds the session on one backend. over: the search has ended, one way or the other.
func (s *session) try(q *search, lease *backend.Lease, bag *luggage, deadline time.Time, opts *Options) (a *arrival, over bool, err error) {
	a, err = s.rebuildWithAny(lease, bag, deadline, opts)
	if err == nil {
		return a, true, nil
	}
	if s.isOver() {
		lease.Release() // and no word against the backend: it was cut off
		return nil, true, err
	}
	var failed *setupError
	switch {
	case !errors.As(err, &failed):
		lease.Release()
		q.refusers, q.refused = append(q.refusers, lease.Backend()), fmt.Errorf("%s: %w", lease.Backend().Name(), err)
	case failed.blameless():
		lease.Release() // it serves others well
	default:
		lease.Failed(failed)
		s.server.evidence(lease.Backend(), failed)
		s.server.ledger.hidden(s, failed.kind, actionRetried, lease.Backend().Name(), failed)
	}
	q.tried = append(q.tried, lease.Backend())
	q.failures.add(lease.Backend().Name(), err)
	if !time.Now().Before(deadline) {
		return nil, true, q.failures.giveUp(nil, opts.connectBudget())
	}
	return nil, false, nil
}

// awaitPass waits at the gate, in state Holding while that is shut. It reports false if there is nothing to be rebuilt any more, or
// something else is to be done before.
func (s *session) awaitPass() bool {
	p := s.comeToGate()
	if p == nil {
		return false
	}
	<-p.done
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.away.again != nil {
		s.server.holding.remove(s, 0)
	}
	s.away.pass = nil
	if s.current() == Holding {
		s.enter(Moving)
	}
	s.away.slot = p.passed
	if p.passed && s.end != Open {
		s.giveSlot()
	}
	return p.passed && s.end == Open
}

// comeToGate takes a place there; nil if the session is over.
func (s *session) comeToGate() *pass {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.end != Open {
		return nil
	}
	since := int64(unhurried)
	switch {
	case s.away.again != nil:
		since = s.away.at
		s.server.holding.add(s, 0)
	case s.away.wait.since != 0:
		since = s.away.wait.since
	}
	p := s.server.gate.enter(since)
	s.away.pass = p
	if s.server.gate.isShut() {
		s.enter(Holding)
		s.turn.Broadcast() // a statement that waits is held from here on
	}
	return p
}

func (s *session) leaveGate() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.giveSlot()
}

// waitForSlot makes sure that the session, whose backend lives, has a slot for all of its move, as one has that departed by itself.
func (s *session) waitForSlot(deadline time.Time) bool {
	s.mu.Lock()
	has := s.away.slot
	s.mu.Unlock()
	if has {
		return true
	}
	passed := s.server.gate.enterBy(deadline, s.server.elapsed())
	s.mu.Lock()
	defer s.mu.Unlock()
	s.away.slot = passed
	return passed
}

// takes reports whether a session that has a backend may come to b.
func takes(b *backend.Backend) bool {
	st := b.Status()
	return st.Health == backend.Up && st.Admin == backend.Ready && !st.Removed
}

// spoil gives up a backend connection on which an answer to a command of Segue's own is still to come, or which has failed
// meanwhile. It reports false if the session is over, and the question was cut off with it.
func (s *session) spoil(err error) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.end != Open {
		return false
	}
	s.server.evidence(s.lease.Backend(), err)
	s.away.lost, s.away.at, s.away.loss, s.away.told = true, s.server.elapsed(), err, false
	s.giveSlot()
	_ = s.back.Close()
	return true
}

// whither tells whether the backend has gone, and which other one is wanted, if it has not and one is.
func (s *session) whither() (lost bool, to *backend.Backend) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.away.lost || s.away.drain != nil {
		return s.away.lost, nil
	}
	return false, s.away.shift
}

func (s *session) isOver() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.end != Open
}

// pack gathers what the session takes along, asking the old backend, if it lives, for what only that knows.
func (s *session) pack(lost bool, deadline time.Time, opts *Options) (*luggage, error) {
	bag := &luggage{creds: s.credentials()}
	if !lost {
		if err := s.askOld(bag, deadline, opts.Flavor); err != nil {
			return nil, fmt.Errorf("ask %s for the session's state: %w", s.backendName(), err)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if pin := s.track.Pinned(); pin != "" {
		return nil, fmt.Errorf("what pins it (%s) cannot be rebuilt", pin)
	}
	if open := s.track.Unresolved(); len(open) > 0 && bag.states == "" && !s.track.Forgo() {
		return nil, fmt.Errorf("only the backend that has gone knows the value of %s", open[0])
	}
	if len(bag.creds) == 0 {
		return nil, &endError{Refused, errors.New("no credential")}
	}
	bag.Replay = s.track.Replay()
	return bag, nil
}

// rebuildWithAny rebuilds the session on one backend with the first credential that it accepts. Should it panic, it gives back the lease.
func (s *session) rebuildWithAny(lease *backend.Lease, bag *luggage, deadline time.Time, opts *Options) (a *arrival, err error) {
	returned := false
	defer func() {
		if !returned {
			lease.Release()
			s.dropNext()
		}
	}()
	for _, cred := range bag.creds {
		a, err = s.rebuildOn(lease, bag, cred, deadline, opts)
		if _, refused := errors.AsType[*endError](err); !refused {
			break
		}
	}
	returned = true
	return a, err
}

// rebuildOn rebuilds the session on one backend. A *setupError says that another may do, an *endError that this credential will not.
func (s *session) rebuildOn(lease *backend.Lease, bag *luggage, cred *credential, deadline time.Time, opts *Options) (a *arrival, err error) {
	limit := time.Now().Add(opts.connectTimeout())
	if limit.After(deadline) {
		limit = deadline
	}
	greeting, err := s.dial(lease.Backend(), limit, &s.away.next)
	defer func() {
		if err != nil {
			s.dropNext()
		}
	}()
	if err != nil {
		return nil, err
	}
	c := s.away.next
	s.deadline(c, deadline)
	hello := s.hello.response()
	if !(&login{response: hello}).fits(greeting) {
		return nil, &setupError{setupCapabilities, errors.New("capabilities differ from those the client was promised")}
	}
	late := bag.Wrote || cred.becomes() != "" || bag.states != "" // the database may not be there yet, or not for this user
	hello.Capabilities &^= wire.ClientConnectWithDB
	if hello.Database = ""; bag.Database != "" && !late {
		hello.Capabilities, hello.Database = hello.Capabilities|wire.ClientConnectWithDB, bag.Database
	}
	status, err := logIn(c, greeting, hello, cred)
	if err != nil {
		return nil, err
	}
	o := trackOptions(hello, greeting, opts.Flavor)
	o.Database = bag.Database
	r := newReplayer(c, o.Capabilities, o.ExtCapabilities, o.Dialect == track.StarRocks)
	r.x.Status = status
	a = &arrival{lease: lease, conn: c, options: o, thread: greeting.ConnectionID, masked: cred.as != ""}
	if a.ids, err = r.replay(bag, cred, late, opts.Flavor); err != nil {
		return nil, err
	}
	a.status = r.x.Status
	return a, nil
}

// dropNext closes the connection to a backend that the session will not move to.
func (s *session) dropNext() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.away.next != nil {
		_ = s.away.next.Close()
		s.away.next = nil
	}
}

// trackOptions are those of a session whose client said r and whose backend greeted with g.
func trackOptions(r *wire.HandshakeResponse41, g *wire.HandshakeV10, flavor backend.Flavor) track.Options {
	o := track.Options{
		Capabilities:    r.Capabilities & g.Capabilities,
		ExtCapabilities: r.ExtCapabilities() & g.ExtCapabilities,
		AnswersLongData: flavor == backend.StarRocks || flavor == backend.Doris,
		Database:        r.Database,
		User:            r.Username,
	}
	switch flavor {
	case backend.StarRocks, backend.Doris:
		o.Dialect = track.StarRocks
	case backend.TiDB:
		o.Dialect = track.TiDB
	default:
		o.Dialect = track.MySQL
	}
	return o
}

package proxy

import (
	"errors"
	"fmt"
	"slices"

	"segue/backend"
	"segue/backend/client"
	"segue/backend/wire"
	"segue/proxy/ledger"
)

// again begins another round of the search of a session whose backend has gone. It has all the time there is while no backend can take it, and
// connect.budget from when one could, without the time at the gate.
func (d *departure) again() {
	if d.s.w.server.gate.IsShut() {
		d.deadline = 0
	}
	if d.slot { // it was given for a move from a backend that served
		d.settledWithSlot()
		return
	}
	d.enterGate()
}

func (d *departure) settledWithSlot() {
	if d.deadline == 0 {
		d.deadline = d.s.w.now() + int64(d.s.w.server.options().connectBudget())
	}
	d.visitLost()
}

// visit tries the next backend while the old one serves.
func (d *departure) visit() {
	s := d.s
	if d.step != ahead && d.call != nil {
		d.useLogin()
		return
	}
	if d.step == ahead && d.said != s.who.hello { // it is somebody else by now
		s.notice.leaveQueue()
		s.after(alarmBoundary, 0)
		return
	}
	creds := d.credentials()
	lease, err := s.w.server.registry.Lease(func(b *backend.Backend) bool {
		return slices.Contains(d.search.tried, b) || !takes(b) || d.to != nil && b != d.to || d.bars(b, creds) != nil
	})
	if err != nil {
		d.stays(d.nowhere(err))
		return
	}
	d.arriveAt(lease)
}

// visitLost tries the next backend when the old one has gone.
func (d *departure) visitLost() {
	s, q := d.s, &d.search
	if d.call != nil {
		d.useLogin()
		return
	}
	creds := s.credentials()
	if len(creds) == 0 { // a token does not last
		d.strand(&endError{Refused, errors.New("no credential")})
		return
	}
	lease, err := s.w.server.registry.LeaseRested(func(b *backend.Backend) bool {
		return slices.Contains(q.tried, b) || slices.Contains(q.refusers, b) || d.bars(b, creds) != nil
	})
	if err == nil {
		d.arriveAt(lease)
		return
	}
	shut := s.w.server.gate.IsShut()
	d.leaveGate()
	wait := s.w.jitter(d.pause)
	d.pause = min(2*d.pause, maxPause)
	if !shut && (d.refusedByAll() || s.w.now()+int64(wait) > d.deadline) {
		d.strand(d.nowhere(err))
		return
	}
	q.tried = q.tried[:0] // the old one as well: it may have closed one connection and be well
	d.step = resting
	s.after(alarmErrand, wait)
}

// refusedByAll reports whether nobody is left who might have the client: one that has failed a moment ago, and rests, still might.
func (d *departure) refusedByAll() bool {
	return d.search.refused != nil && !slices.ContainsFunc(d.s.w.server.registry.Backends(), func(b *backend.Backend) bool {
		return takes(b) && !slices.Contains(d.search.refusers, b)
	})
}

// nowhere is the error of a search that has found nothing.
func (d *departure) nowhere(none error) error {
	if d.refusedByAll() {
		return d.search.refused
	}
	d.unwelcome()
	if !d.lost {
		return d.heldBack(d.search.failures.said(none))
	}
	return d.heldBack(d.search.failures.giveUp(none, d.s.w.server.options().connectBudget()))
}

// credentials are what the session can be logged in with elsewhere.
func (d *departure) credentials() []*client.Credential {
	list := d.s.credentials()
	if len(list) == 0 && d.bag != nil && d.bag.token != nil {
		list = append(list, d.bag.token)
	}
	return list
}

// arriveAt tries the backend of a lease.
func (d *departure) arriveAt(lease *backend.Lease) {
	d.lease = lease
	creds := d.credentials()
	if len(creds) == 0 {
		d.turnedDown(&endError{Refused, errors.New("no credential")})
		return
	}
	alarm := alarmAhead
	if d.step != ahead {
		d.step, alarm = visiting, alarmErrand
	}
	d.call = &call{
		s: d.s, backend: lease.Backend(), by: d, user: d.s.who.user(), creds: creds, hello: d.hello, until: d.deadline, alarm: alarm,
		witness: witnessed(d.s.w.server.options().Flavor),
	}
	d.call.begin(nil)
}

// hello is what to say beside a credential.
func (d *departure) hello(cred *client.Credential) *wire.HandshakeResponse41 {
	if d.step == ahead { // which database that will be is not known
		hello := d.said.Response()
		hello.Capabilities &^= wire.ClientConnectWithDB
		return hello
	}
	d.bag.late = d.lost || d.bag.Wrote || cred.Becomes() != "" || d.bag.states != "" // the database may not be there yet, or not for this user
	hello := d.s.who.hello.Response()
	hello.Capabilities &^= wire.ClientConnectWithDB
	if hello.Database = ""; d.bag.Database != "" && !d.bag.late {
		hello.Capabilities, hello.Database = hello.Capabilities|wire.ClientConnectWithDB, d.bag.Database
	}
	return hello
}

// ring is called when what the departure waits for has taken too long, or its rest is over.
func (d *departure) ring() {
	switch d.step {
	case atGate:
		d.stays(errCrowd)
	case asking:
		d.asks.expired()
	case resting:
		d.again()
	case visiting:
		d.call.ring()
	case ahead, ready:
	}
}

// loggedIn implements caller: it rebuilds the session.
func (d *departure) loggedIn(c *call) {
	if d.step == ahead {
		d.getReady()
		return
	}
	flavor := d.s.w.server.options().Flavor
	begin, fits := d.s.track.Onto(trackOptions(c.said, c.greeting, flavor), d.bag.collations)
	if !fits {
		c.close()
		d.turnedDown(errOtherRelease)
		return
	}
	d.replay = newReplay(d.bag, c.cred, flavor, begin)
	if d.s.unused != 0 && !d.s.stmt.waits() && !d.s.stmt.again() {
		d.replay.askWaitTimeout(d.s.who.hello.Response().ExtCapabilities())
	}
	if d.views = d.s.checkViews(); d.views != nil && !d.views.hidden {
		d.replay.turns = append(d.replay.turns, d.views.ask)
	}
	c.run(&question{doing: "rebuild session", talk: talk{turns: d.replay.turns}, done: d.rebuilt})
}

// failed implements caller.
func (d *departure) failed(_ *call, err error) {
	if said := new(client.Error); errors.As(err, &said) && said.Kind == client.Denied {
		err = &endError{Refused, said.Err}
	}
	d.turnedDown(err)
}

// rebuilt follows the end of rebuilding the session.
func (d *departure) rebuilt(err error) {
	c, talk := d.call, &d.call.asks.talk
	if err != nil {
		c.close()
		if d.lost && d.replay.stale(err, talk.count) { // there is no old backend to stay on
			d.bag.fewer = d.bag.fewer || d.bag.locked || !d.replay.locked(err)
			d.bag.locked = true
		}
		d.turnedDown(d.replay.failed(err, talk.count, c.cred.Becomes() != ""))
		return
	}
	if d.unlike = d.bag.like.differs(); len(d.unlike) > 0 && !d.lost {
		d.s.w.server.metrics.moves.WithLabelValues(d.s.backendName(), d.lease.Backend().Name(), "differs").Inc()
		c.close()
		d.turnedDown(&replayError{&unlikeError{d.unlike}})
		return
	}
	d.arrive(talk.terms.Status)
}

// turnedDown gives up the backend at hand, and goes on with the search.
func (d *departure) turnedDown(err error) {
	s, q, b := d.s, &d.search, d.lease.Backend()
	lease := d.lease
	d.lease, d.call = nil, nil
	var ended *endError
	switch {
	case errors.As(err, &ended):
		lease.Release()
		q.refusers, q.refused = append(q.refusers, b), fmt.Errorf("%s: %w", b.Name(), err)
	case s.w.server.blame(lease, err):
		s.hidden(setupKind(err), ledger.Retried, b.Name(), err)
	}
	q.tried = append(q.tried, b)
	q.failures.add(b.Name(), err)
	switch {
	case d.isAhead():
		d.step = ahead
	case d.step != visiting: // it was not needed yet
		return
	}
	late := s.w.now() >= d.deadline
	switch {
	case !d.lost && late:
		d.stays(q.failures.said(nil))
	case !d.lost:
		d.visit()
	case late && !s.w.server.gate.IsShut():
		d.strand(q.failures.giveUp(nil, s.w.server.options().connectBudget()))
	default:
		d.leaveGate()
		d.again()
	}
}

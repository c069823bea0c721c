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
	deadline := time.Now().Add(moveTimeout)
	if lost {
		deadline = time.Now().Add(opts.connectBudget())
	}
	if !lost && !s.waitForSlot(deadline) {
		return nil, errCrowd
	}
	bag, err := s.pack(lost, deadline, opts)
	if errors.As(err, new(*spoiledError)) && s.spoil(err) { // an answer to Segue that comes late must not reach the client
		lost, to, deadline = true, nil, time.Now().Add(opts.connectBudget())
		bag, err = s.pack(lost, deadline, opts)
	}
	if err != nil {
		return nil, err
	}
	old := s.lease.Backend()
	tried := []*backend.Backend{old}
	var failures trail
	var refused error
	for pause := minPause; ; {
		lease, err := s.server.registry.Lease(func(b *backend.Backend) bool {
			return slices.Contains(tried, b) || !lost && (!takes(b) || to != nil && b != to)
		})
		if err != nil {
			if refused != nil {
				return nil, refused // by all that there are
			}
			if !lost || s.isOver() || !s.server.pause(&pause, deadline) {
				return nil, failures.giveUp(err, opts.connectBudget())
			}
			tried = tried[:0] // the old one as well: it may have closed one connection and be well
			continue
		}
		if lost && !s.server.takeSlot(deadline) {
			lease.Release()
			return nil, failures.giveUp(errCrowd, opts.connectBudget())
		}
		a, err := s.rebuildWithAny(lease, bag, deadline, opts)
		if lost {
			<-s.server.slots
		}
		if err == nil {
			return a, nil
		}
		if s.isOver() {
			lease.Release() // and no word against the backend: it was cut off
			return nil, err
		}
		var failed *setupError
		switch {
		case !errors.As(err, &failed):
			lease.Release()
			refused = fmt.Errorf("%s: %w", lease.Backend().Name(), err)
		case failed.kind == setupCapabilities || failed.kind == setupReplay:
			lease.Release() // it serves others well
		default:
			lease.Failed(failed)
			s.server.evidence(lease.Backend(), failed)
		}
		tried = append(tried, lease.Backend())
		failures.add(lease.Backend().Name(), err)
		if !time.Now().Before(deadline) {
			return nil, failures.giveUp(nil, opts.connectBudget())
		}
	}
}

// waitForSlot makes sure that the session has a slot for all of its move, as one has that departed by itself.
func (s *session) waitForSlot(deadline time.Time) bool {
	s.mu.Lock()
	has := s.away.slot
	s.mu.Unlock()
	if has {
		return true
	}
	if !s.server.takeSlot(deadline) {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.away.slot = true
	return true
}

// takeSlot waits until a session may move. One whose backend has gone takes a slot for each attempt: it has all the time there
// is, and does not keep others from theirs meanwhile.
func (s *Server) takeSlot(deadline time.Time) bool {
	t := time.NewTimer(time.Until(deadline))
	defer t.Stop()
	select {
	case s.slots <- struct{}{}:
		return true
	case <-t.C:
	case <-s.halted.Done():
	}
	return false
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
	s.away.lost = true
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

// rebuildWithAny rebuilds the session on one backend with the first credential that it accepts.
func (s *session) rebuildWithAny(lease *backend.Lease, bag *luggage, deadline time.Time, opts *Options) (a *arrival, err error) {
	for _, cred := range bag.creds {
		a, err = s.rebuildOn(lease, bag, cred, deadline, opts)
		if _, refused := errors.AsType[*endError](err); !refused {
			break
		}
	}
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
	r := &replayer{conn: c, oneByOne: o.Dialect == track.StarRocks}
	r.x.Negotiate(o.Capabilities, o.ExtCapabilities)
	r.x.Status = status
	a = &arrival{lease: lease, conn: c, options: o}
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

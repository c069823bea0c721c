package proxy

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"segue/backend"
	"segue/proxy/track"
	"segue/proxy/wire"
)

// login is what the connection phase knows of the client.
type login struct {
	deadline time.Time                 // the end of the connect budget
	offered  wire.Capability           // what the greeting offered; 0 while the client has not been greeted
	ext      uint32                    // the same of MariaDB's
	response *wire.HandshakeResponse41 // nil until the client has sent it
	attempts int                       // backends that have been sent it
	switched bool                      // the client has been asked to authenticate again
	seq      uint8                     // the next sequence id towards the client

	asked challenge   // what the client was asked last, and its answer
	cred  *credential // what Segue can log in with in the client's place; nil: the client answers for itself
}

// connect is the connection phase: it tries one backend after another until one has accepted the client, and lets the
// client see nothing of those that failed. See "Life of a session" in the package documentation.
func (s *session) connect() error {
	opts := s.server.options()
	l := &s.login
	l.deadline = s.opened.Add(opts.connectBudget())
	var failures trail
	var tried []*backend.Backend
	choose := s.server.registry.Lease
	for pause := minPause; ; {
		if s.server.paused.Load() {
			l.deadline = l.deadline.Add(s.server.awaitResume(s.server.halted, s.isOver))
		}
		if s.current() != Leasing {
			s.enter(Leasing)
		}
		if err := s.over(); err != nil {
			return err
		}
		lease, err := choose(func(b *backend.Backend) bool { return slices.Contains(tried, b) })
		if err != nil {
			if failures.hopeless(tried) || !s.server.pause(&pause, l.deadline) {
				if err := s.over(); err != nil {
					return err
				}
				return &endError{NoBackend, failures.giveUp(err, opts.connectBudget())}
			}
			tried, choose = tried[:0], s.server.registry.LeaseRested // all have been tried once: do not storm them
			continue
		}
		began := time.Now()
		err = s.attempt(lease, l, opts)
		var failed *setupError
		if !errors.As(err, &failed) {
			if err == nil {
				lease.Established()
			}
			return err
		}
		if err := s.over(); err != nil {
			return err // and no word against the backend: it was cut off
		}
		tried = append(tried, lease.Backend())
		failures.add(lease.Backend().Name(), failed)
		s.giveUpOn(lease, failed, time.Since(began))
		if !l.canRetry() {
			return &endError{BackendGone, fmt.Errorf("%s: %w; the client's protocol does not let it log in to another backend unseen", lease.Backend().Name(), failed)}
		}
		if !time.Now().Before(l.deadline) {
			return &endError{NoBackend, failures.giveUp(nil, opts.connectBudget())}
		}
		s.server.ledger.hidden(s, failed.kind, actionRetried, lease.Backend().Name(), failed)
	}
}

// over is the error that ends the connection phase of a session that has been cut, or came too late for Close to know of
// it; nil for any other.
func (s *session) over() error {
	if s.server.halted.Err() != nil {
		return &endError{Shutdown, errStopped}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.end == Open {
		return nil
	}
	return &endError{s.end, s.cause}
}

// deadline sets the deadline of a connection in the connection phase. Once the session has been cut it is always past, and
// that of the backend once it has turned out to be down.
func (s *session) deadline(c *conn, t time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.end != Open || s.hurried && c == s.back {
		t = past
	}
	_ = c.SetDeadline(t)
}

// giveUpOn gives back a backend that has failed.
func (s *session) giveUpOn(lease *backend.Lease, failed *setupError, took time.Duration) {
	s.server.log.Debug("backend failed while a client connected", "session", s.id, "backend", lease.Backend().Name(),
		"cause", failed.Error(), "took", took)
	if failed.blameless() {
		lease.Release()
	} else {
		lease.Failed(failed)
		s.server.evidence(lease.Backend(), failed)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.back != nil {
		_ = s.back.Close()
	}
	s.lease, s.back = nil, nil
	s.server.detached(s, lease.Backend())
}

// attempt tries one backend. A *setupError says that it failed and that the client has not noticed.
func (s *session) attempt(lease *backend.Lease, l *login, opts *Options) error {
	s.mu.Lock()
	s.lease, s.hurried = lease, false
	s.mu.Unlock()
	s.server.attached(s, lease.Backend())
	s.enter(Dialing)
	greeting, err := s.reach(lease.Backend(), l, opts)
	if err != nil {
		return err
	}
	s.enter(Authenticating)
	if l.response == nil {
		if err = s.greet(l, greeting); err == nil {
			err = s.identify(l, greeting, opts)
		}
	} else if !l.fits(greeting) {
		err = &setupError{setupCapabilities, errors.New("capabilities differ from those the client was promised")}
	}
	if err != nil {
		s.leaveHandshake(opts.Flavor, 1, strangersResponse())
		return err
	}
	status, err := s.authenticate(l, greeting, opts)
	if err != nil {
		return err
	}
	return s.command(l, greeting, status, opts.Flavor)
}

// reach dials a backend when it is this client's turn.
func (s *session) reach(b *backend.Backend, l *login, opts *Options) (*wire.HandshakeV10, error) {
	g := s.server.dials(b)
	if !g.enterBy(l.deadline, s.server.elapsed()) {
		return nil, &endError{NoBackend, fmt.Errorf("%s: %w", b.Name(), errCrowd)}
	}
	defer g.leave()
	return s.dial(b, l.limit(opts.connectTimeout()), &s.back)
}

// limit is the moment at most d from now, and not behind the deadline.
func (l *login) limit(d time.Duration) time.Time {
	t := time.Now().Add(d)
	if t.After(l.deadline) {
		return l.deadline
	}
	return t
}

// canRetry reports whether the client can still be brought to another backend unseen: before its greeting every client
// can, after it one that has no password or understands an AuthSwitchRequest.
func (l *login) canRetry() bool {
	return l.response == nil || l.cred != nil || l.passwordless() || l.response.Capabilities.Has(wire.ClientPluginAuth)
}

func (l *login) passwordless() bool { return len(l.response.AuthResponse) == 0 && !l.switched }

// command begins the command phase, unless the session has been cut.
func (s *session) command(l *login, greeting *wire.HandshakeV10, status wire.Status, flavor backend.Flavor) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.end != Open {
		return &endError{s.end, s.cause}
	}
	_ = s.client.SetDeadline(time.Time{})
	_ = s.back.SetDeadline(time.Time{})
	s.user, s.hello, s.cred = l.response.Username, newHello(l.response), l.cred
	s.threads.become(greeting.ConnectionID)
	s.track = track.New(trackOptions(l.response, greeting, flavor), status)
	s.login = login{}
	s.up.start(s, s.client)
	s.down.start(s, s.back)
	s.pumping.Store(2)
	s.follow()
	s.wonder()
	s.up.put(s.client.handOver())
	s.down.put(s.back.handOver())
	return nil
}

const (
	minPause = 20 * time.Millisecond
	maxPause = 250 * time.Millisecond
)

// pause waits until a backend changes or a while has passed that grows with each call, jittered. It reports false if the
// deadline comes first, or the server is told to stop now.
func (s *Server) pause(d *time.Duration, deadline time.Time) bool {
	wait := *d/2 + rand.N(*d/2)
	*d = min(2**d, maxPause)
	if time.Now().Add(wait).After(deadline) {
		return false
	}
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-t.C:
	case <-s.registry.Changed():
	case <-s.halted.Done():
		return false
	}
	return true
}

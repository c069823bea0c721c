package proxy

import (
	"fmt"
	"slices"
	"time"

	"segue/backend"
	"segue/proxy/track"
	"segue/proxy/wire"
)

// kill is a KILL of the session's client's, from the moment that its victim is known until it has been answered. The session's mu
// guards what changes.
type kill struct {
	track.Kill
	packet []byte // as the client has sent it
	len    int    // of the packet that is to be sent in its place on the session's own connection

	victim  *session         // nil: none of Segue's sessions, or not understood; it is sent as it is
	backend *backend.Backend // the victim's
	thread  uint32           // … and the id there
	back    *conn            // … and the connection
	same    bool             // it is the killer's own user's
	user    string           // the killer's
	masked  bool             // … as session.masked
	rights  []string

	sent bool  // on the session's own connection
	conn *conn // or on this one
}

// settle tells the victim what has come of it.
func (k *kill) settle(o outcome) {
	if k.victim != nil {
		k.victim.settle(k.Query, o)
		if o == doneKill && !k.Query {
			_ = k.back.SetReadDeadline(time.Now().Add(closeGrace)) // see executed
		}
	}
}

// divert takes a command that may be a KILL from the pump's path, unless it has been decided that it is to be sent on the session's own
// connection. It is kept out of its caller: see pump.
//
//go:noinline
func (s *session) divert(b []byte, v *verdict) bool {
	if s.track.Opaque() != 0 {
		return false
	}
	if n, _ := wire.DecodeHeader(b); wire.HeaderLen+n > len(b) {
		v.keep, v.again = len(b), true
		return true
	}
	if k := s.kill; k != nil && (k.victim == nil || k.backend == s.lease.Backend()) {
		if k.sent = true; k.victim == nil {
			s.kill = nil
		}
		return false
	}
	v.keep, v.move = len(b), true
	return true
}

// route deals with the KILL that the client's pump has come back with, and with what has come behind it. It runs on a stack that may grow:
// the pump goes on on another one.
func (s *session) route() {
	p := &s.up
	p.active.Store(true)
	defer p.active.Store(false)
	for {
		b := []byte(p.rest)
		p.rest, p.leave = nil, false
		if b = s.decide(b); len(b) > 0 {
			p.forward(b, false)
		}
		p.kept = 0 // it lies in no buffer that could be kept
		if !p.leave {
			break
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.kill != nil && !s.kill.sent { // an error that the client was owed has been its answer
		s.dropKill()
	}
}

// loseKill gives up a KILL on the session's own connection, which has gone.
func (s *session) loseKill() {
	if s.kill != nil && s.kill.sent {
		s.dropKill()
	}
}

// dropKill gives up a KILL that has not been sent, or will not be answered.
func (s *session) dropKill() {
	if k := s.kill; k != nil {
		o := lostKill
		if !k.sent {
			o = refusedKill
		}
		k.settle(o)
		s.kill = nil
	}
}

// decide finds out whom the KILL at the head of b is meant for. It returns what is then to be sent on the session's own connection.
func (s *session) decide(b []byte) []byte {
	k, own, behind := s.readKill(b)
	if err := s.aim(k, own); err != nil {
		s.killAnswer(k, nil, err)
		return behind
	}
	if k.victim != nil && k.victim != s && k.backend != own {
		if creds := s.killCredentials(k); len(creds) > 0 || s.server.options().Flavor != backend.TiDB || !k.same {
			said, err := s.killThere(k, creds)
			s.killAnswer(k, said, err)
			return behind
		}
		k.backend = own // a TiDB server passes on what is meant for another one, without a look at whose it is
	}
	packet := k.packet
	if k.victim != nil && uint32(k.ID) != k.thread {
		packet = k.With(packet, k.thread)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	k.len = len(packet)
	s.kill = k
	return append(slices.Clip(packet), behind...)
}

// readKill reads the KILL at the head of b, and returns the session's backend and what is behind it. One that is not understood names
// nobody.
func (s *session) readKill(b []byte) (k *kill, own *backend.Backend, behind []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, _ := wire.DecodeHeader(b)
	k = &kill{packet: b[:wire.HeaderLen+n]}
	behind = b[wire.HeaderLen+n:]
	if old := s.kill; old != nil { // it was to be sent on a connection that the session has left since
		k.packet, behind = old.packet, b[old.len:]
		s.dropKill()
	}
	s.whoLocked()
	k.user, k.masked, k.rights = s.track.User(), s.masked, s.track.Rights()
	k.Kill, _ = s.track.Kill(k.packet)
	return k, s.lease.Backend(), behind
}

// aim finds the victim, and warns it. The error is for the client, in place of an answer.
func (s *session) aim(k *kill, own *backend.Backend) error {
	who, clash := s, false
	if !k.Self {
		who, clash = s.called(k.ID, own, k.user, s.server.options().Flavor)
	}
	switch {
	case clash:
		return fmt.Errorf("thread id %s is that of several sessions, on several backends; take the id of the greeting, which `segue sessions` shows", k.Given)
	case who == nil:
		return nil
	}
	deadline := time.Now().Add(s.server.options().connectBudget())
	wake := time.AfterFunc(time.Until(deadline), func() {
		who.mu.Lock()
		defer who.mu.Unlock()
		who.turn.Broadcast()
	})
	defer wake.Stop()
	who.mu.Lock()
	defer who.mu.Unlock()
	for who.end == Open && (who.current() == Moving || who.current() == Holding) {
		if !time.Now().Before(deadline) {
			return fmt.Errorf("session %d is between two backends; the KILL was not sent", who.id)
		}
		who.turn.Wait()
	}
	if who.end != Open {
		return nil
	}
	if k.masked && who.lease.Backend() == own && who.track.User() != k.user {
		return fmt.Errorf("session %d is another user's, and the backend takes this session's user for the service account; the KILL was not sent", who.id)
	}
	k.victim, k.backend, k.thread = who, who.lease.Backend(), who.threads.current()
	k.back, k.same = who.back, who.track.User() == k.user
	who.sentence(k.Query)
	return nil
}

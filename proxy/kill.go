package proxy

import (
	"errors"
	"fmt"
	"strings"
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
	}
}

// divert takes a command that may be a KILL from the pump's path, unless it has been decided that it is to be sent on the session's own
// connection. It is kept out of its caller: see pump.
//
//go:noinline
func (s *session) divert(b []byte, skip int) (v verdict, yes bool) {
	rest := b[skip:]
	if s.track.Opaque() != 0 {
		return v, false
	}
	if n, _ := wire.DecodeHeader(rest); wire.HeaderLen+n > len(rest) {
		return verdict{skip: skip, keep: len(rest), again: true}, true
	}
	if k := s.kill; k != nil && (k.victim == nil || k.backend == s.lease.Backend()) {
		if k.sent = true; k.victim == nil {
			s.kill = nil
		}
		return v, false
	}
	return verdict{skip: skip, keep: len(rest), move: true}, true
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
	if k == nil {
		return behind
	}
	if err := s.aim(k, own); err != nil {
		s.killAnswer(k, nil, err)
		return behind
	}
	if k.victim != nil && k.victim != s && k.backend != own {
		if creds := s.killCredentials(k); len(creds) > 0 || s.server.options().Flavor != backend.TiDB {
			said, err := s.killThere(k, creds)
			s.killAnswer(k, said, err)
			return behind
		}
		k.backend = own // a TiDB server passes on what is meant for another one
	}
	packet := k.packet
	if k.victim != nil && uint32(k.ID) != k.thread {
		packet = k.With(packet, k.thread)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	k.len = len(packet)
	s.kill = k
	return append(packet[:len(packet):len(packet)], behind...)
}

// readKill reads the KILL at the head of b, and returns the session's backend and what is behind it. k is nil if it is none of those that
// can be understood.
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
	who.sentence(k.Query)
	return nil
}

// killCredentials are what Segue can log in with to send the KILL as the client's own. A service account will do for the sessions of
// the same user alone: it has rights that the client has not.
func (s *session) killCredentials(k *kill) (creds []*credential) {
	k.victim.mu.Lock()
	same := k.victim.track.User() == k.user
	k.victim.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.credentials() {
		if same || c.as == "" {
			creds = append(creds, c)
		}
	}
	return creds
}

// killThere sends the KILL to another backend, on a connection of its own that is logged in as the session's user, and returns what that
// has answered.
func (s *session) killThere(k *kill, creds []*credential) (said []byte, err error) {
	s.mu.Lock()
	s.kill = k
	s.mu.Unlock()
	err = errors.New("there is nothing to log in there with: list the account under `users`")
	deadline := time.Now().Add(s.server.options().connectBudget())
	for _, cred := range creds {
		said, err = s.killAs(k, cred, deadline)
		if _, refused := errors.AsType[*endError](err); !refused {
			break
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kill = nil
	switch {
	case err == nil:
		return said, nil
	case errors.As(err, new(*unansweredError)):
		return nil, fmt.Errorf("the KILL was sent to %s, but its outcome is unknown: %w", k.backend.Name(), err)
	}
	return nil, fmt.Errorf("session %d is on %s, and the KILL could not be sent there: %w", k.victim.id, k.backend.Name(), err)
}

// killAs does so with one credential.
func (s *session) killAs(k *kill, cred *credential, deadline time.Time) ([]byte, error) {
	opts := s.server.options()
	limit := time.Now().Add(opts.connectTimeout())
	greeting, err := s.dial(k.backend, limit, &k.conn)
	defer func() {
		if k.conn != nil {
			k.conn.quit()
			_ = k.conn.Close()
		}
	}()
	if err != nil {
		if !s.isOver() {
			s.server.evidence(k.backend, err)
		}
		return nil, err
	}
	s.deadline(k.conn, deadline)
	hello := s.hello.response()
	hello.Capabilities &^= wire.ClientQueryAttributes | wire.ClientSessionTrack
	hello.Capabilities &= greeting.Capabilities
	if _, err := logIn(k.conn, greeting, hello, cred); err != nil {
		return nil, err
	}
	if err := k.become(cred, hello); err != nil {
		return nil, err
	}
	if _, err := k.conn.Write(k.alone()); err != nil {
		return nil, plain(err)
	}
	said, _, err := k.conn.reader.Next()
	if err != nil {
		return nil, &unansweredError{plain(err)}
	}
	return said, nil
}

// become gives the connection the rights that the client's session has.
func (k *kill) become(cred *credential, hello *wire.HandshakeResponse41) error {
	var todo []command
	if text := cred.becomes(); text != "" {
		todo = append(todo, command{command: wire.ComQuery, text: text})
	}
	for _, text := range k.rights {
		todo = append(todo, command{command: wire.ComQuery, text: text})
	}
	r := &replayer{conn: k.conn, oneByOne: true}
	r.x.Negotiate(hello.Capabilities, hello.ExtCapabilities())
	return r.run(todo)
}

// alone is the KILL for a connection of its own.
func (k *kill) alone() []byte {
	if uint32(k.ID) == k.thread {
		return k.Plain(k.packet)
	}
	return k.Plain(k.With(k.packet, k.thread))
}

// unansweredError says that a connection broke before it was answered what was sent on it.
type unansweredError struct{ error }

func (e *unansweredError) Unwrap() error { return e.error }

// killAnswer gives the client the answer to a KILL that has not been sent on the session's own connection.
func (s *session) killAnswer(k *kill, said []byte, err error) {
	k.settle(outcomeOf(said, err))
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.end != Open {
		return
	}
	answer := (&wire.OK{Status: s.track.Status()}).Append(nil, s.hello.response().Capabilities)
	e := new(wire.Err)
	switch {
	case err != nil:
		e = &wire.Err{Code: codeUnknown, State: "HY000", Message: "segue: " + clipped(err.Error())}
		answer = e.Append(nil)
	case wire.IsErr(said) && e.Decode(said) == nil:
		e.Message = k.Answer(e.Message, k.thread)
		answer = e.Append(nil)
	}
	s.away.fresh = true // another connection has the warnings of this statement
	_, seq := wire.DecodeHeader(k.packet)
	packet, _ := wire.AppendPacket(nil, seq+1, answer)
	_ = s.client.SetWriteDeadline(time.Now().Add(closeGrace))
	_, _ = s.client.Write(packet)
	_ = s.client.SetWriteDeadline(time.Time{})
}

// outcomeOf tells what has come of a KILL that has been sent on a connection of its own, or not at all.
func outcomeOf(said []byte, err error) outcome {
	switch {
	case errors.As(err, new(*unansweredError)):
		return lostKill
	case err != nil, wire.IsErr(said):
		return refusedKill
	}
	return doneKill
}

func clipped(text string) string {
	return strings.ToValidUTF8(text[:min(len(text), maxErrorText-len("segue: "))], "")
}

// killAnswered takes the answer to a KILL that has been sent on the session's own connection. It reports false if that passes as it is.
//
//go:noinline
func (s *session) killAnswered(b []byte) (v verdict, yes bool) {
	k := s.kill
	if len(b) <= wire.HeaderLen {
		return verdict{keep: len(b)}, true
	}
	e := new(wire.Err)
	n, seq := wire.DecodeHeader(b)
	n += wire.HeaderLen
	switch {
	case !wire.IsErr(b[wire.HeaderLen:]):
		k.settle(doneKill)
		s.kill = nil
		return v, false
	case len(b) < n:
		return verdict{keep: len(b)}, true
	case e.Decode(b[wire.HeaderLen:n]) != nil:
		s.dropKill()
		return v, false
	}
	o := refusedKill
	if k.victim == s && (e.Code == codeInterrupted || e.Code == codeConnectionKilled) {
		o = doneKill // who kills himself is answered as one that has been killed
	}
	k.settle(o)
	s.kill = nil
	if message := k.Answer(e.Message, k.thread); message != e.Message {
		s.track.Server(b[:n])
		s.follow()
		e.Message = message
		packet, _ := wire.AppendPacket(nil, seq, e.Append(nil))
		return verdict{to: s.client, keep: len(b) - n, insert: packet, instead: true}, true
	}
	return v, false
}

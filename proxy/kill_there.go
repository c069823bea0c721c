package proxy

import (
	"errors"
	"fmt"
	"time"

	"segue/proxy/wire"
)

// A KILL that is meant for a session on another backend than the killer's own.

// killCredentials are what Segue can log in with to send the KILL as the client's own. A service account will do for the sessions of
// the same user alone: it has rights that the client has not.
func (s *session) killCredentials(k *kill) (creds []*credential) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.credentials() {
		if k.same || c.as == "" {
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
	return newReplayer(k.conn, hello.Capabilities, hello.ExtCapabilities(), true).run(todo)
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

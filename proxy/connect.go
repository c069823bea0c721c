package proxy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"
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
}

// connect is the connection phase: it tries one backend after another until one has accepted the client, and lets the
// client see nothing of those that failed. See "Life of a session" in the package documentation.
func (s *session) connect() error {
	opts := s.server.options()
	l := &s.login
	l.deadline = s.opened.Add(opts.connectBudget())
	var failures trail
	var tried []*backend.Backend
	for pause := minPause; ; {
		if s.current() != Leasing {
			s.enter(Leasing)
		}
		lease, err := s.server.registry.Lease(func(b *backend.Backend) bool { return slices.Contains(tried, b) })
		if err != nil {
			if failures.hopeless(tried) || !s.server.pause(&pause, l.deadline) {
				return &endError{NoBackend, failures.giveUp(err, opts.connectBudget())}
			}
			tried = tried[:0]
			continue
		}
		began := time.Now()
		err = s.attempt(lease, l, opts)
		var failed *setupError
		if !errors.As(err, &failed) {
			if err == nil || errors.As(err, new(*refusal)) {
				lease.Established()
			}
			return err
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
	}
}

// giveUpOn gives back a backend that has failed, and counts what the client has been spared.
func (s *session) giveUpOn(lease *backend.Lease, failed *setupError, took time.Duration) {
	s.server.log.Debug("backend failed while a client connected; trying another", "session", s.id, "backend", lease.Backend().Name(),
		"cause", failed.Error(), "took", took)
	if failed.kind == setupCapabilities {
		lease.Release()
	} else {
		lease.Failed(failed)
		s.server.evidence(lease.Backend(), failed)
	}
	s.server.metrics.hidden.WithLabelValues(failed.kind, actionRetried).Inc()
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
	s.lease = lease
	s.mu.Unlock()
	s.server.attached(s, lease.Backend())
	s.enter(Dialing)
	back, greeting, err := s.dial(lease.Backend(), l.limit(opts.connectTimeout()))
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.back = back
	s.mu.Unlock()
	s.enter(Authenticating)
	if l.response == nil {
		err = s.greet(l, greeting)
	} else if !l.fits(greeting) {
		err = &setupError{setupCapabilities, errors.New("capabilities differ from those the client was promised")}
	}
	if err != nil {
		s.leaveHandshake(opts.Flavor, back)
		return err
	}
	status, err := s.authenticate(l, greeting, opts)
	if err != nil {
		return err
	}
	s.command(l, greeting, status, opts.Flavor)
	return nil
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
	return l.response == nil || l.passwordless() || l.response.Capabilities.Has(wire.ClientPluginAuth)
}

func (l *login) passwordless() bool { return len(l.response.AuthResponse) == 0 && !l.switched }

// dial connects to a backend and reads its greeting.
func (s *session) dial(b *backend.Backend, deadline time.Time) (*conn, *wire.HandshakeV10, error) {
	began := time.Now()
	d := net.Dialer{Deadline: deadline, KeepAliveConfig: keepAlive}
	nc, err := d.DialContext(context.Background(), "tcp", b.Address())
	if err != nil {
		return nil, nil, &setupError{dialKind(err), plain(err)}
	}
	back, err := newConn(nc)
	if err != nil {
		_ = nc.Close()
		return nil, nil, &setupError{setupRefused, err}
	}
	_ = back.SetDeadline(deadline)
	payload, _, err := back.reader.Next()
	if err != nil {
		_ = back.Close()
		return nil, nil, &setupError{readKind(err), fmt.Errorf("read greeting: %w", plain(err))}
	}
	greeting := new(wire.HandshakeV10)
	if err := greeting.Decode(payload); err != nil {
		_ = back.Close()
		kind := setupMalformed
		if errors.As(err, new(*wire.Err)) {
			kind = setupErr
		}
		return nil, nil, &setupError{kind, fmt.Errorf("greeting: %w", err)}
	}
	b.Learn(backend.Facts{
		Known: true, Capabilities: uint32(greeting.Capabilities), ExtCapabilities: greeting.ExtCapabilities,
		ServerVersion: greeting.ServerVersion,
	})
	s.server.metrics.dial.WithLabelValues(b.Name()).Observe(time.Since(began).Seconds())
	return back, greeting, nil
}

// keepAlive finds peers that have vanished without a FIN.
var keepAlive = net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second, Interval: 5 * time.Second, Count: 3}

// command prepares the command phase.
func (s *session) command(l *login, greeting *wire.HandshakeV10, status wire.Status, flavor backend.Flavor) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.client.SetDeadline(time.Time{})
	_ = s.back.SetDeadline(time.Time{})
	s.client.reader, s.back.reader = nil, nil
	s.user = l.response.Username
	s.track = track.New(track.Options{
		Capabilities:    l.response.Capabilities & greeting.Capabilities,
		ExtCapabilities: l.response.ExtCapabilities() & greeting.ExtCapabilities,
		AnswersLongData: flavor == backend.StarRocks || flavor == backend.Doris,
	}, status)
	s.login = login{}
	if s.track.Pinned() != "" {
		s.enter(Pinned)
	} else {
		s.enter(Idle)
	}
}

// leaveHandshake ends a handshake with a backend whose greeting nobody will answer. MySQL and MariaDB count handshakes that
// are cut off (max_connect_errors) and in the end block the host that Segue runs on; a login that they deny does not count
// (Host_errors::sum_connect_errors in sql/hostname_cache.h). So one is sent, for a user that hardly exists.
func (s *session) leaveHandshake(flavor backend.Flavor, back *conn) {
	if flavor != backend.MySQL {
		return
	}
	response := wire.HandshakeResponse41{
		Capabilities: wire.ClientProtocol41 | wire.ClientSecureConnection | wire.ClientPluginAuth | wire.ClientLongPassword,
		Charset:      45, // utf8mb4_general_ci
		Username:     "segue_client_left",
		AuthPlugin:   "mysql_native_password",
	}
	_ = back.SetDeadline(time.Now().Add(closeGrace))
	packet, _ := wire.AppendPacket(nil, 1, response.Append(nil))
	if _, err := back.Write(packet); err == nil {
		_, _, _ = back.reader.Next()
	}
}

// trail remembers why backends were given up, the latest cause of each.
type trail struct {
	names  []string
	causes map[string]error
}

func (t *trail) add(name string, err error) {
	if t.causes == nil {
		t.causes = map[string]error{}
	}
	if _, known := t.causes[name]; !known {
		t.names = append(t.names, name)
	}
	t.causes[name] = err
}

// hopeless reports whether each backend that was tried has said that it will not have Segue's host at all, so that
// waiting would help nobody.
func (t *trail) hopeless(tried []*backend.Backend) bool {
	for _, b := range tried {
		refused := new(wire.Err)
		if !errors.As(t.causes[b.Name()], &refused) || refused.Code != codeHostNotPrivileged {
			return false
		}
	}
	return len(tried) > 0
}

const codeHostNotPrivileged = 1130 // ER_HOST_NOT_PRIVILEGED

// giveUp is the error for the client once the budget is spent; it names what was tried.
func (t *trail) giveUp(none error, budget time.Duration) error {
	if len(t.names) == 0 {
		return none
	}
	var b strings.Builder
	fmt.Fprintf(&b, "no usable backend within connect.budget %s (tried ", budget)
	for i, name := range t.names {
		if i > 0 {
			b.WriteString("; ")
		}
		fmt.Fprintf(&b, "%s: %v", name, t.causes[name])
	}
	b.WriteString(")")
	return errors.New(b.String())
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
	case <-s.stopped:
		return false
	}
	return true
}

// dialKind classifies an error of net.Dialer.
func dialKind(err error) string {
	if isTimeout(err) {
		return setupTimeout
	}
	return setupRefused
}

// readKind classifies an error of reading from a backend.
func readKind(err error) string {
	switch {
	case isTimeout(err):
		return setupTimeout
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return setupClosed
	}
	return setupMalformed
}

func isTimeout(err error) bool {
	return errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, syscall.ETIMEDOUT)
}

// plain puts the usual ends of a connection into an operator's words.
func plain(err error) error {
	switch {
	case isTimeout(err):
		return errors.New("timed out")
	case errors.Is(err, io.EOF):
		return errors.New("connection closed")
	case errors.Is(err, syscall.ECONNRESET):
		return errors.New("connection reset")
	}
	if errno := syscall.Errno(0); errors.As(err, &errno) {
		return errno // without the addresses, which the reader knows: "connection refused"
	}
	return err
}

// retriable reports whether an ERR_Packet in answer to a login speaks of the server rather than of the client.
func retriable(e *wire.Err) bool {
	return passingCodes[e.Code] || strings.HasPrefix(e.Message, "Reach cluster-wide connection limit") ||
		strings.HasPrefix(e.Message, "Reach user-level")
}

// startsWith reports whether a payload begins with b.
func startsWith(payload []byte, b ...byte) bool { return bytes.HasPrefix(payload, b) }

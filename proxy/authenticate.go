package proxy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"time"

	"segue/backend"
	"segue/proxy/wire"
)

// carried are the capabilities that the relay can follow. What is not among them is not offered to clients: compression
// and TLS hide the packets, the other absent ones change their shape in ways not implemented here.
const carried = ^(wire.ClientCompress | wire.ClientSSL | wire.ClientZstdCompressionAlgorithm | wire.ClientOptionalResultsetMetadata |
	wire.MultiFactorAuthentication | wire.ClientCapabilityExtension | wire.ClientSSLVerifyServerCert | wire.ClientRememberOptions)

// carriedExt are MariaDB's extended capabilities that the relay can follow.
const carriedExt = wire.MariaDBClientProgress | wire.MariaDBClientStmtBulkOperations | wire.MariaDBClientExtendedMetadata |
	wire.MariaDBClientCacheMetadata | wire.MariaDBClientBulkUnitResults

// shaping are the capabilities that decide what packets look like. A client that sends one which it was not offered
// has it cleared, so that both sides and the tracker agree; a backend that lacks one which the client uses cannot take
// the session.
const shaping = wire.ClientCompress | wire.ClientSSL | wire.ClientZstdCompressionAlgorithm | wire.ClientOptionalResultsetMetadata |
	wire.ClientDeprecateEOF | wire.ClientSessionTrack | wire.ClientQueryAttributes | wire.MultiFactorAuthentication |
	wire.ClientProtocol41 | wire.ClientSecureConnection

// authSwitchPlugin is the name of no authentication plugin. A server that reads it as the client's answers with an
// AuthSwitchRequest for the plugin that the account really has, with its own salt: just what a client needs that was
// greeted with another backend's salt.
const authSwitchPlugin = "segue_auth_switch"

// greet gives the client the backend's greeting, made the cluster's, and reads its answer.
func (s *session) greet(l *login, g *wire.HandshakeV10) error {
	own := *g
	own.ConnectionID = s.id
	own.Capabilities, own.ExtCapabilities = s.server.shared(g)
	l.offered, l.ext = own.Capabilities, own.ExtCapabilities
	waited := time.Now()
	if err := s.toClient(0, own.Append(nil)); err != nil {
		return err
	}
	payload, seq, err := s.fromClient()
	if err != nil {
		return err
	}
	l.seq = seq + 1
	l.deadline = l.deadline.Add(time.Since(waited)) // the client's own time is not the backends'
	if wire.IsSSLRequest(payload) {
		return &endError{Protocol, errTLS}
	}
	r := new(wire.HandshakeResponse41)
	if err := r.Decode(payload); err != nil {
		return &endError{Protocol, err}
	}
	// PHP's mysqlnd compresses when it is told to, offered or not. What the server can do is then done, unread.
	insisted := r.Capabilities & g.Capabilities & (wire.ClientCompress | wire.ClientZstdCompressionAlgorithm)
	r.Capabilities &^= shaping &^ (l.offered | insisted)
	if !r.Capabilities.Has(wire.ClientLongPassword) {
		r.SetExtCapabilities(r.ExtCapabilities() & l.ext)
	}
	l.response = r
	return nil
}

// fits reports whether a backend can do what the client has been promised by another's greeting.
func (l *login) fits(g *wire.HandshakeV10) bool {
	return l.response.Capabilities&shaping&^g.Capabilities == 0 &&
		(l.response.Capabilities.Has(wire.ClientLongPassword) || l.response.ExtCapabilities()&^g.ExtCapabilities == 0)
}

// identify finds out whether the client's answer proves a password that Segue knows too. If it does, Segue logs in for the
// client from here on; if not, the client answers for itself. In either case it is a backend that decides.
func (s *session) identify(l *login, g *wire.HandshakeV10, opts *Options) error {
	l.asked = challenge{plugin: l.response.AuthPlugin, salt: g.AuthData, answer: l.response.AuthResponse}
	if l.asked.plugin == "" {
		l.asked.plugin = wire.PluginNativePassword
	}
	u := opts.user(l.response.Username)
	if u != nil && u.HasHash && l.asked.plugin != wire.PluginNativePassword && !l.asked.empty() && l.response.Capabilities.Has(wire.ClientPluginAuth) {
		if err := s.switchToNative(l, g); err != nil {
			return err
		}
	}
	l.know(u)
	return nil
}

// switchToNative asks the client for what a hash can be compared with, by the salt of the backend at hand, so that the answer
// is good for that one too.
func (s *session) switchToNative(l *login, g *wire.HandshakeV10) error {
	if err := s.passToClient(l, wire.NewAuthSwitchRequest(wire.PluginNativePassword, g.AuthData).Append(nil)); err != nil {
		return err
	}
	answer, err := s.answerOf(l)
	if err != nil {
		return err
	}
	l.asked = challenge{wire.PluginNativePassword, g.AuthData, bytes.Clone(answer)}
	l.response.AuthPlugin, l.response.AuthResponse = l.asked.plugin, l.asked.answer
	return nil
}

// know takes a credential from the client's last answer, if there is one in it.
func (l *login) know(u *User) {
	if l.cred != nil {
		return
	}
	if l.cred = l.asked.said(); l.cred == nil && u != nil {
		l.cred = l.asked.prove(u)
	}
}

// authenticate brings the authentication to the final OK, which it forwards to the client, and returns its status flags. It
// answers the backend itself where it can, and relays the rest.
func (s *session) authenticate(l *login, g *wire.HandshakeV10, opts *Options) (wire.Status, error) {
	seq := uint8(1) // the next sequence id towards the backend
	first, p := s.firstResponse(l, g)
	if err := s.toBackend(l, &seq, first, opts); err != nil {
		return 0, err
	}
	for {
		payload, at, err := s.back.reader.Next()
		if err != nil {
			return 0, &setupError{readKind(err), fmt.Errorf("authentication: %w", plain(err))}
		}
		seq = at + 1
		done, status, err := s.verdict(l, p, payload)
		if done {
			l.settle(p, opts)
		}
		if done || err != nil {
			return status, err
		}
		var answer []byte
		if answer, p, err = s.prove(l, p, payload); err != nil {
			return 0, err
		}
		if p == nil {
			if answer, err = s.relay(l, payload, seq, opts); err != nil {
				return 0, err
			}
		}
		if answer == nil {
			s.deadline(s.back, l.limit(opts.authTimeout()))
			continue
		}
		if err := s.toBackend(l, &seq, answer, opts); err != nil {
			return 0, err
		}
	}
}

// firstResponse is the HandshakeResponse41 for this attempt's backend, and who answers what follows: Segue with a credential, or
// the client (nil). On a later attempt the client's answer to another salt is of no use, unless it has no password.
func (s *session) firstResponse(l *login, g *wire.HandshakeV10) ([]byte, *prover) {
	l.attempts++
	switch {
	case l.cred != nil && (l.attempts > 1 || !l.cred.clear): // a password in clear is first for whom the client meant it
		p := newProver(l.cred, g)
		return p.hello(l.response).Append(nil), p
	case l.attempts == 1 || l.passwordless():
		return l.response.Append(nil), nil
	}
	again := *l.response
	again.AuthPlugin, again.AuthResponse = authSwitchPlugin, nil
	return again.Append(nil), nil
}

// prove answers a message of the backend's from the credential. Where that does not do, as with a plugin that Segue does not
// know, the client is to answer for itself: then the prover that it returns is nil.
func (s *session) prove(l *login, p *prover, payload []byte) ([]byte, *prover, error) {
	if p == nil {
		return nil, nil, nil
	}
	answer, err := p.answer(payload)
	switch {
	case err == nil:
		return answer, p, nil
	case errors.As(err, new(*unprovableError)) && isAuthSwitch(payload) && l.response.Capabilities.Has(wire.ClientPluginAuth):
		l.cred = nil
		return nil, nil, nil
	}
	return nil, nil, &setupError{setupMalformed, err}
}

// relay passes a message of the backend's to the client, and returns the client's answer, nil if none is due.
func (s *session) relay(l *login, payload []byte, seq uint8, opts *Options) ([]byte, error) {
	var request wire.AuthSwitchRequest
	if isAuthSwitch(payload) {
		if err := request.Decode(payload); err != nil {
			return nil, &setupError{setupMalformed, err}
		}
	}
	if err := s.passToClient(l, payload); err != nil {
		s.leaveHandshake(opts.Flavor, seq, nil)
		return nil, err
	}
	if !clientSpeaks(payload) {
		return nil, nil
	}
	answer, err := s.answerOf(l)
	if err != nil {
		s.leaveHandshake(opts.Flavor, seq, nil)
		return nil, err
	}
	if isAuthSwitch(payload) {
		l.asked = challenge{request.Plugin, request.Salt(), bytes.Clone(answer)}
		l.know(opts.user(l.response.Username))
	}
	return answer, nil
}

// settle says what the session can be logged in again with, once the backend has let it in.
func (l *login) settle(p *prover, opts *Options) {
	plugin := l.asked.plugin
	if p != nil {
		plugin = p.plugin
	}
	if l.cred == nil {
		l.cred = l.asked.learn(opts.user(l.response.Username))
	}
	l.cred = l.cred.reduced(plugin)
	if l.cred == nil {
		l.cred = opts.impersonation(l.response.Username)
	}
}

// verdict takes the packets that end the authentication.
func (s *session) verdict(l *login, p *prover, payload []byte) (done bool, status wire.Status, err error) {
	done, status, err = loginVerdict(payload, l.response.Capabilities)
	if !done && !errors.As(err, new(*endError)) {
		return false, 0, err
	}
	if done && p != nil && l.asked.plugin == wire.PluginCachingSHA2Password && !l.asked.empty() {
		// The client had its answer read by Segue and not by the backend, and waits to hear that it was right.
		if err := s.passToClient(l, (&wire.AuthMoreData{Data: []byte{wire.SHA2FastSuccess}}).Append(nil)); err != nil {
			return false, 0, err
		}
	}
	if passed := s.passToClient(l, payload); passed != nil {
		return false, 0, passed
	}
	return done, status, err // if it was refused that was the client's own fault, and the client has been told
}

func isAuthSwitch(payload []byte) bool { return payload[0] == 0xfe }

// clientSpeaks reports whether the client answers a message of the authentication. All are answered but one: the
// AuthMoreData by which caching_sha2_password says that its cache has let the client in (fast_auth_success).
func clientSpeaks(payload []byte) bool {
	return len(payload) != 2 || payload[0] != 0x01 || payload[1] != 0x03
}

func (s *session) passToClient(l *login, payload []byte) error {
	l.switched = l.switched || payload[0] == 0xfe
	seq := l.seq
	l.seq++
	return s.toClient(seq, payload)
}

func (s *session) toClient(seq uint8, payload []byte) error {
	packet, _ := wire.AppendPacket(nil, seq, payload)
	s.deadline(s.client, time.Now().Add(clientTimeout))
	if _, err := s.client.Write(packet); err != nil {
		return &endError{ClientGone, err}
	}
	return nil
}

func (s *session) fromClient() (payload []byte, seq uint8, err error) {
	payload, seq, err = s.client.reader.Next()
	switch {
	case err == nil:
		return payload, seq, nil
	case isTimeout(err):
		return nil, 0, &endError{Timeout, fmt.Errorf("connection phase: the client sent nothing for %s", clientTimeout)}
	case errors.Is(err, wire.ErrPayloadTooLarge):
		return nil, 0, &endError{Protocol, err}
	}
	return nil, 0, &endError{ClientGone, err}
}

// answerOf reads the client's answer. The time that it takes is not the backends'.
func (s *session) answerOf(l *login) ([]byte, error) {
	waited := time.Now()
	answer, seq, err := s.fromClient()
	if err != nil {
		return nil, err
	}
	l.deadline = l.deadline.Add(time.Since(waited))
	l.seq = seq + 1
	if answer == nil {
		answer = []byte{} // an empty packet is one
	}
	return answer, nil
}

func (s *session) toBackend(l *login, seq *uint8, payload []byte, opts *Options) error {
	packet, next := wire.AppendPacket(nil, *seq, payload)
	*seq = next
	s.deadline(s.back, l.limit(opts.authTimeout()))
	if _, err := s.back.Write(packet); err != nil {
		return &setupError{readKind(err), fmt.Errorf("authentication: %w", plain(err))}
	}
	return nil
}

// refuse tells the client why its connection could not be had, if it has not been told.
func (s *session) refuse(err error) {
	var ended *endError
	if !errors.As(err, &ended) {
		ended = &endError{Protocol, err}
	}
	s.mu.Lock()
	s.endLocked(ended.end, ended.err)
	end := s.end
	s.mu.Unlock()
	switch end {
	case NoBackend, BackendGone, Protocol:
		code := uint16(codeServerUnavailable)
		if end == Protocol {
			code = codeHandshake
		} else {
			s.server.ledger.seen(s, lostConnect, ended.err)
		}
		s.sendErr(code, ended.err)
	default:
	}
}

func (s *session) sendErr(code uint16, cause error) {
	e := errPacket(code, cause.Error())
	if s.login.response == nil {
		e.State = "" // before the client has named its capabilities an ERR_Packet carries none
	}
	packet, _ := wire.AppendPacket(nil, s.login.seq, e.Append(nil))
	_ = s.client.SetDeadline(time.Now().Add(closeGrace))
	_, _ = s.client.Write(packet)
	_ = s.client.closeWrite()
	_, _ = io.Copy(io.Discard, s.client.Conn) // until the client has closed: an early close could destroy what it has not read
}

// shared is what the cluster as a whole can do, of what the relay can carry: g is the greeting of the backend at hand.
func (s *Server) shared(g *wire.HandshakeV10) (wire.Capability, uint32) {
	caps, ext := g.Capabilities&carried, g.ExtCapabilities&carriedExt
	for _, b := range s.registry.Backends() {
		if f := b.Facts(); f.Known && b.Status().Admin != backend.Maint {
			caps &= wire.Capability(f.Capabilities)
			ext &= f.ExtCapabilities
		}
	}
	return caps, ext
}

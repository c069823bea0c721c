package proxy

import (
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

// authenticate relays the authentication until the client has the final OK, whose status flags it returns.
func (s *session) authenticate(l *login, g *wire.HandshakeV10, opts *Options) (wire.Status, error) {
	seq := uint8(1) // the next sequence id towards the backend
	if err := s.toBackend(l, &seq, s.firstResponse(l), opts); err != nil {
		return 0, err
	}
	for {
		payload, at, err := s.back.reader.Next()
		if err != nil {
			return 0, &setupError{readKind(err), fmt.Errorf("authentication: %w", plain(err))}
		}
		seq = at + 1
		if len(payload) == 0 {
			return 0, &setupError{setupMalformed, errors.New("authentication: empty packet")}
		}
		done, status, err := s.verdict(l, payload)
		if done || err != nil {
			return status, err
		}
		if err := s.passToClient(l, payload); err != nil {
			s.leaveHandshake(opts.Flavor, seq, nil)
			return 0, err
		}
		if !clientSpeaks(payload) {
			s.deadline(s.back, l.limit(opts.authTimeout()))
			continue
		}
		waited := time.Now()
		answer, clientSeq, err := s.fromClient()
		if err != nil {
			s.leaveHandshake(opts.Flavor, seq, nil)
			return 0, err
		}
		l.deadline = l.deadline.Add(time.Since(waited))
		l.seq = clientSeq + 1
		if err := s.toBackend(l, &seq, answer, opts); err != nil {
			return 0, err
		}
	}
}

// firstResponse is the HandshakeResponse41 for this attempt's backend. On a later attempt the client's answer to another
// salt is of no use, unless it has no password.
func (s *session) firstResponse(l *login) []byte {
	if l.attempts++; l.attempts == 1 || l.passwordless() {
		return l.response.Append(nil)
	}
	again := *l.response
	again.AuthPlugin, again.AuthResponse = authSwitchPlugin, nil
	return again.Append(nil)
}

// verdict takes the packets that end the authentication.
func (s *session) verdict(l *login, payload []byte) (done bool, status wire.Status, err error) {
	switch {
	case payload[0] == 0x00:
		var ok wire.OK
		if err := ok.Decode(payload, l.response.Capabilities); err != nil {
			return false, 0, &setupError{setupMalformed, err}
		}
		return true, ok.Status, s.passToClient(l, payload)
	case wire.IsErr(payload):
		said := new(wire.Err)
		if err := said.Decode(payload); err != nil {
			return false, 0, &setupError{setupMalformed, err}
		}
		if retriable(said) {
			return false, 0, &setupError{setupErr, said}
		}
		if err := s.passToClient(l, payload); err != nil {
			return false, 0, err
		}
		return false, 0, &endError{Refused, said} // it was the client's own fault, and the client has been told
	}
	return false, 0, nil
}

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
			s.server.clientSaw(s, lostConnect)
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

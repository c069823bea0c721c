package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"time"

	"segue/backend"
	"segue/proxy/wire"
)

// dial connects to a backend and reads its greeting. The connection is put where the session keeps it.
func (s *session) dial(b *backend.Backend, deadline time.Time, where **conn) (*wire.HandshakeV10, error) {
	began := time.Now()
	nc, err := s.dialUnlessDown(b, deadline, where == &s.back)
	if err != nil {
		return nil, dialFailed(err, backend.Lack(err))
	}
	back, err := newConn(nc, where == &s.back)
	if err != nil {
		_ = nc.Close()
		return nil, &setupError{setupRefused, err}
	}
	_ = reportLeft(back.raw) // where it is not to be had, every read is followed by another
	s.mu.Lock()
	*where = back
	s.mu.Unlock()
	s.deadline(back, deadline)
	payload, _, err := back.reader.Next()
	if err != nil {
		return nil, &setupError{readKind(err), fmt.Errorf("read greeting: %w", plain(err))}
	}
	b.Spoke()
	greeting := new(wire.HandshakeV10)
	if err := greeting.Decode(payload); err != nil {
		kind := setupMalformed
		if errors.As(err, new(*wire.Err)) {
			kind = setupErr
		}
		return nil, &setupError{kind, fmt.Errorf("greeting: %w", err)}
	}
	b.Learn(backend.Facts{
		Known: true, Capabilities: uint32(greeting.Capabilities), ExtCapabilities: greeting.ExtCapabilities,
		ServerVersion: greeting.ServerVersion,
	})
	s.server.metrics.dial.WithLabelValues(b.Name()).Observe(time.Since(began).Seconds())
	return greeting, nil
}

// dialUnlessDown connects to a backend. A client's first connection is given up when the backend turns out to be down.
func (s *session) dialUnlessDown(b *backend.Backend, deadline time.Time, first bool) (net.Conn, error) {
	ctx, cancel := context.WithDeadline(s.server.halted, deadline)
	defer cancel()
	if first {
		s.mu.Lock()
		s.undial = cancel
		if s.hurried {
			cancel()
		}
		s.mu.Unlock()
		defer func() {
			s.mu.Lock()
			s.undial = nil
			s.mu.Unlock()
		}()
	}
	d := net.Dialer{KeepAlive: -1} // that is for connections that last: see keepAlive
	return d.DialContext(ctx, "tcp", b.Address())
}

// leaveHandshake ends a handshake with a backend whose last message the client will not answer, with a payload in its place.
// MySQL and MariaDB count handshakes that are cut off (max_connect_errors) and in the end block the host that Segue runs
// on; a login that they deny does not count (Host_errors::sum_connect_errors in sql/hostname_cache.h).
func (s *session) leaveHandshake(flavor backend.Flavor, seq uint8, payload []byte) {
	if flavor != backend.MySQL {
		return
	}
	s.deadline(s.back, time.Now().Add(closeGrace))
	packet, _ := wire.AppendPacket(nil, seq, payload)
	if _, err := s.back.Write(packet); err == nil {
		_, _, _ = s.back.reader.Next()
	}
}

// strangersResponse is a login for a user that hardly exists.
func strangersResponse() []byte {
	response := wire.HandshakeResponse41{
		Capabilities: wire.ClientProtocol41 | wire.ClientSecureConnection | wire.ClientPluginAuth | wire.ClientLongPassword,
		Charset:      45, // utf8mb4_general_ci
		Username:     "segue_client_left",
		AuthPlugin:   "mysql_native_password",
	}
	return response.Append(nil)
}

// dialKind classifies an error of net.Dialer.
func dialKind(err error) string {
	switch {
	case isTimeout(err):
		return setupTimeout
	case errors.Is(err, syscall.ECONNRESET): // accepted, and gone before the dialer could look
		return setupClosed
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
	return errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) ||
		errors.Is(err, context.Canceled) || errors.Is(err, syscall.ETIMEDOUT)
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

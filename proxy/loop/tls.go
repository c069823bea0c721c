package loop

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"syscall"
	"time"
)

// TLS is a layer of a connection: what is read, received and sent underneath is sealed, and Read, Write, Unread, Peek and Finish are for what is in it. The handshake
// runs in a goroutine (see handshake), as a read that finds nothing is the end of one for crypto/tls. Behind it such a read is not, and all of it is the loop's:
// crypto/tls is given what has been received, and what it writes is sent. Between two calls nothing is held but its own state.

// Secured is how TLS is to begin on a connection.
type Secured struct {
	// Config is used as it is. It should have DynamicRecordSizingDisabled: small records cost more than what they gain. Renegotiation is refused, whatever it says.
	Config *tls.Config
	// Client: the handshake is the client's.
	Client bool
	// First has been read from the connection already, and belongs to TLS. It is copied.
	First []byte
	// Deadline of the handshake, by [Loop.Now].
	Deadline int64
	// Done hears how it went.
	Done SecureOwner
}

// SecureOwner is told when a handshake has ended.
type SecureOwner interface {
	// Secured is called once, unless c has been closed or its loop ends. err is nil; or why there will be no TLS, and never anything to read or write: then c may
	// have something pending that tells the peer why, so that CloseAfterFlush is the right end. It is os.ErrDeadlineExceeded behind the deadline.
	Secured(c *Conn, state tls.ConnectionState, err error)
}

// errInClear is the error of a Secure with bytes at hand that are not TLS's: whoever sent them behind the request for TLS may not be the peer
// that the handshake is with (CVE-2021-3935).
var errInClear = errors.New("bytes in the clear where TLS is to begin")

// Secure begins TLS on c, which must have nothing pending, and be at no end. Until Secured is called nothing can be read or written, nor can c be detached or handed on;
// afterwards all is as with any connection, but:
//
//   - The peer's end is its close_notify, or that of the connection between two records: what is to be told apart from an attacker's cut has an end of its own inside.
//     An end within a record is io.ErrUnexpectedEOF.
//   - Finish sends a close_notify, and the FIN behind it. Close sends neither.
//   - What Write returns as taken, and Pending, are of sealed bytes, but no more than there were.
//
// If Secure itself fails, nothing is heard.
func (c *Conn) Secure(n Secured) error {
	switch {
	case c.flags&(open|making|failed|finishing|finished) != open:
		return c.unwritable()
	case c.flags&dry != 0:
		return io.EOF
	case c.flags&(secured|coded) != 0:
		return errors.ErrUnsupported
	case c.extra != nil && len(c.extra.out)+len(c.extra.rest) > 0:
		return errInClear
	}
	s, config := &secure{}, n.Config
	if config.Renegotiation != tls.RenegotiateNever || n.Client && config.ServerName == "" && config.ClientSessionCache != nil {
		config = config.Clone() // sessions of servers without a name would be taken for those of one
		config.Renegotiation, config.ClientSessionCache = tls.RenegotiateNever, nil
	}
	if n.Client {
		s.conn = tls.Client(s, config)
	} else {
		s.conn = tls.Server(s, config)
	}
	h := newHandshake(c, s, n)
	s.shake = h
	c.more().tls = s
	c.owner = h
	c.flags = c.flags&^large | securing | canRead
	c.loop.enqueue(c)
	c.loop.Arm(&h.timer, h, n.Deadline)
	if h.ready() {
		h.begin()
	}
	return nil
}

// secure is the TLS of a connection, and the one that crypto/tls has in its place.
type secure struct {
	conn    *tls.Conn
	shake   *handshake // nil: it is over
	in      []byte     // is to be taken by conn, within one call
	out     []byte     // has been written by conn, within one call
	rest    []byte     // was received during the handshake, and has not been taken
	records records    // in what conn has taken
	end     bool       // nothing will follow in
	broken  bool       // there is no TLS
	owed    int        // see answer
}

// errNothing is what crypto/tls takes for a reason to try again.
var errNothing net.Error = nothing{}

type nothing struct{}

func (nothing) Error() string   { return "nothing to read yet" }
func (nothing) Timeout() bool   { return true }
func (nothing) Temporary() bool { return true }

// Read gives crypto/tls what has been received, and nothing beyond a record that is not whole: so it has nothing in hand between two of them, and no buffer larger than one.
func (s *secure) Read(b []byte) (n int, err error) {
	switch {
	case s.shake != nil:
		return s.shake.read(b)
	case len(s.in) > 0:
		n = copy(b, s.in[:s.records.take(s.in[:min(len(b), len(s.in))])])
		s.in = s.in[n:]
		return n, nil
	case s.end:
		return 0, io.EOF
	}
	return 0, errNothing
}

// Write never fails, once there is TLS: what becomes of the bytes is the loop's concern.
func (s *secure) Write(b []byte) (int, error) {
	if s.shake != nil {
		return s.shake.write(b)
	}
	s.out = append(s.out, b...)
	return len(b), nil
}

// The rest of what a net.Conn has; crypto/tls asks for none of it that would matter.

func (s *secure) Close() error                     { return nil }
func (s *secure) LocalAddr() net.Addr              { return &net.UnixAddr{} }
func (s *secure) RemoteAddr() net.Addr             { return &net.UnixAddr{} }
func (s *secure) SetDeadline(time.Time) error      { return nil }
func (s *secure) SetReadDeadline(time.Time) error  { return nil }
func (s *secure) SetWriteDeadline(time.Time) error { return nil }

// headerSize is that of a record's header: its type, a version, and its length in two bytes (RFC 8446, 5.1).
const headerSize = 5

// records finds where they end in a stream. Pure.
type records struct {
	header [headerSize]byte
	have   int // of the header
	left   int // of the record behind it
}

// take reads on in b, at most to the end of the record that is under way, and returns how far that is.
func (r *records) take(b []byte) int {
	n := 0
	if r.have < headerSize {
		n = copy(r.header[r.have:], b)
		if r.have += n; r.have < headerSize {
			return n
		}
		r.left = int(r.header[3])<<8 | int(r.header[4])
	}
	m := min(r.left, len(b)-n)
	if r.left -= m; r.left == 0 {
		r.have = 0
	}
	return n + m
}

// between reports whether all of a record has been taken, and nothing of the next.
func (r *records) between() bool { return r.have == 0 }

// writeOtherwise is Write, of what is no open connection that carries what is written as it is.
func (c *Conn) writeOtherwise(b []byte) (n int, err error) {
	if c.flags&(open|making|failed|finishing|finished) != open {
		return 0, c.unwritable()
	}
	if c.flags&secured != 0 && c.extra.tls.broken {
		return 0, syscall.EPIPE
	}
	if c.flags&coded != 0 {
		return c.encode(b)
	}
	return c.seal(b)
}

package load

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync/atomic"
	"time"

	"segue/backend/dial"
	"segue/proxy/load/head"
)

// mostAnswer is how much of an answer is read before the client gets any of it. Answers to loads are a few hundred bytes.
const mostAnswer = 1 << 20

// upstream is a connection to an FE, a BE or a CN, for one request. It is closed when its exchange is cut.
type upstream struct {
	line
	name    string // as it is told of
	method  string
	sent    int64 // bytes of the body
	whole   bool  // the last one of them is on its way
	done    func() bool
	over    chan struct{} // closed when nobody waits for it any more
	watched chan struct{} // closed when nobody watches over it any more; nil: nobody does

	early    atomic.Bool   // an answer, or the end of the connection, has come while the body is sent
	answered chan struct{} // closed once what follows is there; nil: nobody reads yet
	answer   *answer
	err      error
}

// connect connects to an FE, a BE or a CN.
func (x *exchange) connect(name, address string, secure bool) (*upstream, error) {
	ctx, cancel := context.WithTimeout(x.ctx, x.options.Dial)
	defer cancel()
	conn, err := dial.Dialer{}.Dial(ctx, address, &x.server.dialed)
	if err != nil {
		return nil, err
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetKeepAliveConfig(keepAlive)
	}
	if secure {
		config := &tls.Config{MinVersion: tls.VersionTLS12}
		if x.options.TLS != nil {
			config = x.options.TLS.Clone()
		}
		if config.ServerName == "" {
			config.ServerName, _, _ = net.SplitHostPort(address)
		}
		encrypted := tls.Client(conn, config)
		if err := encrypted.HandshakeContext(ctx); err != nil {
			_ = conn.Close()
			return nil, err
		}
		conn = encrypted
	}
	u := &upstream{line: line{Conn: conn}, name: name, method: x.req.Method}
	u.done = context.AfterFunc(x.ctx, func() { _ = conn.Close() })
	return u, nil
}

// guard has the connection end when whoever it leads to is known to be gone: one that is frozen or cut off says nothing.
func (x *exchange) guard(u *upstream, gone func() bool) {
	u.over, u.watched = make(chan struct{}), make(chan struct{})
	go x.watchOver(u, gone)
}

// watchOver is the goroutine of guard.
func (x *exchange) watchOver(u *upstream, gone func() bool) {
	defer close(u.watched)
	for {
		changed := x.server.cluster.Changed()
		if gone() {
			_ = u.Close()
			return
		}
		select {
		case <-changed:
		case <-u.over:
			return
		}
	}
}

// isFrontendDown tells whether an FE is known not to answer.
func (x *exchange) isFrontendDown(address string) bool {
	for _, fe := range x.server.cluster.Frontends() {
		if fe.Address == address {
			return !fe.Up
		}
	}
	return false
}

// isNodeDown tells whether a BE or CN is known not to live.
func (x *exchange) isNodeDown(name string) bool {
	for _, n := range x.server.cluster.Nodes() {
		if n.name() == name {
			return !n.Alive
		}
	}
	return false
}

// close ends the connection, and waits for who reads it.
func (u *upstream) close() {
	u.done()
	_ = u.Close()
	if u.over != nil {
		close(u.over)
		<-u.watched
		u.over = nil
	}
	if u.answered != nil {
		<-u.answered
	}
}

// answersWithin waits until it has answered, for a time, or until ctx is done: then its connection is closed. late tells whether time was over.
func (u *upstream) answersWithin(ctx context.Context, most time.Duration) (late bool) {
	timer := time.NewTimer(most)
	defer timer.Stop()
	select {
	case <-u.answered:
		return false
	case <-timer.C:
		late = true
	case <-ctx.Done():
	}
	_ = u.Close()
	<-u.answered
	return late
}

// listen has the answer's head be read while the body is sent; hurry is called when it is there, or the connection has ended.
func (u *upstream) listen(hurry func()) {
	u.answered = make(chan struct{})
	go u.await(hurry)
}

// await is the goroutine of listen.
func (u *upstream) await(hurry func()) {
	defer close(u.answered)
	u.answer, u.err = u.readHead()
	u.early.Store(true)
	hurry()
}

// readHead waits for the head of an answer that is not an informational one.
func (u *upstream) readHead() (*answer, error) {
	for range 16 {
		a, err := u.readAnyHead()
		if err != nil || !a.Informational() {
			return a, err
		}
	}
	return nil, errors.New("it says nothing but informational answers")
}

// readAnyHead waits for the head of an answer.
func (u *upstream) readAnyHead() (*answer, error) {
	raw, err := u.head()
	if err != nil {
		return nil, err
	}
	h, err := head.ParseAnswer(raw, u.method)
	if err != nil {
		return nil, err
	}
	return &answer{Answer: h, from: u}, nil
}

// write sends bytes of a body, framed as the request's head says.
func (u *upstream) write(b []byte, chunked bool) error {
	if !chunked {
		n, err := u.Write(b)
		u.sent += int64(n)
		return err
	}
	frame := strconv.AppendInt(make([]byte, 0, 20), int64(len(b)), 16)
	frame = append(frame, "\r\n"...)
	parts := net.Buffers{frame, b, []byte("\r\n")}
	n, err := parts.WriteTo(u.Conn)
	u.sent += max(0, min(n-int64(len(frame)), int64(len(b))))
	return err
}

// finish ends a chunked body. From its first byte on the body may count as whole.
func (u *upstream) finish() error {
	n, err := u.Write([]byte("0\r\n\r\n"))
	u.whole = n > 0
	return err
}

// answer is what an FE, a BE or a CN has said; its body may still be to come.
type answer struct {
	*head.Answer
	from  *upstream
	body  []byte // what of it has been read, without its framing
	whole bool   // that is all
	read  int64
	parts head.Chunks
}

// readAll reads the body, as far as it is no longer than mostAnswer.
func (a *answer) readAll(within time.Duration) error {
	for !a.whole && len(a.body) < mostAnswer {
		a.from.readWithin(within)
		part, err := a.next()
		if err != nil {
			return err
		}
		a.body = append(a.body, part...)
	}
	return nil
}

// next reads on; what it returns is good until it is called again. Without any the body is whole.
func (a *answer) next() ([]byte, error) {
	switch {
	case a.whole:
		return nil, nil
	case a.Body.Chunked:
		return a.nextOfChunk()
	case !a.Body.UntilClose && a.read == a.Body.Length:
		a.whole = true
		return nil, nil
	}
	if len(a.from.unread()) == 0 {
		err := a.from.fill(blockSize)
		if a.Body.UntilClose && errors.Is(err, io.EOF) {
			a.whole = true
			return nil, nil
		}
		if err != nil {
			return nil, fmt.Errorf("the answer broke off: %w", unexpected(err))
		}
	}
	part := a.from.unread()
	if !a.Body.UntilClose {
		part = part[:min(int64(len(part)), a.Body.Length-a.read)]
	}
	a.from.r += len(part)
	a.read += int64(len(part))
	if !a.Body.UntilClose {
		a.whole = a.read == a.Body.Length
	}
	return part, nil
}

func (a *answer) nextOfChunk() ([]byte, error) {
	for {
		part, taken, err := a.parts.Next(a.from.unread())
		if err != nil {
			return nil, err
		}
		a.from.r += taken
		if a.parts.Done() {
			a.whole = true
		}
		if len(part) > 0 || a.whole {
			return part, nil
		}
		if err := a.from.fill(blockSize); err != nil {
			return nil, fmt.Errorf("the answer broke off: %w", unexpected(err))
		}
	}
}

func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

package load

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"segue/proxy/load/head"
	"segue/proxy/load/outcome"
)

// How much is spliced at a time. Between two pieces is noticed how much has come, and that there is progress.
const (
	firstPiece = 64 << 10
	mostPiece  = 4 << 20
)

// earlyTime is for how long the answer is waited for of a node that takes no more of the body.
const earlyTime = 2 * time.Second

// stream tells the client to send, and sends on what comes.
func (x *exchange) stream() outcome.Event {
	x.flight.at(atBody)
	if !x.letSend() {
		x.cancel(errClientGone)
		return outcome.NodeLost
	}
	u := x.node
	x.listenTo(u)
	err := x.pump(u)
	if err == nil {
		return x.awaitAnswer(u)
	}
	return x.cutShort(u, err)
}

// letSend tells a client that waits for it to send its body. False: it has gone.
func (x *exchange) letSend() bool {
	if !x.req.Expect || x.said {
		return true
	}
	x.said = true
	return x.client.send([]byte("HTTP/1.1 100 Continue\r\n\r\n"))
}

// listenTo has an answer end the sending of the body.
func (x *exchange) listenTo(u *upstream) {
	u.readWithin(0)
	u.listen(func() {
		x.client.interrupt()
		u.stopWriting()
	})
}

// awaitAnswer waits for the node's answer behind the body.
func (x *exchange) awaitAnswer(u *upstream) outcome.Event {
	x.flight.at(atAnswer)
	x.client.resume()
	defer x.watch()()
	if late := u.answersWithin(x.ctx, x.patience()); late && u.answer == nil {
		u.err = errors.New("it has not answered in time")
	}
	return x.conclude(u.answer, u.err)
}

// cutShort is what comes of a body that could not be sent to its end: an early answer, a lost node, or a client that has gone.
func (x *exchange) cutShort(u *upstream, err error) outcome.Event {
	if fromClient(err) && !u.early.Load() {
		u.close()
		x.trouble = err
		return outcome.NodeLost
	}
	u.answersWithin(context.Background(), earlyTime)
	x.client.resume()
	if u.answer == nil && !fromClient(err) && (u.err == nil || !isTimeout(err)) { // a timeout: what the reader has met ended the writing
		u.err = err
	}
	return x.conclude(u.answer, u.err)
}

// fromClient tells whether it is the client that ended its body.
func fromClient(err error) bool {
	var bad *head.Error
	return errors.Is(err, errGone) || errors.Is(err, errStalled) || errors.As(err, &bad)
}

// pump sends a body from its beginning to its end.
func (x *exchange) pump(u *upstream) error {
	b, chunked := &x.body, x.req.Body.Chunked
	if b.kept != nil {
		for _, block := range b.kept.blocks {
			if err := x.pass(u, block, chunked); err != nil {
				return err
			}
		}
	}
	piece := int64(firstPiece)
	for !b.done() {
		if from, to, ok := x.spliceable(u); ok {
			var err error
			if piece, err = x.splice(u, from, to, piece); err != nil {
				return err
			}
			continue
		}
		x.client.readWithin(x.options.Progress)
		part, err := b.next()
		x.flight.in.Store(b.length)
		if err != nil {
			return err
		}
		if err := x.pass(u, part, chunked); err != nil {
			return err
		}
	}
	if chunked {
		u.writeWithin(x.options.Progress)
		return u.finish()
	}
	return nil
}

// pass sends a part.
func (x *exchange) pass(u *upstream, part []byte, chunked bool) error {
	if len(part) == 0 {
		return nil
	}
	x.server.metrics.bytes.Add(float64(len(part)))
	u.writeWithin(x.options.Progress)
	return u.write(part, chunked)
}

// spliceable tells whether the next bytes of the body can go from one socket to the other without passing through Segue.
func (x *exchange) spliceable(u *upstream) (io.Reader, io.ReaderFrom, bool) {
	b := &x.body
	if b.kept != nil || b.what.Chunked || len(b.from.unread()) > 0 {
		return nil, nil, false
	}
	to, ok := u.Conn.(*net.TCPConn)
	if !ok {
		return nil, nil, false
	}
	switch from := b.from.Conn.(type) {
	case *net.TCPConn, *net.UnixConn:
		return from, to, true
	}
	return nil, nil, false
}

// splice has the kernel move the next piece, and says how long the one behind it may be.
func (x *exchange) splice(u *upstream, from io.Reader, to io.ReaderFrom, piece int64) (int64, error) {
	b := &x.body
	x.client.readWithin(x.options.Progress)
	u.writeWithin(2 * x.options.Progress) // what is cut off on its way into the node's socket is lost: reading has to give up first
	began := time.Now()
	n, err := to.ReadFrom(io.LimitReader(from, min(piece, b.left())))
	b.length += n
	u.sent += n
	x.flight.in.Store(b.length)
	x.server.metrics.bytes.Add(float64(n))
	switch took := time.Since(began); {
	case err != nil:
		if isTimeout(err) && n > 0 && took < 2*x.options.Progress && !u.early.Load() { // reading timed out: where writing did, bytes are lost
			return firstPiece, nil // it was slow, but it moved
		}
		return 0, x.whyNotSpliced(err, took)
	case n == 0:
		return 0, errGone
	case took < time.Second/4:
		piece = min(2*piece, mostPiece)
	case took > time.Second:
		piece = max(piece/2, firstPiece)
	}
	return piece, nil
}

// whyNotSpliced says on which side a splice has failed: the kernel does not. In doubt it is the node's, for a client that is there has to be answered.
func (x *exchange) whyNotSpliced(err error, took time.Duration) error {
	x.body.broken = true
	switch {
	case isTimeout(err) && took < 2*x.options.Progress:
		return errStalled
	case !isTimeout(err) && isDead(x.client.Conn):
		return fmt.Errorf("%w: %w", errGone, err)
	}
	return err
}

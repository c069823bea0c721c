package load

import (
	"errors"
	"fmt"
	"io"

	"segue/proxy/load/head"
)

// What may be wrong with a client's body.
var (
	errGone    = errors.New("the client went before its body had ended")
	errStalled = errors.New("the client's body stood still")
)

// chunkedBuffer is how much of a chunked body is read at a time.
const chunkedBuffer = 128 << 10

// body is what a client sends behind a head.
type body struct {
	from   *line
	what   head.Body
	length int64 // bytes of data that have come
	chunks head.Chunks
	kept   *kept  // all that has come; nil: it is not kept
	broken bool   // at which byte of it the client stands is not known
	block  []byte // to read into, where nothing is kept
}

// begun tells whether any of it has been taken.
func (b *body) begun() bool { return b.length > 0 || b.done() && !b.what.None() }

// done tells whether all of it has come.
func (b *body) done() bool {
	if b.what.Chunked {
		return b.chunks.Done()
	}
	return b.length == b.what.Length
}

// left is how much of it is to come, at most.
func (b *body) left() int64 {
	if b.what.Chunked {
		return blockSize
	}
	return b.what.Length - b.length
}

// next waits for more of it. What it returns is good until it is called again; without data the body is done.
func (b *body) next() ([]byte, error) {
	if b.what.Chunked {
		return b.nextOfChunk()
	}
	if b.done() {
		return nil, nil
	}
	if unread := b.from.unread(); b.kept == nil && len(unread) > 0 {
		part := unread[:min(int64(len(unread)), b.left())]
		b.from.r += len(part) // it lies there still: take would give it away
		b.length += int64(len(part))
		return part, nil
	}
	into := b.into()
	n, err := b.from.Read(into[:min(int64(len(into)), b.left())])
	b.length += int64(n)
	if n > 0 {
		if b.kept != nil {
			b.kept.grew(n)
		}
		return into[:n], nil
	}
	return nil, whyEnded(err)
}

// into is where to read to: kept memory while there is room, a block otherwise.
func (b *body) into() []byte {
	if b.kept != nil {
		if space := b.kept.space(b.left()); space != nil {
			return space
		}
		b.forget()
	}
	if b.block == nil {
		b.block = make([]byte, blockSize)
	}
	return b.block
}

// forget gives up what is kept.
func (b *body) forget() {
	if b.kept != nil {
		b.kept.drop()
		b.kept = nil
	}
}

// nextOfChunk is next where the body is chunked.
func (b *body) nextOfChunk() ([]byte, error) {
	for {
		raw := b.from.unread()
		data, taken, err := b.chunks.Next(raw)
		if err != nil {
			return nil, err
		}
		if len(data) > 0 {
			b.from.r += taken // the data lies there still: take would give it away
			b.length += int64(len(data))
			if b.kept != nil && !b.kept.put(data) {
				b.forget()
			}
			return data, nil
		}
		if b.from.r += taken; b.chunks.Done() {
			b.from.take(0) // nothing may follow for long
			return nil, nil
		}
		if err := b.from.refill(chunkedBuffer); err != nil {
			return nil, whyEnded(err)
		}
	}
}

// whyEnded words the end of a client's bytes.
func whyEnded(err error) error {
	switch {
	case isTimeout(err):
		return errStalled
	case err == nil, errors.Is(err, io.EOF):
		return errGone
	}
	return fmt.Errorf("%w: %w", errGone, err)
}

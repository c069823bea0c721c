package wire

import (
	"errors"
	"fmt"
	"io"
)

// ErrPayloadTooLarge is wrapped by the error of [Reader.Next] when a message is longer than the reader allows.
var ErrPayloadTooLarge = errors.New("payload too large")

// Reader reads whole messages from a stream, each from one packet or joined from several.
// It reads no byte beyond the message it returns, so that the stream can be handed on between two calls of Next.
type Reader struct {
	r   io.Reader
	max int
	buf []byte
	hdr [HeaderLen]byte
}

// readStep is the most that Reader allocates ahead of the bytes that have arrived: a header that promises 16 MB and a peer that
// then falls silent costs no more than this.
const readStep = 64 << 10

// NewReader returns a Reader whose messages have at most maxPayload bytes; zero or less means [MaxPayload].
func NewReader(r io.Reader, maxPayload int) *Reader {
	if maxPayload <= 0 {
		maxPayload = MaxPayload
	}
	return &Reader{r: r, max: maxPayload}
}

// Next returns the payload of the next message, valid until the next call, and the sequence id of its last packet: an answer starts with
// seq+1. The error is io.EOF if the stream ends between two messages, io.ErrUnexpectedEOF if it ends in one, and wraps [ErrPayloadTooLarge]
// if the message is too long, of which then only the header has been read. Another error is that of the underlying reader.
func (r *Reader) Next() (payload []byte, seq uint8, err error) {
	r.buf = r.buf[:0]
	for first := true; ; first = false {
		if _, err := io.ReadFull(r.r, r.hdr[:]); err != nil {
			if err == io.EOF && !first {
				err = io.ErrUnexpectedEOF
			}
			return nil, 0, err
		}
		n, s := DecodeHeader(r.hdr[:])
		if !first && s != seq+1 {
			return nil, 0, fmt.Errorf("read packet: sequence id %d follows %d", s, seq)
		}
		seq = s
		if n > r.max-len(r.buf) {
			return nil, 0, fmt.Errorf("read packet: %w (more than %d bytes)", ErrPayloadTooLarge, r.max)
		}
		if err := r.fill(n); err != nil {
			return nil, 0, err
		}
		if n < MaxPayload {
			return r.buf, seq, nil
		}
	}
}

// fill reads n bytes to the end of buf.
func (r *Reader) fill(n int) error {
	for n > 0 {
		step := min(n, max(readStep, len(r.buf)))
		at := len(r.buf)
		r.buf = grow(r.buf, step)
		if _, err := io.ReadFull(r.r, r.buf[at:]); err != nil {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return err
		}
		n -= step
	}
	return nil
}

// grow makes b longer by n bytes.
func grow(b []byte, n int) []byte {
	if need := len(b) + n; need > cap(b) {
		b = append(make([]byte, 0, need), b...)
	}
	return b[:len(b)+n]
}

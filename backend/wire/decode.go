package wire

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// DecodeError says which message could not be decoded, and where it goes wrong.
type DecodeError struct {
	Message string // the manual's name of the message, such as HandshakeV10
	Field   string // the manual's name of the field that is missing, cut short or wrong
	Reason  string
}

// Error implements error.
func (e *DecodeError) Error() string {
	return fmt.Sprintf("decode %s: %s: %s", e.Message, e.Field, e.Reason)
}

// decoder walks through a payload. It remembers the first field that could not be read; after that, every read returns
// zero. What it returns never aliases the payload: the payload lives in a buffer that is used again.
type decoder struct {
	message string
	rest    []byte
	err     *DecodeError
}

func newDecoder(message string, payload []byte) *decoder {
	return &decoder{message: message, rest: payload}
}

// fail records that field is wrong, unless an earlier one was.
func (d *decoder) fail(field, reason string) {
	if d.err == nil {
		d.err = &DecodeError{Message: d.message, Field: field, Reason: reason}
	}
	d.rest = nil
}

// done returns the first error.
func (d *decoder) done() error {
	if d.err == nil {
		return nil
	}
	return d.err
}

// more reports whether bytes are left.
func (d *decoder) more() bool { return len(d.rest) > 0 }

// take returns the next n bytes, which alias the payload.
func (d *decoder) take(field string, n int) []byte {
	if n > len(d.rest) {
		d.fail(field, "payload ends too early")
		return nil
	}
	b := d.rest[:n]
	d.rest = d.rest[n:]
	return b
}

func (d *decoder) uint8(field string) uint8 {
	if b := d.take(field, 1); b != nil {
		return b[0]
	}
	return 0
}

func (d *decoder) uint16(field string) uint16 {
	if b := d.take(field, 2); b != nil {
		return binary.LittleEndian.Uint16(b)
	}
	return 0
}

func (d *decoder) uint32(field string) uint32 {
	if b := d.take(field, 4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

func (d *decoder) lenencInt(field string) uint64 {
	v, n := LenencInt(d.rest)
	if n == 0 {
		d.fail(field, "payload ends too early or length is wrong")
		return 0
	}
	d.rest = d.rest[n:]
	return v
}

func (d *decoder) lenenc(field string) []byte { return clone(d.cutLenenc(field)) }

func (d *decoder) lenencText(field string) string { return string(d.cutLenenc(field)) }

// cutLenenc returns the next length-encoded string, which aliases the payload.
func (d *decoder) cutLenenc(field string) []byte {
	s, n := LenencString(d.rest)
	if n == 0 {
		d.fail(field, "payload ends too early or length is wrong")
		return nil
	}
	d.rest = d.rest[n:]
	return s
}

func (d *decoder) bytes(field string, n int) []byte { return clone(d.take(field, n)) }

// text reads up to the next NUL, which it drops.
func (d *decoder) text(field string) string {
	n := bytes.IndexByte(d.rest, 0)
	if n < 0 {
		d.fail(field, "no NUL at its end")
		return ""
	}
	s := string(d.rest[:n])
	d.rest = d.rest[n+1:]
	return s
}

// nulOrEnd reads up to the next NUL or, if there is none, to the end of the payload.
func (d *decoder) nulOrEnd() []byte { return clone(d.cutNulOrEnd()) }

func (d *decoder) textOrEnd() string { return string(d.cutNulOrEnd()) }

func (d *decoder) cutNulOrEnd() []byte {
	s, rest, _ := bytes.Cut(d.rest, []byte{0})
	d.rest = rest
	return s
}

// end reads all that is left; nil if nothing is.
func (d *decoder) end() []byte {
	s := clone(d.rest)
	d.rest = nil
	return s
}

// first checks the byte that identifies a message.
func (d *decoder) first(want byte) {
	if got := d.uint8("header"); d.err == nil && got != want {
		d.fail("header", fmt.Sprintf("is 0x%02x, not 0x%02x", got, want))
	}
}

// clone copies b; nil stands for every empty slice, so that decoded messages compare equal.
func clone(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	return bytes.Clone(b)
}

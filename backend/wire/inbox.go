package wire

import "fmt"

// Inbox takes packets off the bytes that one side sends, which come in any splits: what [Reader] is for who must not wait. It is meant for the
// connection phase, whose messages have one packet each. A packet that lies whole in the bytes that have come is not copied, and allocates
// nothing; the beginning of one, or what came behind it, is kept. The zero value allows no payload; see [NewInbox].
type Inbox struct {
	rest []byte // what has come and has not been taken
	kept []byte // where it lies, if it does not lie in the caller's bytes any more
	max  int
}

// NewInbox returns an Inbox for payloads of at most maxPayload bytes, which is below [MaxPayload].
func NewInbox(maxPayload int) Inbox { return Inbox{max: min(maxPayload, MaxPayload-1)} }

// Feed takes bytes that have come. They stay the caller's: before it uses their memory again it calls Keep.
func (in *Inbox) Feed(chunk []byte) {
	if len(in.rest) == 0 {
		in.rest = chunk
		return
	}
	in.Keep()
	in.kept = append(in.kept, chunk...)
	in.rest = in.kept
}

// Keep copies what has come and has not been taken. What Next has returned is void then, as it is after Feed.
func (in *Inbox) Keep() {
	if len(in.rest) == 0 {
		in.rest, in.kept = nil, in.kept[:0]
		return
	}
	// What is kept already moves to the front, so that it does not grow without end.
	in.kept = append(in.kept[:0], in.rest...)
	in.rest = in.kept
}

// Next takes the next packet. ok is false if it has not come whole. The payload is valid until the next call of Feed or Keep. The error wraps
// [ErrPayloadTooLarge] as soon as a header promises too much; nothing can be taken any more then.
func (in *Inbox) Next() (payload []byte, seq uint8, ok bool, err error) {
	payload, seq, size, err := OnePacket(in.rest, in.max)
	in.rest = in.rest[size:]
	return payload, seq, size > 0, err
}

// OnePacket finds the packet at the head of b, in which size bytes of b are; size is 0 while it has not come whole. The error wraps
// [ErrPayloadTooLarge] if its payload has more than maxPayload bytes.
func OnePacket(b []byte, maxPayload int) (payload []byte, seq uint8, size int, err error) {
	if len(b) < HeaderLen {
		return nil, 0, 0, nil
	}
	n, seq := DecodeHeader(b)
	if n > maxPayload {
		return nil, 0, 0, fmt.Errorf("read packet: %w (more than %d bytes)", ErrPayloadTooLarge, maxPayload)
	}
	if size = HeaderLen + n; size > len(b) {
		return nil, 0, 0, nil
	}
	return b[HeaderLen:size:size], seq, size, nil
}

// Rest is what has come and has not been taken: behind the last message of the connection phase, the beginning of the command phase.
// It is valid as what Next returns.
func (in *Inbox) Rest() []byte { return in.rest }

// Skip takes n bytes of Rest.
func (in *Inbox) Skip(n int) { in.rest = in.rest[n:] }

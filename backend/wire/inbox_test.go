package wire

import (
	"bytes"
	"errors"
	"testing"
)

// feed gives an Inbox a stream in chunks of the sizes that splits tells, in one buffer that is used again for each, and collects what it takes.
func feed(in *Inbox, stream, splits []byte) (payloads [][]byte, seqs []uint8, err error) {
	buf := make([]byte, 256)
	for i := 0; len(stream) > 0; i++ {
		size := 1
		if len(splits) > 0 {
			size += int(splits[i%len(splits)])
		}
		n := copy(buf[:min(size, len(buf))], stream)
		stream = stream[n:]
		in.Feed(buf[:n])
		for {
			payload, seq, ok, err := in.Next()
			if err != nil {
				return payloads, seqs, err
			}
			if !ok {
				break
			}
			payloads, seqs = append(payloads, bytes.Clone(payload)), append(seqs, seq)
		}
		in.Keep()
		clear(buf)
	}
	return payloads, seqs, nil
}

func TestInbox(t *testing.T) {
	want := [][]byte{[]byte("a greeting"), {}, bytes.Repeat([]byte("x"), 700), {1}}
	var stream []byte
	seq := uint8(254)
	for _, payload := range want {
		stream, seq = AppendPacket(stream, seq, payload)
	}
	stream = append(stream, 9, 0, 0, 3, 'b', 'e')
	for _, splits := range [][]byte{{255}, {0}, {3}, {2, 0, 200}, {4, 90}} {
		in := NewInbox(1000)
		got, seqs, err := feed(&in, stream, splits)
		if err != nil || len(got) != len(want) {
			t.Fatalf("splits %v: %d messages, %v", splits, len(got), err)
		}
		for i := range want {
			if !bytes.Equal(got[i], want[i]) || seqs[i] != uint8(254+i) {
				t.Errorf("splits %v: message %d is %q with sequence id %d", splits, i, got[i], seqs[i])
			}
		}
		if rest := in.Rest(); string(rest[HeaderLen:]) != "be" {
			t.Errorf("splits %v: %q is left", splits, rest)
		}
	}
}

func TestInboxBounds(t *testing.T) {
	in := NewInbox(10)
	in.Feed(AppendHeader(nil, 11, 0))
	if _, _, ok, err := in.Next(); ok || !errors.Is(err, ErrPayloadTooLarge) {
		t.Errorf("%v, %v", ok, err)
	}
	in = NewInbox(MaxPayload)
	in.Feed(AppendHeader(nil, MaxPayload, 0))
	if _, _, _, err := in.Next(); !errors.Is(err, ErrPayloadTooLarge) {
		t.Errorf("a message of two packets: %v", err)
	}
	in = NewInbox(10)
	if in.Feed(nil); len(in.Rest()) != 0 {
		t.Error("something out of nothing")
	}
	// What it keeps does not grow with what has passed.
	in = NewInbox(10)
	packet, _ := AppendPacket(nil, 0, []byte("0123456789"))
	for range 1000 {
		in.Feed(packet[:5])
		in.Keep()
		in.Feed(packet[5:])
		if _, _, ok, err := in.Next(); !ok || err != nil {
			t.Fatal(ok, err)
		}
	}
	if cap(in.kept) > 64 {
		t.Errorf("%d bytes are held", cap(in.kept))
	}
	if n := testing.AllocsPerRun(100, func() {
		in.Feed(packet)
		_, _, _, _ = in.Next()
	}); n != 0 {
		t.Errorf("%v allocations for a packet that has come whole", n)
	}
}

func TestPutHeader(t *testing.T) {
	b := append([]byte{9, 0, 0, 0, 0}, "payload"...)
	PutHeader(b[1:], 7, 3)
	if want := append([]byte{9}, append(AppendHeader(nil, 7, 3), "payload"...)...); !bytes.Equal(b, want) {
		t.Errorf("%q, want %q", b, want)
	}
}

// FuzzInbox: whatever comes, in whatever splits, an Inbox takes from it what a Reader does.
func FuzzInbox(f *testing.F) {
	one, _ := AppendPacket(nil, 0, []byte("hello"))
	f.Add(append(one, one...), []byte{3, 250})
	f.Add([]byte{0, 0, 0, 0, 255, 255, 255, 1}, []byte{})
	f.Fuzz(func(t *testing.T, stream, splits []byte) {
		const most = 300
		in := NewInbox(most)
		got, seqs, err := feed(&in, stream, splits)
		r := NewReader(bytes.NewReader(stream), most)
		for i := 0; ; i++ {
			payload, seq, readErr := r.Next()
			if readErr != nil {
				if i != len(got) || errors.Is(readErr, ErrPayloadTooLarge) != (err != nil) {
					t.Fatalf("%d messages and %v, the Reader had %d and %v", len(got), err, i, readErr)
				}
				return
			}
			if i >= len(got) || !bytes.Equal(payload, got[i]) || seq != seqs[i] {
				t.Fatalf("message %d: %q", i, payload)
			}
		}
	})
}

package wire

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/iotest"
)

func TestLenencInt(t *testing.T) {
	for _, tt := range []struct {
		v    uint64
		want []byte
	}{
		{0, fromHex("00")},
		{250, fromHex("fa")},
		{251, fromHex("fcfb00")},
		{1<<16 - 1, fromHex("fcffff")},
		{1 << 16, fromHex("fd000001")},
		{1<<24 - 1, fromHex("fdffffff")},
		{1 << 24, fromHex("fe0000000100000000")},
		{1<<64 - 1, fromHex("feffffffffffffffff")},
	} {
		if got := AppendLenencInt(nil, tt.v); !bytes.Equal(got, tt.want) {
			t.Errorf("AppendLenencInt(%d) = %x, want %x", tt.v, got, tt.want)
		}
		if v, n := LenencInt(append(tt.want, 0xaa)); v != tt.v || n != len(tt.want) {
			t.Errorf("LenencInt(%x) = %d, %d", tt.want, v, n)
		}
		for short := range tt.want {
			if _, n := LenencInt(tt.want[:short]); n != 0 {
				t.Errorf("LenencInt(%x) reads %d bytes", tt.want[:short], n)
			}
		}
	}
	for _, b := range []byte{0xfb, 0xff} {
		if _, n := LenencInt(bytes.Repeat([]byte{b}, 9)); n != 0 {
			t.Errorf("LenencInt(%#x…) reads %d bytes", b, n)
		}
	}
}

func TestLenencString(t *testing.T) {
	if s, n := LenencString([]byte("\x03abcd")); string(s) != "abc" || n != 4 {
		t.Errorf("LenencString = %q, %d", s, n)
	}
	for _, b := range []string{"", "\x04abc", "\xfe\xff\xff\xff\xff\xff\xff\xff\xffabc"} {
		if s, n := LenencString([]byte(b)); n != 0 {
			t.Errorf("LenencString(%q) = %q, %d", b, s, n)
		}
	}
}

// A message of exactly MaxPayload bytes ends with an empty packet (bug 13: MXS-3588).
func TestBug13_PacketsOf16MB(t *testing.T) {
	for _, size := range []int{0, 1, MaxPayload - 1, MaxPayload, MaxPayload + 1, 2 * MaxPayload} {
		payload := bytes.Repeat([]byte{0xfe}, size)
		stream, next := AppendPacket(nil, 254, payload)
		packets := size/MaxPayload + 1
		if len(stream) != size+packets*HeaderLen || next != uint8(254+packets) {
			t.Errorf("%d bytes: %d bytes on the wire, next sequence id %d", size, len(stream), next)
		}
		got, seq, err := NewReader(bytes.NewReader(stream), 1<<26).Next()
		if err != nil || seq+1 != next || !bytes.Equal(got, payload) {
			t.Errorf("%d bytes: read %d bytes, sequence id %d, %v", size, len(got), seq, err)
		}
	}
}

func TestReader_ReadsNothingBeyondTheMessage(t *testing.T) {
	stream, _ := AppendPacket(nil, 0, []byte("one"))
	stream = append(stream, "clear text behind it"...)
	source := bytes.NewReader(stream)
	if payload, _, err := NewReader(source, 0).Next(); err != nil || string(payload) != "one" {
		t.Fatalf("Next = %q, %v", payload, err)
	}
	if rest, _ := io.ReadAll(source); string(rest) != "clear text behind it" {
		t.Errorf("left in the stream: %q", rest)
	}
}

func TestReader_CutAtEveryByte(t *testing.T) {
	stream, _ := AppendPacket(nil, 0, []byte("select 1"))
	for n := range stream {
		want := io.ErrUnexpectedEOF
		if n == 0 {
			want = io.EOF
		}
		if _, _, err := NewReader(iotest.OneByteReader(bytes.NewReader(stream[:n])), 0).Next(); !errors.Is(err, want) {
			t.Errorf("cut after %d bytes: %v, want %v", n, err, want)
		}
	}
	full, _ := AppendPacket(nil, 0, make([]byte, MaxPayload))
	if _, _, err := NewReader(bytes.NewReader(full[:len(full)-HeaderLen]), 0).Next(); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("cut between two packets of one message: %v", err)
	}
}

func TestReader_Limits(t *testing.T) {
	stream, _ := AppendPacket(nil, 0, make([]byte, 101))
	if _, _, err := NewReader(bytes.NewReader(stream), 100).Next(); !errors.Is(err, ErrPayloadTooLarge) {
		t.Errorf("101 bytes of 100: %v", err)
	}
	r := NewReader(bytes.NewReader([]byte{0xfe, 0xff, 0xff, 0, 1, 2, 3}), 0) // promises 16 MB, sends 3 bytes
	if _, _, err := r.Next(); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("cut: %v", err)
	}
	if cap(r.buf) > readStep {
		t.Errorf("%d bytes held for 3", cap(r.buf))
	}
	bad := append(append([]byte{0xff, 0xff, 0xff, 5}, make([]byte, MaxPayload)...), 0, 0, 0, 7)
	if _, _, err := NewReader(bytes.NewReader(bad), 1<<25).Next(); err == nil {
		t.Error("sequence id 7 after 5 is accepted within a message")
	}
}

package compress_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"segue/backend/compress"
	"segue/backend/wire"
)

// packet is one with that sequence id.
func pkt(seq uint8, payload string) []byte {
	b, _ := wire.AppendPacket(nil, seq, []byte(payload))
	return b
}

// ids are the sequence ids of whole compressed packets.
func ids(t *testing.T, b []byte) (ids []uint8) {
	t.Helper()
	for len(b) > 0 {
		n, seq := wire.DecodeHeader(b)
		ids = append(ids, seq)
		b = b[compress.HeaderLen+n:]
	}
	return ids
}

// inner are the sequence ids of whole packets.
func inner(t *testing.T, b []byte) (ids []uint8) {
	t.Helper()
	for len(b) > 0 {
		n, seq := wire.DecodeHeader(b)
		ids = append(ids, seq)
		b = b[wire.HeaderLen+n:]
	}
	return ids
}

// decode decodes all of b, with room for so many bytes at a time.
func decode(t *testing.T, c *compress.Codec, b []byte, room int) (out []byte) {
	t.Helper()
	dst := make([]byte, room)
	for c.More(b) {
		n, used, err := c.Decode(dst, b)
		if err != nil {
			t.Fatalf("decode: %v", err)
		}
		out, b = append(out, dst[:n]...), b[used:]
	}
	if len(b) > 0 {
		t.Fatalf("%d bytes are left", len(b))
	}
	return out
}

var long = strings.Repeat("long ", 30000)

// step is of an exchange with a peer that numbers as servers and libraries do.
type step struct {
	sends    bool    // the codec does
	packets  []byte  // as they are uncompressed
	packed   []uint8 // ids of the compressed packets, which the peer's own begin with
	numbered []uint8 // ids of the packets that lie in them
	settled  bool    // and then all has been answered
}

// raw has packets carry other ids, and puts them into a compressed packet, stored as they are.
func raw(first uint8, packets []byte, numbered []uint8) []byte {
	packets = bytes.Clone(packets)
	for at, i := 0, 0; i < len(numbered); i++ {
		n, _ := wire.DecodeHeader(packets[at:])
		packets[at+3] = numbered[i]
		at += wire.HeaderLen + n
	}
	b := make([]byte, compress.HeaderLen, compress.HeaderLen+len(packets))
	wire.PutHeader(b, len(packets), first)
	return append(b, packets...)
}

func join(packets ...[]byte) []byte { return bytes.Join(packets, nil) }

func TestSequenceIDs(t *testing.T) {
	query, answer := pkt(0, "\x03SELECT 1"), pkt(1, "\x00\x00\x00\x02\x00\x00\x00")
	for name, c := range map[string]struct {
		toClient bool
		steps    []step
	}{
		"server, two commands": {false, []step{
			{true, query, []uint8{0}, []uint8{0}, false},
			{false, join(pkt(1, "a"), pkt(2, "b")), []uint8{1}, []uint8{1, 2}, true},
			{true, query, []uint8{0}, []uint8{0}, false},
			{false, answer, []uint8{1}, []uint8{1}, true},
		}},
		"server, a command in three packets": {false, []step{
			{true, pkt(0, "\x03"+long), []uint8{0, 1, 2}, []uint8{0}, false},
			{false, answer, []uint8{3}, []uint8{3}, true},
		}},
		"server, a flush in the middle of an answer": {false, []step{
			{true, query, []uint8{0}, []uint8{0}, false},
			{false, join(pkt(1, "a"), pkt(2, "b"), pkt(3, "c")), []uint8{1}, []uint8{1, 2, 3}, false},
			{false, join(pkt(4, "d"), pkt(5, "e")), []uint8{2}, []uint8{2, 3}, true},
		}},
		"server, a file": {false, []step{
			{true, query, []uint8{0}, []uint8{0}, false},
			{false, pkt(1, "\xfbfile"), []uint8{1}, []uint8{1}, false},
			{true, join(pkt(2, long), pkt(3, "")), []uint8{2, 3, 4}, []uint8{2, 3}, false},
			{false, pkt(4, "\x00\x00\x00\x02\x00\x00\x00"), []uint8{5}, []uint8{5}, true},
			{true, query, []uint8{0}, []uint8{0}, false},
			{false, answer, []uint8{1}, []uint8{1}, true},
		}},
		"server, pipelined": {false, []step{
			{true, join(query, query), []uint8{0, 0}, []uint8{0, 0}, false},
			{false, answer, []uint8{1}, []uint8{1}, false},
			{true, query, []uint8{0}, []uint8{0}, false},
			{false, answer, []uint8{1}, []uint8{1}, false},
			{false, answer, []uint8{1}, []uint8{1}, true},
		}},
		"server, a word unasked": {false, []step{
			{true, query, []uint8{0}, []uint8{0}, false},
			{false, answer, []uint8{1}, []uint8{1}, true},
			{false, pkt(0, "\xff\x87\x07#70100killed"), []uint8{2}, []uint8{0}, false},
		}},
		"server, a word unasked that a command crosses": {false, []step{
			{true, query, []uint8{0}, []uint8{0}, false},
			{false, answer, []uint8{1}, []uint8{1}, true},
			{true, query, []uint8{0}, []uint8{0}, false},
			{false, pkt(0, "\xff\x87\x07#70100killed"), []uint8{2}, []uint8{0}, false},
		}},
		"client, two commands": {true, []step{
			{false, query, []uint8{0}, []uint8{0}, false},
			{true, join(pkt(1, "a"), pkt(2, "b")), []uint8{1}, []uint8{1, 2}, false},
			{true, pkt(3, long), []uint8{2, 3, 4}, []uint8{3}, true},
			{false, query, []uint8{0}, []uint8{0}, false},
			{true, answer, []uint8{1}, []uint8{1}, true},
		}},
		"client, a command in more packets": {true, []step{
			{false, pkt(0, "\x03SELECT 1")[:6], []uint8{0}, []uint8{0}, false},
			{false, pkt(0, "\x03SELECT 1")[6:], []uint8{1}, nil, false},
			{true, join(answer, pkt(2, "x")), []uint8{2}, []uint8{2, 3}, true},
			{false, query, []uint8{0}, []uint8{0}, false},
			{true, answer, []uint8{1}, []uint8{1}, true},
		}},
		"client, a file": {true, []step{
			{false, query, []uint8{0}, []uint8{0}, false},
			{true, pkt(1, "\xfbfile"), []uint8{1}, []uint8{1}, false},
			{false, pkt(2, "data"), []uint8{2}, []uint8{2}, false},
			{false, join(pkt(3, "more"), pkt(4, "")), []uint8{3}, []uint8{9, 10}, false},
			{true, pkt(5, "\x00\x00\x00\x02\x00\x00\x00"), []uint8{4}, []uint8{4}, true},
			{false, query, []uint8{0}, []uint8{0}, false},
			{true, answer, []uint8{1}, []uint8{1}, true},
		}},
		"client, behind an answer that ends with 0": {true, []step{
			{false, query, []uint8{0}, []uint8{0}, false},
			{true, rows(1, 0), []uint8{1}, numbered(1, 0), true},
			{false, query, []uint8{0}, []uint8{0}, false},
			{true, rows(1, 2), []uint8{1}, numbered(1, 2), true},
		}},
		"client, pipelined": {true, []step{
			{false, join(query, query), []uint8{0}, []uint8{0, 0}, false},
			{true, join(answer, pkt(2, "b")), []uint8{1}, []uint8{1, 2}, false},
			{true, answer, []uint8{1}, []uint8{1}, true},
		}},
		"client, in the middle of an answer": {true, []step{
			{false, query, []uint8{0}, []uint8{0}, false},
			{true, rows(1, 0), []uint8{1}, numbered(1, 0), false},
			{false, query, []uint8{0}, []uint8{0}, false},
			{true, rows(1, 9), []uint8{2}, numbered(1, 9), false},
			{true, rows(1, 2), []uint8{1}, numbered(1, 2), true},
		}},
		"client, told unasked": {true, []step{
			{false, query, []uint8{0}, []uint8{0}, false},
			{true, answer, []uint8{1}, []uint8{1}, true},
			{true, pkt(0, "\xffgone"), []uint8{0}, []uint8{0}, true},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			codec := compress.New(compress.Zlib, c.toClient)
			for i, s := range c.steps {
				if !s.sends {
					if got := decode(t, codec, raw(s.packed[0], s.packets, s.numbered), 1<<20); !bytes.Equal(got, s.packets) {
						t.Fatalf("step %d: heard %v, want %v", i, inner(t, got), inner(t, s.packets))
					}
				} else {
					out := codec.Encode(nil, s.packets)
					if got := ids(t, out); !bytes.Equal(got, s.packed) {
						t.Fatalf("step %d: compressed packets %v, want %v", i, got, s.packed)
					}
					if got := inner(t, plain(t, out)); !bytes.Equal(got, s.numbered) {
						t.Fatalf("step %d: packets %v, want %v", i, got, s.numbered)
					}
				}
				if s.settled {
					codec.Settled()
				}
			}
		})
	}
}

// numbered are the ids from first to last, once around.
func numbered(first, last uint8) (ids []uint8) {
	for id := first; ; id++ {
		if ids = append(ids, id); id == last {
			return ids
		}
	}
}

func rows(first, last uint8) (b []byte) {
	for _, id := range numbered(first, last) {
		b = append(b, pkt(id, "\x01x")...)
	}
	return b
}

// plain undoes the compression by zlib, and leaves the ids as they are.
func plain(t *testing.T, b []byte) (out []byte) {
	t.Helper()
	for len(b) > 0 {
		n, _ := wire.DecodeHeader(b)
		out = append(out, content(t, b[:compress.HeaderLen+n])...)
		b = b[compress.HeaderLen+n:]
	}
	return out
}

// What goes through two codecs comes out as it was, however it is cut on the way, and whatever room there is for it.
func TestThrough(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var text []byte
	for len(text) < 1<<20 {
		text = append(text, strings.Repeat("x", random.IntN(300))...)
		text = append(text, byte(random.Uint32()))
	}
	sent := join(pkt(0, "\x03SELECT 1"), pkt(0, string(text[:random.IntN(len(text))])), pkt(0, ""), pkt(0, string(text)))
	for _, a := range []compress.Algorithm{compress.Zlib, compress.Zstd} {
		for _, room := range []int{1, 100, 64 << 10, 1 << 20} {
			near, far := compress.New(a, false), compress.New(a, true)
			var wired, got, held []byte
			for rest := sent; len(rest) > 0; {
				n := min(len(rest), 1+random.IntN(200_000))
				wired = near.Encode(wired, rest[:n])
				rest = rest[n:]
			}
			for dst := make([]byte, room); len(wired) > 0; {
				n := min(len(wired), 1+random.IntN(100_000))
				held, wired = append(held, wired[:n]...), wired[n:]
				for far.More(held) {
					n, used, err := far.Decode(dst, held)
					if err != nil {
						t.Fatal(err)
					}
					got, held = append(got, dst[:n]...), held[used:]
				}
			}
			if !bytes.Equal(got, sent) {
				t.Errorf("%s, %d bytes of room: something else comes out", a, room)
			}
		}
	}
}

func TestContentThatIsNotWhatItSays(t *testing.T) {
	zeros := pkt(0, strings.Repeat("\x00", 1<<20))
	for _, a := range []compress.Algorithm{compress.Zlib, compress.Zstd} {
		good := compress.New(a, false).Encode(nil, zeros)
		n, _ := wire.DecodeHeader(good)
		good = good[:compress.HeaderLen+n]
		for name, spoil := range map[string]func(b []byte){
			"less than there is": func(b []byte) { b[4]-- },
			"more than there is": func(b []byte) { b[6]++ },
			"no stream":          func(b []byte) { clear(b[compress.HeaderLen:]) },
			"cut":                func(b []byte) { wire.PutHeader(b, n-6, 0) },
		} {
			for _, room := range []int{1 << 10, 1 << 20} {
				b := bytes.Clone(good)
				spoil(b)
				c := compress.New(a, true)
				dst := make([]byte, room)
				var err error
				for err == nil && c.More(b) {
					var used int
					_, used, err = c.Decode(dst, b)
					b = b[used:]
				}
				if !errors.Is(err, compress.ErrContent) {
					t.Errorf("%s, %s, room for %d: %v", a, name, room, err)
				}
				c.Close()
			}
		}
	}
}

// lends reports whether pools give what they have been given: the race detector has them forget some of it.
func lends() bool {
	var p sync.Pool
	for range 100 {
		if p.Put(new(int)); p.Get() == nil {
			return false
		}
	}
	return true
}

// A statement is compressed without an allocation.
func TestAllocations(t *testing.T) {
	most := 1.0 // a collection may empty the pools
	if !lends() {
		most = 100
	}
	query := pkt(0, "\x03"+strings.Repeat("SELECT 1 ", 100))
	for _, a := range []compress.Algorithm{compress.Zlib, compress.Zstd} {
		near, far := compress.New(a, false), compress.New(a, true)
		wired, dst := make([]byte, 0, 4096), make([]byte, 4096)
		if n := testing.AllocsPerRun(100, func() {
			wired = near.Encode(wired[:0], query)
			if _, _, err := far.Decode(dst, wired); err != nil {
				t.Fatal(err)
			}
		}); n > most {
			t.Errorf("%s: %g allocations", a, n)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, a := range []compress.Algorithm{compress.Zlib, compress.Zstd} {
		f.Add(compress.New(a, false).Encode(nil, join(pkt(0, long), pkt(0, "x"))), uint8(a), uint16(4000))
	}
	f.Fuzz(func(t *testing.T, b []byte, by uint8, room uint16) {
		a := compress.Zlib + compress.Algorithm(by%2)
		for _, toClient := range []bool{false, true} {
			c, rest, total := compress.New(a, toClient), b, 0
			dst := make([]byte, int(room)+1)
			for c.More(rest) {
				n, used, err := c.Decode(dst, rest)
				if err != nil {
					break
				}
				if n == 0 && used == 0 {
					t.Fatal("nothing is decoded though there is something")
				}
				total, rest = total+n, rest[used:]
			}
			c.Close()
		}
	})
}

func FuzzEncode(f *testing.F) {
	f.Add(join(pkt(0, long[:2000]), pkt(1, "x")), uint16(1000))
	f.Fuzz(func(t *testing.T, b []byte, cut uint16) {
		near, far := compress.New(compress.Zstd, false), compress.New(compress.Zstd, true)
		var got []byte
		for rest := b; len(rest) > 0; {
			n := min(len(rest), int(cut)+1)
			got = append(got, decode(t, far, near.Encode(nil, rest[:n]), 1<<16)...)
			rest = rest[n:]
		}
		if len(got) > len(b) || len(got)+wire.HeaderLen <= len(b) {
			t.Fatalf("%d bytes of %d come out", len(got), len(b))
		}
	})
}

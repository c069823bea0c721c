package wire

import (
	"bytes"
	"fmt"
	"testing"
)

// seen is a packet as a test compares it.
type seen struct {
	n     int
	seq   uint8
	cont  bool
	first []byte // the first HeadLen bytes at most
}

// walk feeds chunks to a Framer and returns the packets it reports and the payload bytes it skips or reports.
func walk(tb testing.TB, chunks [][]byte) (packets []seen, payload []byte) {
	tb.Helper()
	var f Framer
	for _, c := range chunks {
		for len(c) > 0 {
			if f.InPayload() {
				n := f.Skip(c)
				payload = append(payload, c[:n]...)
				c = c[n:]
				continue
			}
			var p Packet
			n, ok := f.Next(c, &p)
			if n == 0 {
				tb.Fatalf("Next consumed nothing of %d bytes", len(c))
			}
			c = c[n:]
			if !ok {
				if len(c) > 0 {
					tb.Fatalf("Next left %d bytes without reporting a packet", len(c))
				}
				continue
			}
			if len(p.Body) < min(p.Len, HeadLen) {
				tb.Fatalf("body of %d bytes, want at least %d", len(p.Body), min(p.Len, HeadLen))
			}
			payload = append(payload, p.Body...)
			packets = append(packets, seen{p.Len, p.Seq, p.Continues, bytes.Clone(p.Body[:min(len(p.Body), HeadLen)])})
		}
	}
	if !f.AtStart() {
		packets = append(packets, seen{n: -1}) // the stream ends within a packet
	}
	return packets, payload
}

func packetsOf(lengths ...int) []byte {
	var b []byte
	for i, n := range lengths {
		b = AppendHeader(b, n, uint8(i))
		for j := range n {
			b = append(b, byte(i+j))
		}
	}
	return b
}

func TestFramerFindsPacketsHoweverTheStreamIsCut(t *testing.T) {
	stream := packetsOf(1, 0, 5, HeadLen-1, HeadLen, HeadLen+1, 300, 0, 7)
	whole, payload := walk(t, [][]byte{stream})
	if len(whole) != 9 {
		t.Fatalf("%d packets, want 9", len(whole))
	}
	for size := 1; size < len(stream); size++ {
		var chunks [][]byte
		for rest := stream; len(rest) > 0; {
			n := min(size, len(rest))
			chunks, rest = append(chunks, rest[:n]), rest[n:]
		}
		got, p := walk(t, chunks)
		if fmt.Sprint(got) != fmt.Sprint(whole) || !bytes.Equal(p, payload) {
			t.Fatalf("in chunks of %d bytes: %v, want %v", size, got, whole)
		}
	}
}

func TestFramerJoinsLongPayloads(t *testing.T) {
	stream := packetsOf(MaxPayload, MaxPayload, 0, 1)
	got, _ := walk(t, [][]byte{stream[:100], stream[100 : MaxPayload+6], stream[MaxPayload+6:]})
	want := []struct {
		n    int
		cont bool
	}{{MaxPayload, false}, {MaxPayload, true}, {0, true}, {1, false}}
	if len(got) != len(want) {
		t.Fatalf("%d packets, want %d", len(got), len(want))
	}
	for i, w := range want {
		if got[i].n != w.n || got[i].cont != w.cont {
			t.Errorf("packet %d: length %d continues %v, want %d %v", i, got[i].n, got[i].cont, w.n, w.cont)
		}
	}
}

func TestFramerStandsAtStartOnlyBetweenPackets(t *testing.T) {
	stream := packetsOf(3, HeadLen+9)
	var f Framer
	starts := 0
	for i := range stream {
		c := stream[i : i+1]
		if f.InPayload() {
			f.Skip(c)
		} else {
			f.Next(c, new(Packet))
		}
		if f.AtStart() {
			starts++
		}
	}
	if starts != 2 {
		t.Errorf("at a packet's start %d times, want 2", starts)
	}
}

func TestSkipRowsStopsBeforeWhatMayEndARowset(t *testing.T) {
	row := func(first byte, n int) []byte {
		return append(AppendHeader(nil, n, 9), append([]byte{first}, make([]byte, n-1)...)...)
	}
	for _, c := range []struct {
		name string
		in   [][]byte
		want int // packets
	}{
		{"rows", [][]byte{row(3, 9), row(0, 1), row(0xfd, 70000)}, 3},
		{"EOF", [][]byte{row(3, 9), row(0xfe, 5), row(3, 9)}, 1},
		{"ERR", [][]byte{row(3, 9), row(0xff, 50)}, 1},
		{"cut row", [][]byte{row(3, 9), row(3, 9)[:12]}, 1},
		{"cut header", [][]byte{row(3, 9), {9, 0}}, 1},
		{"empty packet", [][]byte{row(3, 9), {0, 0, 0, 1}, row(3, 9)}, 1},
		{"fragment", [][]byte{row(3, MaxPayload), row(3, 9)}, 0},
	} {
		want := 0
		for _, p := range c.in[:c.want] {
			want += len(p)
		}
		var f Framer
		if got := f.SkipRows(bytes.Join(c.in, nil)); got != want {
			t.Errorf("%s: skipped %d bytes, want %d", c.name, got, want)
		}
	}
}

// Wherever a stream is cut, Rest says where the next logical packet begins.
func TestRestIsWhatIsStillToCome(t *testing.T) {
	for _, lengths := range [][]int{{1, 0, 5, HeadLen - 1, HeadLen, HeadLen + 1, 300, 7}, {MaxPayload, 3, 5}, {MaxPayload, MaxPayload, 0, 5}} {
		stream := packetsOf(lengths...)
		begins, at, cuts := []int{0}, 0, []int(nil)
		for _, n := range lengths {
			for d := range 2*HeaderLen + HeadLen {
				cuts = append(cuts, min(at+d, len(stream)), max(at-d, 0))
			}
			if at += HeaderLen + n; n != MaxPayload {
				begins = append(begins, at)
			}
		}
		for _, cut := range cuts {
			var f Framer
			for b := stream[:cut]; len(b) > 0; {
				var p Packet
				n := f.Skip(b)
				if n == 0 {
					n, _ = f.Next(b, &p)
				}
				b = b[n:]
			}
			want := len(stream)
			for _, at := range begins {
				if at >= cut {
					want = min(want, at)
				}
			}
			if got := cut + f.Rest(stream[cut:]); got != want {
				t.Fatalf("%v cut at %d: the next begins at %d, want %d", lengths, cut, got, want)
			}
		}
	}
}

func FuzzFramer(f *testing.F) {
	f.Add(packetsOf(1, 5, 0, 40), uint16(3))
	f.Add([]byte{0xff, 0xff, 0xff, 0, 1}, uint16(1))
	f.Fuzz(func(t *testing.T, stream []byte, size uint16) {
		n := int(size)%64 + 1
		var chunks [][]byte
		for rest := stream; len(rest) > 0; {
			k := min(n, len(rest))
			chunks, rest = append(chunks, rest[:k]), rest[k:]
		}
		whole, p1 := walk(t, [][]byte{stream})
		cut, p2 := walk(t, chunks)
		if len(stream) > 0 && (fmt.Sprint(whole) != fmt.Sprint(cut) || !bytes.Equal(p1, p2)) {
			t.Fatalf("cut in %d: %v, whole: %v", n, cut, whole)
		}
	})
}

func BenchmarkSkipRows(b *testing.B) {
	row := append(AppendHeader(nil, 100, 0), make([]byte, 100)...)
	chunk := bytes.Repeat(row, 2000)
	b.SetBytes(int64(len(chunk)))
	b.ReportAllocs()
	for b.Loop() {
		var f Framer
		if f.SkipRows(chunk) != len(chunk) {
			b.Fatal("stopped early")
		}
	}
}

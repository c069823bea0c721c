package main

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"segue/backend/wire"
)

// stream reads an answer as the server writes it, piece by piece.
type stream struct {
	answer
	offset int
}

func (s *stream) Read(p []byte) (int, error) {
	if s.offset == s.size() {
		return 0, io.EOF
	}
	n := copy(p, s.from(s.offset))
	s.offset += n
	return n, nil
}

// Each answer is what a client can follow: packets without a gap in their sequence ids, an EOF behind definitions and rows, and an end where
// its size says so.
func TestAnswersAreResultSets(t *testing.T) {
	for _, w := range workloads() {
		t.Run(w.name, func(t *testing.T) {
			r := wire.NewReader(&stream{answer: w.answer}, 0)
			packets, size, ends := 0, 0, 0
			var last []byte
			for {
				p, seq, err := r.Next()
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil {
					t.Fatalf("packet %d: %v", packets+1, err)
				}
				packets, size, last = packets+1, size+wire.HeaderLen+len(p), bytes.Clone(p[:min(len(p), 8)])
				if seq != uint8(packets) {
					t.Fatalf("packet %d has sequence id %d", packets, seq)
				}
				if wire.IsEOF(p) {
					ends++
				}
			}
			if size != w.answer.size() {
				t.Errorf("%d bytes in packets, size says %d", size, w.answer.size())
			}
			if ends != 2 || !wire.IsEOF(last) {
				t.Errorf("%d EOF packets, the last packet begins %x", ends, last)
			}
			if want := map[string]int{"small": 5, "prepared": 5, "rows": 104}[w.name]; want > 0 && packets != want {
				t.Errorf("%d packets, want %d", packets, want)
			}
			if w.name == "bulk" && size < 64<<20 {
				t.Errorf("%d bytes, want 64 MiB", size)
			}
		})
	}
}

func TestAnswerFromEveryOffset(t *testing.T) {
	a := answer{head: []byte("ab"), body: []byte("cde"), tail: []byte("fg"), times: 3}
	const want = "abcdecdecdefg"
	if a.size() != len(want) {
		t.Fatalf("size %d, want %d", a.size(), len(want))
	}
	for i := range want {
		if got := a.from(i); !bytes.HasPrefix([]byte(want[i:]), got) || len(got) == 0 {
			t.Errorf("from(%d) = %q, want a beginning of %q", i, got, want[i:])
		}
	}
}

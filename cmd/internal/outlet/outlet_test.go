package outlet

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// reader is an io.Writer's other end: it takes what it is let take.
type reader struct {
	reads chan struct{} // a write returns when it has got one, or when this is closed

	mu   sync.Mutex
	got  strings.Builder
	fail []failure // of the writes to come
}

type failure struct {
	n   int
	err error
}

func (r *reader) Write(p []byte) (int, error) {
	<-r.reads
	r.mu.Lock()
	defer r.mu.Unlock()
	f := failure{n: len(p)}
	if len(r.fail) > 0 {
		f, r.fail = r.fail[0], r.fail[1:]
		f.n = min(f.n, len(p))
	}
	r.got.Write(p[:f.n])
	return f.n, f.err
}

func (r *reader) text() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.got.String()
}

func said(lines uint64) []byte { return fmt.Appendf(nil, "%d missing\n", lines) }

// write writes lines a1, a2 … to w.
func write(w *Writer, name string, n int) {
	for i := range n {
		fmt.Fprintf(w, "%s%d\n", name, i+1)
	}
}

func TestOrderIsKept(t *testing.T) {
	r := &reader{reads: make(chan struct{})}
	close(r.reads)
	w := New(r, said)
	var want strings.Builder
	for i := range 10_000 {
		line := fmt.Sprintf("line %d\n", i)
		want.WriteString(line)
		if n, err := w.Write([]byte(line)); n != len(line) || err != nil {
			t.Fatal(n, err)
		}
	}
	w.Close(t.Context())
	if r.text() != want.String() || w.Dropped() != 0 {
		t.Errorf("%d bytes of %d, %d dropped", len(r.text()), want.Len(), w.Dropped())
	}
}

// Who writes never waits for a reader that does not read. What there is no room for is counted, and said where it is missing.
func TestReaderThatDoesNotRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &reader{reads: make(chan struct{})}
		w := New(r, said)
		w.room = 10      // three lines of three bytes, and one byte more
		write(w, "a", 1) // with the reader
		synctest.Wait()
		write(w, "b", 5)    // two of them find no room
		fmt.Fprintln(w, "") // would, but not behind a gap
		write(w, "c", 1)
		if w.Dropped() != 4 {
			t.Errorf("%d dropped", w.Dropped())
		}
		r.reads <- struct{}{}
		synctest.Wait()
		write(w, "d", 1)
		close(r.reads)
		w.Close(t.Context())
		if want := "a1\nb1\nb2\nb3\n4 missing\nd1\n"; r.text() != want {
			t.Errorf("got %q, want %q", r.text(), want)
		}
		write(w, "e", 1) // after the end
		if w.Dropped() != 5 {
			t.Errorf("%d dropped after the end", w.Dropped())
		}
	})
}

// A disk that is full, a reader that has gone: nothing is tried in a circle, a line that was cut is ended, and the rest is said as soon as something can be.
func TestWritesThatFail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &reader{reads: make(chan struct{}), fail: []failure{{0, errors.New("gone")}, {1, errors.New("full")}, {0, errors.New("full")}, {5, errors.New("full")}}}
		close(r.reads)
		w := New(r, said)
		dropped := func(want uint64) {
			t.Helper()
			synctest.Wait()
			if got := w.Dropped(); got != want {
				t.Errorf("%d dropped, want %d", got, want)
			}
		}
		write(w, "a", 1)
		dropped(1)
		write(w, "b", 1) // one byte of it gets there
		dropped(2)
		write(w, "c", 1)
		dropped(3)
		write(w, "d", 1) // it gets there, and a part of the notice
		dropped(3)
		write(w, "e", 1)
		w.Close(t.Context())
		if want := "b\nd1\n3\ne1\n3 missing\n"; r.text() != want {
			t.Errorf("got %q, want %q", r.text(), want)
		}
	})
}

// The end waits for a reader, but not for ever.
func TestEndIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &reader{reads: make(chan struct{})}
		w := New(r, nil)
		write(w, "a", 1)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		w.Close(ctx)
		if took := time.Since(began); took != time.Second {
			t.Errorf("took %s", took)
		}
		close(r.reads)
		w.Close(t.Context())
		if r.text() != "a1\n" {
			t.Errorf("got %q", r.text())
		}
	})
}

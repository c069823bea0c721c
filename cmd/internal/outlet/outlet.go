// Package outlet writes text for whoever reads it, stdout or a log, and has nobody who writes wait for that reader: it may be slow,
// have stopped reading, or be gone, and the disk may be full.
package outlet

import (
	"bytes"
	"context"
	"io"
	"sync"
)

const (
	// room is how many bytes may wait. As many again may be with the reader.
	room = 1 << 20
	// kept is how large a buffer stays for the next time.
	kept = 64 << 10
)

// Writer takes lines and writes them in their order, in a goroutine of its own that ends with Close. What there is no room for, or what cannot be
// written, is dropped and counted.
type Writer struct {
	// Static after New.
	out    io.Writer
	notice func(lines uint64) []byte
	room   int
	ended  chan struct{} // closed when run has ended

	mu      sync.Mutex // guards what follows; nobody who has it waits for out
	some    sync.Cond  // something waits, or closed
	waiting []byte
	full    bool   // a line was dropped behind what waits: those that follow it are dropped too, so that the gap is in one place
	dropped uint64 // lines
	unsaid  uint64 // of them, that no notice has told of
	closed  bool
}

// New makes a writer to out. notice makes the line that tells, where they are missing, of
// lines that were dropped; nil: only Dropped tells. It does not write to the writer.
func New(out io.Writer, notice func(lines uint64) []byte) *Writer {
	w := &Writer{out: out, notice: notice, room: room, ended: make(chan struct{})}
	w.some.L = &w.mu
	go w.run()
	return w
}

// Write takes whole lines. It never fails, and waits for nobody.
func (w *Writer) Write(lines []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.full = w.full || w.closed || len(w.waiting)+len(lines) > w.room; w.full {
		w.drop(max(1, count(lines)))
		return len(lines), nil
	}
	w.waiting = append(w.waiting, lines...)
	w.some.Signal()
	return len(lines), nil
}

// Dropped is how many lines have been.
func (w *Writer) Dropped() uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.dropped
}

// Close takes no more, and returns when everything has been written, or when ctx is done: a reader that does not read then keeps run, and
// what is left of the text is lost.
func (w *Writer) Close(ctx context.Context) {
	w.mu.Lock()
	w.closed = true
	w.some.Signal()
	w.mu.Unlock()
	select {
	case <-w.ended:
	case <-ctx.Done():
	}
}

// run writes what waits until there is no more of it and w is closed.
func (w *Writer) run() {
	defer close(w.ended)
	var b batch
	for w.take(&b) {
		n, _ := w.out.Write(b.text) // an error is as good as its number of bytes: the next line tries again
		w.wrote(&b, n)
	}
}

// batch is what is written at once.
type batch struct {
	text       []byte // lines, and then a notice of those that were dropped behind them
	begin, end int    // of the lines
	said       uint64 // by the notice
	torn       bool   // the line that was written last lacks its end
}

// take waits for text, and moves it to b; false: there will be none.
func (w *Writer) take(b *batch) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(w.waiting) == 0 && !w.closed {
		w.some.Wait()
	}
	if len(w.waiting) == 0 {
		return false
	}
	spent := b.text[:0]
	if cap(spent) > kept {
		spent = nil
	}
	b.text, w.waiting, w.full = w.waiting, spent, false
	b.begin, b.said = 0, 0
	if b.torn {
		b.text, b.begin = append([]byte("\n"), b.text...), 1
	}
	b.end = len(b.text)
	if w.notice != nil && w.unsaid > 0 {
		b.said, w.unsaid = w.unsaid, 0
		b.text = append(b.text, w.notice(b.said)...)
	}
	return true
}

// wrote notes that n bytes of b have been written.
func (w *Writer) wrote(b *batch, n int) {
	if n > 0 {
		b.torn = b.text[n-1] != '\n'
	}
	if n == len(b.text) {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.unsaid += b.said
	w.drop(count(b.text[min(max(n, b.begin), b.end):b.end]))
}

// drop counts lines that nobody will read.
func (w *Writer) drop(lines int) {
	w.dropped += uint64(lines)
	w.unsaid += uint64(lines)
}

func count(text []byte) int { return bytes.Count(text, []byte("\n")) }

package loop

import (
	"bytes"
	"errors"
	"io"
	"testing"
)

// runs is a codec: what is received are pairs, of how many thousands of bytes there are and which; what is sent is 'x' before each byte.
type runs struct {
	left   int
	which  byte
	closed bool
}

var errRun = errors.New("no run")

func (*runs) Encode(dst, b []byte) []byte {
	for _, c := range b {
		dst = append(dst, 'x', c)
	}
	return dst
}

func (r *runs) Decode(dst, in []byte) (n, used int, err error) {
	for n < len(dst) {
		if r.left == 0 {
			if len(in)-used < 2 {
				break
			}
			if in[used] == 0 {
				return n, used, errRun
			}
			r.left, r.which = 1000*int(in[used]), in[used+1]
			used += 2
		}
		m := min(r.left, len(dst)-n)
		for i := range m {
			dst[n+i] = r.which
		}
		n += m
		r.left -= m
	}
	return n, used, nil
}

func (r *runs) More(in []byte) bool { return r.left > 0 || len(in) >= 2 }
func (r *runs) Close()              { r.closed = true }

// codedProbe has a codec upon its connection.
func codedProbe(t *testing.T, l *Loop, first []byte) (*probe, *runs, io.ReadWriteCloser) {
	t.Helper()
	p, far := adopted(t, l, "tcp")
	r := &runs{}
	do(t, l, func() { p.conn.Code(r, first) })
	return p, r, far
}

// Little that is much when it has been decoded comes whole, the end behind it, and first what had been read before.
func TestCoded(t *testing.T) {
	for name, o := range pollers() {
		t.Run(name, func(t *testing.T) {
			l := start(t, o)
			p, r, far := codedProbe(t, l, []byte{1, 'a', 2})
			if _, err := far.Write(bytes.Repeat([]byte{'b', 200}, 50)); err != nil {
				t.Fatal(err)
			}
			_, _ = far.Write([]byte{'c'})
			do(t, l, func() { _, _ = p.conn.Write([]byte("hi")) })
			said := make([]byte, 4)
			if _, err := io.ReadFull(far, said); err != nil || string(said) != "xhxi" {
				t.Errorf("%q was sent: %v", said, err)
			}
			_ = far.Close()
			want := append(bytes.Repeat([]byte{'a'}, 1000), bytes.Repeat([]byte{'b'}, 2000+49*200_000)...)
			want = append(want, bytes.Repeat([]byte{'c'}, 200_000)...)
			if got := gather(t, p, len(want)); !bytes.Equal(got, want) {
				t.Error("something else comes out")
			}
			if err := wait(t, p.ended); err != io.EOF { //nolint:errorlint // it is never wrapped
				t.Errorf("the end is %v", err)
			}
			do(t, l, func() { p.conn.Close() })
			if !r.closed {
				t.Error("the codec has not been closed")
			}
		})
	}
}

// What nobody takes is not decoded, and what is looked for is there.
func TestCodedWaits(t *testing.T) {
	l := start(t, Options{})
	p, r, far := codedProbe(t, l, nil)
	do(t, l, func() { p.conn.Pause() })
	if _, err := far.Write([]byte{255, 'a', 255, 'b'}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "there is something", func() (is bool) {
		do(t, l, func() { is, _ = p.conn.Peek() })
		return is
	})
	do(t, l, func() {
		if n := len(p.conn.extra.rest); n > smallRead || r.left < 255_000-smallRead {
			t.Errorf("%d bytes have been decoded, %d of the first are left", n, r.left)
		}
		_ = far.Close()
	})
	eventually(t, "the end is known", func() (is bool) {
		do(t, l, func() { is = p.conn.PeerClosed() })
		return is
	})
	do(t, l, func() {
		if p.conn.AtEnd() {
			t.Error("the end is taken for near")
		}
		p.conn.Resume()
	})
	gather(t, p, 510_000)
	if err := wait(t, p.ended); err != io.EOF { //nolint:errorlint // it is never wrapped
		t.Errorf("the end is %v", err)
	}
}

// What cannot be decoded is the end, behind what could.
func TestCodedBadly(t *testing.T) {
	l := start(t, Options{})
	p, _, far := codedProbe(t, l, nil)
	if _, err := far.Write([]byte{1, 'a', 0, 'b', 1, 'c'}); err != nil {
		t.Fatal(err)
	}
	if got := gather(t, p, 1000); !bytes.Equal(got, bytes.Repeat([]byte{'a'}, 1000)) {
		t.Errorf("%q comes out", got)
	}
	if err := wait(t, p.ended); !errors.Is(err, errRun) {
		t.Errorf("the end is %v", err)
	}
}

// A codec travels with its connection, and what it has begun.
func TestCodedHandOver(t *testing.T) {
	one, two := start(t, Options{}), start(t, Options{})
	p, r, far := codedProbe(t, one, nil)
	do(t, one, func() { p.conn.Pause() })
	if _, err := far.Write([]byte{255, 'a', 1}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it has begun", func() bool {
		do(t, one, func() { _, _ = p.conn.Peek() })
		return r.left > 0
	})
	var s Socket
	do(t, one, func() { s, _ = p.conn.Detach() })
	if s.FD() >= 0 {
		t.Error("another process may have it")
	}
	do(t, two, func() {
		if err := p.conn.Adopt(two, s, p); err != nil {
			t.Error(err)
		}
	})
	if _, err := far.Write([]byte{'b'}); err != nil {
		t.Fatal(err)
	}
	want := append(bytes.Repeat([]byte{'a'}, 255_000), bytes.Repeat([]byte{'b'}, 1000)...)
	if got := gather(t, p, len(want)); !bytes.Equal(got, want) {
		t.Error("something else comes out")
	}
	do(t, two, func() { p.conn.CloseAfterFlush(patience) })
	if b, err := io.ReadAll(far); err != nil || len(b) > 0 || !r.closed {
		t.Errorf("%q, %v; closed: %v", b, err, r.closed)
	}
}

// A codec lies within TLS.
func TestCodedTLS(t *testing.T) {
	for name, k := range kinds() {
		t.Run(name, func(t *testing.T) {
			l := start(t, k.o)
			p, far := secureds(t, l, k, "tcp")
			do(t, l, func() { p.conn.Code(&runs{}, nil) })
			if _, err := far.Write([]byte{100, 'a', 100, 'b'}); err != nil {
				t.Fatal(err)
			}
			want := append(bytes.Repeat([]byte{'a'}, 100_000), bytes.Repeat([]byte{'b'}, 100_000)...)
			if got := gather(t, p.probe, len(want)); !bytes.Equal(got, want) {
				t.Error("something else comes out")
			}
			do(t, l, func() { _ = p.conn.Finish([]byte("bye")) })
			if b, err := io.ReadAll(far); string(b) != "xbxyxe" || err != nil {
				t.Errorf("%q: %v", b, err)
			}
			_ = far.Close()
			if err := wait(t, p.ended); err != io.EOF { //nolint:errorlint // it is never wrapped
				t.Errorf("the end is %v", err)
			}
		})
	}
}

// What had been read ahead when the codec began keeps nobody from hearing of the end.
func TestCodedBehindWhatWasReadAhead(t *testing.T) {
	for name, k := range kinds() {
		t.Run(name, func(t *testing.T) {
			l := start(t, k.o)
			p, far := secureds(t, l, k, "tcp")
			do(t, l, func() { p.conn.Pause() })
			_, _ = far.Write([]byte{1}) // half of what could be decoded
			_ = far.Close()
			eventually(t, "something has been read ahead", func() (seen bool) {
				do(t, l, func() { seen, _ = p.conn.Peek() })
				return seen
			})
			do(t, l, func() { p.conn.Code(&runs{}, nil); p.conn.Resume() })
			wait(t, p.ended)
			do(t, l, func() { p.conn.Close() })
		})
	}
}

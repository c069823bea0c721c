package compress

import (
	"bytes"
	"errors"
	"io"
	"sync"

	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
)

var (
	errLong  = errors.New("more content than its header says")
	errShort = errors.New("less content than its header says")
)

// zlibLevel is the fastest: the servers' own, 6, makes rows smaller by a fiftieth, and takes twice the time (BenchmarkCodec).
const zlibLevel = 1

// maxWindow bounds what a zstd frame may have its decoder keep: no packet's content is longer.
const maxWindow = 16 << 20

// appender is written to by zlib.
type appender struct{ b []byte }

func (a *appender) Write(b []byte) (int, error) {
	a.b = append(a.b, b...)
	return len(b), nil
}

// zlibWriter is one that is lent.
type zlibWriter struct {
	to appender
	w  *zlib.Writer
}

// inflater reads one packet's content.
type inflater struct {
	from   bytes.Reader
	by     Algorithm
	reader io.Reader // … which is one of these; nil before the first
	zlib   io.ReadCloser
	zstd   *zstd.Decoder
}

// What is lent. None of it has a goroutine of its own.
var (
	zlibWriters = sync.Pool{New: func() any {
		z := &zlibWriter{}
		z.w, _ = zlib.NewWriterLevel(&z.to, zlibLevel)
		return z
	}}
	zstdEncoders = sync.Pool{New: func() any {
		e, _ := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithLowerEncoderMem(true),
			zstd.WithWindowSize(maxContent), zstd.WithEncoderCRC(false))
		return e
	}}
	zstdDecoders = sync.Pool{New: func() any { // for what is there whole
		d, _ := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecodeAllCapLimit(true), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
		return d
	}}
	inflaters = [...]sync.Pool{
		Zlib: {New: func() any { return &inflater{by: Zlib} }},
		Zstd: {New: func() any { return &inflater{by: Zstd} }},
	}
)

// deflate appends b to dst, compressed.
func deflate(a Algorithm, dst, b []byte) []byte {
	if a == Zstd {
		e := zstdEncoders.Get().(*zstd.Encoder)
		dst = e.EncodeAll(b, dst)
		zstdEncoders.Put(e)
		return dst
	}
	z := zlibWriters.Get().(*zlibWriter)
	z.to.b = dst
	z.w.Reset(&z.to)
	_, _ = z.w.Write(b) // appending cannot fail
	_ = z.w.Close()
	dst, z.to.b = z.to.b, nil
	zlibWriters.Put(z)
	return dst
}

// unpack puts the content b into dst, which it must fill.
func unpack(a Algorithm, dst, b []byte) error {
	if a == Zstd {
		d := zstdDecoders.Get().(*zstd.Decoder)
		defer zstdDecoders.Put(d)
		out, err := d.DecodeAll(b, dst[:0:len(dst)])
		switch {
		case errors.Is(err, zstd.ErrDecoderSizeExceeded):
			return errLong
		case err != nil:
			return err
		case len(out) < len(dst):
			return errShort
		}
		return nil
	}
	f := newInflater(a)
	defer f.give()
	if err := f.begin(b); err != nil {
		return err
	}
	if err := f.fill(dst); err != nil {
		return err
	}
	return f.end()
}

// newInflater lends one.
func newInflater(a Algorithm) *inflater { return inflaters[a].Get().(*inflater) }

// begin begins to read b, which must stay as it is.
func (f *inflater) begin(b []byte) (err error) {
	f.from.Reset(b)
	switch {
	case f.by == Zstd && f.zstd == nil:
		f.zstd, err = zstd.NewReader(source{&f.from}, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
		f.reader = f.zstd
	case f.by == Zstd:
		err = f.zstd.Reset(source{&f.from})
	case f.zlib == nil:
		f.zlib, err = zlib.NewReader(&f.from)
		f.reader = f.zlib
	default:
		err = f.zlib.(zlib.Resetter).Reset(&f.from, nil)
	}
	return short(err)
}

// source hides that all of the content is there: its decoder would take that for a reason to read it at once.
type source struct{ io.Reader }

// fill reads until dst is full.
func (f *inflater) fill(dst []byte) error {
	_, err := io.ReadFull(f.reader, dst)
	return short(err)
}

// end reports whether the content ends here.
func (f *inflater) end() error {
	var more [1]byte
	switch n, err := io.ReadFull(f.reader, more[:]); {
	case n > 0:
		return errLong
	case errors.Is(err, io.EOF):
		return nil
	default:
		return err
	}
}

// short says what an end too early is.
func short(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errShort
	}
	return err
}

// give gives it back.
func (f *inflater) give() {
	f.from.Reset(nil)
	if f.zstd != nil {
		_ = f.zstd.Reset(nil)
	}
	inflaters[f.by].Put(f)
}

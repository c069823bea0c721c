package fesim

import (
	"bytes"
	"errors"
	"io"
	"sync"
	"time"
)

// chunks are what bodies are read in.
var chunks = sync.Pool{New: func() any { b := make([]byte, 256<<10); return &b }}

// receive reads the body of a load.
func (l *beLife) receive(x *loadCall, table string) (*loadBatch, error) {
	batch := &loadBatch{table: table}
	chunk := chunks.Get().(*[]byte)
	defer chunks.Put(chunk)
	rows := rowReader(x.r.Header.Get, batch, l.be.opts.Discard)
	stop := x.faults.receiving(x.op, x.label)
	began := time.Now()
	for {
		into := *chunk
		if left := stop - batch.bytes; stop >= 0 && left > 0 && left < int64(len(into)) {
			into = into[:left]
		}
		if stop == 0 {
			x.at(AtBytes)
			stop = x.faults.receiving(x.op, x.label)
		}
		n, err := x.r.Body.Read(into)
		batch.bytes += int64(n)
		if f := rows.take(into[:n]); f != nil {
			return batch, f
		}
		if stop >= 0 && batch.bytes >= stop {
			x.at(AtBytes)
			stop = x.faults.receiving(x.op, x.label)
		}
		if !l.throttle(began, batch.bytes) {
			return batch, io.ErrClosedPipe
		}
		switch {
		case errors.Is(err, io.EOF):
			if f := rows.end(); f != nil {
				return batch, f
			}
			return batch, nil
		case err != nil:
			return batch, err
		}
	}
}

// throttle waits as long as LoadRate asks for; false if the BE ends meanwhile.
func (l *beLife) throttle(began time.Time, n int64) bool {
	rate := l.be.opts.LoadRate
	if rate <= 0 {
		return l.ctx.Err() == nil
	}
	due := began.Add(time.Duration(float64(n) / float64(rate) * float64(time.Second)))
	wait := time.Until(due)
	if wait < time.Millisecond {
		return l.ctx.Err() == nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-l.ctx.Done():
		return false
	}
}

// rows makes rows of a body.
type rows interface {
	take(b []byte) error
	end() error
}

func rowReader(header func(string) string, batch *loadBatch, discard bool) rows {
	if discard {
		return discarded{}
	}
	return &csvRows{batch: batch, column: []byte(cmp0(header("column_separator"), "\t")), row: []byte(cmp0(header("row_delimiter"), "\n"))}
}

// discarded counts bytes alone.
type discarded struct{}

func (discarded) take([]byte) error { return nil }
func (discarded) end() error        { return nil }

// csvRows are lines.
type csvRows struct {
	batch       *loadBatch
	column, row []byte
	rest        []byte // of a line that has not ended
}

func (r *csvRows) take(b []byte) error {
	if len(r.rest) > 0 {
		r.rest = append(r.rest, b...)
		b = r.rest
	}
	for {
		at := bytes.Index(b, r.row)
		if at < 0 {
			break
		}
		r.line(b[:at])
		b = b[at+len(r.row):]
	}
	r.rest = append(r.rest[:0:0], b...)
	return nil
}

func (r *csvRows) end() error {
	if len(r.rest) > 0 {
		r.line(r.rest)
	}
	r.rest = nil
	return nil
}

func (r *csvRows) line(line []byte) {
	if len(line) == 0 {
		return
	}
	key, _, _ := bytes.Cut(line, r.column)
	r.batch.add(key, line)
}

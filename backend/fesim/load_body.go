package fesim

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"
)

// chunks are what bodies are read in.
var chunks = sync.Pool{New: func() any { b := make([]byte, 256<<10); return &b }}

// receive reads a body; an error means that the client has gone, or the BE.
func (l *beLife) receive(x *loadCall, to *rowReader) error {
	chunk := chunks.Get().(*[]byte)
	defer chunks.Put(chunk)
	var got int64
	began := time.Now()
	stop := x.faults.receiving(x.op, x.label)
	if stop == 0 {
		x.at(AtBytes)
		stop = -1
	}
	for {
		into := *chunk
		if left := stop - got; stop >= 0 && left < int64(len(into)) {
			into = into[:left]
		}
		n, err := x.r.Body.Read(into)
		got += int64(n)
		to.take(into[:n])
		if stop >= 0 && got >= stop {
			x.at(AtBytes)
			stop = -1
		}
		if !l.throttle(began, got) {
			return io.ErrClosedPipe
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// throttle waits as long as LoadRate asks for; false if the BE ends meanwhile.
func (l *beLife) throttle(began time.Time, n int64) bool {
	if rate := l.be.opts.LoadRate; rate > 0 {
		due := began.Add(time.Duration(float64(n) / float64(rate) * float64(time.Second)))
		if wait := time.Until(due); wait >= time.Millisecond {
			l.sleep(wait)
		}
	}
	return l.ctx.Err() == nil
}

// rowReader makes rows of bodies: of one, or of those of a transaction, which are one stream.
type rowReader struct {
	batch       *loadBatch
	discard     bool
	whole       bool // it can only be read when all of it is there: all but CSV, and what is compressed
	gzip        bool
	format      string
	column, row []byte
	columns     int    // of a row; 0: any number
	skip        int    // lines that are headers
	strip       bool   // strip_outer_array
	rest        []byte // of CSV, a line that has not ended; of others, all
}

// newRowReader reads the headers that say what a body is like.
func newRowReader(header func(string) string, b *BE, table string) (*rowReader, error) {
	r := &rowReader{
		batch: &loadBatch{table: table}, discard: b.opts.Discard, format: strings.ToLower(cmp.Or(header("format"), "csv")),
		column: separator(cmp.Or(header("column_separator"), "\t")), row: separator(cmp.Or(cmp.Or(header("row_delimiter"), header("line_delimiter")), "\n")),
		strip: strings.EqualFold(header("strip_outer_array"), "true"), columns: b.cluster.columnsOf(table, header("columns")),
	}
	r.skip, _ = strconv.Atoi(header("skip_header"))
	compression := strings.ToLower(cmp.Or(cmp.Or(header("compression"), header("compress_type")), header("Content-Encoding")))
	if r.format == "gzip" {
		r.format, compression = "csv", "gzip"
	}
	switch compression {
	case "", "none", "identity":
	case "gzip", "gz":
		r.gzip = true
	default:
		return nil, failure("INTERNAL_ERROR", "unknown compression type: %s", compression) // fesim knows gzip alone
	}
	switch r.format {
	case "csv", "json", "parquet", "orc": // the last two in every flavor, which is more than StarRocks takes
	default:
		return nil, failure("INTERNAL_ERROR", "unknown data format, format=%s", header("format"))
	}
	r.whole = r.gzip || r.format != "csv"
	return r, nil
}

// separator reads \x01 and \n in a separator.
func separator(s string) []byte {
	if strings.HasPrefix(s, `\x`) || strings.HasPrefix(s, "0x") {
		if b, err := hex.DecodeString(strings.ReplaceAll(s[2:], `\x`, "")); err == nil && len(b) > 0 {
			return b
		}
	}
	return []byte(strings.NewReplacer(`\n`, "\n", `\t`, "\t", `\r`, "\r").Replace(s))
}

// take takes bytes of a body.
func (r *rowReader) take(b []byte) {
	r.batch.bytes += int64(len(b))
	switch {
	case r.discard:
	case r.whole:
		r.rest = append(r.rest, b...)
	default:
		r.lines(b)
	}
}

// lines makes rows of the lines that have ended.
func (r *rowReader) lines(b []byte) {
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
	r.rest = append([]byte(nil), b...)
}

func (r *rowReader) line(line []byte) {
	switch {
	case r.skip > 0:
		r.skip--
		return
	case len(line) == 0:
		return
	}
	key, _, _ := bytes.Cut(line, r.column)
	if n := bytes.Count(line, r.column) + 1; r.columns > 0 && n != r.columns {
		r.batch.filter(fmt.Sprintf("Error: Value count does not match column count. Expect %d, but got %d. Row: %s", r.columns, n, line))
		return
	}
	r.batch.add(key, line, r.split)
}

// split makes values of a line.
func (r *rowReader) split(line string) []value {
	var values []value
	for field := range strings.SplitSeq(line, string(r.column)) {
		if field == `\N` {
			values = append(values, nil)
		} else {
			values = append(values, field)
		}
	}
	return values
}

// finish ends the last line, and judges the whole.
func (r *rowReader) finish(header func(string) string) (*loadBatch, error) {
	b := r.batch
	if r.discard {
		return b, nil
	}
	if r.gzip {
		plain, err := gunzip(r.rest)
		if err != nil {
			return b, failure("INTERNAL_ERROR", "decompress failed: %s", err)
		}
		r.rest = plain
	}
	var err error
	switch {
	case r.format == "json":
		err = r.objects(r.rest)
	case r.format != "csv":
		if sum := sha256.Sum256(r.rest); len(r.rest) > 0 {
			b.add([]byte(hex.EncodeToString(sum[:])), nil, nil)
		}
	default:
		whole := r.rest
		r.rest = nil
		r.lines(whole)
		if len(r.rest) > 0 {
			r.line(r.rest)
		}
	}
	r.rest = nil
	ratio, _ := strconv.ParseFloat(header("max_filter_ratio"), 64)
	switch {
	case err != nil:
		return b, failure("INTERNAL_ERROR", "%s", err)
	case b.filtered > 0 && float64(b.filtered) > ratio*float64(b.rows+b.filtered):
		return b, failure("INTERNAL_ERROR", "too many filtered rows")
	case b.rows == 0:
		return b, failure("INTERNAL_ERROR", "No partitions have data available for loading. If you are sure there may be no data to be loaded, you can use `ADMIN SET FRONTEND CONFIG ('empty_load_as_error' = 'false')` to ensure such load jobs can succeed")
	}
	return b, nil
}

func gunzip(b []byte) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z)
}

// objects makes rows of JSON: of objects one after the other, or of an array of them.
func (r *rowReader) objects(b []byte) error {
	d := json.NewDecoder(bytes.NewReader(b))
	for {
		var one json.RawMessage
		if err := d.Decode(&one); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("Failed to parse json as document stream: %w", err) //nolint:staticcheck // its text
		}
		isArray := one[0] == '['
		switch {
		case isArray && !r.strip:
			return errors.New("The value is array type in json document stream, you can set strip_outer_array=true to parse each element of the array as individual rows") //nolint:staticcheck // its text
		case isArray:
			var list []json.RawMessage
			if err := json.Unmarshal(one, &list); err != nil {
				return err
			}
			for _, o := range list {
				r.object(o)
			}
		default:
			r.object(one)
		}
	}
}

func (r *rowReader) object(o json.RawMessage) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(o, &fields); err != nil {
		r.batch.filter("Error: " + err.Error() + ". Row: " + string(o))
		return
	}
	var compact bytes.Buffer
	_ = json.Compact(&compact, o)
	raw, ok := fields["id"]
	if !ok {
		raw = firstField(o)
	}
	r.batch.add(bytes.Trim(raw, `"`), compact.Bytes(), nil)
}

// firstField is the value of an object's first field.
func firstField(o []byte) json.RawMessage {
	d := json.NewDecoder(bytes.NewReader(o))
	var v json.RawMessage
	if _, err := d.Token(); err == nil {
		if _, err = d.Token(); err == nil {
			_ = d.Decode(&v)
		}
	}
	return v
}

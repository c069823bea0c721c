package measure

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"segue/bench"
)

// Stream says what loads are like: Stream Loads of CSV over HTTP.
type Stream struct {
	Every   time.Duration // between two loads of one client
	Rows    int           // of one load
	Size    int64         // of one load, in bytes; rows are as long as that makes them, and never shorter than their ids
	For     time.Duration // how long a body is under way: it comes in pieces; zero: at once
	Retry   int           // how often a load that failed is sent again, a second later and under the same label, as connectors do; without labels, as scripts do
	NoLabel bool          // none is sent: whoever takes the load makes one
	Chunked bool          // bodies are sent in chunks
	Timeout time.Duration // of a connect, of a piece of a body, and of the answer
}

// DefaultStream is a small load every second, tried once.
func DefaultStream() Stream {
	return Stream{Every: time.Second, Rows: 100, Size: 64 << 10, Timeout: time.Minute}
}

// StreamSummary is what loads were like.
type StreamSummary struct {
	Address string `json:"address"`
	Every   Millis `json:"every_ms"`
	Rows    int    `json:"rows"`
	Size    int64  `json:"bytes"`
	For     Millis `json:"for_ms"`
	Retry   int    `json:"retry"`
	Label   bool   `json:"label"`
	Chunked bool   `json:"chunked"`
	Timeout Millis `json:"timeout_ms"`
}

func (s *Stream) summary(address string) *StreamSummary {
	return &StreamSummary{address, Millis(s.Every), s.Rows, s.Size, Millis(s.For), s.Retry, !s.NoLabel, s.Chunked, Millis(s.Timeout)}
}

// String says it in a line.
func (s *StreamSummary) String() string {
	text := fmt.Sprintf("%d rows, %d bytes, every %v of each client, to %s", s.Rows, s.Size, s.Every.Duration(), s.Address)
	if s.For > 0 {
		text += fmt.Sprintf(", over %v", s.For.Duration())
	}
	if !s.Label {
		text += ", without a label"
	}
	if s.Chunked {
		text += ", in chunks"
	}
	if s.Retry == 0 {
		return text + "; sent once"
	}
	return text + fmt.Sprintf("; sent again up to %d times", s.Retry)
}

// validate tells what makes no sense.
func (s *Stream) validate() error {
	switch {
	case s.Every <= 0:
		return errors.New("--load-every wants a time above zero")
	case s.For < 0 || s.For > s.Timeout*pieces:
		return fmt.Errorf("--load-for %v: want up to %v, since no piece may take longer than --load-timeout", s.For, s.Timeout*pieces)
	case s.Rows < 1 || s.Rows > 1_000_000:
		return fmt.Errorf("--load-rows %d: want 1 to a million rows", s.Rows)
	case s.Size < 0 || s.Size > int64(s.Rows)*60_000:
		return fmt.Errorf("--load-size %d: want up to 60000 bytes a row, which are %d; --load-rows makes more rows", s.Size, s.Rows)
	case s.Retry < 0 || s.Retry > 1000:
		return fmt.Errorf("--load-retry %d: want 0 to 1000 times", s.Retry)
	case s.Timeout < 100*time.Millisecond:
		return fmt.Errorf("--load-timeout %v: want 100ms or more", s.Timeout)
	}
	return nil
}

// SettleLoadAddress finds out where loads go, if there are any: to where it is said, or to the port of FEs on the endpoint's host.
func (o *Options) SettleLoadAddress() error {
	if o.Load.Clients[Loads] == 0 {
		return nil
	}
	if o.LoadAddress == "" {
		host, _, err := net.SplitHostPort(o.Endpoint.Addr)
		if err != nil {
			return fmt.Errorf("find where loads go: %w; name it with --load-address HOST:PORT", err)
		}
		o.LoadAddress = net.JoinHostPort(host, "8030")
	}
	if host, port, err := net.SplitHostPort(o.LoadAddress); err != nil || host == "" || port == "" {
		return fmt.Errorf("--load-address %s: want HOST:PORT of an FE's HTTP port, or of what stands before it", o.LoadAddress)
	}
	return nil
}

// rowID is that of a row of a load.
func rowID(label string, row int) string { return fmt.Sprintf("%s-%d", label, row) }

// body is the CSV of a load: each row its id, and as much as makes the load as long as it is to be.
func (s *Stream) body(label string) string {
	var b strings.Builder
	for row := range s.Rows {
		id := rowID(label, row)
		b.WriteString(id)
		b.WriteByte(',')
		for until := s.Size * int64(row+1) / int64(s.Rows); int64(b.Len()) < until-1; {
			const filler = "the quick brown fox jumps over the lazy dog "
			b.WriteString(filler[:min(int64(len(filler)), until-1-int64(b.Len()))])
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// pieces is in how many a body comes that takes a while.
const pieces = 20

// reader gives a body anew.
func (s *Stream) reader(ctx context.Context, body string) func() io.Reader {
	return func() io.Reader {
		whole := strings.NewReader(body)
		if s.For == 0 {
			return whole
		}
		return &slow{ctx, whole, max(1, len(body)/pieces), s.For / pieces}
	}
}

// slow gives a piece at a time, each after a pause.
type slow struct {
	ctx   context.Context
	rest  *strings.Reader
	piece int
	pause time.Duration
}

func (s *slow) Read(b []byte) (int, error) {
	if s.rest.Len() > 0 {
		bench.Pause(s.ctx, s.pause)
	}
	return s.rest.Read(b[:min(len(b), s.piece)])
}

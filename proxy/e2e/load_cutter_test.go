package e2e

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"net/textproto"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// place is a class of byte boundaries in what goes to and fro for one request.
type place string

// The places at which something can happen to a load, in their order.
const (
	atHead   place = "head"   // the request's head has come, nothing of it is carried
	atFirst  place = "first"  // one byte of the body has been carried
	atMiddle place = "middle" // half of the body
	atLast   place = "last"   // all but the last byte of the request
	atSent   place = "sent"   // all of it; the answer may be under way
	atDone   place = "done"   // the answer has come, nothing of it is carried
	atAnswer place = "answer" // half of the answer has been carried
)

var places = []place{atHead, atFirst, atMiddle, atLast, atSent, atDone, atAnswer}

// cutter is a cable that knows the requests in it, by which something can be made to happen at a place of one.
type cutter struct {
	ln      net.Listener
	target  string
	renames *strings.Replacer // in answers; nil: nothing
	running sync.WaitGroup

	mu      sync.Mutex
	strands map[*loadWire]bool
	closed  bool
	armed   func(request string, at place) bool // asked at each place of each load; true cuts the connection there
}

// loadWire is one connection.
type loadWire struct {
	near, far *net.TCPConn
	mu        sync.Mutex
	request   string // method, path and label of what is under way; empty: nothing that loads
}

// startCutter lays a cable to target, in whose answers every second of renames stands for the one before it. It ends with the test.
func startCutter(t *testing.T, target string, renames ...string) *cutter {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("listen: %v", err)
	}
	c := &cutter{ln: ln, target: target, strands: map[*loadWire]bool{}}
	if len(renames) > 0 {
		c.renames = strings.NewReplacer(renames...)
	}
	c.running.Go(c.serve)
	t.Cleanup(c.close)
	return c
}

func (c *cutter) address() string { return c.ln.Addr().String() }

// arm has f asked at each place of each load from now on; nil: nothing happens.
func (c *cutter) arm(f func(request string, at place) bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.armed = f
}

func (c *cutter) close() {
	_ = c.ln.Close()
	c.mu.Lock()
	c.closed = true
	for l := range c.strands {
		l.breakOff()
	}
	c.mu.Unlock()
	c.running.Wait()
}

func (c *cutter) serve() {
	for {
		near, err := c.ln.Accept()
		if err != nil {
			return
		}
		c.running.Go(func() { c.carry(near.(*net.TCPConn)) })
	}
}

// carry carries one connection; one to nobody is reset.
func (c *cutter) carry(near *net.TCPConn) {
	far, err := net.Dial("tcp", c.target)
	if err != nil {
		_ = near.SetLinger(0)
		_ = near.Close()
		return
	}
	l := &loadWire{near: near, far: far.(*net.TCPConn)}
	c.mu.Lock()
	c.strands[l] = true
	if c.closed {
		l.breakOff()
	}
	c.mu.Unlock()
	var back sync.WaitGroup
	back.Go(func() { l.end(l.near, c.answers(l)) })
	l.end(l.far, c.requests(l))
	back.Wait()
	l.breakOff()
	c.mu.Lock()
	delete(c.strands, l)
	c.mu.Unlock()
}

// end passes on how one direction has ended.
func (l *loadWire) end(to *net.TCPConn, err error) {
	if errors.Is(err, io.EOF) {
		_ = to.CloseWrite()
		return
	}
	l.breakOff()
}

// breakOff resets both sides.
func (l *loadWire) breakOff() {
	for _, conn := range []*net.TCPConn{l.near, l.far} {
		_ = conn.SetLinger(0)
		_ = conn.Close()
	}
}

var errCut = errors.New("cut")

// reach is called at a place; its error ends the connection.
func (c *cutter) reach(l *loadWire, at place) error {
	l.mu.Lock()
	request := l.request
	l.mu.Unlock()
	c.mu.Lock()
	f := c.armed
	c.mu.Unlock()
	if f != nil && request != "" && f(request, at) {
		return errCut
	}
	return nil
}

// requests carries requests until there is an error.
func (c *cutter) requests(l *loadWire) error {
	from := bufio.NewReaderSize(l.near, 64<<10)
	for {
		head, length, request, err := readHead(from)
		if err != nil {
			return err
		}
		l.mu.Lock()
		l.request = request
		l.mu.Unlock()
		if err := c.reach(l, atHead); err != nil {
			return err
		}
		if _, err := l.far.Write(head); err != nil {
			return err
		}
		switch {
		case length > 0:
			err = c.body(l, from, length)
		case length < 0:
			err = c.chunks(l, from)
		}
		if err == nil {
			err = c.reach(l, atSent)
		}
		if err != nil {
			return err
		}
	}
}

// readHead reads a head. The length is that of the body, -1 for chunks; the request is named if it is a load's or a transaction's.
func readHead(from *bufio.Reader) (head []byte, length int64, request string, err error) {
	for !bytes.HasSuffix(head, []byte("\r\n\r\n")) {
		line, err := from.ReadBytes('\n')
		if head = append(head, line...); err != nil {
			return head, 0, "", err
		}
	}
	first, rest, _ := bytes.Cut(head, []byte("\r\n"))
	fields, err := textproto.NewReader(bufio.NewReader(bytes.NewReader(rest))).ReadMIMEHeader()
	if err != nil {
		return head, 0, "", err
	}
	if fields.Get("Transfer-Encoding") != "" {
		length = -1
	} else if text := fields.Get("Content-Length"); text != "" {
		if length, err = strconv.ParseInt(text, 10, 64); err != nil {
			return head, 0, "", err
		}
	}
	if line := string(first); strings.Contains(line, "_stream_load") || strings.Contains(line, "/api/transaction/") {
		words := strings.Fields(line)
		request = words[0] + " " + words[1] + " " + fields.Get("Label")
	}
	return head, length, request, nil
}

// body carries a body whose length is known.
func (c *cutter) body(l *loadWire, from io.Reader, length int64) error {
	done := int64(0)
	for _, stop := range []struct {
		at   place
		upTo int64
	}{{atFirst, 1}, {atMiddle, length / 2}, {atLast, length - 1}, {"", length}} {
		if n := stop.upTo - done; n > 0 {
			if _, err := io.CopyN(l.far, from, n); err != nil {
				return err
			}
			done = stop.upTo
		}
		if stop.at != "" {
			if err := c.reach(l, stop.at); err != nil {
				return err
			}
		}
	}
	return nil
}

// chunks carries chunks; half of them is once 16 KiB have come, or all but the end.
func (c *cutter) chunks(l *loadWire, from *bufio.Reader) error {
	const half = 16 << 10
	sent, middle := 0, false
	carry := func(b []byte) error {
		n, err := l.far.Write(b)
		sent += n
		return err
	}
	for {
		line, err := from.ReadBytes('\n')
		if err != nil {
			return err
		}
		size, err := strconv.ParseInt(strings.TrimSpace(string(line)), 16, 64)
		if err != nil {
			return err
		}
		chunk := make([]byte, size+2)
		if _, err := io.ReadFull(from, chunk); err != nil {
			return err
		}
		if size == 0 {
			break
		}
		if sent == 0 {
			if err := errors.Join(carry(line), carry(chunk[:1])); err != nil {
				return err
			}
			if err := c.reach(l, atFirst); err != nil {
				return err
			}
			line, chunk = nil, chunk[1:]
		}
		if err := errors.Join(carry(line), carry(chunk)); err != nil {
			return err
		}
		if sent >= half && !middle {
			middle = true
			if err := c.reach(l, atMiddle); err != nil {
				return err
			}
		}
	}
	if err := carry([]byte("0\r\n\r")); err != nil {
		return err
	}
	if err := c.reach(l, atLast); err != nil {
		return err
	}
	return carry([]byte("\n"))
}

// answers carries answers until there is an error. What comes in one piece is taken for an answer: those to loads are short.
func (c *cutter) answers(l *loadWire) error {
	b := make([]byte, 64<<10)
	for {
		n, err := l.far.Read(b)
		if err != nil {
			return err
		}
		answer := b[:n]
		for _, interim := range []string{"HTTP/1.1 100 Continue\r\n", "HTTP/1.0 100 Continue\r\n"} { // with fields or without
			if !bytes.HasPrefix(answer, []byte(interim)) {
				continue
			}
			end := bytes.Index(answer, []byte("\r\n\r\n"))
			if end < 0 {
				end = len(answer) - 4
			}
			if _, err := l.near.Write(answer[:end+4]); err != nil {
				return err
			}
			answer = answer[end+4:]
		}
		if len(answer) == 0 {
			continue
		}
		if c.renames != nil {
			answer = []byte(c.renames.Replace(string(answer)))
		}
		if err := c.reach(l, atDone); err != nil {
			return err
		}
		half := len(answer) / 2
		if _, err := l.near.Write(answer[:half]); err != nil {
			return err
		}
		if err := c.reach(l, atAnswer); err != nil {
			return err
		}
		if _, err := l.near.Write(answer[half:]); err != nil {
			return err
		}
	}
}

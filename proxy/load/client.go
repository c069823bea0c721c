package load

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime/debug"
	"strconv"
	"sync"
	"time"

	"segue/proxy/load/head"
)

// lingerTime is for how long a client's bytes are read that nobody wants, so that it comes to read why: one that writes to a connection which has been closed loses
// what it has not read.
const (
	lingerTime    = 30 * time.Second
	refusedLinger = 2 * time.Second
)

// freshTime is for how long a drain waits for the first byte of a client that has just come: it knows of no drain, and few send a request again by which nothing came at all.
const freshTime = 5 * time.Second

// client is one connection of a client's. Its goroutine serves one request after the other, in their order.
type client struct {
	server  *Server
	address string
	line
	close  bool // it ends with the next answer
	minor  int  // of HTTP, of the request that is being answered
	toHead bool // that one is a HEAD: its answer has no body

	// Guarded by Server.mu:
	resting bool      // it is between two requests
	fresh   bool      // it has not sent any of its first one
	idle    time.Time // since when there is no whole request of it; zero: there is one
	ousted  bool      // it has no place any more
}

// serve serves all requests of a connection.
func (c *client) serve() {
	defer c.end()
	defer c.survive()
	for first := true; c.rest(); first = false {
		if !c.serveOne(first) {
			return
		}
	}
}

// end forgets the client.
func (c *client) end() {
	_ = c.Close()
	c.server.mu.Lock()
	delete(c.server.clients, c)
	if c.ousted {
		c.server.ousted--
	}
	c.server.mu.Unlock()
}

// survive has a bug end one client, and no other.
func (c *client) survive() {
	if p := recover(); p != nil {
		c.server.metrics.panics.Inc()
		c.server.log.Error("load panicked: please report this", "client", c.address, "cause", p, "stack", string(debug.Stack()))
	}
}

// rest is what stands between two requests. It tells whether another one may come.
func (c *client) rest() bool {
	c.server.mu.Lock()
	defer c.server.mu.Unlock()
	c.resting, c.idle = true, time.Now()
	if c.r == c.w {
		c.store, c.r, c.w = nil, 0, 0
	}
	return !c.server.ended || c.fresh // whoever has just come is heard
}

// serveOne serves one request, and tells whether another one may follow.
func (c *client) serveOne(first bool) bool {
	c.close, c.minor, c.toHead = false, 1, false
	req, err := c.request(first)
	if err != nil {
		c.refuseRequest(err)
		return false
	}
	c.minor = req.Minor
	c.close = req.Close || c.server.draining()
	x := newExchange(c, req)
	x.run()
	if c.close {
		c.linger(lingerTime)
	}
	return !c.close
}

// request waits for a request's head.
func (c *client) request(first bool) (*head.Request, error) {
	o := c.server.options.Load()
	if len(c.unread()) == 0 {
		switch {
		case !first:
			c.readWithin(o.Progress)
		case c.server.draining():
			c.readWithin(min(o.Header, freshTime))
		default:
			c.readWithin(o.Header)
		}
		if err := c.fill(head.MaxSize); err != nil {
			return nil, fmt.Errorf("%w: %w", io.EOF, err) // there is no request to be answered
		}
	}
	c.server.mu.Lock()
	c.resting, c.fresh = false, false
	if !c.ousted {
		c.resume() // a drain that has come together with a request comes behind it
	}
	c.server.mu.Unlock()
	c.readWithin(o.Header)
	for len(c.unread()) < 2 {
		if err := c.fill(head.MaxSize); err != nil {
			return nil, err
		}
	}
	c.r += head.Skip(c.unread())
	raw, err := c.head()
	if err != nil {
		c.toHead = isHead(c.unread())
		return nil, err
	}
	c.toHead = isHead(raw)
	c.server.mu.Lock()
	c.idle = time.Time{}
	c.resume()
	c.server.mu.Unlock()
	return head.ParseRequest(raw)
}

// isHead tells whether a request, or what has come of one, is a HEAD.
func isHead(b []byte) bool { return bytes.HasPrefix(b, []byte(http.MethodHead+" ")) }

// refuseRequest answers what is no request.
func (c *client) refuseRequest(err error) {
	var bad *head.Error
	switch {
	case c.isOusted():
		c.server.metrics.ends.WithLabelValues(endRefused).Inc()
		return
	case errors.As(err, &bad):
		if others, now := c.server.refused.say(time.Now()); now {
			c.server.log.Info("request refused", "client", c.address, "cause", shown(bad.Text), "others", others)
		}
	case isTimeout(err) && len(c.unread()) > 0:
		bad = &head.Error{Status: http.StatusRequestTimeout, Text: "the head of the request did not come in time (load.header)"}
	default:
		return
	}
	c.server.metrics.ends.WithLabelValues(endRefused).Inc()
	c.close = true
	c.say(bad.Status, bad.Text)
	c.linger(refusedLinger)
}

// isOusted tells whether the client has no place any more.
func (c *client) isOusted() bool {
	c.server.mu.Lock()
	defer c.server.mu.Unlock()
	return c.ousted
}

// seldom lets one line in a second be logged of what strangers can bring about as often as they like.
type seldom struct {
	mu    sync.Mutex
	until time.Time
	left  int // out since the last one
}

// say tells whether to log now, and how many lines have been left out since the last one.
func (s *seldom) say(now time.Time) (others int, do bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.Before(s.until) {
		s.left++
		return 0, false
	}
	others, s.left, s.until = s.left, 0, now.Add(time.Second)
	return others, true
}

// say answers by a text.
func (c *client) say(status int, text string) {
	body := "segue: " + text + "\n"
	c.write(status, "", head.Fields{}.With("Content-Type", "text/plain; charset=utf-8"), []byte(body))
}

// write answers by what is here whole, and tells whether it could be written.
func (c *client) write(status int, reason string, fields head.Fields, body []byte) bool {
	out := c.answerHead(status, reason, fields)
	out = append(out, "Content-Length: "...)
	out = append(strconv.AppendInt(out, int64(len(body)), 10), "\r\n\r\n"...)
	if !c.toHead { // whoever shares the connection would take it for the beginning of the next answer
		out = append(out, body...)
	}
	return c.send(out)
}

// answerHead begins an answer.
func (c *client) answerHead(status int, reason string, fields head.Fields) []byte {
	if reason == "" {
		reason = http.StatusText(status)
	}
	out := fmt.Appendf(make([]byte, 0, 1<<10), "HTTP/1.1 %d %s\r\n", status, reason)
	out = fields.Append(out)
	c.close = c.close || c.server.draining()
	switch {
	case c.close:
		out = append(out, "Connection: close\r\n"...)
	case c.minor == 0:
		out = append(out, "Connection: keep-alive\r\n"...)
	}
	return out
}

// send writes.
func (c *client) send(b []byte) bool {
	c.writeWithin(c.server.options.Load().Progress)
	if _, err := c.Write(b); err != nil {
		c.close = true
		return false
	}
	return true
}

// linger reads what its client still sends, for some time, once all has been said. It ends with a drain.
func (c *client) linger(most time.Duration) {
	if c.server.base.Err() != nil || c.closeWrite() != nil {
		return
	}
	c.resume()
	c.server.mu.Lock()
	if c.server.ended {
		most = min(most, refusedLinger)
	}
	c.resting, c.fresh, c.idle = true, false, time.Now()
	c.readWithin(most)
	c.server.mu.Unlock()
	_, _ = io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{c.Conn}, make([]byte, 8<<10))
}

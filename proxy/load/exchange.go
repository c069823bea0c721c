package load

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"segue/backend/wire"
	"segue/proxy/load/head"
	"segue/proxy/load/outcome"
	"segue/proxy/load/route"
)

// errClientGone ends an exchange whose client has gone.
var errClientGone = errors.New("the client has gone")

// exchange is one request of a client's and what comes of it. It belongs to its client's goroutine.
type exchange struct {
	server  *Server
	client  *client
	options *Options
	ctx     context.Context // done when the client has gone, or all is to end
	cancel  context.CancelCauseFunc

	req    *head.Request
	is     route.Request
	target string
	fields head.Fields // that are forwarded
	label  string
	body   body
	flight *flight
	began  time.Time

	asked      asked           // which FEs have been asked in this round
	tried      map[string]bool // nodes that did not take it
	since      time.Time       // when it was begun to look for a node; zero: not since the last that took it
	to         route.Target    // the node that it is to go to
	inDoubt    func() bool     // whether it may have been done
	holds      func() bool     // what was lost may hold the label still; nil: that is not asked of a step
	node       *upstream       // that it goes to
	start      time.Time       // when that one was tried
	begun      bool            // that one has said 100, or answered
	said       bool            // the client has been told to send its body
	reply      *answer         // of the node, or of the FE
	cause      string          // what went wrong last
	halfClosed atomic.Bool     // the client sends no more; it may be there, or not
	small      []byte          // the body of a request that is no load; nil: it is streamed
	smallHeld  int64           // bytes of load.memory that it has
	trouble    error           // what the client did to its body
	failures   []failure       // of FEs and nodes
	resent     bool            // its body has been sent again
	atNode     bool            // to is a BE or CN, and not an FE that does itself what it is asked for
	dead       bool            // the node of the last attempt is known to be gone
	turn       uint64
	tries      int       // nodes, since it was begun to look for one
	redone     int       // how often FEs were asked since they had named one that had failed
	witness    string    // a label that was visible when the attempt was begun
	cancels    int       // how often the label was cancelled
	asks       int       // how often the label's state has been asked in a row
	until      time.Time // for how long it is asked
}

func newExchange(c *client, req *head.Request) *exchange {
	s := c.server
	x := &exchange{
		server: s, client: c, options: s.options.Load(), req: req, target: req.Target, began: time.Now(), tried: map[string]bool{}, turn: s.turn.Add(1),
		body:   body{from: &c.line, what: req.Body},
		fields: req.Fields.Forwarded(),
	}
	x.ctx, x.cancel = context.WithCancelCause(s.base)
	return x
}

// run serves the request.
func (x *exchange) run() {
	defer x.finish()
	is, err := route.Parse(x.options.flavor(), x.req.Method, x.req.Target, x.fields.Header())
	if err != nil {
		x.server.metrics.ends.WithLabelValues(endRefused).Inc()
		if _, not := errors.AsType[*route.NotServedError](err); not {
			x.refuse(http.StatusNotFound, err.Error())
			return
		}
		x.client.close = true
		x.refuse(http.StatusBadRequest, err.Error())
		return
	}
	x.is, x.label, x.target = is, is.Label, is.URI
	x.keep()
	switch {
	case is.Kind == route.ErrorLog && is.Node != "":
		x.readErrorLog()
	case is.Kind == route.Other, is.Kind == route.State, is.Kind == route.ErrorLog, !x.options.Follow && is.Streams:
		x.relay()
	default:
		x.load()
	}
}

// finish leaves the client's connection where the next request can follow, or has it end.
func (x *exchange) finish() {
	x.endNode()
	x.body.forget()
	x.server.room.release(x.smallHeld)
	if x.flight != nil {
		x.server.land(x.flight)
	}
	x.cancel(nil)
	if !x.body.done() {
		x.client.close = true
	}
	x.client.resume()
}

// keep has the body be kept in memory, where it is not too long for that.
func (x *exchange) keep() {
	if x.is.Kind != route.Load && x.is.Kind != route.Other || x.req.Body.Length > x.options.Buffer || x.req.Body.None() || x.options.Buffer < 0 {
		return
	}
	x.body.kept = &kept{room: &x.server.room, memory: x.options.Memory, most: x.options.Buffer}
}

// takeOff has others see the load. A question is none.
func (x *exchange) takeOff() {
	x.flight = &flight{is: Load{
		ID: x.server.ids.Add(1), Client: x.client.address, User: userOf(x.req.Fields), Kind: x.is.Kind.String(),
		Database: x.is.Database, Table: x.is.Table, Label: x.label, State: atFrontend, Since: x.began,
	}}
	if x.is.Kind != route.Other && x.is.Kind != route.State && x.is.Kind != route.ErrorLog {
		x.server.takeOff(x.flight)
	}
}

// land ends what others see, and counts it.
func (x *exchange) land(end string) {
	x.server.land(x.flight)
	x.server.metrics.ends.WithLabelValues(end).Inc()
	x.server.metrics.time.Observe(time.Since(x.began).Seconds())
}

// addLabel gives the request a label of Segue's, where it has none and may have one.
func (x *exchange) addLabel() {
	var random [16]byte
	_, _ = rand.Read(random[:])
	x.label = route.NewLabel(random)
	x.fields = x.fields.Without("label").With("label", x.label)
	x.flight.set(func(l *Load) { l.Label = x.label })
}

// whose is whose label the load has.
func (x *exchange) whose() outcome.Label {
	switch {
	case !x.is.Resolves:
		return outcome.NoLabel
	case x.is.Label != "":
		return outcome.Theirs
	}
	return outcome.Ours
}

// userOf is the account that a request names, for whoever looks at loads.
func userOf(fields head.Fields) string {
	basic, ok := strings.CutPrefix(fields.Get("Authorization"), "Basic ")
	if !ok {
		return ""
	}
	text, err := base64.StdEncoding.DecodeString(strings.TrimSpace(basic))
	if err != nil {
		return ""
	}
	user, _, _ := strings.Cut(string(text), ":")
	return wire.Shown(user, 64)
}

// requestHead writes the head for an FE or a node, which says of the body that it is to come.
func (x *exchange) requestHead(host, uri string, body head.Body, expect bool) []byte {
	out := fmt.Appendf(make([]byte, 0, 2<<10), "%s %s HTTP/1.1\r\nHost: %s\r\n", x.req.Method, uri, host)
	out = x.fields.Append(out)
	switch {
	case body.Chunked:
		out = append(out, "Transfer-Encoding: chunked\r\n"...)
	case body.Length > 0 || x.req.Fields.Has("Content-Length") || x.req.Method != http.MethodGet && x.req.Method != http.MethodHead:
		out = append(strconv.AppendInt(append(out, "Content-Length: "...), body.Length, 10), "\r\n"...)
	}
	if expect || x.small != nil && x.req.Fields.Has("Expect") {
		out = append(out, "Expect: 100-continue\r\n"...)
	}
	return append(out, "Connection: close\r\n\r\n"...)
}

// refuse answers a request that is none, or of which nothing came.
func (x *exchange) refuse(status int, text string) {
	if !x.body.done() {
		x.client.close = true
	}
	x.client.say(status, text)
}

// timeout is for how long the cluster lets the load go on.
func (x *exchange) timeout() time.Duration {
	if n, err := strconv.Atoi(x.fields.Get("timeout")); err == nil && n > 0 && n < 1<<24 {
		return time.Duration(n) * time.Second
	}
	return answerTime
}

// patience is for how long a node's answer is waited for behind the body's last byte.
func (x *exchange) patience() time.Duration { return max(x.timeout()+answerMargin, x.options.Progress) }

// watch notices, while nobody reads the client's connection, that it goes. It is to be ended.
func (x *exchange) watch() (end func()) {
	ended := make(chan struct{})
	x.client.resume()
	go x.watchClient(ended)
	return func() {
		x.client.interrupt()
		<-ended
		x.client.resume()
	}
}

// watchClient is the goroutine of watch. A client that has only ended its own side waits for its answer.
func (x *exchange) watchClient(ended chan<- struct{}) {
	defer close(ended)
	for {
		switch err := x.client.fill(blockSize); {
		case err == nil:
		case isEOF(err) && !x.body.what.Chunked && x.body.left() > int64(len(x.client.unread())):
			x.cancel(errClientGone) // its body cannot come to its end any more
			return
		case isEOF(err):
			x.halfClosed.Store(true)
			return
		case errors.Is(err, errFull), isTimeout(err):
			return
		default:
			x.cancel(errClientGone)
			return
		}
	}
}

// gone tells whether nobody waits for the answer any more.
func (x *exchange) gone() bool { return x.ctx.Err() != nil }

// wait waits for so long, or for a change of the cluster, and tells whether somebody still waits.
func (x *exchange) wait(d time.Duration, changed <-chan struct{}) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-changed:
	case <-x.ctx.Done():
		return false
	}
	return true
}

// baseURL is by what the client calls Segue.
func (x *exchange) baseURL() string {
	scheme := "http"
	if _, ok := x.client.Conn.(*tls.Conn); ok {
		scheme = "https"
	}
	return (&url.URL{Scheme: scheme, Host: x.host()}).String()
}

package load

import (
	"crypto/tls"
	"strconv"

	"segue/proxy/load/route"
)

// passReply gives the client what an FE or a node has answered: whole where it is so, piece by piece otherwise.
func (x *exchange) passReply() {
	a, c := x.reply, x.client
	x.early()
	fields := a.Fields.Forwarded()
	if a.whole {
		body := a.body
		if x.is.Kind != route.Other && x.options.Follow {
			body = route.RewriteErrorURL(body, x.baseURL())
		}
		if a.Body.None() && len(body) == 0 && a.Fields.Has("Content-Length") { // to HEAD: the length of what is not sent
			out := c.answerHead(a.Status, a.Reason, fields)
			c.send(append(append(append(out, "Content-Length: "...), a.Fields.Get("Content-Length")...), "\r\n\r\n"...))
			return
		}
		if a.Status == 204 || a.Status == 304 || x.req.Method == "HEAD" {
			c.send(append(c.answerHead(a.Status, a.Reason, fields), "\r\n"...))
			return
		}
		c.write(a.Status, a.Reason, fields, body)
		return
	}
	x.streamReply()
}

// streamReply sends on an answer that is too long to be kept, or whose end nobody knows.
func (x *exchange) streamReply() {
	a, c := x.reply, x.client
	sized := !a.Body.Chunked && !a.Body.UntilClose
	chunked := !sized && c.minor == 1
	c.close = c.close || !sized && !chunked
	out := c.answerHead(a.Status, a.Reason, a.Fields.Forwarded())
	switch {
	case sized:
		out = append(strconv.AppendInt(append(out, "Content-Length: "...), a.Body.Length, 10), "\r\n"...)
	case chunked:
		out = append(out, "Transfer-Encoding: chunked\r\n"...)
	}
	if !c.send(append(out, "\r\n"...)) {
		return
	}
	for part := a.body; ; {
		if len(part) > 0 && !x.sendPart(part, chunked) {
			return
		}
		if a.whole {
			break
		}
		a.from.readWithin(x.options.Progress)
		var err error
		if part, err = a.next(); err != nil {
			c.cutOff()
			return
		}
	}
	if chunked {
		c.send([]byte("0\r\n\r\n"))
	}
}

func (x *exchange) sendPart(part []byte, chunked bool) bool {
	if !chunked {
		return x.client.send(part)
	}
	frame := strconv.AppendInt(make([]byte, 0, len(part)+32), int64(len(part)), 16)
	return x.client.send(append(append(append(frame, "\r\n"...), part...), "\r\n"...))
}

// cutOff ends a connection in the midst of an answer, so that its client does not take what it has for all.
func (c *client) cutOff() {
	c.close = true
	conn := c.Conn
	if secure, ok := conn.(*tls.Conn); ok {
		conn = secure.NetConn() // without the alert that would say that this is all
	}
	if reset, ok := conn.(interface{ SetLinger(int) error }); ok {
		_ = reset.SetLinger(0)
	}
	_ = conn.Close()
}

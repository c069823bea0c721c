package head

import (
	"bytes"
	"net/http"
	"strconv"
	"strings"
)

// Body is how the body behind a head ends.
type Body struct {
	Length     int64 // bytes; 0 also where another field says more
	Chunked    bool
	UntilClose bool // only of an answer: it ends with its connection
}

// None tells whether there is no body.
func (b Body) None() bool { return b == Body{} }

// Request is the head of a request.
type Request struct {
	Method string
	Target string // in origin-form: it begins with a slash
	Minor  int    // of its version: HTTP/1.Minor
	Fields Fields
	Body   Body
	Expect bool // its sender waits for `100 Continue`
	Close  bool // its connection is to end with its answer
}

// Host is what the request calls the server.
func (r *Request) Host() string { return r.Fields.Get("Host") }

// ParseRequest reads a head that [End] has found the end of. Its error is an [*Error].
func ParseRequest(b []byte) (*Request, error) {
	line, rest, ok := cutLine(b)
	if !ok {
		return nil, errLineEnd
	}
	r := &Request{}
	if err := r.parseLine(line); err != nil {
		return nil, err
	}
	var err error
	if r.Fields, err = parseFields(rest); err != nil {
		return nil, err
	}
	if err := r.checkHost(); err != nil {
		return nil, err
	}
	if err := r.Fields.checkConnection(); err != nil {
		return nil, err
	}
	if r.Body, err = r.Fields.body(r.Minor); err != nil {
		return nil, err
	}
	if expect := r.Fields.count("Expect"); expect > 1 || r.Fields.Get("Expect") != "" {
		if expect > 1 || !strings.EqualFold(r.Fields.Get("Expect"), "100-continue") {
			return nil, &Error{http.StatusExpectationFailed, "the request expects something else than 100-continue"}
		}
		r.Expect = r.Minor == 1 && !r.Body.None() // RFC 9110, section 10.1.1
	}
	r.Close = r.Fields.lists("Connection", "close") || r.Minor == 0 && !r.Fields.lists("Connection", "keep-alive")
	return r, nil
}

// cutLine cuts the first line off a head, and the empty one.
func cutLine(b []byte) (line string, rest []byte, ok bool) {
	first, rest, ok := bytes.Cut(b, []byte("\r\n"))
	if !ok || !bytes.HasSuffix(rest, []byte("\r\n")) {
		return "", nil, false
	}
	return string(first), rest[:len(rest)-2], true
}

func (r *Request) parseLine(line string) error {
	method, rest, _ := strings.Cut(line, " ")
	target, version, ok := strings.Cut(rest, " ")
	if !ok || !isToken(method) {
		if strings.HasPrefix(line, "\x16\x03") {
			return bad("this port does not speak TLS")
		}
		return bad("the first line is no request's")
	}
	switch version {
	case "HTTP/1.1":
		r.Minor = 1
	case "HTTP/1.0":
	default:
		if strings.HasPrefix(version, "HTTP/") {
			return &Error{http.StatusHTTPVersionNotSupported, "only versions 1.0 and 1.1 of HTTP are spoken here"}
		}
		return bad("the first line is no request's")
	}
	switch method {
	case http.MethodConnect, http.MethodTrace:
		return &Error{http.StatusNotImplemented, "the method " + method + " is not served"}
	}
	if strings.ToUpper(method) != method {
		return bad("the method is none: methods are written in capitals")
	}
	if err := checkTarget(target); err != nil {
		return err
	}
	r.Method, r.Target = method, target
	return nil
}

// checkTarget lets the origin-form pass, alone (RFC 9112, section 3.2.1). Bytes beyond ASCII are forgiven: curl sends names of databases so.
func checkTarget(target string) error {
	if !strings.HasPrefix(target, "/") || strings.HasPrefix(target, "//") {
		return bad("the target of the request is not a path: proxies of the kind that is asked for any address are elsewhere")
	}
	for i := range len(target) {
		if c := target[i]; c <= ' ' || c == 0x7f || c == '#' || c == '\\' {
			return bad("the target of the request has a character that no target may have")
		}
	}
	return nil
}

// checkHost is the rule of RFC 9112, section 3.2.
func (r *Request) checkHost() error {
	switch n := r.Fields.count("Host"); {
	case n > 1:
		return bad("the request has %d fields Host", n)
	case n == 0 && r.Minor == 1:
		return bad("the request has no field Host")
	}
	host := r.Fields.Get("Host")
	for i := range len(host) {
		if c := host[i]; !isLetterOrDigit(c) && !strings.ContainsRune("-._~!$&'()*+,;=:[]%", rune(c)) {
			return bad("the field Host has a character that no host may have")
		}
	}
	return nil
}

// body tells how a message's body ends (RFC 9112, section 6.3), and refuses what can be told in two ways.
func (f Fields) body(minor int) (Body, error) {
	encodings, lengths := f.count("Transfer-Encoding"), f.count("Content-Length")
	switch {
	case encodings > 0 && lengths > 0:
		return Body{}, bad("both Content-Length and Transfer-Encoding are given")
	case encodings > 0 && minor == 0:
		return Body{}, bad("Transfer-Encoding is given in HTTP/1.0")
	case encodings > 1 || lengths > 1:
		return Body{}, bad("the length of the body is given more than once")
	case encodings == 1:
		if !strings.EqualFold(f.Get("Transfer-Encoding"), "chunked") {
			return Body{}, &Error{http.StatusNotImplemented, "a Transfer-Encoding other than chunked is given"}
		}
		return Body{Chunked: true}, nil
	case lengths == 1:
		n, ok := number(f.Get("Content-Length"))
		if !ok {
			return Body{}, bad("Content-Length is no number")
		}
		return Body{Length: n}, nil
	}
	return Body{}, nil
}

// number reads digits, and nothing but digits.
func number(s string) (int64, bool) {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil
}

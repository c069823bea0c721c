package head

import (
	"errors"
	"net/http"
	"strings"
	"testing"
)

// parse reads a whole request.
func parse(text string) (*Request, error) {
	b := []byte(text)
	n, err := End(b, 0)
	if err != nil {
		return nil, err
	}
	if n == 0 {
		return nil, errors.New("unended")
	}
	return ParseRequest(b[:n])
}

func TestRequest(t *testing.T) {
	r, err := parse("PUT /api/d/t/_stream_load?x=1 HTTP/1.1\r\nHost: fe:8030\r\ncolumn_separator:\x01\r\nlabel:  a b \t\r\nExpect: 100-continue\r\nContent-Length: 12\r\nConnection: x-gone, keep-alive\r\nX-Gone: 1\r\nTE: trailers\r\n\r\n")
	if err != nil {
		t.Fatal(err)
	}
	if r.Method != "PUT" || r.Target != "/api/d/t/_stream_load?x=1" || r.Host() != "fe:8030" || r.Body != (Body{Length: 12}) || !r.Expect || r.Close || r.Minor != 1 {
		t.Errorf("%+v", r)
	}
	if got := string(r.Fields.Forwarded().Append(nil)); got != "column_separator:\x01\r\nlabel:  a b \t\r\n" {
		t.Errorf("forwarded: %q", got)
	}
	if got := string(r.Fields.Forwarded().Without("LABEL").With("label", "b").Append(nil)); got != "column_separator:\x01\r\nlabel: b\r\n" {
		t.Errorf("with another label: %q", got)
	}
	if h := r.Fields.Header(); h.Get("label") != "a b" || h.Get("Column_separator") != "\x01" {
		t.Errorf("%v", h)
	}
}

func TestBodies(t *testing.T) {
	const put = "PUT /x HTTP/1.1\r\nHost: x\r\n"
	for text, want := range map[string]Request{
		put: {Body: Body{}},
		put + "Content-Length: 0\r\nExpect: 100-continue\r\n":             {Body: Body{}},
		put + "Content-Length: 9223372036854775807\r\n":                   {Body: Body{Length: 1<<63 - 1}},
		put + "Transfer-Encoding: Chunked\r\nExpect: 100-CONTINUE\r\n":    {Body: Body{Chunked: true}, Expect: true},
		put + "Connection: Close\r\n":                                     {Close: true},
		"GET / HTTP/1.0\r\n":                                              {Close: true},
		"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n":                    {},
		"PUT / HTTP/1.0\r\nContent-Length: 3\r\nExpect: 100-continue\r\n": {Body: Body{Length: 3}, Close: true},
	} {
		r, err := parse(text + "\r\n")
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if r.Body != want.Body || r.Expect != want.Expect || r.Close != want.Close {
			t.Errorf("%q: %+v", text, r)
		}
	}
}

func TestRefused(t *testing.T) {
	const put = "PUT /x HTTP/1.1\r\nHost: x\r\n"
	for text, status := range map[string]int{
		"PUT  /x HTTP/1.1\r\nHost: x\r\n":                                 400,
		"PUT /x  HTTP/1.1\r\nHost: x\r\n":                                 400,
		"PUT /x HTTP/1.1 \r\nHost: x\r\n":                                 505,
		"PUT\t/x HTTP/1.1\r\nHost: x\r\n":                                 400,
		"PUT /x\r\nHost: x\r\n":                                           400,
		"put /x HTTP/1.1\r\nHost: x\r\n":                                  400,
		"P(T /x HTTP/1.1\r\nHost: x\r\n":                                  400,
		"PUT x HTTP/1.1\r\nHost: x\r\n":                                   400,
		"PUT * HTTP/1.1\r\nHost: x\r\n":                                   400,
		"PUT //x HTTP/1.1\r\nHost: x\r\n":                                 400,
		"PUT /x#y HTTP/1.1\r\nHost: x\r\n":                                400,
		"PUT /x\x01 HTTP/1.1\r\nHost: x\r\n":                              400,
		"PUT /\\x HTTP/1.1\r\nHost: x\r\n":                                400,
		"PUT http://y/x HTTP/1.1\r\nHost: x\r\n":                          400,
		"TRACE /x HTTP/1.1\r\nHost: x\r\n":                                501,
		"PUT /x HTTP/1.2\r\nHost: x\r\n":                                  505,
		"PUT /x HTTP/3\r\nHost: x\r\n":                                    505,
		"PUT /x http/1.1\r\nHost: x\r\n":                                  400,
		"PUT /x HTTP/1.1\r\n":                                             400,
		"PUT /x HTTP/1.1\r\nHost: x/y\r\n":                                400,
		"PUT /x HTTP/1.1\r\nHost: x y\r\n":                                400,
		put + "Host: x\r\n":                                               400,
		put + " a: b\r\n":                                                 400,
		put + "a: b\r\n\tc\r\n":                                           400,
		put + "a\r\n":                                                     400,
		put + "a b: c\r\n":                                                400,
		put + "a\t: c\r\n":                                                400,
		put + "ä: c\r\n":                                                  400,
		put + "a: b\vc\r\n":                                               400,
		put + "a: b\x7fc\r\n":                                             400,
		put + "Content-Length: -1\r\n":                                    400,
		put + "Content-Length: 0x10\r\n":                                  400,
		put + "Content-Length: 1_0\r\n":                                   400,
		put + "Content-Length: 9223372036854775808\r\n":                   400,
		put + "Content-Length:\r\n":                                       400,
		put + "Content-Length: 1\r\ncontent-length: 1\r\n":                400,
		put + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n":       400,
		put + "Transfer-Encoding: chunked, chunked\r\n":                   501,
		put + "Transfer-Encoding: identity\r\n":                           501,
		put + "Transfer-Encoding:\r\n":                                    501,
		put + "Expect: 100-continue\r\nExpect: 100-continue\r\n":          417,
		"PUT / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n":                400,
		put + "Content-Length: 1\r\nX: y\nTransfer-Encoding: chunked\r\n": 400,
		put + "Content-Length: 1\r\nX: y\rTransfer-Encoding: chunked\r\n": 400,
		put + "X: y\x00\r\n":                                              400,
		put + "X: " + strings.Repeat("y", MaxSize) + "\r\n":               431,
	} {
		_, err := parse(text + "\r\n")
		var bad *Error
		if !errors.As(err, &bad) || bad.Status != status {
			t.Errorf("%.200q: %v, want %d", text, err, status)
		}
	}
}

func TestAnswer(t *testing.T) {
	for text, want := range map[string]Answer{
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n":              {Status: 200, Body: Body{Length: 5}},
		"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n":              {Status: 200},
		"HTTP/1.1 307 \r\nLocation: x\r\nContent-Length: 0\r\n": {Status: 307},
		"HTTP/1.1 307\r\nContent-Length: 0\r\n":                 {Status: 307},
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n":     {Status: 200, Body: Body{Chunked: true}},
		"HTTP/1.1 200 OK\r\n":                                   {Status: 200, Body: Body{UntilClose: true}, Close: true},
		"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n":              {Status: 200, Body: Body{Length: 1}, Close: true},
		"HTTP/1.1 100 Continue\r\n":                             {Status: 100},
		"HTTP/1.1 204 No Content\r\nConnection: close\r\n":      {Status: 204, Close: true},
	} {
		b := []byte(text + "\r\n")
		a, err := ParseAnswer(b, http.MethodPut)
		if err != nil || a.Status != want.Status || a.Body != want.Body || a.Close != want.Close {
			t.Errorf("%q: %+v, %v", text, a, err)
		}
	}
	if a, err := ParseAnswer([]byte("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"), http.MethodHead); err != nil || !a.Body.None() {
		t.Errorf("to HEAD: %+v, %v", a, err)
	}
	for _, text := range []string{
		"HTTP/2 200 OK\r\n", "HTTP/1.1 20 OK\r\n", "HTTP/1.1 2000 OK\r\n", "HTTP/1.1 099 OK\r\n", "HTTP/1.1 101 Switching Protocols\r\n", "x\r\n", "HTTP/1.1 200 O\x01K\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n",
	} {
		if a, err := ParseAnswer([]byte(text+"\r\n"), http.MethodPut); err == nil {
			t.Errorf("%q: %+v", text, a)
		}
	}
}

// unchunk reads a body in pieces of at most so many bytes.
func unchunk(text string, piece int) (data, rest string, err error) {
	var c Chunks
	for len(text) > 0 && !c.Done() {
		part := text[:min(piece, len(text))]
		got, taken, err := c.Next([]byte(part))
		if err != nil {
			return data, text, err
		}
		data, text = data+string(got), text[taken:]
	}
	if !c.Done() {
		return data, text, errors.New("unended")
	}
	return data, text, nil
}

func TestChunks(t *testing.T) {
	for text, want := range map[string]string{
		"0\r\n\r\nrest":             "",
		"3\r\nabc\r\n0\r\n\r\nrest": "abc",
		"3;x=y\r\nabc\r\n00A\r\n0123456789\r\n0\r\nA: b\r\n\r\nrest": "abc0123456789",
		"a;q=\"x\"\r\n\r\n\r\n\r\n\r\n\r\n\r\n0\r\n\r\nrest":         "\r\n\r\n\r\n\r\n\r\n",
	} {
		for piece := 1; piece < 9; piece++ {
			data, rest, err := unchunk(text, piece)
			if data != want || rest != "rest" || err != nil {
				t.Errorf("%q by %d: %q, %q, %v", text, piece, data, rest, err)
			}
		}
	}
	for _, text := range []string{
		"\r\n", "x\r\n", " 1\r\na\r\n", "1 \r\na\r\n", "1\na\r\n", "1\r\nab\r\n", "1\r\na\n0\r\n\r\n", "-1\r\n", "0x1\r\n", ";x\r\n", "1\r\na\r\r\n0\r\n\r\n",
		"11111111111111111\r\n", "8000000000000000\r\n", "1;\x00\r\n", "0\r\na\nb\r\n\r\n", "1;" + strings.Repeat("x", 5000) + "\r\na\r\n", "0\r\n" + strings.Repeat("a: "+strings.Repeat("x", 1000)+"\r\n", 20) + "\r\n",
	} {
		if data, _, err := unchunk(text, 1000); err == nil || err.Error() == "unended" {
			t.Errorf("%.100q: %q, %v", text, data, err)
		}
	}
}

// What is taken for a request is one for net/http too, of the same body; where a head ends does not depend on how it came.
func FuzzRequest(f *testing.F) {
	for _, text := range []string{
		"PUT /x HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", "PUT /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "GET / HTTP/1.0\r\n\r\n",
		"PUT /x HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", "a\r\n b: c\r\n\r\n", "GET / HTTP/1.1\r\nHost: x\r\nA: \x01\r\n\r\n",
	} {
		f.Add([]byte(text), 7)
	}
	f.Fuzz(fuzzRequest)
}

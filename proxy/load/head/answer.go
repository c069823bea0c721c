package head

import (
	"net/http"
	"strings"
)

// Answer is the head of an answer.
type Answer struct {
	Status int
	Reason string
	Minor  int // of its version: HTTP/1.Minor
	Fields Fields
	Body   Body
	Close  bool // its connection ends with it
}

// Informational tells whether another answer is to follow.
func (a *Answer) Informational() bool { return a.Status < 200 }

// ParseAnswer reads a head that [End] has found the end of, of an answer to a request with that method. Its error is an [*Error].
func ParseAnswer(b []byte, method string) (*Answer, error) {
	line, rest, ok := cutLine(b)
	if !ok {
		return nil, errLineEnd
	}
	a := &Answer{}
	if err := a.parseLine(line); err != nil {
		return nil, err
	}
	var err error
	if a.Fields, err = parseFields(rest); err != nil {
		return nil, err
	}
	if err := a.Fields.checkConnection(); err != nil {
		return nil, err
	}
	body, err := a.Fields.body(a.Minor)
	if err != nil {
		return nil, err
	}
	a.Close = a.Fields.lists("Connection", "close") || a.Minor == 0 && !a.Fields.lists("Connection", "keep-alive")
	switch {
	case method == http.MethodHead, a.Informational(), a.Status == http.StatusNoContent, a.Status == http.StatusNotModified:
	case body.Chunked, a.Fields.Has("Content-Length"):
		a.Body = body
	default:
		a.Body, a.Close = Body{UntilClose: true}, true
	}
	return a, nil
}

func (a *Answer) parseLine(line string) error {
	version, rest, _ := strings.Cut(line, " ")
	status, reason, _ := strings.Cut(rest, " ")
	switch version {
	case "HTTP/1.1":
		a.Minor = 1
	case "HTTP/1.0":
	default:
		return bad("the first line is no answer's")
	}
	n, ok := number(status)
	if !ok || len(status) != 3 || n < 100 || n == http.StatusSwitchingProtocols {
		return bad("the answer has no status that could be forwarded")
	}
	for i := range len(reason) {
		if c := reason[i]; c < ' ' && c != '\t' || c == 0x7f {
			return bad("the reason of the answer has a character that none may have")
		}
	}
	a.Status, a.Reason = int(n), reason
	return nil
}

package kube

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Error is the API server's refusal.
type Error struct {
	Verb, Path string
	// Code is the HTTP status; Reason and Message are those of the Status object, where there was one.
	Code            int
	Reason, Message string
	// RetryAfter is how long the server wants to be left alone; 0: it did not say.
	RetryAfter time.Duration
}

func (e *Error) Error() string {
	text := e.Message
	if text == "" {
		text = http.StatusText(e.Code)
	}
	remedy := ""
	switch e.Code {
	case http.StatusUnauthorized:
		remedy = "; is the token of this cluster, and has it not expired?"
	case http.StatusForbidden:
		remedy = "; the account lacks this verb: bind it to the Role in deploy/kubernetes"
	}
	return fmt.Sprintf("%s %s: %d %s%s", e.Verb, e.Path, e.Code, text, remedy)
}

// Code gives the status of an [Error] in err's chain; 0: there is none.
func Code(err error) int {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return 0
}

// status is the object that the API server answers instead of what was asked for.
type status struct {
	Kind    string `json:"kind"`
	Message string `json:"message"`
	Reason  string `json:"reason"`
	Code    int    `json:"code"`
}

// refusal makes the error of an answer that is not 2xx. A body that is no Status, a proxy's page, say, is quoted in part.
func refusal(verb, path string, code int, header http.Header, body []byte) *Error {
	e := &Error{Verb: verb, Path: path, Code: code}
	if s, err := strconv.Atoi(header.Get("Retry-After")); err == nil && s > 0 {
		e.RetryAfter = time.Duration(min(s, 600)) * time.Second
	}
	var s status
	if json.Unmarshal(body, &s) == nil && s.Kind == "Status" {
		e.Reason, e.Message = s.Reason, s.Message
		return e
	}
	const most = 200
	text := strings.Join(strings.Fields(strings.ToValidUTF8(string(body[:min(len(body), most)]), "")), " ")
	if text != "" {
		e.Message = strconv.Quote(text)
	}
	return e
}

package health

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// notReady is a sentence that means that the server takes no more sessions, whatever the HTTP status says: Doris answers 200 with "Server is not ready" or
// "Server is not available". It is the server that it must be said of: that its replication is not available is another matter.
var notReady = regexp.MustCompile(`(?i)^(?:error: )?(?:the |this )?(?:(?:server|service|frontend|fe|backend|be|node|instance|database|system|cluster) )?(?:is )?(not (?:ready|available))\b`)

// wellStatus are the values of a JSON member "status", in lower case, that mean that all is well. "ok" is what
// StarRocks and TiDB say; the others are usual in health endpoints that people write themselves.
var wellStatus = []string{"ok", "up", "pass", "passing", "healthy", "ready", "running", "success"}

// healthBody is what a body says in the members that are known. Everything else, and everything that lies deeper, is ignored.
type healthBody struct {
	status []any    // StarRocks: "OK"; TiDB: an object, which says nothing
	codes  []any    // Doris: 0 is success (RestApiStatusCode)
	texts  []string // what there may be beside them, in words
}

// byteOrderMark is what some servers put ahead of a text in UTF-8.
var byteOrderMark = []byte("\xef\xbb\xbf")

// read takes the members of the JSON object that the body begins with. A body that is cut off, or that has something behind the object, is read as far as
// it goes; of a member that is there twice both values count. ok is false if it does not begin with an object.
func (b *healthBody) read(body []byte) (ok bool) {
	d := json.NewDecoder(bytes.NewReader(body))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return false
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return true
		}
		var value any
		if d.Decode(&value) != nil {
			return true
		}
		word, _ := name.(string)
		b.take(strings.ToLower(word), value)
	}
	return true
}

func (b *healthBody) take(name string, value any) {
	switch name {
	case "status":
		b.status = append(b.status, value)
	case "code":
		b.codes = append(b.codes, value)
	case "msg", "message", "data", "error", "reason":
		if text, ok := value.(string); ok {
			b.texts = append(b.texts, text)
		}
	}
}

// judgeBody says what the body of a 2xx answer means: the verdict, and the words that led to it. A body that is empty,
// no JSON, or JSON without the members it knows, means Passed; a text that is no JSON counts if that is all it says.
func judgeBody(body []byte) (v Verdict, said string) {
	body = bytes.TrimSpace(bytes.TrimPrefix(body, byteOrderMark))
	var b healthBody
	if !b.read(body) {
		return judgeText(string(body))
	}
	for _, text := range b.texts {
		if v, said := judgeText(text); v != Passed {
			return v, said
		}
	}
	for _, value := range b.status {
		if v, said := judgeStatus(value); v != Passed {
			return v, said
		}
	}
	for _, value := range b.codes {
		if v, said := b.judgeCode(value); v != Passed {
			return v, said
		}
	}
	return Passed, ""
}

// judgeText judges what is said in a sentence.
func judgeText(text string) (v Verdict, said string) {
	if m := notReady.FindStringSubmatch(strings.Join(strings.Fields(text), " ")); m != nil {
		return Leaving, strings.ToLower(m[1])
	}
	return Passed, ""
}

func judgeStatus(value any) (v Verdict, said string) {
	switch status := value.(type) {
	case string:
		status = strings.TrimSpace(status)
		if v, said := judgeText(status); v != Passed {
			return v, said
		}
		if !slices.Contains(wellStatus, strings.ToLower(status)) {
			return Leaving, "status " + status
		}
	case bool:
		if !status {
			return Leaving, "status false"
		}
	}
	return Passed, ""
}

func (b *healthBody) judgeCode(value any) (v Verdict, said string) {
	code, ok := value.(float64)
	if text, isText := value.(string); isText {
		number, err := strconv.Atoi(strings.TrimSpace(text))
		code, ok = float64(number), err == nil
	}
	if !ok || code == 0 || code == 200 {
		return Passed, ""
	}
	said = fmt.Sprintf("code %v", code)
	if len(b.texts) > 0 && b.texts[0] != "" {
		said += " " + b.texts[0]
	}
	if code == 401 || code == 403 || code == 404 { // Doris puts the status there that others send as HTTP status
		return Misconfigured, said
	}
	return Leaving, said
}

// bootstrapBody is the body of /api/bootstrap of a StarRocks FE (BootstrapFinishAction).
type bootstrapBody struct {
	Status string `json:"status"`
	Msg    string `json:"msg"`
}

// judgeBootstrap says what the body of /api/bootstrap means. The FE says FAILED, with HTTP status 200, while its
// metadata is not ready. Complaints about the parameters of the request ("invalid token") say nothing about its health.
func judgeBootstrap(body []byte) (v Verdict, said string) {
	var b bootstrapBody
	d := json.NewDecoder(bytes.NewReader(bytes.TrimPrefix(body, byteOrderMark)))
	if d.Decode(&b) != nil || !strings.EqualFold(b.Status, "FAILED") {
		return Passed, ""
	}
	if strings.HasPrefix(strings.ToLower(b.Msg), "invalid") {
		return Passed, ""
	}
	return Failed, b.Msg
}

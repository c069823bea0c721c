package health

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// notReady are the words of a body, in lower case, that mean that the server takes no more sessions, whatever the HTTP
// status says: Doris answers 200 with "Server is not ready" or "Server is not available".
var notReady = []string{"not ready", "not available"}

// wellStatus are the values of a JSON member "status", in lower case, that mean that all is well. "ok" is what
// StarRocks and TiDB say; the others are usual in health endpoints that people write themselves.
var wellStatus = []string{"ok", "up", "pass", "passing", "healthy", "ready", "running", "success"}

// healthBody is what the JSON body of a health URL may contain. Everything else is ignored.
type healthBody struct {
	Status any `json:"status"` // StarRocks: "OK"; TiDB: an object, which says nothing
	Code   any `json:"code"`   // Doris: 0 is success (RestApiStatusCode)
	Msg    any `json:"msg"`
}

// judgeBody says what the body of a 2xx answer means: the verdict, and the words that led to it. A body that is empty,
// no JSON, or JSON without the members it knows, means Passed.
func judgeBody(body []byte) (v Verdict, said string) {
	lower := strings.ToLower(string(body))
	for _, words := range notReady {
		if strings.Contains(lower, words) {
			return Leaving, words
		}
	}
	var b healthBody
	if json.Unmarshal(body, &b) != nil {
		return Passed, ""
	}
	if status, ok := b.Status.(string); ok && !slices.Contains(wellStatus, strings.ToLower(status)) {
		return Leaving, "status " + status
	}
	code, ok := b.Code.(float64)
	if !ok || code == 0 || code == 200 {
		return Passed, ""
	}
	said = fmt.Sprintf("code %v", code)
	if msg, ok := b.Msg.(string); ok && msg != "" {
		said += " " + msg
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
	if json.Unmarshal(body, &b) != nil || !strings.EqualFold(b.Status, "FAILED") {
		return Passed, ""
	}
	if strings.HasPrefix(strings.ToLower(b.Msg), "invalid") {
		return Passed, ""
	}
	return Failed, b.Msg
}

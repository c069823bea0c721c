package streamload

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// Phase is how far a load has come.
type Phase uint8

// The phases. Each begins anew at the node that a redirect names.
const (
	Connecting Phase = iota
	Asking           // for 100 Continue, or where to go
	Sending          // the body
	Waiting          // for the answer to all of it
)

// Failure is a load that got no answer which speaks of it.
type Failure struct {
	Phase      Phase
	Redirected bool // at the node that a redirect named
	Sent       bool // the last byte of the body has been handed over: the load may have been done
	Err        error
}

func (f *Failure) Error() string { return f.Err.Error() }

// Unwrap gives the network's cause.
func (f *Failure) Unwrap() error { return f.Err }

// StatusError is an HTTP answer that is no Stream Load's: a proxy's, for the most part.
type StatusError struct {
	Code int
	Text string // the beginning of what came with it
}

func (e *StatusError) Error() string {
	return strings.TrimSpace(fmt.Sprintf("HTTP %d %s: %s", e.Code, http.StatusText(e.Code), e.Text))
}

// Answer is what an FE or a BE says of a load.
type Answer struct {
	Status            string // Success, Fail and so on
	Label             string
	Message           string
	ExistingJobStatus string // of the load that has the label already: FINISHED, RUNNING
	Outcome           string // said by Segue, in answers of its own: loaded, nothing, exists, unknown
	Redirects         int    // that were followed
}

// Fate is what an answer says of the rows.
type Fate uint8

// The fates.
const (
	NotLoaded Fate = iota // nothing of it was, and nothing of it will be loaded
	Unknown
	Loaded
)

// Fate is what the answer says.
func (a *Answer) Fate() Fate {
	switch a.Outcome {
	case "loaded":
		return Loaded
	case "nothing":
		return NotLoaded
	case "unknown":
		return Unknown
	}
	switch a.Status {
	case "Success", "OK", "Publish Timeout": // the last is committed, and will be seen
		return Loaded
	case "Label Already Exists":
		if a.ExistingJobStatus == "FINISHED" {
			return Loaded
		}
		return Unknown
	case "Fail", "FAILED":
		if strings.Contains(strings.ToLower(a.Message), "unknown") { // the BE's "transaction status unknown"
			return Unknown
		}
		return NotLoaded
	}
	return Unknown
}

// Good tells whether it is what a client hopes for.
func (a *Answer) Good() bool { return a.Status == "Success" || a.Status == "OK" }

// FateAfter is what is known of a load after one attempt, whichever way that ended.
func FateAfter(answer *Answer, err error) Fate {
	if err == nil {
		return answer.Fate()
	}
	if f, ok := errors.AsType[*Failure](err); ok && !f.Sent {
		return NotLoaded
	}
	return Unknown
}

// read reads an answer: JSON with a status, which an FE or a BE gives with 200. Segue may give it with another one.
func read(code int, text []byte) (*Answer, error) {
	var fields map[string]any
	said := &StatusError{code, beginning(text)}
	if json.Unmarshal(text, &fields) != nil {
		return nil, said
	}
	field := func(name string) string {
		for key, value := range fields {
			if s, ok := value.(string); ok && strings.EqualFold(key, name) {
				return s
			}
		}
		return ""
	}
	a := &Answer{Status: field("Status"), Label: field("Label"), Message: field("Message"), ExistingJobStatus: field("ExistingJobStatus"), Outcome: field("Outcome")}
	if a.Message == "" {
		a.Message = field("msg")
	}
	if a.Status == "" || code != http.StatusOK && a.Fate() == Loaded {
		return nil, said
	}
	return a, nil
}

func beginning(text []byte) string {
	const few = 200
	s := strings.Join(strings.Fields(string(text)), " ")
	if r := []rune(s); len(r) > few {
		s = string(r[:few]) + "…"
	}
	return s
}

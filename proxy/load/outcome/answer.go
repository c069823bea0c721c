package outcome

import (
	"encoding/json"
	"errors"
	"strings"
)

// Answer is what a node or FE has said, in JSON.
type Answer struct {
	Code              int // of HTTP
	JSON              bool
	TxnID             string
	Status            string
	Label             string
	Message           string
	ExistingJobStatus string
	ErrorURL          string
}

// ReadAnswer reads an answer's body. Names of fields are taken in any case: BEs write Status and Message, FEs status and msg.
func ReadAnswer(code int, body []byte) Answer {
	var fields struct {
		TxnID             json.RawMessage `json:"TxnId"`
		Status            string
		Label             string
		Message, Msg      string
		ExistingJobStatus string
		ErrorURL          string
	}
	err := json.Unmarshal(body, &fields)
	var mistyped *json.UnmarshalTypeError // one field of another type than ever seen: the others are read
	a := Answer{
		Code: code, JSON: err == nil || errors.As(err, &mistyped), TxnID: strings.Trim(string(fields.TxnID), `"`), Status: fields.Status, Label: fields.Label,
		Message: fields.Message, ExistingJobStatus: fields.ExistingJobStatus, ErrorURL: fields.ErrorURL,
	}
	if a.Message == "" {
		a.Message = fields.Msg
	}
	return a
}

// OK says whether it is a plain success.
func (a Answer) OK() bool {
	return a.Code == 200 && a.JSON && (strings.EqualFold(a.Status, "Success") || strings.EqualFold(a.Status, "OK"))
}

// published says that it is committed, though it may not be seen yet (TStatusCode.PUBLISH_TIMEOUT).
func (a Answer) published() bool {
	return a.Code == 200 && (a.statusIs("Publish Timeout") || a.statusIs("PUBLISH_TIMEOUT"))
}

// exists says that the label is in use or used up.
func (a Answer) exists() bool {
	return strings.EqualFold(a.Status, "Label Already Exists") || strings.EqualFold(a.Status, "LABEL_ALREADY_EXISTS")
}

// Event says what a node's whole answer to a load means for it, after so much of the body was handed over: [Loaded], [Failed], [Doubtful], [Leaving], [ExistsFinished] or [ExistsRunning].
func (a Answer) Event(sent Sent) Event {
	switch {
	case a.OK(), a.published():
		return Loaded
	case a.exists() && strings.EqualFold(a.ExistingJobStatus, "FINISHED"):
		return ExistsFinished
	case a.exists() && strings.EqualFold(a.ExistingJobStatus, "BEGIN"):
		return ExistsBegun
	case a.exists():
		return ExistsRunning
	case sent == Nothing && a.passing():
		return Leaving
	case sent == Everything && a.unsure():
		return Doubtful
	default:
		return Failed
	}
}

// FrontendEvent says what an FE's answer means that is no redirect, to a request that wants one: [FrontendLost] when another FE, or this one in a moment, may do better, otherwise [Failed]: it is the client's.
func (a Answer) FrontendEvent() Event {
	if a.Code >= 500 || a.passing() || a.has("no backend", "no compute node", "no available", "not ready", "no alive") {
		return FrontendLost
	}
	return Failed
}

// passing says that the cause of a failure is that somebody goes or cannot be reached: process_exit_in_progress() of BEs, ThriftRpcHelper's errors, an FE that is not the leader (any more).
func (a Answer) passing() bool {
	return a.Code >= 500 || a.JSON && !a.ofData() && a.has("is shutting down", "is shut down", "graceful exit", "is exiting", "going to quit", "rpc error", "rpc fail", "rpc timeout", "rpc_error",
		"thrift_eagain", "thrift rpc", "not master", "not leader", "not the leader", "call frontend service failed", "failed to call frontend service", "connect to fe", "get fe client",
		"no leader", "service unavailable", "service_unavailable", "heartbeat yet", "could not connect", "connection refused", "broken pipe", "connection reset")
}

// unsure says that the node does not know whether its commit was done: its call to the leader was lost, or took too long.
func (a Answer) unsure() bool {
	return a.Code >= 500 || !a.JSON || a.statusIs("Commit Timeout") ||
		!a.ofData() && (a.passing() || a.has("status unknown", "timeout", "timed out", "time out", "coordinate be is down", "transaction not found", "transaction is aborted"))
}

// ofData says that a failure is about rows, names or rights: another node would say the same.
func (a Answer) ofData() bool {
	return a.has("too many filtered rows", "access denied", "unknown table", "unknown database", "unknown column", "does not exist", "primary key size exceed", "no partitions have data")
}

func (a Answer) statusIs(status string) bool { return strings.EqualFold(a.Status, status) }

// has says whether the message contains one of the words, outside of what is quoted in it: names, labels and rows are the client's.
func (a Answer) has(words ...string) bool {
	message := strings.ToLower(unquoted(a.Message))
	if a.Label != "" {
		message = strings.ReplaceAll(message, strings.ToLower(a.Label), "")
	}
	for _, w := range words {
		if strings.Contains(message, w) {
			return true
		}
	}
	return false
}

// quotes are what names stand between in messages of FEs and BEs.
var quotes = map[rune]rune{'[': ']', '\'': '\'', '"': '"', '`': '`', '{': '}'}

// unquoted leaves out what stands between quotes or in brackets. A quote without its end is none.
func unquoted(message string) string {
	var out strings.Builder
	for message != "" {
		at := strings.IndexAny(message, "['\"`{")
		if at < 0 {
			break
		}
		end := strings.IndexRune(message[at+1:], quotes[rune(message[at])])
		if end < 0 || message[at] == '\'' && at > 0 && isLetter(message[at-1]) { // doesn't
			out.WriteString(message[:at+1])
			message = message[at+1:]
			continue
		}
		out.WriteString(message[:at])
		message = message[at+end+2:]
	}
	out.WriteString(message)
	return out.String()
}

func isLetter(b byte) bool { return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' }

// ReadState says which event a leader's answer about a label is: a State… one. StarRocks says {"state":"VISIBLE"}, Doris {"data":"VISIBLE"}. What is no such answer is [StateLost], or [StateRefused] where it is one all the same.
func ReadState(code int, body []byte) Event {
	var fields struct {
		State string
		Data  string
	}
	switch {
	case code == 401 || code == 403:
		return StateRefused
	case code != 200 || json.Unmarshal(body, &fields) != nil:
		return StateLost
	}
	state := fields.State
	if state == "" {
		state = fields.Data
	}
	switch strings.ToUpper(state) {
	case "UNKNOWN":
		return StateUnknown
	case "PREPARE":
		return StateOpen
	case "PREPARED", "PRECOMMITTED":
		return StatePrepared
	case "COMMITTED":
		return StateCommitted
	case "VISIBLE":
		return StateVisible
	case "ABORTED":
		return StateAborted
	default:
		return StateRefused
	}
}

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
	return a.Code == 200 && strings.EqualFold(a.Status, "Publish Timeout")
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
	return a.Code >= 500 || a.has("shutting down", "shut down", "graceful", "is exiting", "going to quit", "rpc error", "rpc fail", "rpc timeout", "thrift", "not master", "not leader", "not the leader",
		"call frontend service failed", "connect to fe", "get fe client", "no leader", "service unavailable", "could not connect", "connection refused", "broken pipe", "connection reset")
}

// unsure says that the node does not know whether its commit was done: its call to the leader was lost, or took too long.
func (a Answer) unsure() bool {
	return a.Code >= 500 || !a.JSON || a.passing() || a.has("status unknown", "timeout", "timed out", "time out", "coordinate be is down", "transaction not found", "transaction is aborted") || strings.EqualFold(a.Status, "Commit Timeout")
}

func (a Answer) statusIs(status string) bool { return strings.EqualFold(a.Status, status) }

// has says whether the message contains one of the words.
func (a Answer) has(words ...string) bool {
	message := strings.ToLower(a.Message)
	for _, w := range words {
		if strings.Contains(message, w) {
			return true
		}
	}
	return false
}

// ReadState says which event a leader's answer about a label is: a State… one. StarRocks says {"state":"VISIBLE"}, Doris {"data":"VISIBLE"}. What is no such answer is [StateLost].
func ReadState(code int, body []byte) Event {
	var fields struct {
		State string
		Data  string
	}
	if code != 200 || json.Unmarshal(body, &fields) != nil {
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
	case "COMMITTED", "VISIBLE":
		return StateCommitted
	case "ABORTED":
		return StateAborted
	default:
		return StateLost
	}
}

package outcome

import (
	"encoding/json"
	"fmt"
	"net/url"
)

// Reply is what a client is told: a status of HTTP and a body in JSON.
type Reply struct {
	Code int
	Body []byte
}

// Told is what a reply speaks of.
type Told struct {
	Database string
	Label    string
	Cause    string // one clause: "node 10.0.0.7:8040 was lost after 3 of 9 MB"
	Step     bool   // of a transaction, by StarRocks' interface: its success is OK
	Rows     bool   // … a load
	Open     bool   // the label may still be held by what was lost
}

// Say words an action: [AnswerDone], [AnswerLoaded], [AnswerExists], [AnswerNothing], [AnswerUntouched], [AnswerUnknown]. All have HTTP 200 and a Status of the clusters' own, since that is what clients understand:
//
//   - StarRocks' SDK, and the Flink and Spark connectors with it (DefaultStreamLoader, ErrorUtils.isRetryable), send again, some versions under a new label, after any other code than 200, and after Fail unless the message has one of a few words.
//     So does doris-flink-connector (DorisBatchStreamLoad), after other codes. What may have been committed must not be told so: its message has such a word, "current running txns on db".
//   - SeaTunnel and older Flink connectors (StarRocksStreamLoadVisitor) take every Status but Fail and Label Already Exists for success. So there is no Status "Unknown". After Fail they send again under the same label, which finds out.
//
// Outcome is Segue's own, for programs: loaded, exists, nothing, unknown.
func Say(a Action, t Told) Reply {
	r := struct {
		TxnID   int64 `json:"TxnId"`
		Label   string
		Status  string
		Job     string `json:"ExistingJobStatus,omitempty"`
		Message string
		Outcome string
	}{TxnID: -1, Label: t.Label, Status: "Fail"}
	switch a {
	case AnswerDone:
		r.Status, r.Outcome = "Success", "done"
		if t.Step {
			r.Status = "OK"
		}
		r.Message = fmt.Sprintf("segue: the answer was lost: %s; the leader says of label %s that it is done", t.Cause, t.Label)
	case AnswerLoaded:
		r.Status, r.Outcome = "Success", "loaded"
		r.Message = fmt.Sprintf("OK (segue: the answer was lost: %s; the leader says that label %s is committed)", t.Cause, t.Label)
	case AnswerExists:
		r.Status, r.Job, r.Outcome = "Label Already Exists", "FINISHED", "exists"
		r.Message = fmt.Sprintf("segue: label %s has already been used by another request, and its load is finished; this one loaded nothing: %s", t.Label, t.Cause)
	case AnswerNothing:
		r.Outcome = "nothing"
		r.Message = t.nothing()
	case AnswerUntouched:
		r.Outcome = "nothing"
		r.Message = t.untouched()
	default:
		r.Outcome = "unknown"
		r.Message = t.unknown()
	}
	body, _ := json.Marshal(r) // of strings and numbers: it cannot fail
	return Reply{Code: 200, Body: append(body, '\n')}
}

// untouched says that a step was not done.
func (t Told) untouched() string {
	return fmt.Sprintf("segue: this was not done: %s; the transaction is as it was (label %s, database %s). The same request may be sent again", t.Cause, t.Label, t.Database)
}

// nothing says that nothing was loaded.
func (t Told) nothing() string {
	switch {
	case t.Rows:
		// Sent again into the same transaction, what arrived of these rows might be there twice: the word from ErrorUtils keeps the SDK from that.
		return fmt.Sprintf("segue: %s. Some of its rows may have come into the transaction: it is rolled back, and nothing of it will be committed. Begin it anew (label %s is not among the current running txns on db %s)",
			t.Cause, t.Label, t.Database)
	case t.Step:
		return fmt.Sprintf("segue: this was not done: %s; the transaction is aborted, and nothing of it will be committed (label %s)", t.Cause, t.Label)
	default:
		return "segue: nothing was loaded: " + t.Cause + "; the same request may be sent again" + t.again()
	}
}

// again says under which label.
func (t Told) again() string {
	switch {
	case t.Label == "":
		return ""
	case t.Open:
		return fmt.Sprintf(" (label %s, once the cluster has rolled back what was begun under it, or another label)", t.Label)
	default:
		return fmt.Sprintf(" (label %s)", t.Label)
	}
}

// unknown says what is not known, and how to find it.
func (t Told) unknown() string {
	if t.Rows {
		return fmt.Sprintf("segue: %s. Some of its rows may have come into the transaction, and it is not known whether it is rolled back: roll it back, and do not commit it (label %s, which may be among the current running txns on db %s)",
			t.Cause, t.Label, t.Database)
	}
	if t.Step && t.Label != "" {
		return fmt.Sprintf("segue: it is not known whether this was done: %s. Ask for the label's state before anything else, it may be among the current running txns on db %s: GET /api/%s/get_load_state?label=%s",
			t.Cause, t.Database, url.PathEscape(t.Database), url.QueryEscape(t.Label))
	}
	if t.Label == "" {
		return fmt.Sprintf("segue: it is not known whether this was loaded: %s. It has no label that can be asked about: look into the table before it is sent again. "+
			"It may still be among the finished or current running txns on db %s", t.Cause, t.Database)
	}
	return fmt.Sprintf("segue: it is not known whether this was loaded: %s. Send it again under the same label only (%s), or find it first among the finished and current running txns on db %s: GET /api/%s/get_load_state?label=%s",
		t.Cause, t.Label, t.Database, url.PathEscape(t.Database), url.QueryEscape(t.Label))
}

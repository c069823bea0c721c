// Package route says what a request to the HTTP port of a StarRocks or Doris FE is: a load, a step of a transaction, a question, anything else; what it names,
// whom it must go to first, and what may be done when its answer is lost. It also decides which redirects are followed, and where error logs are found.
// All of it is pure: no clock, no socket.
package route

import "net/http"

// Flavor is whose FEs these are.
type Flavor uint8

// The flavors.
const (
	StarRocks Flavor = iota
	Doris
)

// Kind is what a request is.
type Kind uint8

// The kinds of requests.
const (
	Other    Kind = iota // relayed to any FE
	Load                 // PUT /api/DB/TABLE/_stream_load; Doris: /_load and /api/_http_stream too
	Begin                // /api/transaction/begin
	TxnLoad              // /api/transaction/load
	Prepare              // /api/transaction/prepare
	Commit               // /api/transaction/commit
	Rollback             // /api/transaction/rollback
	TwoPhase             // Doris: /api/DB/_stream_load_2pc and /api/DB/TABLE/_stream_load_2pc: commit or abort of what has been loaded before
	State                // /api/DB/get_load_state, /api/DB/_state: what has become of a label
	ErrorLog             // /api/_load_error_log: rows that were filtered, at a BE
)

// Repeat says whether a request may be sent again when its answer was lost.
type Repeat uint8

// What may be sent again.
const (
	Never   Repeat = iota // it may have done something, and doing it twice is not the same
	Always                // it changes nothing, or the same thing twice is once
	ByLabel               // once the label's state says that nothing came of it
)

// Request is what a request is and needs.
type Request struct {
	Kind      Kind
	Database  string
	Table     string // "" where it names none
	Label     string // the client's; "" where it gave none
	Warehouse string
	TxnID     string // Doris 2PC: what it names instead of a label
	Abort     bool   // Doris 2PC: txn_operation is abort
	Multi     bool   // a StarRocks transaction of many tables: only its loads are redirected, by the leader
	Merged    bool   // StarRocks merge commit, Doris group commit: rows of many loads share a transaction and a label that is the cluster's
	TwoPhase  bool   // a Doris load with two_phase_commit: its success is PRECOMMITTED, not yet in the table
	Leader    bool   // the leader answers it or sends it on; others only name the leader by a redirect
	Streams   bool   // the FE redirects it to a BE or CN, and its body goes there alone
	AddLabel  bool   // it has no label, and one may be added
	Resolves  bool   // its outcome can be asked by its label (the client's, or the one added)
	Repeat    Repeat
	Node      string // ErrorLog: "host:port" of the BE that segue_node names, "" for none
}

// Parse says what a request is. An error is a bad request: its text is for the client.
func Parse(flavor Flavor, method, target string, header http.Header) (Request, error) {
	return Request{}, nil
}

// NewLabel makes a label of Segue's own from 16 random bytes.
func NewLabel(random [16]byte) string { return "" }

// Known is who redirects may lead to.
type Known struct {
	Nodes     []string          // "host:port" of BEs and CNs, as the cluster tells
	Frontends []string          // "host:port" of the FEs' HTTP ports
	Allowed   []string          // configured beside them: "host:port", "host", or "*"
	Addresses map[string]string // what FEs call a node, "host:port" or "host" → where it is reached
}

// Target is where a redirect leads.
type Target struct {
	Name     string // "host:port" as the FE calls it
	Address  string // "host:port" at which it is reached
	URI      string // path and query to send there
	TLS      bool
	Frontend bool // an FE: the leader
}

// Redirect reads a Location. What leads elsewhere than to nodes that are known is an error: following it would give the client's password to whoever it names.
func (k Known) Redirect(location string) (Target, error) { return Target{}, nil }

// Reach says where a node is reached that is called name, "host:port". It errs as [Known.Redirect].
func (k Known) Reach(name string) (Target, error) { return Target{}, nil }

// RewriteErrorURL has the ErrorURL in an answer's JSON lead through Segue at base ("http://127.0.0.1:8030"); the rest of the body stays byte for byte.
func RewriteErrorURL(body []byte, base string) []byte { return body }

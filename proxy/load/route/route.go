// Package route says what a request to the HTTP port of a StarRocks or Doris FE is: a load, a step of a transaction, a question, anything else; what it names,
// whom it must go to first, and what may be done when its answer is lost. It also decides which redirects are followed, and where error logs are found.
// All of it is pure: no clock, no socket.
package route

import (
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

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
	State                // /api/DB/get_load_state, /api/DB/_load_info: what has become of a label
	ErrorLog             // /api/_load_error_log: rows that were filtered, at a BE
)

var kinds = [...]string{"other", "load", "begin", "txn_load", "prepare", "commit", "rollback", "two_phase", "state", "error_log"}

func (k Kind) String() string { return kinds[k] }

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
	URI       string // what is sent on: the target, without what is Segue's own
	Database  string
	Table     string // "" where it names none
	Label     string // the client's; "" where it gave none
	Warehouse string
	TxnID     string // Doris 2PC: what it names instead of a label
	Abort     bool   // Doris 2PC: txn_operation is abort
	Multi     bool   // a StarRocks transaction of many tables: only its loads are redirected, by the leader
	Merged    bool   // StarRocks merge commit, Doris group commit: rows of many loads share a transaction and a label that is the cluster's
	Prefix    bool   // what has come of its body may be committed without the rest: Doris' group commit
	OffMode   bool   // header group_commit: off_mode is to be sent along: Doris 4 refuses labels otherwise, or drops them
	Channel   bool   // of a StarRocks transaction that many clients load into, each by a channel of its own, under one label
	TwoPhase  bool   // a Doris load with two_phase_commit: its success is PRECOMMITTED, not yet in the table
	Leader    bool   // the leader answers it or sends it on; others only name the leader by a redirect
	Streams   bool   // the FE redirects it to a BE or CN, and its body goes there alone
	AddLabel  bool   // it has no label, and one may be added
	Resolves  bool   // its outcome can be asked by its label (the client's, or the one added)
	Repeat    Repeat
	Node      string // ErrorLog: "host:port" of the BE that segue_node names, "" for none
}

// single are headers that mean one thing: given twice, FE and BE may read different ones.
var single = [...]string{"Label", "Db", "Table", "Txn_id", "Txn_operation", "Transaction_type", "Two_phase_commit", "Enable_merge_commit", "Group_commit", "Warehouse", "Sql", "Channel_id"}

// NotServedError is that a path is none of those that are relayed.
type NotServedError struct {
	Path string
}

func (e *NotServedError) Error() string {
	return fmt.Sprintf("%.80q is not relayed: by the address for loads only what is below /api/ is to be had (and /rest/ of Doris); for all else ask an FE itself", e.Path)
}

// relayed tells whether a path is one that is sent on. What FEs have for one another beside it (/image, /put, /info, /role, /journal_id, /check, /dump: MetaService of StarRocks,
// of Doris too) asks no password of whoever has the address of an FE, and that is what Segue has where it runs beside one.
func relayed(flavor Flavor, parts []string) bool {
	return len(parts) > 1 && (parts[0] == "api" || parts[0] == "rest" && flavor == Doris)
}

// Parse says what a request is. Its target is a path with an optional query. An error is a bad request, or a [NotServedError]: its text is for the client.
func Parse(flavor Flavor, method, target string, header http.Header) (Request, error) {
	r := Request{URI: target, Warehouse: header.Get("warehouse")}
	if method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions {
		r.Repeat = Always
	}
	path, query, _ := strings.Cut(target, "?")
	if !strings.HasPrefix(path, "/") {
		return r, fmt.Errorf("the request's target %.80q is no path", target)
	}
	parts, err := split(path)
	if err != nil {
		return r, err
	}
	if !relayed(flavor, parts) {
		return r, &NotServedError{path}
	}
	if flavor == Doris && strings.Contains(path, ";") {
		return r, fmt.Errorf("the request's path has a ';', from which on FEs of Doris leave out the rest of a part: %.80q", path)
	}
	if parts[0] != "api" {
		return r, nil
	}
	for _, name := range single {
		if len(header[http.CanonicalHeaderKey(name)]) > 1 {
			return r, fmt.Errorf("header %s is given more than once: FEs and BEs may read different ones; give it once", strings.ToLower(name))
		}
	}
	err = r.classify(flavor, method, parts[1:], query, header)
	return r, err
}

// split takes a path apart. A slash at its end means nothing, as FEs see it. What some server could take for a step up is refused: however often it is escaped, with a parameter
// behind it (Tomcat's and Jetty's "..;x"), and between whatever may separate.
func split(path string) ([]string, error) {
	parts := strings.Split(strings.Trim(path, "/"), "/")
	for i, p := range parts {
		decoded, err := url.PathUnescape(p)
		if err != nil {
			return nil, fmt.Errorf("the request's path has an escape that is none: %.80q", p)
		}
		if climbs(decoded) || strings.Contains(decoded, "\x00") {
			return nil, fmt.Errorf("the request's path has a part %.80q that is no name", p)
		}
		parts[i] = decoded
	}
	return parts, nil
}

// mostEscapes is how often a part of a path may be escaped for it to be looked into.
const mostEscapes = 4

// climbs tells whether some server could take a part of a path for "." or "..", or for more than one part with those among them.
func climbs(part string) bool {
	for range mostEscapes {
		for _, p := range strings.FieldsFunc(part, func(r rune) bool { return r == '/' || r == '\\' }) {
			if name, _, _ := strings.Cut(p, ";"); name == "." || name == ".." {
				return true
			}
		}
		again, err := url.PathUnescape(part)
		if err != nil || again == part {
			return false
		}
		part = again
	}
	return true
}

// classify looks at what follows /api/.
func (r *Request) classify(flavor Flavor, method string, parts []string, query string, header http.Header) error {
	last, put := parts[len(parts)-1], method == http.MethodPut
	switch {
	case len(parts) == 3 && last == "_stream_load" && put:
		r.load(flavor, parts[0], parts[1], header)
	case len(parts) == 1 && last == "_http_stream" && put && flavor == Doris:
		database, table := insertInto(header.Get("sql"))
		r.load(flavor, database, table, header)
	case len(parts) == 3 && last == "_load" && put && flavor == Doris:
		return r.miniLoad(parts[0], parts[1], query)
	case len(parts) == 2 && parts[0] == "transaction" && (put || method == http.MethodPost):
		r.step(last, header)
	case (len(parts) == 2 || len(parts) == 3) && last == "_stream_load_2pc" && put:
		r.twoPhase(parts, header)
	case len(parts) == 2 && (last == "get_load_state" || last == "_load_info") && method == http.MethodGet:
		return r.state(parts[0], query)
	case len(parts) == 1 && last == "_load_error_log" && (method == http.MethodGet || method == http.MethodHead):
		return r.errorLog(query)
	}
	return nil
}

func (r *Request) load(flavor Flavor, database, table string, header http.Header) {
	r.Kind, r.Streams = Load, true
	r.Database, r.Table, r.Label = database, table, header.Get("label")
	if flavor == StarRocks {
		r.Merged = set(header.Get("enable_merge_commit"), "false", "0")
		r.Leader = r.Merged
	} else {
		r.Merged = set(header.Get("group_commit"), "off_mode")
		r.Prefix = r.Merged
		r.TwoPhase = header.Get("two_phase_commit") == "true" // in this case alone: StreamLoadAction and HttpStreamAction compare so
		r.OffMode = header.Get("group_commit") == "" && !r.TwoPhase
	}
	r.Resolves = !r.Merged && r.Database != ""
	r.AddLabel = r.Resolves && r.Label == ""
	if r.Resolves {
		r.Repeat = ByLabel
	}
}

// set says whether a switch is on: given, and none of the words that turn it off.
func set(value string, off ...string) bool {
	value = strings.TrimSpace(value)
	for _, o := range off {
		if strings.EqualFold(value, o) {
			return false
		}
	}
	return value != ""
}

// miniLoad is Doris' old load: its label is in the query, and its success says only that it has been taken. So its outcome is not Segue's to resolve.
func (r *Request) miniLoad(database, table, query string) error {
	values, err := url.ParseQuery(query)
	if err != nil {
		return fmt.Errorf("the request's query cannot be read: %w", err)
	}
	r.Kind, r.Streams, r.Database, r.Table, r.Label, r.Leader = Load, true, database, table, values.Get("label"), values.Get("sub_label") != ""
	return nil
}

var steps = map[string]Kind{"begin": Begin, "load": TxnLoad, "prepare": Prepare, "commit": Commit, "rollback": Rollback}

func (r *Request) step(name string, header http.Header) {
	kind, ok := steps[strings.ToLower(name)]
	if !ok {
		return
	}
	r.Kind, r.Streams, r.Leader = kind, kind == TxnLoad, true
	r.Database, r.Table, r.Label = header.Get("db"), header.Get("table"), header.Get("label")
	r.Multi = strings.EqualFold(header.Get("transaction_type"), "multi")
	r.Channel = header.Get("channel_id") != "" || header.Get("channel_num") != ""
	r.Resolves = r.Database != "" && r.Label != "" && !r.Channel // its label stands for what others do as well
	if r.Resolves {
		r.Repeat = ByLabel
	}
}

func (r *Request) twoPhase(parts []string, header http.Header) {
	r.Kind, r.Database = TwoPhase, parts[0]
	if len(parts) == 3 {
		r.Table = parts[1]
	}
	r.TxnID, r.Label, r.Abort = header.Get("txn_id"), header.Get("label"), strings.EqualFold(header.Get("txn_operation"), "abort")
	r.Resolves, r.Repeat = r.Label != "", ByLabel
}

func (r *Request) state(database, query string) error {
	values, err := url.ParseQuery(query)
	if err != nil {
		return fmt.Errorf("the request's query cannot be read: %w", err)
	}
	r.Kind, r.Database, r.Label, r.Leader = State, database, values.Get("label"), true
	return nil
}

// LabelPrefix is what labels of Segue's own begin with.
const LabelPrefix = "segue_"

// NewLabel makes a label of Segue's own from 16 random bytes. Labels are letters, digits, - and _, up to 128 (FeNameFormat).
func NewLabel(random [16]byte) string { return LabelPrefix + hex.EncodeToString(random[:]) }

// StateURI is where the leader tells a label's state, by GET.
func StateURI(database, label string) string {
	return "/api/" + url.PathEscape(database) + "/get_load_state?label=" + url.QueryEscape(label)
}

// CancelRequest is how the leader is told to abort the transaction of a label that is not committed (CancelStreamLoad in StarRocks, CancelLoadAction in Doris).
func CancelRequest(flavor Flavor, database, label string) (method, uri string) {
	if flavor == Doris {
		return http.MethodPost, "/api/" + url.PathEscape(database) + "/_cancel?label=" + url.QueryEscape(label)
	}
	return http.MethodPost, "/api/" + url.PathEscape(database) + "/" + url.PathEscape(label) + "/_cancel"
}

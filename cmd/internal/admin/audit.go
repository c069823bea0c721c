package admin

import (
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// Change is something that an operator has said, and Segue has done.
type Change struct {
	Time time.Time `json:"time"`
	What string    `json:"what"` // drain fe-1; pause for 5m; reload
	By   string    `json:"by"`   // who asked: an address or a process, and what it has proven; or a signal
}

// Audit keeps the latest changes, and logs each. It may be used by anyone at any time; a nil one keeps nothing.
type Audit struct {
	log *slog.Logger

	mu      sync.Mutex
	changes []Change // the latest last
	noted   uint64   // how many there have been
}

// mostChanges is how many are kept.
const mostChanges = 500

// shownChanges is how many stand in the Status.
const shownChanges = 10

// NewAudit makes one that logs to log.
func NewAudit(log *slog.Logger) *Audit { return &Audit{log: log} }

// Note takes a change.
func (a *Audit) Note(what, by string) {
	if a == nil {
		return
	}
	a.mu.Lock()
	if len(a.changes) == mostChanges {
		a.changes = slices.Delete(a.changes, 0, 1)
	}
	a.changes = append(a.changes, Change{time.Now(), what, by})
	a.noted++
	a.mu.Unlock()
	a.log.Info("changed by an operator", "change", what, "client", by)
}

// Inherit takes what has been changed before, by a Segue that this one has taken over from, the oldest first. Nothing of it is logged again.
func (a *Audit) Inherit(before []Change) {
	if a == nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	all := append(slices.Clone(before), a.changes...)
	a.changes = all[max(0, len(all)-mostChanges):]
}

// Latest gives up to n changes, the latest first.
func (a *Audit) Latest(n int) []Change {
	if a == nil {
		return []Change{}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	list := append([]Change{}, a.changes[max(0, len(a.changes)-n):]...) // none is a list, too
	slices.Reverse(list)
	return list
}

// After gives the changes behind the first n that there have been, and how many there have been by now.
func (a *Audit) After(n uint64) ([]Change, uint64) {
	if a == nil {
		return []Change{}, 0
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	fresh := min(a.noted-min(n, a.noted), uint64(len(a.changes)))
	return append([]Change{}, a.changes[uint64(len(a.changes))-fresh:]...), a.noted
}

// audited notes what a request has changed, once it has been answered well. What the Segue that has taken over passes on is noted there.
func (d door) audited(next http.HandlerFunc) http.HandlerFunc {
	if d.private {
		return next
	}
	return func(w http.ResponseWriter, r *http.Request) {
		told := &toldWriter{ResponseWriter: w}
		next(told, r)
		if told.code == http.StatusOK {
			d.h.Audit.Note(asked(r), by(r))
		}
	}
}

// toldWriter notes how a request was answered.
type toldWriter struct {
	http.ResponseWriter
	code int
}

// WriteHeader implements http.ResponseWriter.
func (w *toldWriter) WriteHeader(code int) {
	w.code = code
	w.ResponseWriter.WriteHeader(code)
}

// Unwrap is for http.ResponseController.
func (w *toldWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// asked says what a request is for, in the words of the command line.
func asked(r *http.Request) string {
	if name := r.PathValue("name"); name != "" {
		return r.PathValue("admin") + " " + name
	}
	what := r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]
	query, err := url.ParseQuery(r.URL.RawQuery)
	if span := query.Get("for"); err == nil && span != "" {
		what += " for " + quoteless(span)
	}
	return what
}

// quoteless is a word of a stranger's that needs no quotes, or has them.
func quoteless(s string) string {
	if q := quote(s); len(q) != len(s)+2 {
		return q
	}
	return s
}

// by says who sent a request, as far as that is certain: from where, and what it has proven.
func by(r *http.Request) string {
	who := r.RemoteAddr
	if who == "" || strings.HasPrefix(who, "@") {
		who = "the admin socket"
	}
	if v, ok := r.Context().Value(visitorKey{}).(*visitor); ok {
		who += peerOf(v.Conn)
	}
	if proof, ok := r.Context().Value(proofKey{}).(string); ok {
		who += " " + proof
	}
	return who
}

func (h *Handler) changes(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, h.Audit.Latest(mostChanges))
}

// reload has the configuration read again, and answers how that went.
func (h *Handler) reload(w http.ResponseWriter, r *http.Request) {
	if h.Reload == nil {
		refuse(w, http.StatusNotFound, "there is no configuration to be read again")
		return
	}
	done, err := h.Reload(r.Context())
	if err != nil {
		refuse(w, http.StatusServiceUnavailable, "the configuration has not been read again: "+err.Error())
		return
	}
	answer(w, http.StatusOK, done.whole())
}

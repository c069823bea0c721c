package track

import (
	"slices"
	"strings"
	"unique"

	"segue/proxy/wire"
)

// Replay is what rebuilds a session on a backend that it has just been logged in to.
type Replay struct {
	Database   string     // for the login's HandshakeResponse41, "" for none
	Statements []string   // in order, each one whole SQL statement; as few as can be
	Prepared   []Prepared // to be prepared by COM_STMT_PREPARE, in this order
	Wrote      bool       // the session has changed data or metadata since it came to this backend
}

// Prepared is a prepared statement of COM_STMT_PREPARE.
type Prepared struct {
	Text   string
	Params uint16 // as COM_STMT_PREPARE_OK said: a backend that says otherwise has prepared something else
}

// Replay tells what rebuilds the session as it stands. Nothing may be Unresolved, unless Forgo has been called.
func (s *State) Replay() Replay {
	r := Replay{Wrote: s.wrote}
	if s.database != (text{}) {
		r.Database = s.database.Value()
	}
	if h := s.held; h != nil {
		h.rebuild(&r)
	}
	if s.txn.bare {
		r.Statements = append(r.Statements, "BEGIN")
	}
	return r
}

// rebuild adds what h holds.
func (h *held) rebuild(r *Replay) {
	r.Statements = h.statements()
	for i := range h.stmts {
		if p := &h.stmts[i]; p.text != (text{}) {
			r.Prepared = append(r.Prepared, Prepared{p.text.Value(), p.params})
		}
	}
}

// statements gives EXECUTE AS and roles first, then the catalog and the database that came with it, the settings, and what
// PREPARE has prepared.
func (h *held) statements() (list []string) {
	for _, key := range [...]string{"EXECUTE AS", "ROLE"} {
		for i := range h.settings {
			if x := &h.settings[i]; x.key.Value() == key {
				list = append(list, x.text.Value())
			}
		}
	}
	if h.catalog != (text{}) {
		list = append(list, h.catalog.Value())
	}
	if h.late != (text{}) {
		list = append(list, "USE "+useName(h.late.Value()))
	}
	list = append(list, h.sets()...)
	for i := range h.texts {
		if x := &h.texts[i]; x.text != (text{}) {
			list = append(list, x.text.Value())
		}
	}
	return list
}

// useName quotes a name of up to two parts.
func useName(name string) string {
	parts := strings.SplitN(name, ".", 2)
	for i := range parts {
		parts[i] = string(quotedName([]byte(parts[i])))
	}
	return strings.Join(parts, ".")
}

// sets gives the settings, as many as can be in one SET: a literal that may read otherwise under a setting stands in a later
// statement than that, and so does a value made from one before.
func (h *held) sets() (list []string) {
	var b strings.Builder
	lexing := false
	var keys []text
	flush := func() {
		if b.Len() > 0 {
			list = append(list, b.String())
		}
		b.Reset()
		lexing, keys = false, keys[:0]
	}
	for i := range h.settings {
		x := &h.settings[i]
		switch key := x.key.Value(); {
		case x.text == (text{}), key == "EXECUTE AS", key == "ROLE":
			continue
		case x.kind == wholeStatement:
			flush()
			list = append(list, x.text.Value())
			continue
		case lexing && delicate(x.text.Value()), x.kind == relativeAssignment && slices.Contains(keys, x.key):
			flush()
		}
		if b.Len() == 0 {
			b.WriteString("SET ")
		} else {
			b.WriteString(", ")
		}
		b.WriteString(x.text.Value())
		lexing = lexing || isLexing(x.key.Value())
		keys = append(keys, x.key)
	}
	flush()
	return list
}

// Unresolved are the SQL expressions whose values only the server knows, such as "@x", "@@session.sql_mode",
// "LAST_INSERT_ID()". A backend that lives can be asked for them all in one SELECT.
func (s *State) Unresolved() (list []string) {
	if h := s.held; h != nil {
		for i := range h.settings {
			if x := &h.settings[i]; x.text == (text{}) {
				list = append(list, x.key.Value())
			}
		}
	}
	if s.insertID == askID {
		list = append(list, "LAST_INSERT_ID()")
	}
	return list
}

// Asking reports whether Unresolved has anything that Forgo could not do without.
func (s *State) Asking() bool {
	if s.held == nil {
		return false
	}
	for i := range s.held.settings {
		if s.held.settings[i].text == (text{}) {
			return true
		}
	}
	return false
}

// Resolved takes the answer: one SQL literal for each of Unresolved, in that order. See Quote.
func (s *State) Resolved(literals []string) {
	var known []setting
	if h := s.held; h != nil {
		for i := range h.settings {
			x := h.settings[i]
			if x.text != (text{}) {
				continue
			}
			if len(literals) == 0 {
				return
			}
			name := strings.TrimPrefix(x.key.Value(), "@@session.")
			x.text, x.kind = unique.Make(name+"="+literals[0]), assignment
			literals, known = literals[1:], append(known, x)
		}
	}
	if s.insertID == askID && len(literals) == 1 {
		s.insertID = noID
		known = append(known, setting{key: lastInsertID(), text: unique.Make("last_insert_id=" + literals[0])})
	}
	for _, x := range known { // at the end: these are values as they are now, under the settings as they are now
		s.hold().set(x)
	}
}

// Forgo gives up what only the server knew and what a client can be refused if it asks (Look.Asks): LAST_INSERT_ID(). It reports
// whether nothing else is Unresolved, so that the session can be rebuilt although its backend can no longer be asked.
func (s *State) Forgo() bool {
	if s.insertID == askID {
		s.insertID = lostID
	}
	return len(s.Unresolved()) == 0
}

// Moved tells that the session stands on another backend: o as for New, status from its last OK_Packet, ids those that it has given to
// Replay().Prepared, in that order. If ids is nil the backend knows the statements by the ids of the one before. What the client
// knows as ids stays. Moved must only be called when Idle.
func (s *State) Moved(o Options, status wire.Status, ids []uint32) {
	old := *s
	*s = New(o, status)
	s.held, s.user, s.database, s.insertID = old.held, old.user, old.database, old.insertID
	s.prepared, s.cursors, s.longData = old.prepared, nil, nil
	s.failed = old.failed
	if old.txn.bare {
		s.txn.bare, s.txn.said = true, !s.txn.flagged
	}
	h := s.held
	if h == nil {
		return
	}
	if len(h.stmts) == 0 {
		h.virtual = false
		return
	}
	if ids == nil {
		return
	}
	h.virtual = true
	for i := range h.stmts {
		p := &h.stmts[i]
		if p.text == (text{}) || len(ids) == 0 {
			p.server = nowhere
			continue
		}
		p.server, ids = ids[0], ids[1:]
		p.taught = false
	}
}

// Dropped forgets what could not be taken along because the backend has gone: transaction, cursors, long data, temporary tables,
// locks and the like. It returns the reason of Pinned that was dropped, or "". What is still Pinned then cannot be rebuilt. A transaction
// in which nothing has been said but BEGIN is not lost: it is part of Replay.
func (s *State) Dropped() string {
	reason := s.Pinned()
	s.cursors, s.longData = nil, nil
	s.txn = transaction{flags: s.txn.flags, autocommit: s.txn.autocommit, bare: s.txn.bare}
	if h := s.held; h != nil {
		h.temps, h.locks, h.handlers = nil, nil, nil
		h.pins &^= lostWithBackend
	}
	if s.Pinned() == reason || s.txn.bare && reason == PinTransaction {
		return ""
	}
	return reason
}

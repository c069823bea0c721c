package track

import (
	"slices"
	"strings"
	"unique"

	"segue/backend/wire"
)

// Replay is what rebuilds a session on a backend that it has just been logged in to.
type Replay struct {
	Database   string     // for the login's HandshakeResponse41, "" for none
	Statements []string   // in order, each one whole SQL statement; as few as can be
	Prepared   []Prepared // to be prepared by COM_STMT_PREPARE, in this order
	Wrote      bool       // the session has changed data or metadata since it came to this backend

	// Modes are the flags of the session's sql_mode that say how texts are to be read. The backend must show the same when Statements[:Plain]
	// have run, or what follows would be read otherwise, here and from the client.
	Modes wire.Status
	Plain int

	Texts, Values int // Statements[Texts:Values] are each a PREPARE; the values of variables that one may touch follow

	// Autocommit is the flag of the session's autocommit, if its server tells: it has that by its login as a rule, and clients rely on it, whatever the
	// global value of another server is.
	Autocommit wire.Status
	Tells      bool // the server tells of autocommit
}

// lexModes are the status flags that say how texts are read.
const lexModes = wire.StatusNoBackslashEscapes | wire.StatusAnsiQuotes

// flagged notes the modes that the last flags tell of.
func (s *State) flagged() {
	s.quotes, s.slashes = s.x.Status.Has(wire.StatusAnsiQuotes), s.x.Status.Has(wire.StatusNoBackslashEscapes)
}

// modes are the flags of the session's own sql_mode.
func (s *State) modes() (m wire.Status) {
	if s.quotes {
		m |= wire.StatusAnsiQuotes
	}
	if s.slashes {
		m |= wire.StatusNoBackslashEscapes
	}
	return m
}

// Fits reports whether a backend with these status flags reads the rest of a Replay as the session's does.
func (r *Replay) Fits(status wire.Status) bool { return status&lexModes == r.Modes }

// Autocommits is what makes of a backend with these status flags, behind Statements[:Plain], one that commits like the session's; "": it does.
func (r *Replay) Autocommits(status wire.Status) string {
	switch {
	case !r.Tells || status&wire.StatusAutocommit == r.Autocommit:
		return ""
	case r.Autocommit == 0:
		return "SET autocommit=0"
	}
	return "SET autocommit=1"
}

// Prepared is a prepared statement of COM_STMT_PREPARE.
type Prepared struct {
	Text   string
	Params uint16 // as COM_STMT_PREPARE_OK said: a backend that says otherwise has prepared something else
}

// Replay tells what rebuilds the session as it stands. Nothing may be Unresolved, unless Forgo has been called.
func (s *State) Replay() Replay {
	r := Replay{Wrote: s.wrote, Modes: s.modes(), Tells: !s.dialect.fe()}
	if s.txn.autocommit {
		r.Autocommit = wire.StatusAutocommit
	}
	if s.database != (text{}) {
		r.Database = s.database.Value()
	}
	if h := s.held; h != nil {
		h.rebuild(&r, s.dialect)
	}
	if s.txn.bare {
		r.Statements = append(r.Statements, "BEGIN")
	}
	return r
}

// rebuild adds what h holds.
func (h *held) rebuild(r *Replay, d Dialect) {
	plain, ruled, values := h.sets(d)
	r.Statements = append(h.first(), plain...)
	r.Plain = len(r.Statements)
	r.Statements = append(r.Statements, ruled...)
	r.Texts = len(r.Statements)
	for i := range h.texts {
		if x := &h.texts[i]; x.text != (text{}) {
			r.Statements = append(r.Statements, x.text.Value())
		}
	}
	r.Values = len(r.Statements)
	r.Statements = append(r.Statements, values...)
	for _, p := range h.inOrder() {
		if p.text != (text{}) {
			r.Prepared = append(r.Prepared, Prepared{p.text.Value(), p.params})
		}
	}
}

// first gives what comes before the settings: EXECUTE AS and roles, then the catalog and the database that came with it.
func (h *held) first() (list []string) {
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
	if h.late != (text{}) && !h.has(unique.Make(useKey)) {
		list = append(list, "USE "+useName(h.late.Value()))
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

// sets gives the settings: those that read the same under all rules, the rules among them, and those that were read by the rules as they
// are now. values are those of user variables where there are statements to be prepared before them.
func (h *held) sets(d Dialect) (plain, ruled, values []string) {
	var by []text // the keys of the latter
	for i := range h.settings {
		if x := &h.settings[i]; x.ruled(d) {
			by = append(by, x.key)
		}
	}
	var p, r, v setList
	for i := range h.settings {
		x := &h.settings[i]
		switch key := x.key.Value(); {
		case x.text == (text{}), key == "EXECUTE AS", key == "ROLE":
		case isUserVariable(key) && (len(h.texts) > 0 || len(h.stmts) > 0 && !d.fe()): // to prepare a text gives a variable which it assigns another character set (MariaDB)
			v.add(x)
		case slices.ContainsFunc(by, func(k text) bool { return strings.EqualFold(k.Value(), key) }): // to some FEs it may be the same
			r.add(x)
		default:
			p.add(x)
		}
	}
	return p.end(), r.end(), v.end()
}

// maxSet is from where on a SET has no further items: servers bound their statements (max_allowed_packet).
const maxSet = 1 << 20

// setList makes statements of settings, as many as can be in one SET: a value made from one before stands in a later statement than that.
type setList struct {
	list []string
	set  strings.Builder // the SET that is being made
	keys []text          // in it
}

func (l *setList) add(x *setting) {
	if x.kind == wholeStatement {
		l.list = append(l.end(), x.text.Value())
		return
	}
	if x.kind == relativeAssignment && slices.Contains(l.keys, x.key) || l.set.Len() > maxSet || slices.Contains(l.keys, oldMode()) { // by which the rest is read
		l.end()
	}
	if l.set.Len() == 0 {
		l.set.WriteString("SET ")
	} else {
		l.set.WriteString(", ")
	}
	l.set.WriteString(x.text.Value())
	l.keys = append(l.keys, x.key)
}

// end ends the SET and gives the statements so far.
func (l *setList) end() []string {
	if l.set.Len() > 0 {
		l.list = append(l.list, l.set.String())
	}
	l.set.Reset()
	l.keys = l.keys[:0]
	return l.list
}

// Unresolved are the SQL expressions whose values only the server knows, such as "@x", "@@session.sql_mode",
// "LAST_INSERT_ID()". A backend that lives can be asked for them all in one SELECT.
func (s *State) Unresolved() (list []string) {
	if h := s.held; h != nil {
		for i := range h.settings {
			if x := &h.settings[i]; x.unresolved() {
				list = append(list, x.key.Value())
			}
		}
	}
	if s.insertID == askID {
		list = append(list, "LAST_INSERT_ID()")
	}
	return list
}

func (x *setting) unresolved() bool { return x.text == (text{}) && x.kind != unwritable }

// Asking reports whether Unresolved has anything that Forgo could not do without, or what programs have done must be asked for.
func (s *State) Asking() bool {
	if s.hinted || s.suspect || s.mayHaveFired() {
		return true
	}
	if s.held == nil {
		return false
	}
	for i := range s.held.settings {
		if s.held.settings[i].unresolved() {
			return true
		}
	}
	return false
}

// Resolved takes the answer: one SQL literal for each of Unresolved, in that order, that reads the same under all rules; "" for a value that
// cannot be written so. That one pins the session until it is set to another.
func (s *State) Resolved(literals []string) {
	var now []setting
	if h := s.held; h != nil {
		for i := range h.settings {
			x := h.settings[i]
			if !x.unresolved() {
				continue
			}
			if len(literals) == 0 {
				return
			}
			name := strings.TrimPrefix(x.key.Value(), "@@session.")
			if x.kind = unwritable; literals[0] != "" {
				x.text, x.kind = unique.Make(name+"="+literals[0]), known
			}
			s.told(x.key.Value(), literals[0])
			literals, now = literals[1:], append(now, x)
		}
	}
	if s.insertID == askID && len(literals) == 1 {
		s.insertID = noID
		now = append(now, setting{key: lastInsertID(), text: unique.Make("last_insert_id=" + literals[0]), kind: known})
	}
	for _, x := range now { // at the end: these are values as they are now, under the settings as they are now
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

// Forgone reports whether LAST_INSERT_ID() has been given up, and no statement has set it since: whoever asks for it must be refused.
func (s *State) Forgone() bool { return s.insertID == lostID }

// Moved tells that the session stands on another backend: o as for New, status from its last OK_Packet, ids those that it has given to
// Replay().Prepared, in that order; 0: it has not prepared that one. If ids is nil the backend knows the statements by the ids of the one before. What the client
// knows as ids stays. Moved must only be called when Idle.
func (s *State) Moved(o Options, status wire.Status, ids []uint32) {
	old := *s
	*s = New(o, status)
	s.held, s.user, s.database, s.insertID = old.held, old.user, old.database, old.insertID
	s.memory, s.ansi, s.slash, s.unicode, s.origin = old.memory, old.ansi, old.slash, old.unicode, old.origin
	s.prepared, s.cursors, s.longData = old.prepared, nil, nil
	s.failed, s.warned, s.missing = old.failed, old.warned, old.missing
	if old.wrote && s.dialect.my() {
		s.missing |= leftGTID
	}
	if old.txn.bare {
		s.txn.bare, s.txn.said = true, !s.txn.flagged
	}
	h := s.held
	if h == nil {
		return
	}
	h.drawn = nil
	if len(h.stmts) == 0 {
		h.virtual = false
		return
	}
	if ids == nil {
		return
	}
	h.virtual = true
	for _, p := range h.inOrder() {
		if h.given = p.client; p.text == (text{}) || len(ids) == 0 {
			p.server = nowhere
			continue
		}
		if p.server, ids = ids[0], ids[1:]; p.server == 0 {
			p.server = nowhere
		}
		p.taught = false
	}
}

// forgoTexts gives up statements whose texts have not been kept, or would be prepared as something else now: who executes one is told by the next backend that it does not know it.
func (s *State) forgoTexts() (what string) {
	h := s.held
	for _, p := range h.stmts {
		if astray := s.standing(p)&pinPrepared != 0; p.text == (text{}) || astray {
			if astray {
				what = preparedStatements
			}
			h.forgetText(p)
			p.gone = true
		}
	}
	for _, x := range slices.Clone(h.texts) {
		if x.text == (text{}) || x.astray {
			what = preparedStatements
			h.deallocate(x.name)
		}
	}
	s.recheck()
	return what
}

const preparedStatements = "prepared statements"

// Dropped forgets what could not be taken along because the backend has gone: transaction, cursors, long data, temporary tables,
// locks and the like, prepared statements that would be prepared as something else now, and the values of variables that only it knew. It returns all that was dropped, or "", and whether there is more to it than a client
// gives up by ROLLBACK. Of what procedures have done, and several statements of which one has failed, it is only said that the session is without it. What is still Pinned then cannot be rebuilt. A transaction in which nothing has been said but BEGIN is not lost: it is part of
// Replay.
func (s *State) Dropped() (reasons string, more bool) {
	switch {
	case s.txn.open() && !s.txn.bare:
		reasons = PinTransaction
	case len(s.cursors) > 0:
		reasons = PinCursor
	case len(s.longData) > 0:
		reasons = PinLongData
	}
	s.cursors, s.longData = nil, nil
	s.txn = transaction{flags: s.txn.flags, autocommit: s.txn.autocommit, bare: s.txn.bare}
	s.CatchUp()
	unseen := ""
	if s.hinted || s.suspect || s.mayHaveFired() || s.unjudged != nil {
		unseen = lostUnseen
	}
	s.hinted, s.suspect, s.fired, s.unjudged = false, false, false, nil
	h := s.held
	if h == nil {
		return join2(reasons, unseen), unseen != ""
	}
	const gone = lostWithBackend | pinTooLarge | lostUnknown
	if h.pins&pinSavepoint != 0 {
		reasons = join2(reasons, PinSavepoint)
	}
	lost, effects := join2((h.reasons()&gone&^pinSavepoint&^lostUnknown).names(), unseen), h.effects()
	if h.pins&pinPartly != 0 {
		s.rulesHeld()
	}
	values := s.dropValues()
	h.temps, h.locks, h.handlers, h.series = h.none(h.temps), h.none(h.locks), h.none(h.handlers), nil
	h.pins &^= gone
	h.shots = nil
	lost = join2(join2(join2(lost, effects), s.forgoTexts()), values)
	return join2(reasons, lost), lost != ""
}

// lostUnknown are the reasons behind which it is not known what the session has become. What it is without that is known, and that it is without.
const lostUnknown = pinPrepareText | pinProcedure | pinPartly

// effects names what those have done.
func (h *held) effects() (of string) {
	if h.pins&pinPrepareText != 0 {
		of = "effects of texts that were executed"
	}
	if h.pins&pinProcedure != 0 {
		of = join2(of, "effects of procedures")
	}
	if h.pins&pinPartly != 0 {
		of = join2(of, "effects of statements of which another one failed")
	}
	return of
}

// rulesHeld makes the rules of texts those of a session that is rebuilt by what is held.
func (s *State) rulesHeld() {
	s.ansi, s.slash = unknown, unknown
	if s.unicode = isUnicode(s.charset); s.held == nil {
		return
	}
	for i := range s.held.settings {
		if x := &s.held.settings[i]; setsClient(x.key.Value()) {
			s.unicode = s.unicode && x.text != (text{}) && clientOf(x.charset()) == on
		}
	}
}

// charset is the name in SET NAMES, SET CHARACTER SET or SET character_set_client, as it is spelled.
func (x *setting) charset() []byte {
	s := x.text.Value()
	if x.key.Value() == keyClient {
		_, s, _ = strings.Cut(s, "=")
	} else {
		s = strings.TrimPrefix(s, x.key.Value()+" ")
	}
	name, _, _ := strings.Cut(s, " ")
	return []byte(name)
}

// lostUnseen is what is lost of a session of which the server had said that something has changed, and not what.
const lostUnseen = "unseen_changes"

// join2 joins what is lost.
func join2(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + " and " + b
}

// mostNamed bounds the variables that are named in an error.
const mostNamed = 8

// dropValues forgets the variables whose values only the backend knew, and names them. Those by which texts are read are as in a new session then, as are
// what other values were read by.
func (s *State) dropValues() string {
	h := s.held
	var names []string
	for lexing := true; lexing; {
		lexing = false
		for _, x := range slices.Clone(h.settings) {
			if x.text != (text{}) {
				continue
			}
			key := x.key.Value()
			h.forget(x.key)
			if names = append(names, strings.TrimPrefix(key, "@@session.")); isLexing(key) {
				lexing = true
			}
		}
		if lexing {
			s.rulesHeld()
			s.relex(h, "")
		}
	}
	switch n := len(names); {
	case n == 0:
		return ""
	case n > mostNamed:
		names = append(names[:mostNamed], "others")
	}
	return "values of " + strings.Join(names, ", ")
}

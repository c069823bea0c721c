package track

import (
	"slices"
	"strings"
	"unique"

	"segue/backend/wire"
)

// held is what a session holds on its backend beyond the fields of State. Most sessions hold nothing and have none.
type held struct {
	pins     pins
	settings []setting
	catalog  text // the statement that set the current catalog, zero for none (StarRocks)
	late     text // the database since then, or since a statement that changes who may use what
	temps    []text
	series   []text // those of temps that are sequences for certain
	locks    []text // with repetitions
	handlers []text
	shots    []setting // variables that the next statement uses up, with their values
	texts    []textPrepared
	drawn    []text               // sequences that have given a value on this backend, while LASTVAL() of others is missing
	stmts    map[uint32]*prepared // by the client's ids
	given    uint32               // the last of those that are not the backend's
	epoch    uint32               // grows with each change of how prepared statements are read
	size     int                  // bytes of the texts kept
	memory   *Memory              // … which counts them too
	virtual  bool                 // the backend's ids of prepared statements are not the client's
	strayed  bool                 // the last flags are those of a statement that had a sql_mode of its own
}

// The bounds of what is kept of a session.
const (
	maxText = 64 << 10
	// maxHeld is enough for thousands of prepared statements of some KB, as the statement caches of drivers and of their users may hold.
	maxHeld = 32 << 20
	// freeHeld is what a session may keep even if all sessions together keep too much.
	freeHeld = 64 << 10
	// maxPrepared bounds the statements of COM_STMT_PREPARE, and those of PREPARE, that are known without their texts once no more is kept. No server
	// has more (max_prepared_stmt_count).
	maxPrepared = 1 << 14
)

// setting is one thing that SET has changed. Their order is that of their last change.
type setting struct {
	key  text // the expression that reads it, for those that can be read
	text text // an item of SET or, if whole, a statement; zero while only the server knows
	kind flavor

	ansi, slash, client knowledge // of a user variable that has been given the value of sql_mode or character_set_client: see op
}

// textPrepared is a statement prepared by PREPARE.
type textPrepared struct {
	name, text text
	verdict    *verdict
	database   text // the current one when it was prepared: it runs in that
	astray     bool // which is another now, so that it would be prepared in that one
}

// hold gives what the session holds, to be changed.
func (s *State) hold() *held {
	if s.held == nil {
		s.held = &held{memory: s.memory}
	}
	return s.held
}

// holdInstead makes p all that the session holds.
func (s *State) holdInstead(p pins) {
	if s.Release(); p != 0 {
		s.held = &held{pins: p, memory: s.memory}
	}
}

// empty reports whether it is as if there were none.
func (h *held) empty() bool {
	return h.pins == 0 && len(h.settings) == 0 && h.size == 0 && len(h.stmts)+len(h.texts) == 0 && h.given == 0 && h.epoch == 0 && !h.virtual && !h.strayed &&
		h.catalog == (text{}) && h.late == (text{}) && len(h.temps)+len(h.locks)+len(h.handlers)+len(h.shots)+len(h.drawn) == 0
}

// askable gives the expression that reads the setting key, or "".
func askable(key string) string {
	if strings.HasPrefix(key, "@") {
		return key
	}
	return ""
}

// Release forgets what the session holds, as it is over.
func (s *State) Release() {
	if s.held != nil {
		s.held.grow(-s.held.size)
		s.held = nil
	}
}

// grow counts n bytes more of texts kept, or fewer.
func (h *held) grow(n int) {
	h.memory.grow(n)
	if h.size += n; n > 0 && h.size > maxHeld {
		h.pins |= pinOverfull
	}
}

// full reports whether no more texts are kept.
func (h *held) full() bool { return h.size > maxHeld || h.size > freeHeld && h.memory.full() }

// forget takes a setting away.
func (h *held) forget(key text) {
	h.settings = slices.DeleteFunc(h.settings, func(x setting) bool {
		if x.key != key {
			return false
		}
		h.grow(-x.size())
		return true
	})
}

func (x *setting) size() int {
	n := len(x.key.Value()) + 32
	if x.text != (text{}) {
		n += len(x.text.Value())
	}
	return n
}

// set notes a setting in place of the earlier ones of its key.
func (h *held) set(x setting) {
	h.forget(x.key)
	h.add(x)
}

func (h *held) add(x setting) {
	if h.size > maxHeld {
		h.pins |= pinTooLarge // for as long as the session lasts, since nobody knows any more what this was
		return
	}
	h.settings = append(h.settings, x)
	h.grow(x.size())
}

// maxRelative bounds how many assignments made from the value before are kept one behind the other.
const maxRelative = 8

// relative notes an assignment made from the value that the variable had before.
func (h *held) relative(x setting) {
	n := 0
	for i := range h.settings {
		if h.settings[i].key == x.key {
			if h.settings[i].text == (text{}) {
				h.set(setting{key: x.key})
				return
			}
			n++
		}
	}
	if n >= maxRelative {
		h.set(setting{key: x.key})
		return
	}
	h.add(x)
}

func (h *held) has(key text) bool {
	return slices.ContainsFunc(h.settings, func(x setting) bool { return x.key == key })
}

// apply brings what the session holds up to date with a verdict whose statements have succeeded.
func (s *State) apply(v *verdict) {
	h := s.hold()
	epoch := h.epoch
	for i := range v.ops {
		s.op(h, &v.ops[i])
	}
	s.txn.settled()
	if v.modes && h.epoch != epoch && s.unanswered() > 0 { // commands behind this one have been read by the old rules
		h.pins |= pinUnparsed
	}
	s.recheck()
}

func (s *State) op(h *held, o *op) {
	switch o.kind {
	case opSet:
		if slices.Contains(s.restored, o.key) { // it is what it was before
			s.op(h, &op{kind: opAsk, key: o.key})
			return
		}
		s.setting(h, o)
	case opAsk:
		if o.setting != ifSet || h.has(o.key) {
			if h.set(s.asked(o)); isLexing(o.key.Value()) {
				s.relex(h, o.key.Value())
			}
		}
	case opAskInsertID:
		if s.insertID != lostID || o.sure {
			s.insertID = askID
			h.forget(lastInsertID())
		}
	case opSQLMode:
		if s.sqlMode(h, o); slices.Contains(s.restored, unique.Make(keySQLMode)) {
			s.ansi, s.slash = unknown, unknown
		}
	case opCharset:
		s.charsetIs(h, o)
	case opForgetRoles:
		h.forget(unique.Make("ROLE"))
	case opUse:
		s.use(o.text)
	case opCatalog:
		h.catalog, h.late = o.text, text{}
		h.epoch++
	case opDropDatabase:
		if s.current() == s.inCatalog(o.text) {
			s.database, h.late = text{}, text{}
			h.forget(unique.Make(useKey))
			s.byDatabase()
		}
	case opPin:
		if h.pins |= o.pins; o.pins&pinNextTransaction != 0 {
			s.txn.planned = plannedSet
		}
	case opUnpin:
		h.pins &^= o.pins
	case opSavepoint: // with autocommit off there is one without a transaction: no flag tells of it
		if !s.txn.flagged && !s.txn.autocommit {
			h.pins |= pinSavepoint
		}
	default:
		s.objectOp(h, o)
	}
}

// objectOp is op for things that have names.
func (s *State) objectOp(h *held, o *op) {
	switch o.kind {
	case opTemporary:
		h.makeTemporary(s.qualified(o.text), o.sequence)
	case opDrop:
		if !o.sequence || slices.Contains(h.series, s.qualified(o.text)) {
			h.dropTemporary(s, o.text)
		}
	case opOneShot:
		h.shot(o)
	case opForget:
		h.forgetSet(o.key)
	case opLock:
		if o.text == (text{}) { // GET_LOCK(?) in a text that is no prepared statement's: none of it has run, or so it should be
			h.pins |= pinUserLock
			return
		}
		h.locks = append(h.locks, o.text)
		h.grow(len(o.text.Value()))
	case opRelease:
		if h.runs(o) {
			h.locks = h.without(h.locks, o.text)
		}
	case opReleaseAll:
		if h.runs(o) {
			h.locks, h.pins = h.none(h.locks), h.pins&^pinUserLock
		}
	case opHandler:
		h.handlers = append(h.handlers, o.text)
		h.grow(len(o.text.Value()))
	case opHandlerClose:
		h.handlers = h.without(h.handlers, o.text)
	case opPrepare:
		s.prepareFrom(h, o)
	case opDeallocate:
		h.deallocate(o.key)
	case opExecute:
		s.executeText(h, o)
	case opSequence:
		h.drew(o.text)
	case opRestores:
		s.restored = append(s.restored, o.key)
		h.strayed = h.strayed || o.key.Value() == keySQLMode
	default:
	}
}

// runs reports whether the function that op is about has run: not in a SELECT that was given no row.
func (h *held) runs(o *op) bool { return o.sure || !h.has(rowLimit()) }

func rowLimit() text { return unique.Make("@@session.sql_select_limit") }

// without takes one occurrence of name away.
func (h *held) without(list []text, name text) []text {
	if i := slices.Index(list, name); i >= 0 {
		h.grow(-len(name.Value()))
		return slices.Delete(list, i, i+1)
	}
	return list
}

// none takes all names away.
func (h *held) none(list []text) []text {
	for _, name := range list {
		h.grow(-len(name.Value()))
	}
	return nil
}

// makeTemporary notes a temporary table. What is there already may stay, and what has become of a sequence is not certain.
func (h *held) makeTemporary(name text, sequence bool) {
	switch {
	case !slices.Contains(h.temps, name):
		h.temps = append(h.temps, name)
		if h.grow(len(name.Value())); sequence {
			h.series = append(h.series, name)
		}
	case !sequence:
		h.notSequence(name)
	}
}

func (h *held) notSequence(name text) {
	h.series = slices.DeleteFunc(h.series, func(x text) bool { return x == name })
}

// dropTemporary notes that a table is gone, or that some table has got another name.
func (h *held) dropTemporary(s *State, name text) {
	if len(h.temps) == 0 {
		return
	}
	if name == (text{}) {
		h.temps = append(h.temps, unique.Make("")) // one that no DROP names
		return
	}
	h.temps = h.without(h.temps, s.qualified(name))
	h.notSequence(s.qualified(name))
}

// prepareFrom notes a PREPARE, of which the text may stand in a user variable.
func (s *State) prepareFrom(h *held, o *op) {
	if o.from == (text{}) {
		s.typed(o.inner, false)
		h.prepareText(o, s.current())
		return
	}
	known := op{kind: opPrepare, key: o.key}
	if literal := h.literal(o.from); literal != nil {
		r := s.rules()
		known.text = handle(append([]byte(o.text.Value()), literal...))
		known.inner = preparedVerdict(unquote(literal, !r.noBackslash), r, 1)
	}
	s.typed(known.inner, false)
	h.prepareText(&known, s.current())
}

// typed notes the user variables that a statement assigns: when it is prepared, or fails, MariaDB has given those that exist the character set of what
// they were to be. Those that did not exist it has made, some of them, with no value and that character set: so does a statement that is prepared anew.
func (s *State) typed(inner *verdict, failed bool) {
	if inner == nil || !s.dialect.my() {
		return
	}
	for i := range inner.ops {
		o := &inner.ops[i]
		if (o.kind == opSet || o.kind == opAsk) && isUserVariable(o.key.Value()) && (failed || s.held != nil && s.held.has(o.key)) {
			s.hold().set(setting{key: o.key})
		}
	}
}

// prepareText notes a PREPARE. Beyond what is kept its text is not.
func (h *held) prepareText(o *op, database text) {
	h.deallocate(o.key)
	x := textPrepared{name: o.key, text: o.text, verdict: o.inner, database: database}
	if h.full() {
		if x.text, x.verdict = (text{}), nil; len(h.texts) >= maxPrepared {
			h.pins |= pinTooLarge
			return
		}
	}
	h.texts = append(h.texts, x)
	if h.grow(len(x.name.Value()) + 64); x.text != (text{}) {
		h.grow(len(x.text.Value()))
	}
}

func (h *held) deallocate(name text) {
	h.texts = slices.DeleteFunc(h.texts, func(x textPrepared) bool {
		if x.name != name {
			return false
		}
		if h.grow(-len(x.name.Value()) - 64); x.text != (text{}) {
			h.grow(-len(x.text.Value()))
		}
		return true
	})
}

// executeText applies what a statement prepared as text does.
func (s *State) executeText(h *held, execute *op) {
	for i := range h.texts {
		if h.texts[i].name != execute.key {
			continue
		}
		if h.texts[i].text == (text{}) {
			h.pins |= pinPrepareText
		} else if v := h.texts[i].verdict; v != nil {
			v = v.naming(text{})
			for k := range v.ops {
				if o := &v.ops[k]; o.kind != opExecute && (execute.sure || o.sure || !o.lifts()) {
					s.op(h, &v.ops[k])
				}
			}
		}
		return
	}
	h.pins |= pinPrepareText
}

// preparedText is the whole PREPARE of a statement prepared as text, or "".
func (s *State) preparedText(name string) string {
	if s.held == nil {
		return ""
	}
	for i := range s.held.texts {
		if x := &s.held.texts[i]; x.name.Value() == name && x.text != (text{}) {
			return x.text.Value()
		}
	}
	return ""
}

// setting notes an opSet.
func (s *State) setting(h *held, o *op) {
	x := setting{key: o.key, text: o.text, kind: o.setting}
	if o.key == lastInsertID() {
		s.insertID = noID
	}
	if s.dialect.my() && h.retyped(&x) {
		x.text = text{}
	}
	if o.key == oldMode() {
		h.renamesUTF8()
	}
	if key := o.key.Value(); isLexing(key) && (o.setting == relativeAssignment || !h.stands(&x)) {
		s.relex(h, key)
	} else if x.kind == wholeStatement && delicate(x.text.Value()) && (key == "ROLE" || key == "EXECUTE AS") && h.ruledAnew() {
		h.pins |= pinUnparsed
	}
	switch o.setting {
	case relativeAssignment:
		h.relative(x)
	default:
		h.set(x)
	}
}

// retyped reports whether x makes a NULL of a user variable that has been something else: that stays of the type that it was of.
func (h *held) retyped(x *setting) bool {
	if !isUserVariable(x.key.Value()) || x.kind != assignment {
		return false
	}
	_, value, _ := strings.Cut(x.text.Value(), "=")
	before := h.variable(x.key)
	return before != nil && before.text != x.text && strings.EqualFold(strings.TrimSpace(value), "NULL")
}

func lastInsertID() text { return unique.Make("@@session.last_insert_id") }

// useKey is that of the USE which names the current database in another character set than the login's.
const useKey = "USE"

// inCatalog names a database as it is reached from a current one that is in a catalog: USE of a name without one stays there (StarRocks, Doris).
func (s *State) inCatalog(name text) text {
	catalog := s.namedCatalog()
	if catalog == "" || s.held != nil && s.held.catalog != (text{}) || strings.Contains(name.Value(), ".") {
		return name
	}
	return unique.Make(catalog + "." + name.Value())
}

// namedCatalog is the catalog that the current database is named with, empty if it is named without.
func (s *State) namedCatalog() string {
	db := s.current()
	if db == (text{}) || !s.dialect.fe() {
		return ""
	}
	catalog, _, both := strings.Cut(db.Value(), ".")
	if !both {
		return ""
	}
	return catalog
}

// byDatabase notes that collation_database is what the current database says, whatever it was set to before: with each USE that begins anew.
func (s *State) byDatabase() {
	if s.held != nil && !s.dialect.fe() {
		s.held.forget(unique.Make("@@session.character_set_database"))
		s.held.forget(unique.Make("@@session.collation_database"))
	}
}

// use notes the current database.
func (s *State) use(name text) {
	name = s.inCatalog(name)
	s.byDatabase()
	if h := s.held; h != nil && !s.dialect.fe() {
		h.forget(unique.Make(useKey))
		if foreign(name.Value()) && h.speaks() {
			h.late = name
			h.add(setting{key: unique.Make(useKey), text: unique.Make("USE " + useName(name.Value())), kind: wholeStatement})
			return
		}
		if h.late != (text{}) && h.catalog == (text{}) && !h.has(unique.Make("ROLE")) && !h.has(unique.Make("EXECUTE AS")) {
			h.late = text{}
		}
	}
	if h := s.held; h != nil && (h.catalog != (text{}) || h.has(unique.Make("ROLE")) || h.has(unique.Make("EXECUTE AS"))) {
		if strings.Contains(name.Value(), ".") {
			h.catalog = text{}
		}
		h.late = name
		return
	}
	if s.held != nil {
		s.held.late = text{}
	}
	s.database = name
}

// current is the current database, zero if there is none.
func (s *State) current() text {
	if h := s.held; h != nil && (h.late != (text{}) || h.catalog != (text{})) { // none has been named in the catalog that is the current one now
		return h.late
	}
	return s.database
}

// speaks reports whether the client has named its character set anew since the login.
func (h *held) speaks() bool {
	return slices.ContainsFunc(h.settings, func(x setting) bool { return setsClient(x.key.Value()) })
}

// ruledAnew reports whether it has changed the rules of its texts since the login.
func (h *held) ruledAnew() bool {
	return slices.ContainsFunc(h.settings, func(x setting) bool { return isLexing(x.key.Value()) })
}

// qualified gives a table's name with its database.
func (s *State) qualified(name text) text {
	if strings.Contains(name.Value(), "\x00") || s.current() == (text{}) {
		return name
	}
	return unique.Make(s.current().Value() + "\x00" + name.Value())
}

// failedText takes the verdict on a text whose answer was an ERR_Packet. A single statement that failed has set nothing, but for a list that
// StarRocks sets item by item; locks it may have taken, and user variables assigned, for the rows before the one at which it failed; the name of a
// statement that could not be prepared is free. Of several statements some may have succeeded.
func (s *State) failedText(v *verdict, several bool) {
	s.typed(v, true)
	if !several && (!s.dialect.fe() || v.assignments() < 2) {
		for i := range v.ops {
			switch o := &v.ops[i]; {
			case o.kind == opPin && o.pins&(pinUserLock|pinServiceLock|pinProcedure) != 0, o.kind == opAskInsertID, o.kind == opAsk && o.midway:
				maybe := *o
				maybe.sure = false
				s.op(s.hold(), &maybe)
			case o.kind == opPrepare: // the statement that had the name is gone
				s.typed(o.inner, true)
				s.hold().deallocate(o.key)
			}
		}
		return
	}
	h := s.hold()
	for i := range v.ops {
		switch o := &v.ops[i]; {
		case o.kind == opPin, o.kind == opAskInsertID:
			s.op(h, o)
		case o.kind == opRestores:
			h.strayed = h.strayed || o.key.Value() == keySQLMode
		case o.asked():
			h.set(setting{key: o.key})
		case o.kind == opLock, o.kind == opTemporary, o.kind == opHandler, o.kind == opSavepoint:
			s.op(h, o)
		default:
			h.pins |= pinPartly
		}
	}
	if v.modes {
		s.relex(h, "")
		s.ansi, s.slash, s.unicode = unknown, unknown, false
		h.pins |= pinPartly
	}
}

// assignments counts the settings that a verdict makes.
func (v *verdict) assignments() (n int) {
	for i := range v.ops {
		if v.ops[i].kind == opSet || v.ops[i].kind == opAsk {
			n++
		}
	}
	return n
}

// standing is why a prepared statement cannot be prepared again as it was, if it cannot.
func (s *State) standing(p *prepared) (why pins) {
	if p.text == (text{}) && !p.gone {
		why = pinOverfull
	}
	if !p.gone && (p.epoch != s.held.epoch || p.database != s.current()) {
		why |= pinPrepared
	}
	return why
}

// recheck tells anew whether prepared statements can be prepared again.
func (s *State) recheck() {
	h := s.held
	for i := range h.texts {
		h.texts[i].astray = h.texts[i].database != s.current()
	}
	if h.pins&pinTooLarge != 0 { // which stays, however many statements there are
		return
	}
	if h.pins &^= pinPrepared | pinOverfull; h.size > maxHeld {
		h.pins |= pinOverfull
	}
	for _, p := range h.stmts {
		if h.pins |= s.standing(p); h.pins&pinPrepared != 0 && h.pins&pinOverfull != 0 {
			return
		}
	}
}

// pinned is the first reason for which what is held ties the session to its backend.
func (h *held) pinned() string { return h.reasons().name() }

// reasons are all of them.
func (h *held) reasons() pins {
	p := h.pins
	if len(h.temps) > 0 {
		p |= pinTemporaryTable
	}
	if len(h.locks) > 0 {
		p |= pinUserLock
	}
	if len(h.handlers) > 0 {
		p |= pinHandler
	}
	if len(h.shots) > 0 {
		p |= pinOneShot
	}
	for i := range h.texts {
		if x := &h.texts[i]; x.text == (text{}) || x.astray {
			p |= pinPrepareText
		}
	}
	for i := range h.settings {
		if h.settings[i].kind == unwritable {
			p |= pinUnparsed
		}
	}
	return p
}

// unsafeCollations are those of the character sets whose second bytes may look like quotes or backslashes.
func unsafeCollation(c uint16) bool {
	const noPad = 1024 // MariaDB's distance from a collation to the one that pads no string
	if c >= noPad && c < 2*noPad {
		c -= noPad
	}
	switch c {
	case 1, 84, 13, 88, 28, 87, 95, 96, 248, 249, 250:
		return true
	}
	return false
}

// newIdentity forgets all that ends with the user.
func (s *State) newIdentity(o wire.ChangeUser) {
	var p pins
	if u := unique.Make(o.Username); u != s.user {
		s.user = u
		p = pinUser
	}
	if unsafeCollation(o.Charset) && !o.NoCharset && !s.dialect.fe() {
		p |= pinCharacterSet
	}
	if !o.NoCharset {
		s.charset = o.Charset
	}
	if s.charset > 0xff && !s.dialect.fe() { // a HandshakeResponse41 has one byte for it
		p |= pinUser
	}
	s.database = text{}
	if o.Database != "" {
		s.database = unique.Make(o.Database)
	}
	s.holdInstead(p)
	s.begun()
	s.insertID = noID
}

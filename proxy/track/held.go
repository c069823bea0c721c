package track

import (
	"slices"
	"strings"
	"unique"

	"segue/proxy/wire"
)

// held is what a session holds on its backend beyond the fields of State. Most sessions hold nothing and have none.
type held struct {
	pins     pins
	settings []setting
	catalog  text // the statement that set the current catalog, zero for none (StarRocks)
	late     text // the database since then, or since a statement that changes who may use what
	temps    []text
	locks    []text // with repetitions
	handlers []text
	texts    []textPrepared
	stmts    []prepared
	epoch    uint32 // grows with each change of how prepared statements are read
	size     int    // bytes of the texts kept
	virtual  bool   // the backend's ids of prepared statements are not the client's

	collected []byte // of a command that comes in several chunks
	okPacket  []byte // … of an OK_Packet
	facts     []op   // what the server has said of its own accord of the session, in the response that is passing
}

// The bounds of what is kept of a session.
const (
	maxText = 64 << 10
	maxHeld = 256 << 10
)

// setting is one thing that SET has changed. Their order is that of their last change.
type setting struct {
	key  text // the expression that reads it, for those that can be read
	text text // an item of SET or, if whole, a statement; zero while only the server knows
	kind flavor
}

// textPrepared is a statement prepared by PREPARE.
type textPrepared struct {
	name, text text
	verdict    *verdict
}

// hold gives what the session holds, to be changed.
func (s *State) hold() *held {
	if s.held == nil {
		s.held = &held{}
	}
	return s.held
}

// askable gives the expression that reads the setting key, or "".
func askable(key string) string {
	if strings.HasPrefix(key, "@") {
		return key
	}
	return ""
}

// grow counts n bytes more of texts kept.
func (h *held) grow(n int) {
	if h.size += n; h.size > maxHeld {
		h.pins |= pinTooLarge
	}
}

// forget takes a setting away.
func (h *held) forget(key text) {
	h.settings = slices.DeleteFunc(h.settings, func(x setting) bool {
		if x.key != key {
			return false
		}
		h.size -= x.size()
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

// relex notes that texts will be read in another way than those before: literals that read otherwise then must be asked for.
func (h *held) relex() {
	h.epoch++
	for i := range h.settings {
		x := &h.settings[i]
		if x.text != (text{}) && delicate(x.text.Value()) && askable(x.key.Value()) != "" {
			x.text = text{}
		}
	}
	for i := range h.texts {
		if x := &h.texts[i]; x.text != (text{}) && delicate(x.text.Value()) {
			x.text = text{}
		}
	}
}

// delicate reports whether a literal means different things under different modes or character sets.
func delicate(s string) bool {
	for i := range len(s) {
		if s[i] == '\\' || s[i] == '"' || s[i] >= 0x80 {
			return true
		}
	}
	return false
}

// apply brings what the session holds up to date with a verdict whose statements have succeeded.
func (s *State) apply(v *verdict) {
	h := s.hold()
	epoch := h.epoch
	for i := range v.ops {
		s.op(h, &v.ops[i])
	}
	if v.modes && h.epoch != epoch && s.queue.n > 0 { // commands behind this one have been read by the old rules
		h.pins |= pinUnparsed
	}
	s.recheck()
}

func (s *State) op(h *held, o *op) {
	switch o.kind {
	case opSet:
		s.setting(h, o)
	case opAsk:
		if o.setting != ifSet || h.has(o.key) {
			if h.set(setting{key: o.key}); isLexing(o.key.Value()) {
				h.relex()
			}
		}
	case opAskInsertID:
		s.insertID = askID
		h.forget(lastInsertID())
	case opSQLMode:
		h.pins = h.pins&^pinSQLMode | o.sqlMode(s.x.Status)
	case opForgetRoles:
		h.forget(unique.Make("ROLE"))
	case opUse:
		s.use(o.text)
	case opCatalog:
		h.catalog, h.late = o.text, text{}
		h.epoch++
	case opDropDatabase:
		if s.current() == o.text {
			s.database, h.late = text{}, text{}
		}
	case opPin:
		h.pins |= o.pins
	case opUnpin:
		if o.pins&h.pins&pinCharacterSet != 0 {
			h.relex()
		}
		h.pins &^= o.pins
	default:
		s.objectOp(h, o)
	}
}

// objectOp is op for things that have names.
func (s *State) objectOp(h *held, o *op) {
	switch o.kind {
	case opTemporary:
		if name := s.qualified(o.text); !slices.Contains(h.temps, name) {
			h.temps = append(h.temps, name)
			h.grow(len(name.Value()))
		}
	case opDrop:
		h.dropTemporary(s, o.text)
	case opLock:
		h.locks = append(h.locks, o.text)
		h.grow(len(o.text.Value()))
	case opRelease:
		h.locks = without(h.locks, o.text)
	case opReleaseAll:
		h.locks, h.pins = nil, h.pins&^pinUserLock
	case opHandler:
		h.handlers = append(h.handlers, o.text)
		h.grow(len(o.text.Value()))
	case opHandlerClose:
		h.handlers = without(h.handlers, o.text)
	case opPrepare:
		h.deallocate(o.key)
		h.texts = append(h.texts, textPrepared{o.key, o.text, o.inner})
		if h.grow(len(o.key.Value()) + 64); o.text != (text{}) {
			h.grow(len(o.text.Value()))
		}
	case opDeallocate:
		h.deallocate(o.key)
	case opExecute:
		s.executeText(h, o.key)
	default:
	}
}

// without takes one occurrence of name away.
func without(list []text, name text) []text {
	if i := slices.Index(list, name); i >= 0 {
		return slices.Delete(list, i, i+1)
	}
	return list
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
	h.temps = without(h.temps, s.qualified(name))
}

func (h *held) deallocate(name text) {
	h.texts = slices.DeleteFunc(h.texts, func(x textPrepared) bool {
		if x.name != name {
			return false
		}
		if h.size -= len(x.name.Value()) + 64; x.text != (text{}) {
			h.size -= len(x.text.Value())
		}
		return true
	})
}

// executeText applies what a statement prepared as text does.
func (s *State) executeText(h *held, name text) {
	for i := range h.texts {
		if h.texts[i].name != name {
			continue
		}
		if h.texts[i].text == (text{}) {
			h.pins |= pinPrepareText
		} else if v := h.texts[i].verdict; v != nil {
			for k := range v.ops {
				if v.ops[k].kind != opExecute {
					s.op(h, &v.ops[k])
				}
			}
		}
		return
	}
	h.pins |= pinPrepareText
}

// setting notes an opSet.
func (s *State) setting(h *held, o *op) {
	x := setting{key: o.key, text: o.text, kind: o.setting}
	if o.key == lastInsertID() {
		s.insertID = noID
	}
	if isLexing(o.key.Value()) && (o.setting == relativeAssignment || !slices.Contains(h.settings, x)) {
		h.relex()
	}
	switch o.setting {
	case relativeAssignment:
		h.relative(x)
	default:
		h.set(x)
	}
}

func lastInsertID() text { return unique.Make("@@session.last_insert_id") }

// isLexing reports the settings that change how texts are read.
func isLexing(key string) bool {
	switch key {
	case "NAMES", "CHARACTER SET", "@@session.sql_mode", "@@session.character_set_client", "@@session.character_set_connection", "@@session.collation_connection":
		return true
	}
	return false
}

// use notes the current database.
func (s *State) use(name text) {
	if h := s.held; h != nil && (h.catalog != (text{}) || h.has(unique.Make("ROLE")) || h.has(unique.Make("EXECUTE AS"))) {
		if strings.Contains(name.Value(), ".") {
			h.catalog = text{}
		}
		h.late = name
		return
	}
	s.database = name
}

// current is the current database, zero if there is none.
func (s *State) current() text {
	if s.held != nil && s.held.late != (text{}) {
		return s.held.late
	}
	return s.database
}

// qualified gives a table's name with its database.
func (s *State) qualified(name text) text {
	if strings.Contains(name.Value(), "\x00") || s.current() == (text{}) {
		return name
	}
	return unique.Make(s.current().Value() + "\x00" + name.Value())
}

// failed takes the verdict on a text whose answer was an ERR_Packet. A single statement that failed has changed nothing, but
// for a list that StarRocks sets item by item; of several some may have succeeded.
func (s *State) failedText(v *verdict, several bool) {
	if !several && (s.dialect != StarRocks || v.assignments() < 2) {
		return
	}
	h := s.hold()
	for i := range v.ops {
		switch o := &v.ops[i]; {
		case o.kind == opPin, o.kind == opAskInsertID:
			s.op(h, o)
		case o.asked():
			h.set(setting{key: o.key})
		case o.kind == opLock, o.kind == opTemporary, o.kind == opHandler:
			s.op(h, o)
		default:
			h.pins |= pinPartly
		}
	}
	if v.modes {
		h.relex()
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

// recheck tells anew whether prepared statements can be prepared again.
func (s *State) recheck() {
	h := s.held
	h.pins &^= pinPrepared
	for i := range h.stmts {
		p := &h.stmts[i]
		if p.text == (text{}) || p.epoch != h.epoch || p.database != s.current() {
			h.pins |= pinPrepared
		}
	}
}

// pinned is the first reason for which what is held ties the session to its backend.
func (h *held) pinned() string {
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
	for i := range h.texts {
		if h.texts[i].text == (text{}) {
			p |= pinPrepareText
		}
	}
	return p.name()
}

// unsafeCollations are those of the character sets whose second bytes may look like quotes or backslashes.
func unsafeCollation(c uint16) bool {
	switch c {
	case 1, 84, 13, 88, 28, 87, 95, 96, 248, 249, 250:
		return true
	}
	return false
}

// newIdentity forgets all that ends with the user.
func (s *State) newIdentity(o wire.ChangeUser) {
	h := &held{}
	if u := unique.Make(o.Username); u != s.user {
		s.user = u
		h.pins = pinUser
	}
	if unsafeCollation(o.Charset) && !o.NoCharset && s.dialect != StarRocks {
		h.pins |= pinCharacterSet
	}
	s.database = text{}
	if o.Database != "" {
		s.database = unique.Make(o.Database)
	}
	if s.held = nil; h.pins != 0 {
		s.held = h
	}
	s.insertID = noID
}

package track

import (
	"bytes"
	"encoding/hex"
	"slices"
	"strings"
	"unique"

	"segue/backend/wire"
)

// What statements do beside what their texts tell: triggers, stored functions and procedures assign variables, and a view may call them. A server can be
// asked for the variables that a session has; and with a witness it says that something has changed, though not always what.

// stirs notes that a statement has run that may have done what its text does not tell.
func (s *State) stirs(e *pending) {
	switch e.command {
	case wire.ComQuery, wire.ComStmtExecute, wire.ComStmtBulkExecute:
		s.stirred = s.stirred || e.effect&(begins|ends) == 0 && s.dialect.my()
		if s.catalog != nil {
			s.ranUnseen(e.effect | s.runsTexts(e.verdict))
			if e.effect&writes != 0 {
				s.wroteBlindly()
			}
			if s.unjudged != nil {
				s.unjudged.runs, s.unjudged.after = false, s.catalog.changes.Count()
			}
		}
	default:
	}
}

// Stirred reports whether a statement has run, since [State.Listed], that may have assigned user variables of which its text tells nothing.
func (s *State) Stirred() bool { return s.stirred }

// Hinted reports whether the server has said that something of the session has changed, and not what: a flag of an EOF_Packet is all that a client
// without CLIENT_DEPRECATE_EOF gets, and of user variables no packet tells more. What it has not told it tells with the next OK_Packet that has the flag:
// see [State.Told].
func (s *State) Hinted() bool { return s.hinted }

// hint notes the flags of a packet behind a result that has no room for more.
func (s *State) hint(eof []byte) {
	if s.tracks && len(eof) >= 5 && wire.Status(uint16(eof[3])|uint16(eof[4])<<8).Has(wire.StatusSessionStateChanged) {
		s.hinted = true
	}
}

// changed notes that the server has said, of the statement whose verdict is v, that the session has changed in some way. That may be a system variable, of
// which it says more; a statement that says of itself what it changes is believed.
func (s *State) changed(v *verdict) {
	s.hinted = s.hinted || v == nil || len(v.ops) == 0
}

// Told takes the answer to a statement of Segue's own with which a server tells all of system variables and the database that it has not told before. It
// reports whether it has; more if something else may have changed as well.
func (s *State) Told(ok []byte) (told, more bool) {
	asked := unique.Make("@@session.autocommit")
	if state, _ := wire.SessionState(ok); len(state) == 0 {
		return false, true
	}
	s.travel()
	defer s.rest()
	none := s.held == nil
	more = s.readState(ok, nil)
	s.facts = slices.DeleteFunc(s.facts, func(o op) bool { return o.key == asked && (s.held == nil || !s.held.has(asked)) }) // it has been asked for by a SET of it to what it is
	if s.applyFacts(nil); none && len(s.held.settings) == 0 && s.held.pins == 0 {
		s.held = nil
	}
	s.hinted = s.hinted && more
	return true, more
}

// UserVariable is one that a server lists.
type UserVariable struct {
	Name, Value []byte // in UTF-8; a Value that is nil is NULL, or not told
	Type        string
	Charset     string
}

// Listed takes all user variables that the server knows the session to have. Those of which the statements tell another value, or nothing, are
// [State.Unresolved] then. It reports false if the names cannot be told, as they are in a character set that is not the client's.
func (s *State) Listed(list []UserVariable) bool {
	if !s.unicode {
		var ok bool
		if list, ok = s.nativeOf(list); !ok {
			return false
		}
	}
	s.stirred, s.hinted, s.suspect = false, false, false
	listed := make(map[text]bool, len(list))
	for i := range list {
		v := &list[i]
		key := variableKey(s.dialect, append([]byte{'@'}, quotedName(v.Name)...))
		listed[key] = true
		if h := s.hold(); !h.tells(key, v) {
			h.set(setting{key: key})
		}
	}
	if s.held != nil && s.dialect == MariaDB { // MySQL's list may lack some
		s.held.forgetUnlisted(listed)
	}
	return true
}

// forgetUnlisted forgets the user variables that do not exist: a statement that would have set them has failed.
func (h *held) forgetUnlisted(listed map[text]bool) {
	for _, x := range slices.Clone(h.settings) {
		if isUserVariable(x.key.Value()) && !foreign(x.key.Value()) && !listed[x.key] {
			h.forget(x.key)
		}
	}
}

// nativeOf takes those of a list away whose names cannot be compared with the client's, which are in another character set. It reports false if they are more
// than the client has named; otherwise it is these that are asked for, by the client's names.
func (s *State) nativeOf(list []UserVariable) (native []UserVariable, ok bool) {
	named := map[text]bool{}
	if s.held != nil {
		for i := range s.held.settings {
			if key := s.held.settings[i].key; isUserVariable(key.Value()) && foreign(key.Value()) {
				named[key] = true
			}
		}
	}
	for _, v := range list {
		if !foreign(string(v.Name)) {
			native = append(native, v)
		}
	}
	if len(list)-len(native) > len(named) {
		return nil, false
	}
	for key := range named {
		s.held.set(setting{key: key})
	}
	return native, true
}

// tells reports whether it is known that the variable key has the value that the server lists.
func (h *held) tells(key text, v *UserVariable) bool {
	told := false
	for i := range h.settings { // of several the last one has the value
		x := &h.settings[i]
		switch {
		case x.key != key:
		case x.text == (text{}): // it will be asked for
			told = true
		default:
			told = x.kind != relativeAssignment && v.is(x.value())
		}
	}
	return told
}

// value is how the value of a user variable is spelled, "" where that cannot be told from its name.
func (x *setting) value() string {
	name, all := x.key.Value(), x.text.Value()
	if len(all) <= len(name) || !strings.EqualFold(all[:len(name)], name) || all[len(name)] != '=' {
		return ""
	}
	return all[len(name)+1:]
}

// is reports whether a literal is surely the value of v.
func (v *UserVariable) is(literal string) bool {
	number := strings.HasPrefix(v.Type, "INT")
	switch {
	case len(literal) == 0, v.Value == nil:
		return false
	case literal[0] == '\'' && len(literal) > 1 && literal[len(literal)-1] == '\'':
		in := literal[1 : len(literal)-1]
		return (!number || v.Type == "") && Harmless([]byte(in)) && in == string(v.Value)
	case literal[0] == '_':
		return !number && v.isBytes(literal)
	}
	return (number || v.Type == "") && literal == string(v.Value)
}

// isBytes is that for a literal such as _utf8mb4 X'41' COLLATE utf8mb4_bin.
func (v *UserVariable) isBytes(literal string) bool {
	charset, rest, ok := strings.Cut(literal[1:], " X'")
	digits, _, closed := strings.Cut(rest, "'")
	b, err := hex.DecodeString(digits)
	if !ok || !closed || err != nil || charset != v.Charset {
		return false
	}
	return bytes.Equal(b, v.Value) && (strings.HasPrefix(charset, "utf8") || !foreign(string(b)) && charset != "ucs2" && !strings.HasPrefix(charset, "utf16") && charset != "utf32")
}

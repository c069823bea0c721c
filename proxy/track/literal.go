package track

import (
	"encoding/hex"
	"slices"
	"strings"
)

// How a text is read depends on the session: sql_mode says what a backslash and a double quote mean, character_set_client where a string
// ends, collation_connection which character set it has. These are a session's rules. What was data is written so that none of them matters.

// Literal writes a string as SQL that reads as just that under all rules. charset names the character set that v is in.
func Literal(charset string, v []byte) string {
	return "_" + charset + " X'" + strings.ToUpper(hex.EncodeToString(v)) + "'"
}

// Harmless reports whether v between two single quotes reads as just v under all rules, of any server.
func Harmless(v []byte) bool {
	for _, c := range v {
		if c < ' ' || c > '~' || c == '\'' || c == '"' || c == '\\' || c == '`' {
			return false
		}
	}
	return true
}

// delicate reports whether a text means different things under different rules.
func delicate(s string) bool {
	for i := range len(s) {
		if s[i] == '\\' || s[i] == '"' || s[i] >= 0x80 {
			return true
		}
	}
	return false
}

// isEmptyString reports whether an assignment is of ”, which EMPTY_STRING_IS_NULL makes NULL of.
func isEmptyString(s string) bool { return strings.HasSuffix(s, "=''") || strings.HasSuffix(s, `=""`) }

// foreign reports whether a name can be read in one character set only.
func foreign(name string) bool {
	for i := range len(name) {
		if name[i] >= 0x80 {
			return true
		}
	}
	return false
}

// ruled reports whether the setting's text was read by the rules that hold now: under others it would be another value.
func (x *setting) ruled(d Dialect) bool {
	key := x.key.Value()
	switch {
	case x.kind == known:
		return delicate(key)
	case x.text == (text{}), isRule(key):
		return false
	}
	s := x.text.Value()
	return delicate(s) || !d.fe() && isUserVariable(key) && strings.Contains(s, "'") // it has a character set and a collation
}

func isUserVariable(key string) bool { return len(key) > 1 && key[0] == '@' && key[1] != '@' }

// isLexing reports the settings that change how texts are read.
func isLexing(key string) bool {
	switch key {
	case "NAMES", "CHARACTER SET", keySQLMode, keyClient, "@@session.character_set_connection", "@@session.collation_connection":
		return true
	}
	return false
}

const (
	keySQLMode = "@@session.sql_mode"
	keyClient  = "@@session.character_set_client"
)

// isRule reports the settings that are replayed before any that they may bear on, in their own order. What their values are spelled with
// reads the same under all rules.
func isRule(key string) bool {
	return isLexing(key) || strings.HasPrefix(key, "@@session.character_set_") || strings.HasPrefix(key, "@@session.collation_")
}

// setsClient reports the settings that change character_set_client, in which names are read.
func setsClient(key string) bool { return key == "NAMES" || key == "CHARACTER SET" || key == keyClient }

// stands reports whether x, which changes the rules, has been set before and is still in force.
func (h *held) stands(x *setting) bool {
	mode := x.key.Value() == keySQLMode
	for _, v := range slices.Backward(h.settings) {
		key := v.key.Value()
		switch {
		case v == *x:
			return true
		case isLexing(key) && (key == keySQLMode) == mode:
			return false
		}
	}
	return false
}

// relex notes that texts will be read by other rules than those before: what read otherwise then must be asked for. key is the
// setting that has changed them, "" for any.
func (s *State) relex(h *held, key string) {
	h.epoch++
	for i := range h.settings {
		x := &h.settings[i]
		name := x.key.Value()
		switch {
		case x.text == (text{}):
			if delicate(name) {
				h.pins |= pinUnparsed // it cannot even be asked for by that name
			}
		case !x.ruled(s.dialect), name == "ROLE", name == "EXECUTE AS": // those two are replayed under the rules of the login
		case key == keySQLMode && !delicate(x.text.Value()) && !isEmptyString(x.text.Value()):
		case delicate(name), askable(name) == "":
			h.pins |= pinUnparsed
		default:
			h.grow(-x.size())
			x.text, x.kind = text{}, assignment
			h.grow(x.size())
		}
	}
	for i := range h.texts { // the statement in it was parsed by the rules then
		if x := &h.texts[i]; !s.dialect.fe() || x.text != (text{}) && delicate(x.text.Value()) {
			if x.text != (text{}) {
				h.grow(-len(x.text.Value()))
			}
			x.text = text{}
		}
	}
}

package track

import (
	"bytes"
	"strings"
	"unique"
)

// sqlMode notes that sql_mode has become another.
func (s *State) sqlMode(h *held, o *op) {
	s.ansi, s.slash = o.ansi, o.slash
	if x := h.variable(o.from); x != nil {
		if s.ansi, s.slash = x.ansi, x.slash; h.literal(o.from) != nil {
			s.ansi, s.slash = modesOf(s.dialect, h.literal(o.from))
		}
	}
}

// charsetIs notes that character_set_client has become another.
func (s *State) charsetIs(h *held, o *op) {
	client := o.client
	if x := h.variable(o.from); x != nil {
		client = x.client
	}
	s.unicode = client == on
	switch {
	case s.dialect.fe(): // where it means nothing
	case client == unknown:
		h.pins |= pinCharacterSet
	case h.pins&pinCharacterSet != 0:
		s.relex(h, "")
		h.pins &^= pinCharacterSet
	}
}

// variable is what is held of a user variable, nil for nothing.
func (h *held) variable(key text) *setting {
	if key == (text{}) || foreign(key.Value()) {
		return nil
	}
	for i := range h.settings {
		if h.settings[i].key == key {
			return &h.settings[i]
		}
	}
	return nil
}

// literal is the value of a user variable that has been set to a literal string, as it is spelled, or nil.
func (h *held) literal(key text) []byte {
	x := h.variable(key)
	if x == nil || x.text == (text{}) || x.kind != assignment || x.text.Value()[1] == '`' {
		return nil
	}
	_, literal, _ := bytes.Cut([]byte(x.text.Value()), []byte{'='})
	if len(literal) < 2 || literal[0] != '\'' && literal[0] != '"' {
		return nil
	}
	return literal
}

// respelled is the name of a user variable, with its @, without quotes, or in backticks where it needs some. One that reads otherwise under other rules
// stays as it is.
func respelled(b []byte) []byte {
	if len(b) < 3 || b[1] != '\'' && b[1] != '"' && b[1] != '`' || delicate(string(b[2:len(b)-1])) {
		return b
	}
	name := unquote(b[1:], false)
	for _, c := range name {
		if !isWordByte(c) && c != '.' {
			return append([]byte{'@'}, quotedName(name)...)
		}
	}
	return append([]byte{'@'}, name...)
}

// variableKey is what a user variable of that spelling is known by. Whether the FEs tell case is not known.
func variableKey(d Dialect, b []byte) text {
	if b = respelled(b); !d.fe() {
		b = bytes.Clone(b)
		for i, c := range b {
			if c >= 'A' && c <= 'Z' {
				b[i] = c | 0x20
			}
		}
	}
	return handle(b)
}

// asked is a setting that only the server knows. If its value is that of the modes, or of the client's character set, it is known what that is good for.
func (s *State) asked(o *op) setting {
	x := setting{key: o.key}
	switch r := s.rules(); o.copies {
	case notCopied:
	case copiedMode:
		if r.doubts&doubtAnsi == 0 {
			x.ansi = ofBool(r.ansi)
		}
		if r.doubts&doubtBackslash == 0 {
			x.slash = ofBool(r.noBackslash)
		}
	case copiedClient:
		if !r.wild {
			x.client = ofBool(s.unicode)
		}
	}
	return x
}

// told notes what a server says of the modes and of the client's character set, as a literal.
func (s *State) told(key, literal string) {
	switch key {
	case keySQLMode:
		s.ansi, s.slash = unknown, unknown
		if len(literal) > 0 && literal[0] == '\'' {
			s.ansi, s.slash = modesOf(s.dialect, []byte(literal))
		}
	case keyClient:
		s.unicode = clientOf([]byte(literal)) == on
	}
}

// oldMode is the variable of MariaDB's that says which character set the name utf8 means.
func oldMode() text { return unique.Make("@@session.old_mode") }

// renamesUTF8 notes that the name may mean another character set from here on: what was said with it before would be replayed behind that.
func (h *held) renamesUTF8() {
	for i := range h.settings {
		if x := &h.settings[i]; x.key != oldMode() && x.text != (text{}) && namesUTF8(x.text.Value()) {
			h.pins |= pinUnparsed
		}
	}
}

// namesUTF8 reports whether utf8 stands in s, and not as the beginning of utf8mb3 or utf8mb4.
func namesUTF8(s string) bool {
	s = strings.ToLower(s)
	for {
		_, rest, is := strings.Cut(s, "utf8")
		if !is || !strings.HasPrefix(rest, "mb") {
			return is
		}
		s = rest
	}
}

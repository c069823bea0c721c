package track

import "bytes"

// maxQuoted bounds how far the beginning of a name is looked for, in bytes: no server takes a longer one.
const maxQuoted = 4*maxName + 2

// leadsOut reports whether a body may reach into a schema of which the account does not see all: by a name of several parts of which the first is nothing that
// the body itself names elsewhere, as it does an alias.
func leadsOut(body []byte, sees func([]byte) bool) bool {
	var alone map[string]struct{}
	for at := bytes.IndexByte(body, '.'); at >= 0; {
		start, first, ok := nameBefore(body, at)
		if !ok {
			return true
		}
		if before := before(body, start); first != nil && before != '.' && before != '@' {
			switch name := string(asUpper(first)); {
			case name == "NEW", name == "OLD", isDigits(first), sees(first):
			default:
				if alone == nil {
					alone = loneNames(body)
				}
				if _, is := alone[name]; !is {
					return true
				}
			}
		}
		next := bytes.IndexByte(body[at+1:], '.')
		if next < 0 {
			return false
		}
		at += 1 + next
	}
	return false
}

// nameBefore gives the name in front of the point at at, and where it begins, with its quotes; nil: there is none. ok is false if it cannot be told.
func nameBefore(b []byte, at int) (start int, name []byte, ok bool) {
	end := at
	for end > 0 && isSpace(b[end-1]) {
		end--
	}
	if end == 0 || end < at && isFraction(b[at+1:]) {
		return 0, nil, true
	}
	from := max(0, end-maxQuoted)
	switch c := b[end-1]; {
	case c == '`', c == '"':
		open := bytes.LastIndexByte(b[from:end-1], c)
		if open < 0 || from+open+1 == end-1 {
			return 0, nil, false
		}
		return from + open, b[from+open+1 : end-1], true
	case c == '/': // a comment may end there
		return 0, nil, false
	case !isNameByte(c):
		return 0, nil, true
	}
	start = end
	for start > from && isNameByte(b[start-1]) {
		start--
	}
	return start, b[start:end], start > from || from == 0
}

// isFraction reports whether b begins with digits alone.
func isFraction(b []byte) bool {
	n := 0
	for n < len(b) && isDigit(b[n]) {
		n++
	}
	return n > 0 && (n == len(b) || !isNameByte(b[n]))
}

// loneNames are those that stand somewhere with neither a point in front of them nor behind them, in upper case.
func loneNames(b []byte) map[string]struct{} {
	lone := map[string]struct{}{}
	add := func(start, end int, name []byte) {
		if len(name) > 0 && len(name) <= maxQuoted && significant(b, end) != '.' && before(b, start) != '.' {
			lone[string(asUpper(name))] = struct{}{}
		}
	}
	for i := 0; i < len(b); {
		start := i
		switch c := b[i]; {
		case isNameByte(c):
			for i < len(b) && isNameByte(b[i]) {
				i++
			}
			add(start, i, b[start:i])
			continue
		case c == '`':
			if n := bytes.IndexByte(b[i+1:min(len(b), i+1+maxQuoted)], '`'); n >= 0 {
				i += n + 2
				add(start, i, b[start+1:i-1])
				continue
			}
		}
		i++
	}
	return lone
}

// asUpper is a name in upper case, as far as its letters are of ASCII.
func asUpper(name []byte) []byte { return upperCase(make([]byte, len(name)), name) }

func isDigits(b []byte) bool {
	for _, c := range b {
		if !isDigit(c) {
			return false
		}
	}
	return true
}

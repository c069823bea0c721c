package importer

import (
	"fmt"
	"strconv"
	"strings"
)

// The limits of a libconfig file.
const (
	maxDepth  = 32
	maxValues = 200_000
)

// libValue is a value of libconfig: a text, a number, a truth, a group or a list.
type libValue struct {
	line    int
	text    string // of a scalar
	quoted  bool
	members []libMember // of a group
	list    []libValue  // of a list or an array
	group   bool
}

type libMember struct {
	name  string
	value libValue
}

// get is a member of a group by its name.
func (v libValue) get(name string) (libValue, bool) {
	for _, m := range v.members {
		if strings.EqualFold(m.name, name) {
			return m.value, true
		}
	}
	return libValue{}, false
}

// textOf is a member's text, "" where there is none.
func (v libValue) textOf(names ...string) string {
	for _, name := range names {
		if m, ok := v.get(name); ok {
			return m.text
		}
	}
	return ""
}

// libconfig reads a file of libconfig (hyperrealm.com/libconfig, Configuration File Grammar).
type libconfig struct {
	plan   *Plan
	text   string
	at     int
	line   int
	values int
}

// parseLibconfig returns the file as one group.
func parseLibconfig(p *Plan, text string) (libValue, error) {
	l := &libconfig{plan: p, text: strings.TrimPrefix(text, "\ufeff"), line: 1}
	members, err := l.settings(0, 0)
	return libValue{line: 1, group: true, members: members}, err
}

func (l *libconfig) fail(format string, args ...any) error {
	return l.plan.problem(l.line, "correct it, or say with --from what the file is", format, args...)
}

// skip passes over space and comments: #, // and /* */. Lines of @include are remarked.
func (l *libconfig) skip() {
	for l.at < len(l.text) {
		rest := l.text[l.at:]
		switch {
		case rest[0] == '\n':
			l.line++
			l.at++
		case rest[0] == ' ' || rest[0] == '\t' || rest[0] == '\r' || rest[0] == '\f':
			l.at++
		case rest[0] == '#' || strings.HasPrefix(rest, "//"):
			l.toLineEnd()
		case strings.HasPrefix(rest, "@include"):
			l.plan.remark(l.line, "@include is not followed: put what it holds in its place, and import that")
			l.toLineEnd()
		case strings.HasPrefix(rest, "/*"):
			end := strings.Index(rest[2:], "*/")
			if end < 0 {
				l.at = len(l.text)
				return
			}
			l.line += strings.Count(rest[:end+4], "\n")
			l.at += end + 4
		default:
			return
		}
	}
}

func (l *libconfig) toLineEnd() {
	if end := strings.IndexByte(l.text[l.at:], '\n'); end >= 0 {
		l.at += end
		return
	}
	l.at = len(l.text)
}

func (l *libconfig) peek() byte {
	l.skip()
	if l.at < len(l.text) {
		return l.text[l.at]
	}
	return 0
}

// settings reads NAME = VALUE until the end: 0 for the file's, or }.
func (l *libconfig) settings(end byte, depth int) ([]libMember, error) {
	var members []libMember
	for {
		switch c := l.peek(); {
		case c == 0 && l.at >= len(l.text):
			if end != 0 {
				return nil, l.fail("the file ends before its %q", string(end))
			}
			return members, nil
		case end != 0 && c == end:
			l.at++
			return members, nil
		case c == ';' || c == ',':
			l.at++
			continue
		}
		name := l.name()
		if name == "" {
			return nil, l.fail("something else where the name of a setting should be; in a string a \" is written \\\"")
		}
		if c := l.peek(); c != '=' && c != ':' {
			return nil, l.fail("no = behind a name; in a string a \" is written \\\"")
		}
		l.at++
		value, err := l.value(depth)
		if err != nil {
			return nil, err
		}
		members = append(members, libMember{name, value})
	}
}

// name is letters, digits, - _ and *.
func (l *libconfig) name() string {
	begin := l.at
	for l.at < len(l.text) {
		c := l.text[l.at]
		if c != '_' && c != '-' && c != '*' && c != '.' && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') {
			break
		}
		l.at++
	}
	return l.text[begin:l.at]
}

func (l *libconfig) value(depth int) (libValue, error) {
	if l.values++; l.values > maxValues || depth > maxDepth {
		return libValue{}, l.fail("more values within values than any configuration has")
	}
	c := l.peek()
	v := libValue{line: l.line}
	switch c {
	case '{':
		l.at++
		var err error
		v.group = true
		v.members, err = l.settings('}', depth+1)
		return v, err
	case '(', '[':
		l.at++
		return l.items(v, map[byte]byte{'(': ')', '[': ']'}[c], depth+1)
	case '"':
		return l.quoted(v)
	}
	if v.text = l.name(); v.text == "" {
		if l.at < len(l.text) && (c == '+') {
			l.at++
			v.text = l.name()
		}
	}
	if v.text == "" {
		return v, l.fail("no value behind the =")
	}
	v.text = libNumber(v.text)
	return v, nil
}

func (l *libconfig) items(v libValue, end byte, depth int) (libValue, error) {
	for {
		switch c := l.peek(); {
		case c == 0 && l.at >= len(l.text):
			return v, l.fail("the file ends before its %q", string(end))
		case c == end:
			l.at++
			return v, nil
		case c == ',' || c == ';':
			l.at++
			continue
		}
		item, err := l.value(depth)
		if err != nil {
			return v, err
		}
		v.list = append(v.list, item)
	}
}

// quoted reads a string; those that stand side by side are one.
func (l *libconfig) quoted(v libValue) (libValue, error) {
	var b strings.Builder
	for l.peek() == '"' {
		l.at++
		closed := false
		for l.at < len(l.text) && !closed {
			c := l.text[l.at]
			l.at++
			switch c {
			case '"':
				closed = true
			case '\\':
				l.escape(&b)
			case '\n':
				l.line++
				b.WriteByte(c)
			default:
				b.WriteByte(c)
			}
		}
		if !closed {
			l.line = v.line
			return v, l.fail("a string that does not end")
		}
	}
	v.text, v.quoted = b.String(), true
	return v, nil
}

func (l *libconfig) escape(b *strings.Builder) {
	if l.at >= len(l.text) {
		return
	}
	c := l.text[l.at]
	l.at++
	switch c {
	case 'n':
		b.WriteByte('\n')
	case 'r':
		b.WriteByte('\r')
	case 't':
		b.WriteByte('\t')
	case 'f':
		b.WriteByte('\f')
	case 'x':
		if l.at+2 <= len(l.text) {
			if n, err := strconv.ParseUint(l.text[l.at:l.at+2], 16, 8); err == nil {
				l.at += 2
				b.WriteByte(byte(n))
				return
			}
		}
		b.WriteString(`\x`)
	default:
		b.WriteByte(c)
	}
}

// libNumber is a number in decimal, without libconfig's suffix of long ones.
func libNumber(text string) string {
	if n, err := strconv.ParseInt(strings.TrimRight(text, "L"), 0, 64); err == nil {
		return fmt.Sprint(n)
	}
	return text
}

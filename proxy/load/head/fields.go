package head

import (
	"bytes"
	"fmt"
	"net/http"
	"net/textproto"
	"slices"
	"strings"
)

// maxFields is how many fields a head may have, and maxNamed how many of them Connection may name.
const (
	maxFields = 256
	maxNamed  = 32
)

// Field is one line of a head.
type Field struct {
	Name  string // in the form of [textproto.CanonicalMIMEHeaderKey]
	Value string // without the whitespace around it
	Line  string // as it was written, without its end
}

// Fields are the lines of a head, in their order.
type Fields []Field

// Get is the value of the first field of a name; "" where there is none.
func (f Fields) Get(name string) string {
	if at := f.at(name); at >= 0 {
		return f[at].Value
	}
	return ""
}

// Has tells whether there is a field of that name.
func (f Fields) Has(name string) bool { return f.at(name) >= 0 }

func (f Fields) at(name string) int {
	name = textproto.CanonicalMIMEHeaderKey(name)
	return slices.IndexFunc(f, func(field Field) bool { return field.Name == name })
}

// count is how many fields there are of that name.
func (f Fields) count(name string) (n int) {
	for i := range f {
		if f[i].Name == name {
			n++
		}
	}
	return n
}

// Header is the fields as net/http has them.
func (f Fields) Header() http.Header {
	h := make(http.Header, len(f))
	for i := range f {
		h[f[i].Name] = append(h[f[i].Name], f[i].Value)
	}
	return h
}

// lists tells whether a field that is a list of words has one, whatever its case.
func (f Fields) lists(name, word string) bool {
	for i := range f {
		if f[i].Name != name {
			continue
		}
		for part := range strings.SplitSeq(f[i].Value, ",") {
			if strings.EqualFold(strings.Trim(part, " \t"), word) {
				return true
			}
		}
	}
	return false
}

// hop are the fields of one connection, which are not forwarded (RFC 9110, section 7.6.1), and those that are written anew.
var hop = []string{
	"Connection", "Keep-Alive", "Proxy-Connection", "Proxy-Authenticate", "Proxy-Authorization", "Te", "Trailer", "Transfer-Encoding", "Upgrade", "Content-Length", "Expect", "Host",
}

// Forwarded are the fields that are meant for whoever gets the message in the end, without Host.
func (f Fields) Forwarded() Fields {
	var named []string
	for i := range f {
		if f[i].Name == "Connection" {
			for word := range strings.SplitSeq(f[i].Value, ",") {
				named = append(named, textproto.CanonicalMIMEHeaderKey(strings.Trim(word, " \t")))
			}
		}
	}
	kept := make(Fields, 0, len(f))
	for i := range f {
		if !slices.Contains(hop, f[i].Name) && !slices.Contains(named, f[i].Name) {
			kept = append(kept, f[i])
		}
	}
	return kept
}

// checkConnection bounds what is to be looked up.
func (f Fields) checkConnection() error {
	words := 0
	for i := range f {
		if f[i].Name == "Connection" {
			words += 1 + strings.Count(f[i].Value, ",")
		}
	}
	if words > maxNamed {
		return bad("Connection names more than %d fields", maxNamed)
	}
	return nil
}

// Without are the fields but those of a name.
func (f Fields) Without(name string) Fields {
	name = textproto.CanonicalMIMEHeaderKey(name)
	return slices.DeleteFunc(slices.Clone(f), func(field Field) bool { return field.Name == name })
}

// With are the fields and one more behind them. Its value is the caller's affair: it has no line ends.
func (f Fields) With(name, value string) Fields {
	return append(slices.Clip(f), Field{textproto.CanonicalMIMEHeaderKey(name), value, name + ": " + value})
}

// Append writes the fields.
func (f Fields) Append(b []byte) []byte {
	for i := range f {
		b = append(append(b, f[i].Line...), "\r\n"...)
	}
	return b
}

// parseFields reads the lines between the first one and the empty one. Each ends by CR and LF, which [End] has seen to.
func parseFields(b []byte) (Fields, error) {
	n := bytes.Count(b, []byte("\n"))
	if n > maxFields {
		return nil, &Error{http.StatusRequestHeaderFieldsTooLarge, fmt.Sprintf("the head has more than %d fields", maxFields)}
	}
	fields := make(Fields, 0, n)
	for len(b) > 0 {
		end := bytes.Index(b, []byte("\r\n"))
		if end < 0 {
			return nil, errLineEnd
		}
		field, err := parseField(string(b[:end]))
		if err != nil {
			return nil, err
		}
		fields = append(fields, field)
		b = b[end+2:]
	}
	return fields, nil
}

func parseField(line string) (Field, error) {
	if line != "" && (line[0] == ' ' || line[0] == '\t') {
		return Field{}, bad("a field of the head goes on in a further line (RFC 9112, section 5.2)")
	}
	name, value, ok := strings.Cut(line, ":")
	switch {
	case !ok:
		return Field{}, bad("a line of the head has no colon")
	case !isToken(name):
		return Field{}, bad("the name of a field is none, or whitespace stands before its colon (RFC 9112, section 5.1)")
	}
	value = strings.Trim(value, " \t")
	if strings.ContainsAny(value, "\x00\r\n\v\f\x7f") {
		return Field{}, bad("the field %.64s has a character that no field may have", name)
	}
	return Field{textproto.CanonicalMIMEHeaderKey(name), value, line}, nil
}

// isToken tells whether a text is a token of RFC 9110, section 5.6.2.
func isToken(s string) bool {
	for i := range len(s) {
		if c := s[i]; !isLetterOrDigit(c) && !strings.ContainsRune("!#$%&'*+-.^_`|~", rune(c)) {
			return false
		}
	}
	return s != ""
}

func isLetterOrDigit(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

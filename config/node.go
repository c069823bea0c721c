package config

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// key is one key of a mapping: a value with its reader, or a section with
// keys of its own.
type key struct {
	name    string
	read    func(*yaml.Node) // nil for a section
	keys    []key            // of a section
	also    shape            // what the JSON schema says of a section beside its keys; nil: nothing
	list    bool             // of single values, or of backends by their addresses: outside the file it is written with commas
	file    bool             // a path: a relative one begins where the file lies; from outside the file, where Segue is started
	secret  bool             // it is not for a command line, which everybody on the machine can read
	restart bool             // a change takes effect with a restart alone; Diff says so too, and a test compares the two
}

// parser walks the nodes of one file, and gathers problems.
type parser struct {
	name        string
	from        *reader // of the files that it names
	credentials string  // the folder with the credentials of the unit; empty: there is none
	problems    []Problem
	warnings    []Problem
	broken      bool                  // the file is not YAML
	secrets     []secretSeen          // files read for a secret, in the order of reading
	where       map[string]*yaml.Node // dotted path of a key that was given → its value
	source      map[*yaml.Node]string // values that came from outside the file → from where
	root        []key
	question    *yaml.Node        // the question what a key may be; nil: none is asked. See asked
	said        shape             // the answer
	defaults    map[string]string // of keys with a single value, for the JSON schema
	about       map[string]string // what a key is, likewise
	unsaid      []string          // keys whose readers do not say what they may be
}

func newParser(name string, from *reader) *parser {
	return &parser{
		name:        name,
		from:        from,
		credentials: credentialsFolder(),
		where:       make(map[string]*yaml.Node),
		source:      make(map[*yaml.Node]string),
	}
}

// report adds a problem at the place of n; a nil n is the file's beginning.
func (p *parser) report(n *yaml.Node, what, remedy string) {
	problem := Problem{Source: p.name, Line: 1, Column: 1, What: what, Remedy: remedy}
	if n != nil {
		problem.Line, problem.Column = n.Line, n.Column
	}
	if source, ok := p.source[n]; ok && n != nil {
		problem.Source, problem.Line, problem.Column = source, 0, 0
	}
	if problem.Source == "" {
		problem.Source, problem.Line, problem.Column = "configuration", 0, 0
	}
	p.problems = append(p.problems, problem)
}

// readFile reads the one document of a file.
func (p *parser) readFile(data []byte, keys []key) {
	p.root = keys
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var doc yaml.Node
	err := decoder.Decode(&doc)
	if errors.Is(err, io.EOF) {
		return // empty, or comments only
	}
	if err != nil {
		p.syntax(data, err)
		return
	}
	if len(doc.Content) > 0 && !isNull(doc.Content[0]) {
		p.mapping(doc.Content[0], "", keys)
	}
	var second yaml.Node
	switch err := decoder.Decode(&second); {
	case errors.Is(err, io.EOF):
	case err != nil:
		p.syntax(data, err)
	case len(second.Content) > 0:
		p.report(second.Content[0], "a second YAML document begins here", "keep one document per file")
	}
}

// mapping reads n along keys. The path names n in problems; it is empty for
// the whole file.
func (p *parser) mapping(n *yaml.Node, path string, keys []key) {
	if n.Kind != yaml.MappingNode {
		what := cmp.Or(path, "the file") + " is " + kindOf(n) + ", not a set of keys"
		p.report(n, what, "write it as `key: value` lines")
		return
	}
	first := make(map[string]*yaml.Node)
	for i := 0; i+1 < len(n.Content); i += 2 {
		name, value := n.Content[i], n.Content[i+1]
		if name.Kind != yaml.ScalarNode || isNull(name) {
			p.report(name, "a key is "+kindOf(name), "keys are plain words")
			continue
		}
		if earlier, ok := first[name.Value]; ok {
			p.report(name, fmt.Sprintf("key %q is given twice", name.Value),
				fmt.Sprintf("it was given in line %d already; keep one", earlier.Line))
			continue
		}
		first[name.Value] = name
		p.value(name, value, path, keys)
	}
}

// value reads one key of a mapping.
func (p *parser) value(name, value *yaml.Node, path string, keys []key) {
	k, ok := find(keys, name.Value)
	if !ok {
		p.unknown(name, path, keys)
		return
	}
	full := join(path, k.name)
	switch {
	case value.Kind == yaml.AliasNode:
		p.report(value, full+" is a YAML alias", "write the value out")
	case isNull(value) && (k.keys != nil || k.name == "backends" || k.name == "users"):
		// A section with every line commented out: as if it were not there.
	case isNull(value):
		p.report(value, full+" has no value", "give it one, or take the key out for its default")
	case k.keys != nil:
		p.where[full] = value
		p.mapping(value, full, k.keys)
	default:
		p.where[full] = value
		k.read(value)
	}
}

// unknown reports a key that does not exist, with the one that was meant.
func (p *parser) unknown(name *yaml.Node, path string, keys []key) {
	what := fmt.Sprintf("unknown key %q", name.Value)
	if path != "" {
		what += " in " + path
	}
	names := make([]string, len(keys))
	for i, k := range keys {
		names[i] = k.name
	}
	remedy := "known keys: " + strings.Join(names, ", ")
	if near := Nearest(name.Value, names); near != "" {
		remedy = fmt.Sprintf("did you mean %q?", near)
	} else if elsewhere := p.elsewhere(name.Value); elsewhere == name.Value {
		remedy = fmt.Sprintf("%q is a key of the file itself: write it without indentation", elsewhere)
	} else if elsewhere != "" {
		remedy = fmt.Sprintf("did you mean %q?", elsewhere)
	}
	p.report(name, what, remedy)
}

// elsewhere is the path of a key with that very name in another section.
func (p *parser) elsewhere(name string) string {
	for _, section := range p.root {
		if section.name == name {
			return name
		}
		if k, ok := find(section.keys, name); ok {
			return section.name + "." + k.name
		}
	}
	return ""
}

var (
	// yamlPlace is how the YAML library begins its errors; it has no columns.
	yamlPlace = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)`)
	// fromZero are its errors that count lines from zero, those of its parser
	// (func (*parser) fail in go.yaml.in/yaml/v3, decode.go).
	fromZero = regexp.MustCompile(`^did not find expected (<|node content|'-' indicator|key|',' or )`)
)

// syntax reports that the file is not YAML.
func (p *parser) syntax(data []byte, err error) {
	p.broken = true
	n := &yaml.Node{Line: 1, Column: 1}
	what := err.Error()
	if m := yamlPlace.FindStringSubmatch(what); m != nil {
		what = m[2]
		if line, err := strconv.Atoi(m[1]); err == nil && line > 0 {
			n.Line = line
			if fromZero.MatchString(what) {
				n.Line++
			}
		}
	}
	remedy := "check the indentation, the quotes and the brackets around here"
	lines := bytes.Split(data, []byte("\n"))
	if n.Line <= len(lines) {
		text := lines[n.Line-1]
		indent := len(text) - len(bytes.TrimLeft(text, " \t"))
		n.Column = indent + 1
		if bytes.ContainsRune(text[:indent], '\t') {
			remedy = "YAML does not allow tabs here; use spaces"
		}
	}
	p.report(n, "not YAML: "+what, remedy)
}

func find(keys []key, name string) (key, bool) {
	for _, k := range keys {
		if k.name == name {
			return k, true
		}
	}
	return key{}, false
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

func isNull(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null"
}

// kindOf names what a node is, for a reader who does not know YAML's words.
func kindOf(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a set of keys"
	case yaml.SequenceNode:
		return "a list"
	case yaml.AliasNode:
		return "a YAML alias"
	case yaml.ScalarNode:
		if isNull(n) {
			return "empty"
		}
	case yaml.DocumentNode: // only at the top, which has no kind to name
	}
	return fmt.Sprintf("the value %q", shorten(n.Value))
}

// shorten makes a value fit for a problem: short, and without what stands
// before an @, which may well be a password.
func shorten(s string) string {
	const most = 60
	if at := strings.LastIndexByte(s, '@'); at >= 0 {
		s = "…" + s[at:]
	}
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}

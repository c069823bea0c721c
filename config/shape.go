package config

import (
	"strconv"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v3"
)

// shape is what a value may be, as JSON Schema says it (draft 2020-12). It takes what the reader of the value takes, and of what that refuses as much as can be told
// without the rest of the file, other files and sums.
type shape map[string]any

// asked tells whether n is no value but the question what may stand there. The reader is to answer in said then, and to return. A reader of a key begins with
// that, so that the two stand beside each other.
func (p *parser) asked(n *yaml.Node) bool { return n != nil && n == p.question }

// as gives a reader that only keeps its value the shape of that.
func (p *parser) as(s shape, read func(*yaml.Node)) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if p.asked(n) {
			p.said = s
			return
		}
		read(n)
	}
}

// ask gives what a key may be; nil: its reader does not say.
func (p *parser) ask(k key) shape {
	outer := p.question
	p.question, p.said = &yaml.Node{}, nil
	k.read(p.question)
	p.question = outer
	return p.said
}

// anyText is a text; a number is taken as it is written.
func anyText() shape { return shape{"type": []string{"string", "number", "boolean"}} }

func yesOrNo() shape { return shape{"type": "boolean"} }

func fileName() shape { return shape{"type": "string", "minLength": 1} }

// digits are those of a number with a fraction.
const digits = `([0-9]+(\.[0-9]*)?|\.[0-9]+)`

// spanShape is a time span as time.ParseDuration reads it, and not below zero; above it, if zero is none.
func spanShape(zero bool) shape {
	span := shape{"type": "string", "pattern": `^\+?(` + digits + `(ns|us|µs|μs|ms|s|m|h))+$`}
	if zero {
		return shape{"anyOf": []shape{span, {"enum": []any{0, "0"}}}}
	}
	span["not"] = shape{"pattern": `^[^1-9]*$`}
	return span
}

func numberShape(least, most int) shape {
	return shape{"type": "integer", "minimum": least, "maximum": most}
}

// wordShape is one of a few words. YAML takes some for numbers.
func wordShape(words ...string) shape {
	all := []any{}
	for _, w := range words {
		all = append(all, w)
		if x, err := strconv.ParseFloat(w, 64); err == nil {
			all = append(all, x)
		}
	}
	return shape{"enum": all}
}

// anyCase is a pattern of a word in small and capital letters.
func anyCase(word string) string {
	var pattern strings.Builder
	for _, r := range word {
		if lower, upper := unicode.ToLower(r), unicode.ToUpper(r); lower != upper {
			pattern.WriteString("[" + string(lower) + string(upper) + "]")
		} else {
			pattern.WriteRune(r)
		}
	}
	return pattern.String()
}

// sizeShape is a number of bytes with its unit.
func sizeShape() shape {
	var units []string
	for _, u := range sizeUnits {
		units = append(units, u.name)
	}
	return shape{"type": "string", "pattern": `^\+?[0-9]+\s*(` + strings.Join(units, "|") + `)$`}
}

// fractionShape is a number between bounds, with what may stand behind one that is written as a text.
func fractionShape(least, most float64, behind string) shape {
	return shape{"anyOf": []shape{{"type": "number", "minimum": least, "maximum": most}, {"type": "string", "pattern": `^` + digits + `([eE][+-]?[0-9]+)?` + behind + `$`}}}
}

// The parts of addresses.
const (
	hostPattern = `(\[[0-9A-Fa-f:.%a-z]+\]|[A-Za-z0-9_][A-Za-z0-9._-]*)`
	portPattern = `:[0-9]{1,5}`
	pathPattern = `unix:/.*[^/]`
)

// addressShape is HOST:PORT; the host may be missing where any is meant, and there may be a path in place of both.
func addressShape(anyHost, path bool) shape {
	pattern := hostPattern
	if anyHost {
		pattern += `?`
	}
	pattern += portPattern
	if path {
		pattern = `(` + pattern + `|` + pathPattern + `)`
	}
	return shape{"type": "string", "pattern": `^` + pattern + `$`}
}

func listShape(item shape) shape { return shape{"type": "array", "items": item} }

// modeShape is the mode of a file as chmod takes it. YAML takes it for a number, and 0660 for one in octal digits.
func modeShape() shape {
	return shape{"anyOf": []shape{{"type": "string", "pattern": `^(0o)?[0-7]{3,}$`}, {"type": "integer", "minimum": 0, "maximum": 777}}}
}

// optional is a shape of which nothing may be there at all: a section with every line commented out.
func optional(s shape) shape {
	if t, ok := s["type"].(string); ok {
		s["type"] = []string{t, "null"}
	}
	return s
}

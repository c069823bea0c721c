package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"strconv"
	"strings"
)

// JSONSchema is the JSON schema (draft 2020-12) of a configuration, as an editor may use it: every key with what may stand there, its default, and what it is in the words
// of the example, deploy/segue.example.yaml.
func JSONSchema(example []byte) ([]byte, error) {
	p := newParser("", nil)
	keys := p.schema(&document{config: Default()})
	p.defaults = Default().values()
	p.about = aboutKeys(example, keys)
	root := p.sectionShape("", keys)
	if len(p.unsaid) > 0 {
		return nil, fmt.Errorf("what may stand there is not said of %s", strings.Join(p.unsaid, ", "))
	}
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["title"] = "Configuration of Segue"
	root["anyOf"] = []shape{{"required": []string{"backends"}}, {"required": []string{"discover"}}}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	err := encoder.Encode(root)
	return out.Bytes(), err
}

// sectionShape is that of a set of keys: these, and no others.
func (p *parser) sectionShape(path string, keys []key) shape {
	properties := shape{}
	for _, k := range keys {
		full := join(path, k.name)
		var s shape
		if k.keys != nil {
			s = optional(p.sectionShape(full, k.keys))
			maps.Copy(s, k.also)
		} else if s = p.ask(k); s == nil {
			p.unsaid = append(p.unsaid, full)
			continue
		}
		properties[k.name] = p.annotated(full, s)
	}
	return shape{"type": "object", "properties": properties, "additionalProperties": false}
}

// annotated is a shape with its default and what it is.
func (p *parser) annotated(path string, s shape) shape {
	out := maps.Clone(s)
	if text := p.about[path]; text != "" {
		out["description"] = text
	}
	if text := p.defaults[path]; text != "" && !strings.Contains(text, " ") { // else it is told of in words
		out["default"] = s.value(text)
	}
	return out
}

// value is a value as the file writes it, as one of JSON.
func (s shape) value(text string) any {
	kinds := []any{s["type"]}
	if any, ok := s["anyOf"].([]shape); ok {
		for _, one := range any {
			kinds = append(kinds, one["type"])
		}
	}
	for _, kind := range kinds {
		switch kind {
		case "boolean":
			return text == "true"
		case "integer", "number":
			if x, err := strconv.ParseFloat(text, 64); err == nil && strconv.FormatFloat(x, 'f', -1, 64) == text { // 0600 is none
				return x
			}
		}
	}
	return text
}

// withUser says that some keys need another one: user. Of a password and its file there is one.
func withUser(names ...string) shape {
	needs := map[string][]string{}
	for _, name := range names {
		needs[name] = []string{"user"}
	}
	return shape{"dependentRequired": needs, "not": shape{"required": []string{"password", "password_file"}}}
}

// keyNeedsCertificate says that a key is nothing without its certificate.
func keyNeedsCertificate() shape {
	return shape{"dependentRequired": map[string][]string{"key_file": {"cert_file"}}}
}

// keyLine is a line of the example with a key, be it commented out or not: its indentation, its name, and the comment behind its value.
var keyLine = regexp.MustCompile(`^(?:# ?)?( *)(?:# )?(- )?([a-z_]+):(?: .*?)??(?:\s+# ?(.*))?$`)

// aboutKeys tells what the example says of each key: in the comment behind it, or in the lines above it.
func aboutKeys(example []byte, keys []key) map[string]string {
	about := map[string]string{}
	section, inner, above := "", "", []string(nil)
	items := map[string]string{} // what lines above a list say of the keys of its items
	for line := range strings.Lines(string(example)) {
		line = strings.TrimRight(line, "\n")
		m := keyLine.FindStringSubmatch(line)
		top := ""
		if m != nil {
			if k, ok := find(keys, m[3]); ok && m[1] == "" && m[2] == "" {
				top = k.name
			}
		}
		prose, isProse := strings.CutPrefix(line, "# ")
		switch {
		case top != "":
			if section = top; m[4] == "" {
				m[4] = strings.Join(above, " ")
			}
			about[top], above = m[4], nil
			for name, text := range items {
				about[top+"[]."+name] = text
			}
			clear(items)
		case m != nil && m[1]+m[2] != "" && m[4] != "":
			if len(m[1]) <= 2 {
				inner = m[3] // a section of a section, if what follows stands deeper
			}
			if items[m[3]] == "" && strings.HasPrefix(line, "#   ") && len(above) > 0 {
				items[m[3]] = m[4]
				break
			}
			for _, path := range []string{section + "." + m[3], section + "[]." + m[3], section + "." + inner + "." + m[3]} {
				if about[path] == "" {
					about[path] = m[4]
				}
			}
		case isProse && !strings.HasPrefix(prose, " "):
			above = append(above, prose)
		case line == "":
			above = nil
			clear(items)
		}
	}
	return about
}

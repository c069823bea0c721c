package config

import (
	"strings"

	"go.yaml.in/yaml/v3"
)

// Override is a setting from outside the file. It wins over the file's, and over one that stands before it.
type Override struct {
	Key    string // of the file, as Keys has them; a list is written with commas
	Value  string
	Source string // what a problem with it is reported as: --listen, SEGUE_LISTEN
}

// readOverrides reads settings from outside the file with the same readers.
func (p *parser) readOverrides(overrides []Override, keys []key) {
	for _, o := range overrides {
		k, ok := p.overridden(o, keys)
		if !ok {
			continue
		}
		n := &yaml.Node{Kind: yaml.ScalarNode, Value: o.Value} // without a tag: what YAML takes a plain word for
		if k.list {
			n = p.listOverride(o)
		}
		p.source[n] = o.Source
		p.where[o.Key] = n
		if rival := Rival(o.Key); rival != "" {
			p.displace(rival, o.Source)
		}
		k.read(n)
	}
}

// overridden finds the key of an override. The sections that it is in are there from then on, be they in the file or not.
func (p *parser) overridden(o Override, keys []key) (key, bool) {
	path := ""
	for name := range strings.SplitSeq(o.Key, ".") {
		k, ok := find(keys, name)
		path = join(path, name)
		switch {
		case !ok:
			return key{}, false
		case k.keys == nil:
			return k, path == o.Key
		}
		if keys = k.keys; p.where[path] == nil {
			section := &yaml.Node{Kind: yaml.MappingNode}
			p.source[section] = o.Source
			p.where[path] = section
		}
	}
	return key{}, false
}

// Rival is the key that cannot be given beside another one: a password, or the file that has it. Empty: there is none.
func Rival(key string) string {
	for _, section := range []string{"health", "discover"} {
		switch key {
		case section + ".password":
			return section + ".password_file"
		case section + ".password_file":
			return section + ".password"
		}
	}
	return ""
}

// displace forgets a value that the one from a source stands in place of: a flag's in place of a variable's, either in place of the file's. What the
// same kind of place gives twice stays a problem.
func (p *parser) displace(key, source string) {
	if n := p.where[key]; n != nil && rank(p.source[n]) < rank(source) {
		delete(p.where, key)
	}
}

// rank orders sources by who wins; empty is the file.
func rank(source string) int {
	switch {
	case source == "":
		return 0
	case strings.HasPrefix(source, variablePrefix):
		return 1
	}
	return 2
}

// listOverride is the sequence node of a list with commas.
func (p *parser) listOverride(o Override) *yaml.Node {
	list := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
	for item := range strings.SplitSeq(o.Value, ",") {
		if item = strings.TrimSpace(item); item == "" {
			continue
		}
		n := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: item}
		p.source[n] = o.Source
		list.Content = append(list.Content, n)
	}
	return list
}

package config

import (
	"fmt"
	"reflect"
	"strings"
)

// variablePrefix begins the names of Segue's variables.
const variablePrefix = "SEGUE_"

// Key is one key of the file that has a value of its own, and the places beside the file where that may be given. It is the one table that the flags of
// `segue serve`, the SEGUE_* variables and the reference are made from.
type Key struct {
	Path     string   // connect.budget
	Flag     string   // connect-budget; empty: none, as with secrets, which a command line shows to everybody, and with backends, which are arguments
	Variable string   // SEGUE_CONNECT_BUDGET; empty: none, as with users
	Kind     string   // one word for what stands there: time, number, size, word, address, file, text, bool, list
	Takes    string   // what may stand there, for people
	Words    []string // if it is one of a few
	Default  string   // as the file writes it; empty: nothing, or About tells
	About    string   // what it is, in the words of the example
	List     bool     // outside the file it is written with commas
	File     bool     // a path
	Restart  bool     // a change takes effect with a restart alone
}

// Keys are those of a configuration, in the order of the schema, with what the example says of them. Those of backends[], users[] and listen[] come behind their list,
// and have neither flag nor variable: a list of several values each is for the file.
func Keys(example []byte) []Key {
	p := newParser("", nil)
	keys := p.schema(&document{config: Default()})
	w := &keyWalk{p: p, values: Default().values(), about: aboutKeys(example, keys)}
	w.walk(keys, "", true)
	return w.list
}

// Sections tells what the example says of each section of keys, by its path.
func Sections(example []byte) map[string]string {
	keys := newParser("", nil).schema(&document{config: Default()})
	about := aboutKeys(example, keys)
	sections := map[string]string{}
	var walk func(keys []key, path string)
	walk = func(keys []key, path string) {
		for _, k := range keys {
			if full := join(path, k.name); k.keys != nil {
				sections[full] = about[full]
				walk(k.keys, full)
			}
		}
	}
	walk(keys, "")
	return sections
}

type keyWalk struct {
	p             *parser
	values, about map[string]string
	list          []Key
}

func (w *keyWalk) walk(keys []key, path string, outside bool) {
	for _, k := range keys {
		full := join(path, k.name)
		if k.keys != nil {
			w.walk(k.keys, full, outside)
			continue
		}
		item := w.p.itemKeys(full)
		w.list = append(w.list, w.one(k, full, outside && (item == nil || k.list)))
		w.walk(item, full+"[]", false)
	}
}

// itemKeys are the keys of an item of a list; nil: its items are single values.
func (p *parser) itemKeys(path string) []key {
	switch path {
	case "listen", "load.listen":
		return p.listenKeys(new(Listen), nil)
	case "backends":
		return p.entryKeys(&entry{})
	case "users":
		return p.userKeys(&userEntry{})
	}
	return nil
}

func (w *keyWalk) one(k key, full string, outside bool) Key {
	s := w.p.ask(k)
	one := Key{Path: full, Default: w.values[full], About: w.about[full], List: k.list, File: k.file, Restart: k.restart}
	if one.About == "" { // a backend's own section says what the common one does
		one.About = w.about[strings.TrimPrefix(strings.Replace(full, "backends[].tls.", "backend_tls.", 1), "backends[].")]
	}
	if one.About == "" { // a listener for loads is as one for sessions
		one.About = w.about[strings.TrimPrefix(full, "load.")]
	}
	one.Kind, one.Takes, one.Words = s.inWords(k)
	if outside {
		name := strings.ReplaceAll(full, ".", "_")
		one.Variable = variablePrefix + strings.ToUpper(name)
		if !k.secret && full != "backends" {
			one.Flag = strings.ReplaceAll(name, "_", "-")
		}
	}
	return one
}

// inWords tells what a shape takes.
func (s shape) inWords(k key) (kind, takes string, words []string) {
	same := func(other shape) bool { return reflect.DeepEqual(s, other) }
	number, isNumber := s["minimum"]
	choice, isChoice := s["enum"].([]any)
	switch {
	case k.name == "backends", k.name == "users":
		return "list", "list", nil
	case k.name == "listen":
		return "address", "address, or a list", nil
	case k.name == "addresses":
		return "list", "NAME: ADDRESS, or NAME=ADDRESS with commas", nil
	case k.list:
		return "list", "list", nil
	case k.file:
		return "file", "path of a file", nil
	case same(yesOrNo()):
		return "bool", "true or false", []string{"true", "false"}
	case same(spanShape(true)):
		return "time", "time, 0s or more", nil
	case same(spanShape(false)):
		return "time", "time above 0s", nil
	case same(sizeShape()):
		return "size", "size: 512MiB, 1GiB", nil
	case isNumber:
		return "number", fmt.Sprintf("whole number, %v to %v", number, s["maximum"]), nil
	case isChoice:
		words = textsOf(choice)
		return "word", strings.Join(words, ", "), words
	}
	if kinds, ok := s["anyOf"].([]shape); ok && len(kinds) > 0 {
		if list, ok := kinds[0]["enum"].([]any); ok && k.name != "rebalance_rate" {
			words = textsOf(list)
			return "word", strings.Join(words, ", "), words
		}
	}
	return k.inWords()
}

// inWords is for what a shape says by a pattern alone.
func (k key) inWords() (kind, takes string, words []string) {
	switch k.name {
	case "rebalance_rate":
		return "number", fmt.Sprintf("number, 0 or %v to %v", leastRate, maxRate), nil
	case "rebalance_threshold":
		return "share", "share: 20%, 0.2", nil
	case "admin_mode", "mode":
		return "mode", "octal digits, as chmod takes them", nil
	case "admin", "address":
		return "address", "HOST:PORT or unix:PATH", nil
	case "health", "server":
		return "url", "URL", nil
	case "unix", "socket":
		return "path", "path of a socket", nil
	case "prefer":
		return "words", "words with commas, or a list", nil
	}
	return "text", "text", nil
}

// textsOf are the words of an enumeration: YAML takes some for numbers, which are there once more.
func textsOf(list []any) (words []string) {
	for _, w := range list {
		if text, ok := w.(string); ok {
			words = append(words, text)
		}
	}
	return words
}

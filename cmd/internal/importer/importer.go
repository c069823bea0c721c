package importer

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// MaxSize is the largest file that is read, in bytes.
const MaxSize = 1 << 20

// Kind is what a setting is of.
type Kind string

// The kinds, as --from writes them.
const (
	HAProxy  Kind = "haproxy"
	ProxySQL Kind = "proxysql"
	Nginx    Kind = "nginx"
	JDBC     Kind = "jdbc"
)

// Kinds are all of them.
func Kinds() []Kind { return []Kind{HAProxy, ProxySQL, Nginx, JDBC} }

// Source is what is imported.
type Source struct {
	Name    string // the file's, for places; of a URL "URL"
	Text    []byte
	Kind    Kind   // "": detected
	Section string // which of several: the name of a proxy, an upstream or a number of a hostgroup; "": the only one
	Flavor  string // "": from ports and health URLs
}

// Error is why nothing can be made of a source.
type Error struct {
	Name   string // of the source
	Line   int    // 0: it is about the whole
	What   string
	Remedy string
}

func (e *Error) Error() string {
	place := e.Name
	if e.Line > 0 {
		place = fmt.Sprintf("%s:%d", e.Name, e.Line)
	}
	return place + ": " + e.What + "; " + e.Remedy
}

// Import makes a configuration of a source. Its errors are of type [*Error].
func Import(s Source) (*Plan, error) {
	if len(s.Text) > MaxSize {
		return nil, &Error{Name: s.Name, What: fmt.Sprintf("it is larger than %d bytes", MaxSize), Remedy: "name the configuration file itself"}
	}
	if s.Kind == "" {
		if s.Kind = Detect(s.Name, s.Text); s.Kind == "" {
			return nil, &Error{Name: s.Name, What: "it looks like none of " + kindList(), Remedy: "say what it is with --from KIND"}
		}
	}
	p := &Plan{Kind: s.Kind, Name: s.Name}
	read := map[Kind]func(*Plan, Source) error{HAProxy: readHAProxy, ProxySQL: readProxySQL, Nginx: readNginx, JDBC: readJDBC}[s.Kind]
	if read == nil {
		return nil, &Error{Name: s.Name, What: fmt.Sprintf("unknown kind %q", shown(string(s.Kind))), Remedy: "--from is one of " + kindList()}
	}
	if err := read(p, s); err != nil {
		return nil, err
	}
	if err := p.finish(s); err != nil {
		return nil, err
	}
	return p, nil
}

func kindList() string {
	var words []string
	for _, k := range Kinds() {
		words = append(words, string(k))
	}
	return strings.Join(words, ", ")
}

// Detect tells the kind of a source by its text, and where that does not tell by its name. "": neither does.
func Detect(name string, text []byte) Kind {
	if jdbcURL(strings.TrimSpace(string(text))) {
		return JDBC
	}
	words := map[string]int{}
	lines, ended := 0, 0 // those that end as nginx's do
	for line := range strings.Lines(string(text)) {
		line, _, _ = strings.Cut(strings.TrimSpace(line), "#")
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		lines++
		if strings.HasSuffix(line, ";") || strings.HasSuffix(line, "{") {
			ended++
		}
		first := strings.FieldsFunc(line, func(r rune) bool { return strings.ContainsRune(" \t={(;", r) })
		if len(first) > 0 {
			words[first[0]]++
		}
	}
	has := func(list ...string) bool {
		return slices.ContainsFunc(list, func(w string) bool { return words[w] > 0 })
	}
	switch {
	case has("mysql_servers", "mysql_variables", "admin_variables", "mysql_users"):
		return ProxySQL
	case has("stream", "proxy_pass", "upstream", "events", "http", "worker_processes", "location"), has("server") && ended > lines/2:
		return Nginx
	case has("listen", "frontend", "backend") && has("bind", "server", "mode", "defaults", "global", "balance"):
		return HAProxy
	}
	switch base := strings.ToLower(path.Base(strings.ReplaceAll(name, "\\", "/"))); {
	case strings.Contains(base, "haproxy"):
		return HAProxy
	case strings.Contains(base, "proxysql"):
		return ProxySQL
	case strings.Contains(base, "nginx"):
		return Nginx
	}
	return ""
}

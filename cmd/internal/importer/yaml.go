package importer

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// YAML is the configuration, with comments. It loads as it is.
func (p *Plan) YAML() string {
	w := &writer{}
	w.head(p)
	w.places(p)
	w.backends(p)
	w.discover(p)
	w.users(p)
	w.rest(p)
	return w.String()
}

// What Segue does by itself: slower settings than these stand in comments.
const (
	defaultInterval = 200 * time.Millisecond
	defaultTimeout  = time.Second
	defaultConnect  = 2 * time.Second
	defaultRise     = 2
	defaultFall     = 3
)

type writer struct{ strings.Builder }

func (w *writer) line(format string, args ...any) {
	w.WriteString(strings.TrimRight(fmt.Sprintf(format, args...), " ") + "\n")
}

// comment wraps a text behind "# ".
func (w *writer) comment(first, then, text string) {
	const width = 118
	line := "# " + first
	for i, word := range strings.Fields(text) {
		switch {
		case i == 0:
			line += word
		case len(line)+1+len(word) > width:
			w.line("%s", line)
			line = "# " + then + word
		default:
			line += " " + word
		}
	}
	w.line("%s", line)
}

func (w *writer) head(p *Plan) {
	from := p.name()
	if p.Line > 0 {
		from = fmt.Sprintf("%s (%s:%d)", p.Section, p.name(), p.Line)
	}
	w.comment("", "", "Written by `segue import` from "+from+". Save it as segue.yaml, read it, then: segue validate segue.yaml, and segue check --config segue.yaml")
	if len(p.Remarks) > 0 {
		w.line("#\n# What has no equivalent, or another effect:")
		for _, r := range p.Remarks {
			w.comment("- ", "  ", p.Place(r)+": "+r.Text)
		}
	}
	w.line("")
}

// at is where something stood, as a comment.
func (p *Plan) at(line int) string {
	if line == 0 {
		return ""
	}
	return fmt.Sprintf("  # %s:%d", p.name(), line)
}

func (w *writer) places(p *Plan) {
	switch len(p.Listen) {
	case 0:
		w.line("# listen: 127.0.0.1:9030   # where applications connect; this is the default")
	case 1:
		w.line("listen: %s%s; another one while both run side by side", scalar(p.Listen[0].Address), p.at(p.Listen[0].Line))
	default:
		w.line("listen:   # others while both run side by side")
		for _, l := range p.Listen {
			w.line("  - %s%s", scalar(l.Address), p.at(l.Line))
		}
	}
	w.line("flavor: %s   # %s", scalar(p.Flavor), p.FlavorWhy)
}

func (w *writer) backends(p *Plan) {
	w.line("")
	used := 0
	for _, b := range p.Backends {
		if b.Off == "" {
			used++
		}
	}
	if used == 0 {
		w.line("backends: []   # they are found: discover")
	} else {
		w.line("backends:")
	}
	zones := p.HasBackups()
	for _, b := range p.Backends {
		if b.Off != "" {
			w.line("  # - {name: %s, address: %s}%s: %s", commented(backendName(b.Name, b.Address)), commented(b.Address), p.at(b.Line), b.Off)
			continue
		}
		w.line("  - name: %s%s", scalar(b.Name), p.at(b.Line))
		w.line("    address: %s", scalar(b.Address))
		if b.URL != "" {
			w.line("    health: %s", scalar(b.URL))
		}
		if b.TLS != "" {
			w.line("    tls: {mode: %s}", b.TLS)
		}
		if b.Weight > 1 {
			w.line("    weight: %d", b.Weight)
		}
		if b.SendProxy != "" {
			w.line("    proxy_protocol: %s", b.SendProxy)
		} else if p.SendProxy != "" {
			w.line("    proxy_protocol: %s", scalar("off"))
		}
		if zones {
			w.line("    zone: %s", map[bool]string{false: mainZone, true: backupZone}[b.Backup])
		}
	}
	if zones {
		w.line("\nzone: %s   # Segue counts as one of these, and prefers them", mainZone)
	}
}

func (w *writer) discover(p *Plan) {
	var used []string
	for _, n := range p.Names {
		if n.Off == "" {
			used = append(used, n.Text)
		} else {
			w.line("\n# discover: {dns: [%s]}%s: %s", commented(n.Text), p.at(n.Line), n.Off)
		}
	}
	if len(used) == 0 {
		return
	}
	w.line("\ndiscover:")
	w.line("  dns: [%s]   # every address of the name is a backend", scalars(used))
	if len(p.Resolvers) > 0 {
		w.line("  resolvers: [%s]", scalars(p.Resolvers))
	}
}

func (w *writer) users(p *Plan) {
	w.line("")
	if !slices.ContainsFunc(p.Users, func(u User) bool { return !u.Unknown }) {
		w.comment("", "", "Sessions move only where Segue can log in for their account. Name the accounts of your applications, so that they do not lose "+
			"their connections when a server leaves:")
		w.line("# users:")
		for _, u := range p.Users {
			w.line("#   - {name: %s, password_file: /run/secrets/…}%s", commented(u.Name), p.at(u.Line))
		}
		if len(p.Users) == 0 {
			w.line("#   - {name: app, password_file: /run/secrets/app}")
		}
		return
	}
	w.line("users:")
	for _, u := range p.Users {
		if u.Unknown {
			w.line("  # - {name: %s, password_file: /run/secrets/…}%s", commented(u.Name), p.at(u.Line))
			continue
		}
		w.line("  - name: %s%s", scalar(u.Name), p.at(u.Line))
		switch {
		case u.Hash != "":
			w.line("    hash: %s", scalar(u.Hash))
		case u.Password != "":
			w.line("    password: %s   # better: password_file: /run/secrets/…, a file that has it as its only line", quoted(u.Password))
		default:
			w.line("    password: \"\"   # none")
		}
		if u.TLS {
			w.line("    # require: tls   # with tls: {cert_file: …, key_file: …}")
		}
	}
}

// plain is what YAML reads as that text, in a list in brackets too.
var plain = regexp.MustCompile(`^([A-Za-z/_]([A-Za-z0-9_./:?=&%-]*[A-Za-z0-9_./=&%-])?|[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+(:[0-9]+)?)$`)

// scalar is a text as YAML writes it: plain where that can be nothing else, else in double quotes.
func scalar(text string) string {
	switch strings.ToLower(text) {
	case "true", "false", "yes", "no", "on", "off", "null", "y", "n":
	default:
		if plain.MatchString(text) {
			return text
		}
	}
	return quoted(text)
}

// quoted is a text in YAML's double quotes.
func quoted(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < ' ' || r == 0x7f:
			fmt.Fprintf(&b, `\x%02x`, r)
		case r > '~' && r <= 0xffff:
			fmt.Fprintf(&b, `\u%04x`, r)
		case r > 0xffff:
			fmt.Fprintf(&b, `\U%08x`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

func scalars(texts []string) string {
	var list []string
	for _, t := range texts {
		list = append(list, scalar(t))
	}
	return strings.Join(list, ", ")
}

// commented is a scalar within a comment.
func commented(text string) string { return scalar(shown(text)) }

package importer

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// haSection is a section of an haproxy.cfg: its head and its lines.
type haSection struct {
	haLine
	defaults *haSection // whose settings it has beside its own
	lines    []haLine
}

func (s *haSection) kind() string { return s.word(0) }
func (s *haSection) name() string { return s.word(1) }

// title is how remarks and errors name it.
func (s *haSection) title() string { return strings.TrimSpace(s.kind() + " " + shown(s.name())) }

// mode is tcp or http: its own, or its defaults'.
func (s *haSection) mode() string {
	return cmp.Or(s.last("mode"), "tcp")
}

// last is what the last line says that begins with a word; "": none does.
func (s *haSection) last(word string) string {
	said := ""
	for _, l := range s.settings() {
		if l.word(0) == word {
			said = l.word(1)
		}
	}
	return said
}

// settings are its lines behind those of its defaults.
func (s *haSection) settings() []haLine {
	if s.defaults == nil {
		return s.lines
	}
	return slices.Concat(s.defaults.settings(), s.lines)
}

// haSectionWords begin a section.
var haSectionWords = []string{
	"global", "defaults", "frontend", "backend", "listen", "peers", "resolvers", "userlist", "cache", "program", "mailers", "http-errors", "ring",
	"log-forward", "fcgi-app", "crt-store", "traces", "log-profile", "acme",
}

// haService is what listens, and the servers behind it: one listen section, or a frontend and a backend.
type haService struct {
	front, back *haSection
	byRule      bool // use_backend leads from front to back
}

// name is what --section calls it.
func (s haService) name() string {
	if s.front != nil && !s.byRule {
		return s.front.name()
	}
	return s.back.name()
}

func (s haService) title() string {
	if s.front == nil || s.front == s.back {
		return s.back.title()
	}
	return s.front.title() + " with " + s.back.title()
}

func (s haService) line() int {
	if s.front != nil && !s.byRule {
		return s.front.number
	}
	return s.back.number
}

// sections are its parts, each once.
func (s haService) sections() []*haSection {
	if s.front == nil || s.front == s.back {
		return []*haSection{s.back}
	}
	return []*haSection{s.front, s.back}
}

// readHAProxy makes a plan of one service of an haproxy.cfg.
func readHAProxy(p *Plan, s Source) error {
	sections, err := haSections(p, string(s.Text))
	if err != nil {
		return err
	}
	service, err := chooseHAProxy(p, haServices(sections), s.Section)
	if err != nil {
		return err
	}
	p.Section, p.Line = service.title(), service.line()
	othersOfHAProxy(p, sections, haServices(sections), service)
	h := &haproxy{plan: p, service: service, sections: sections}
	return h.read()
}

// haSections parts a file.
func haSections(p *Plan, text string) ([]*haSection, error) {
	var list []*haSection
	var defaults *haSection
	named := map[string]*haSection{}
	for _, l := range haLines(text) {
		switch {
		case strings.HasPrefix(l.word(0), ".") && len(l.word(0)) > 1:
			p.remark(l.number, "%s: conditions are not evaluated; what stands in every branch is read", shown(l.word(0)))
		case slices.Contains(haSectionWords, l.word(0)):
			section := &haSection{haLine: l}
			if from := l.after("from", 1); from != "" && named[from] != nil {
				section.defaults = named[from]
			} else if section.kind() != "defaults" {
				section.defaults = defaults
			}
			if section.kind() == "defaults" {
				defaults = section
				named[section.name()] = section
			}
			list = append(list, section)
		case len(list) == 0:
			return nil, p.problem(l.number, "name an haproxy.cfg, or say with --from what it is", "%q stands outside of any section of HAProxy", shown(l.word(0)))
		default:
			section := list[len(list)-1]
			section.lines = append(section.lines, l)
		}
	}
	return list, nil
}

// haServices are those with servers that speak TCP.
func haServices(sections []*haSection) []haService {
	backs := map[string]*haSection{}
	for _, s := range sections {
		if s.kind() == "backend" {
			backs[s.name()] = s
		}
	}
	var list []haService
	used := map[*haSection]bool{}
	add := func(s haService) {
		if s.back != nil && hasServers(s.back) && s.back.mode() != "http" {
			list = append(list, s)
			used[s.back] = true
		}
	}
	for _, s := range sections {
		if s.kind() == "listen" && hasServers(s) {
			add(haService{front: s, back: s})
		} else if s.kind() == "listen" || s.kind() == "frontend" {
			add(haService{front: s, back: backs[s.last("default_backend")]})
		}
	}
	for _, s := range sections {
		if s.kind() != "listen" && s.kind() != "frontend" {
			continue
		}
		for _, l := range s.settings() {
			if back := backs[l.word(1)]; l.word(0) == "use_backend" && !used[back] {
				add(haService{front: s, back: back, byRule: true})
			}
		}
	}
	for _, s := range sections {
		if s.kind() == "backend" && !used[s] {
			add(haService{back: s})
		}
	}
	return list
}

func hasServers(s *haSection) bool {
	return slices.ContainsFunc(s.lines, func(l haLine) bool { return l.word(0) == "server" || l.word(0) == "server-template" })
}

// chooseHAProxy takes the one that --section names, or the only one, or the only one that looks like MySQL.
func chooseHAProxy(p *Plan, all []haService, section string) (haService, error) {
	if section != "" {
		for _, s := range all {
			if s.name() == section || s.back.name() == section {
				return s, nil
			}
		}
		return haService{}, p.problem(0, "--section is one of: "+haNames(all), "no proxy %q in mode tcp with servers", shown(section))
	}
	likely := slices.DeleteFunc(slices.Clone(all), func(s haService) bool { return !looksLikeMySQL(s) })
	if len(likely) == 0 {
		likely = all
	}
	switch len(likely) {
	case 0:
		return haService{}, p.problem(0, "name the file that has them", "no listen section, frontend or backend in mode tcp with servers")
	case 1:
		return likely[0], nil
	}
	return haService{}, p.problem(0, "name one with --section: "+haNames(likely), "it has %d proxies that could be it, and one Segue is one cluster", len(likely))
}

// othersOfHAProxy remarks every proxy that is not the chosen one.
func othersOfHAProxy(p *Plan, sections []*haSection, all []haService, chosen haService) {
	told := map[*haSection]bool{chosen.front: true, chosen.back: true}
	for _, s := range all {
		if told[s.back] {
			continue
		}
		for _, section := range s.sections() {
			told[section] = true
		}
		p.remark(s.line(), "%s is not imported: one Segue is one cluster. For this one: --section %s", s.title(), shown(s.name()))
	}
	for _, s := range sections {
		switch kind := s.kind(); {
		case told[s] || kind != "listen" && kind != "frontend" && kind != "backend":
		case s.mode() != "tcp":
			p.remark(s.number, "%s is not imported: it is in mode %s, and Segue speaks the MySQL protocol", s.title(), shown(s.mode()))
		default:
			p.remark(s.number, "%s is not imported: no servers stand in it, or behind it", s.title())
		}
	}
}

func haNames(all []haService) string {
	const most = 20
	var names []string
	for i, s := range all {
		if i == most {
			names = append(names, "…")
			break
		}
		names = append(names, fmt.Sprintf("%s (line %d)", shown(s.name()), s.line()))
	}
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

// looksLikeMySQL tells it by a check, a port, or a name.
func looksLikeMySQL(s haService) bool {
	for _, section := range s.sections() {
		for _, word := range []string{"mysql", "maria", "galera", "percona", "tidb", "starrocks", "doris", "pxc"} {
			if strings.Contains(strings.ToLower(section.name()), word) {
				return true
			}
		}
		for _, l := range section.settings() {
			if l.word(0) == "option" && l.word(1) == "mysql-check" {
				return true
			}
			if l.word(0) != "server" {
				continue
			}
			if _, port := split(l.word(2)); mysqlPort(port) {
				return true
			}
		}
	}
	return false
}

package importer

import (
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"segue/backend/wire"
)

// Plan is a configuration of Segue, and what of its source it cannot say.
type Plan struct {
	Kind    Kind
	Name    string // of the source, in places
	Section string // what of the source it is made of, such as "listen mysql"
	Line    int    // where that begins; 0: a URL

	Listen    []Listen
	Flavor    string
	FlavorWhy string
	Backends  []Backend
	Users     []User
	Names     []Name // discover.dns
	Resolvers []string
	Policy    string // "": the default
	Health    Health
	Connect   time.Duration // connect.timeout; 0: the default
	SlowStart time.Duration
	Sessions  int // limits.sessions; 0: the default
	TLS       string
	SendProxy string   // to what is found; "": none
	Remarks   []Remark // by line

	noted map[string]int // index of a remark by its text
	lines map[note]bool
}

// note is that a remark is about a line.
type note struct{ remark, line int }

// Beyond so many nobody reads on, and a file is made to be slow.
const (
	maxRemarks  = 500
	maxBackends = 1000
)

// Listen is one address to listen on.
type Listen struct {
	Address string
	Line    int
}

// Backend is one server.
type Backend struct {
	Name, Address string // Name "": that of its address
	URL           string // of its health; "": the flavor's
	Weight        int    // 0: 1
	Backup        bool
	Off           string // why it stands in a comment; "": it does not
	SendProxy     string
	TLS           string // mode of its own; "": that of all
	Line          int
}

// Name is a name whose addresses, or whose targets, are servers.
type Name struct {
	Text      string // HOST:PORT, or _SERVICE._PROTO.NAME
	Off       string // why it stands in a comment; "": it does not
	SendProxy string
	Line      int
}

// User is an account whose sessions can move.
type User struct {
	Name, Password, Hash string
	Unknown              bool // its password is not there: it stands in a comment
	TLS                  bool // its clients have to come on TLS: in a comment, as certificates are missing
	Line                 int
}

// Health is how often servers were asked. What is zero was not said.
type Health struct {
	Interval, Fast, Timeout time.Duration
	Rise, Fall              int
	User, Password          string
	Line                    int
}

// Remark is one thing that has no equivalent, or another effect.
type Remark struct {
	Lines []int // where; empty: the whole
	Text  string
}

// remark notes something about a line. The same about several lines is one remark.
func (p *Plan) remark(line int, format string, args ...any) {
	text := wire.Shown(fmt.Sprintf(format, args...), wire.MaxShown)
	if p.noted == nil {
		p.noted, p.lines = map[string]int{}, map[note]bool{}
	}
	at, there := p.noted[text]
	if !there {
		at = len(p.Remarks)
		if at == maxRemarks {
			text, line = fmt.Sprintf("more than %d remarks: the others are left out", maxRemarks), 0
		} else if at > maxRemarks {
			return
		}
		p.noted[text] = at
		p.Remarks = append(p.Remarks, Remark{Text: text})
	}
	if line > 0 && !p.lines[note{at, line}] {
		p.lines[note{at, line}] = true
		p.Remarks[at].Lines = append(p.Remarks[at].Lines, line)
	}
}

// problem is an error at a line.
func (p *Plan) problem(line int, remedy, format string, args ...any) error {
	return &Error{Name: p.Name, Line: line, What: fmt.Sprintf(format, args...), Remedy: remedy}
}

// Place is where a remark is about: FILE:LINE, with further lines behind it.
func (p *Plan) Place(r Remark) string {
	if len(r.Lines) == 0 {
		return p.name()
	}
	const most = 6 // lines that are named
	var b strings.Builder
	fmt.Fprintf(&b, "%s:%d", p.name(), r.Lines[0])
	for i, line := range r.Lines[1:] {
		if i+1 == most {
			fmt.Fprintf(&b, " and %d more", len(r.Lines)-most)
			break
		}
		fmt.Fprintf(&b, ",%d", line)
	}
	return b.String()
}

// name is the source's, fit to be shown. Of a long path the end is what tells.
func (p *Plan) name() string {
	const most = 60
	if len(p.Name) <= most {
		return shown(p.Name)
	}
	return shown("…/" + path.Base(filepath.ToSlash(p.Name)))
}

// shown makes a name of the source fit to be shown.
func shown(text string) string { return wire.Shown(text, 80) }

// finish is what all kinds have in common: what must hold so that the configuration loads.
func (p *Plan) finish(s Source) error {
	if len(p.Backends)+len(p.Names) > maxBackends {
		return p.problem(p.Line, "let discover find them", "%s has more than %d servers", p.Section, maxBackends)
	}
	p.uniqueBackends()
	if !slices.ContainsFunc(p.Backends, func(b Backend) bool { return b.Off == "" }) && len(p.names()) == 0 {
		return p.problem(p.Line, "name the file, or the section with --section, that has them", "%s has no server that Segue could use", p.Section)
	}
	p.uniqueListen()
	p.chooseFlavor(s.Flavor)
	p.proxyHeaders()
	p.backups()
	p.askedRarely()
	slices.SortStableFunc(p.Remarks, func(a, b Remark) int { return first(a) - first(b) })
	return nil
}

// askedRarely remarks that servers of MySQL and MariaDB that are up are hardly asked, while nobody can log in there for that.
func (p *Plan) askedRarely() {
	if p.rarely() {
		p.remark(0, "health.user: without it a MySQL or MariaDB server that is up is asked rarely (a greeting without a login counts against max_connect_errors), and one that is idle and gone is seen late: give an account, health: {user: …, password_file: …}")
	}
}

// rarely tells whether that is so of one of the servers.
func (p *Plan) rarely() bool {
	asked := func(b Backend) bool { return b.Off != "" || b.URL != "" }
	return p.Flavor == mysql && p.Health.User == "" && (len(p.names()) > 0 || slices.ContainsFunc(p.Backends, func(b Backend) bool { return !asked(b) }))
}

func first(r Remark) int {
	if len(r.Lines) == 0 {
		return 1 << 30 // what is about the whole comes last
	}
	return slices.Min(r.Lines)
}

// names are those that are asked for.
func (p *Plan) names() []Name {
	return slices.DeleteFunc(slices.Clone(p.Names), func(n Name) bool { return n.Off != "" })
}

// proxyHeaders sees to it that what is found by a name gets the header that it expects, and servers one that they read.
func (p *Plan) proxyHeaders() {
	read := func(version string, line int) string {
		if version == "v2" && (p.Flavor == starrocks || p.Flavor == doris) {
			p.remark(line, "the PROXY header of version 2: StarRocks and Doris read version 1 alone, and get that")
			return "v1"
		}
		return version
	}
	for i := range p.Backends {
		if b := &p.Backends[i]; b.Off == "" {
			b.SendProxy = read(b.SendProxy, b.Line)
		}
	}
	names := p.names()
	for _, n := range names {
		if n.SendProxy != names[0].SendProxy {
			p.remark(n.Line, "the PROXY header: what is found by %s expects another one (or none) than what is found by %s, and all get the same: say it in proxy_protocol.send", shown(n.Text), shown(names[0].Text))
			return
		}
	}
	if len(names) > 0 {
		p.SendProxy = read(names[0].SendProxy, names[0].Line)
	}
}

// uniqueListen leaves one of the same addresses, and a default where there is none.
func (p *Plan) uniqueListen() {
	seen := map[string]bool{}
	p.Listen = slices.DeleteFunc(p.Listen, func(l Listen) bool {
		twice := seen[l.Address]
		seen[l.Address] = true
		return twice
	})
}

// uniqueBackends sees to it that no two have one name or one address, and that weights are in Segue's range.
func (p *Plan) uniqueBackends() {
	names, places := map[string]bool{}, map[string]bool{}
	p.Backends = slices.DeleteFunc(p.Backends, func(b Backend) bool {
		twice := b.Off == "" && places[strings.ToLower(b.Address)]
		places[strings.ToLower(b.Address)] = places[strings.ToLower(b.Address)] || b.Off == ""
		if twice {
			p.remark(b.Line, "server %s: its address %s stands here twice; the first is taken", shown(b.Name), shown(b.Address))
		}
		return twice
	})
	for i := range p.Backends {
		b := &p.Backends[i]
		if b.Off != "" {
			continue
		}
		was := b.Name
		b.Name = backendName(b.Name, b.Address)
		for n := 2; names[b.Name]; n++ {
			b.Name = fmt.Sprintf("%.50s-%d", strings.TrimSuffix(b.Name, fmt.Sprintf("-%d", n-1)), n)
		}
		names[b.Name] = true
		if was != "" && was != b.Name {
			p.remark(b.Line, "server %s: a backend cannot have this name; it is %s", shown(was), b.Name)
		}
		if b.Weight > maxWeight {
			p.remark(b.Line, "weight %d of %s: a weight is %d at most; the others' do not shrink with it", b.Weight, b.Name, maxWeight)
			b.Weight = maxWeight
		}
	}
}

// maxWeight is the configuration's.
const maxWeight = 256

// backupZone and mainZone are what makes backups of backends: zones, the first of which is preferred.
const (
	mainZone   = "main"
	backupZone = "backup"
)

// backups says what became of servers that served only when the others did not.
func (p *Plan) backups() {
	var lines []int
	for _, b := range p.Backends {
		if b.Backup && b.Off == "" {
			lines = append(lines, b.Line)
		}
	}
	if len(lines) == 0 {
		return
	}
	if !slices.ContainsFunc(p.Backends, func(b Backend) bool { return b.Off == "" && !b.Backup }) {
		p.remark(lines[0], "all servers are backups: they serve side by side")
		for i := range p.Backends {
			p.Backends[i].Backup = false
		}
		return
	}
	for _, line := range lines {
		p.remark(line, "backup: in words of Segue a zone that is not preferred (zone, balance.prefer: [local]): it serves while no other is usable, all backups side by side, and sessions go back")
	}
}

// HasBackups tells whether zones tell main servers and backups apart.
func (p *Plan) HasBackups() bool {
	return slices.ContainsFunc(p.Backends, func(b Backend) bool { return b.Backup && b.Off == "" })
}

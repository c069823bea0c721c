package draft

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	"segue/backend"
	"segue/backend/discover/nodes"
	"segue/backend/secure"
	"segue/backend/wire"
)

// File is what is known of a cluster.
type File struct {
	Asked   string         // the address that was given
	Version string         // text of its greeting, or what it says of its release
	Flavor  backend.Flavor // what it is, or is taken for
	Guessed bool           // … as nothing tells
	TLS     bool           // it offers TLS
	Mode    string         // TLS mode that was given; empty: none was
	CA      string         // path of the file with the authorities; empty: none was given
	User    string         // account that has asked; empty: nobody has
	Secret  string         // path of the file with its password; empty: it has none
	Nodes   []Node         // those that speak MySQL; the one that was asked at least
	Here    bool           // one of them is on this machine: its port may not be free for Segue
	Remarks []Remark       // what could not be found out
}

// Node is one server, as the file is to have it.
type Node struct {
	Address string // HOST:PORT
	Role    nodes.Role
	Version string
	Zone    string
	Health  string // URL that has answered; empty: none has, or the flavor has none
	Problem string // what is wrong with it, as seen from here; empty: nothing
	Useless bool   // … and nobody can log in there now
}

// Remark is something that is not known, and what to do about it.
type Remark struct{ What, Do string }

// longest is how much of what a stranger says goes into a comment, in bytes.
const longest = 160

// shown is what a stranger says, on one line.
func shown(text string) string { return wire.Shown(text, longest) }

// Text is the file. It loads as it is.
func (f *File) Text() string {
	var b strings.Builder
	f.head(&b)
	fmt.Fprintf(&b, "\n# What the servers are%s.\nflavor: %s\n", f.how(), f.Flavor)
	fmt.Fprint(&b, "\n# Where applications connect in place of a server, and where Segue tells and is told: segue status, /metrics.\nlisten: "+f.listen()+"\nadmin: 127.0.0.1:9131\n")
	f.backends(&b)
	f.finding(&b)
	fmt.Fprint(&b, usersText)
	switch {
	case f.Mode != "" && f.Mode != secure.Preferred.String(): // which is the default
		fmt.Fprintf(&b, "\n# How connections to the servers are secured.\nbackend_tls: {mode: %s%s}\n", f.Mode, f.authorities())
	case f.TLS:
		fmt.Fprint(&b, "\n# The servers offer TLS: by this their certificates are checked, too.\n# backend_tls: {mode: verify-identity, ca_file: /etc/segue/tls/servers-ca.crt}\n")
	}
	return b.String()
}

// authorities is the key for them, if there are any.
func (f *File) authorities() string {
	if f.CA == "" {
		return ""
	}
	return ", ca_file: " + strconv.Quote(f.CA)
}

func (f *File) head(b *strings.Builder) {
	fmt.Fprintf(b, "# Segue: written by `segue init %s`. Every key: deploy/segue.example.yaml, `segue serve --help-all`.\n", shown(f.Asked))
	fmt.Fprint(b, "# Check it with `segue validate FILE`, and what it means here with `segue check --config FILE`.\n")
	for _, r := range f.Remarks {
		fmt.Fprintf(b, "#\n# NOT KNOWN: %s\n#   to do: %s\n", shown(r.What), shown(r.Do))
	}
}

func (f *File) how() string {
	switch {
	case f.Guessed:
		return ": a guess, see above"
	case f.Version != "":
		return ": " + shown(f.Version)
	}
	return ""
}

// listen is where Segue is to listen: at the servers' own port, so that an application needs to know another host alone, or else beside it.
func (f *File) listen() string {
	port := f.Flavor.Port()
	if f.Here {
		port = "1" + port
	}
	return net.JoinHostPort("127.0.0.1", port)
}

// backends writes the list: those that can be used, and the others as comments, unless none can.
func (f *File) backends(b *strings.Builder) {
	usable := slices.ContainsFunc(f.Nodes, func(n Node) bool { return !n.Useless })
	fmt.Fprintf(b, "\n# The servers. A health URL stands where it is not the one that follows from the flavor.\nbackends:\n")
	for _, n := range f.Nodes {
		mark := ""
		if n.Problem != "" {
			fmt.Fprintf(b, "  # %s: %s\n", shown(n.Address), shown(n.Problem))
		}
		if n.Useless && usable {
			mark = "# "
		}
		fmt.Fprintf(b, "  %s- %s%s\n", mark, f.entry(n), n.comment())
	}
}

// entry is one backend: its address alone, if the rest follows.
func (f *File) entry(n Node) string {
	var more string
	if n.Health != "" && n.Health != f.Flavor.HealthURL(n.Address) {
		more += ", health: " + strconv.Quote(n.Health)
	}
	if n.Zone != "" {
		more += ", zone: " + strconv.Quote(n.Zone)
	}
	switch {
	case more == "" && strings.HasPrefix(n.Address, "["): // which YAML takes for a list
		return strconv.Quote(n.Address)
	case more == "":
		return n.Address
	}
	return "{address: " + strconv.Quote(n.Address) + more + "}"
}

func (n Node) comment() string {
	text := strings.TrimSpace(n.Role.String() + " " + shown(n.Version))
	if text == "" {
		return ""
	}
	return "  # " + text
}

// finding writes what would follow nodes that come and go.
func (f *File) finding(b *strings.Builder) {
	user, secret := "segue", "/etc/segue/discover.password"
	if f.User != "" {
		user = f.User
	}
	if f.Secret != "" {
		secret = f.Secret
	}
	needs := map[backend.Flavor]string{backend.TiDB: "PROCESS", backend.MySQL: "no privilege, but on performance_schema where there is group replication"}[f.Flavor]
	if needs == "" {
		needs = "OPERATE on SYSTEM (or NODE)"
	}
	fmt.Fprintf(b, "\n# Who asks the cluster for nodes that come and go, and who leads. The account needs %s.\n# discover: {sql: true, user: %s, password_file: %s}\n", needs, strconv.Quote(user), strconv.Quote(secret))
}

const usersText = `
# Accounts whose sessions are to move from one server to another without an error: Segue has to log in for them. Sessions of
# others end between two statements when their server leaves. The only line of a file is the password: chmod 600 it.
# users:
#   - {name: app, password_file: /etc/segue/app.password}
`

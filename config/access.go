package config

import (
	"fmt"
	"io/fs"
	"net"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"segue/backend/dial"
)

// Who may do something by the admin API.
type Who string

// The values of Who.
const (
	Anyone    Who = "anyone" // who can connect
	WithToken Who = "token"  // who shows the token of admin_token_file
	Nobody    Who = "nobody" // what holds for changes beyond this machine where nothing has been said
)

// Access says who may ask the admin API, and who may steer Segue by it.
type Access struct {
	Mode  fs.FileMode // of the socket of `admin: unix:PATH`; zero: 0600, or 0660 where a group is given
	Group string      // likewise; empty: the process's
	Token string      // empty: there is none
	// Certificates says that who shows one of admin_tls.client_ca_file is as good as who shows the token.
	Certificates bool
	Hosts        []string // names under which it may be asked, beside those that Segue knows by itself
	Read         Who      // Anyone or WithToken
	Write        Who      // Anyone or WithToken; empty: as Writers says
}

// Writers says who may change something at an admin address that only this machine reaches, or at another.
func (a Access) Writers(local bool) Who {
	switch {
	case a.Write != "":
		return a.Write
	case a.Token != "", a.Certificates:
		return WithToken
	case local:
		return Anyone
	}
	return Nobody
}

// SocketMode is the mode of the socket of `admin: unix:PATH`.
func (a Access) SocketMode() fs.FileMode {
	switch {
	case a.Mode != 0:
		return a.Mode
	case a.Group != "":
		return 0o660
	}
	return 0o600
}

// unixPrefix begins an address that is the path of a socket.
const unixPrefix = "unix:"

// UnixPath is the path in an address that has one.
func UnixPath(address string) (path string, ok bool) { return dial.UnixPath(address) }

// maxSocketPath is the longest path that a socket may have on Linux.
const maxSocketPath = 107

// IsLocal tells whether an admin address is reached from this machine alone.
func IsLocal(address string) bool {
	if _, ok := UnixPath(address); ok {
		return true
	}
	host, _, err := net.SplitHostPort(address)
	return err == nil && isLoopback(host)
}

// Steering says in a sentence who may drain backends and pause statements at an admin address.
func (a Access) Steering(address string, local bool) string {
	switch a.Writers(local) {
	case WithToken:
		switch {
		case a.Token == "":
			return "who shows a certificate of admin_tls.client_ca_file may drain backends and pause statements"
		case a.Certificates:
			return "who shows the token of admin_token_file, or a certificate of admin_tls.client_ca_file, may drain backends and pause statements"
		}
		return "who shows the token of admin_token_file may drain backends and pause statements"
	case Nobody:
		return "nobody may drain backends and pause statements: the address is not this machine's alone, and there is no admin_token_file; give one, or write `admin_write: anyone`"
	case Anyone:
	}
	if path, ok := UnixPath(address); ok {
		return fmt.Sprintf("who may write to %s (mode %04o%s) may drain backends and pause statements", path, a.SocketMode(), ofGroup(a.Group))
	}
	if local {
		return "whoever is on this machine may drain backends and pause statements; admin_token_file asks for a token"
	}
	return "whoever can reach the admin address may drain backends and pause statements: admin_write says so; admin_token_file would ask for a token"
}

func ofGroup(name string) string {
	if name == "" {
		return ""
	}
	return ", group " + name
}

// adminAddress reads HOST:PORT, or unix: and a path.
func (p *parser) adminAddress(into *string) func(*yaml.Node) {
	tcp := p.address(into, "127.0.0.1:9131", 0)
	return func(n *yaml.Node) {
		if p.asked(n) {
			p.said = addressShape(true, true)
			return
		}
		path, ok := UnixPath(n.Value)
		if n.Kind != yaml.ScalarNode || !ok {
			tcp(n)
			return
		}
		if f := checkSocketPath(path, maxSocketPath); f != nil {
			p.report(n, p.key(n)+": "+f.what, f.remedy)
			return
		}
		*into = n.Value
	}
}

// checkSocketPath says what keeps a path from being a socket's.
func checkSocketPath(path string, most int) *fault {
	const remedy = "write it as in /run/segue/admin.sock"
	switch {
	case strings.HasPrefix(path, "@"):
		return &fault{fmt.Sprintf("%q is an abstract socket", "@…"), "write the path of a file, which has permissions, as in /run/segue/mysql.sock"}
	case !strings.HasPrefix(path, "/") || strings.HasSuffix(path, "/"):
		return &fault{fmt.Sprintf("%q is no whole path", shorten(path)), remedy}
	case strings.ContainsFunc(path, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return &fault{fmt.Sprintf("%q has characters that no path should have", shorten(path)), remedy}
	case len(path) > most:
		return &fault{fmt.Sprintf("the path has %d bytes", len(path)), fmt.Sprintf("it may have %d; choose another folder", most)}
	}
	return nil
}

// maxTakeoverPath leaves room for what is added to takeover.socket for the socket of a Segue that has been taken over from.
const maxTakeoverPath = maxSocketPath - 16

// socketPath reads the path of a socket; empty stays.
func (p *parser) socketPath(into *string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if p.asked(n) {
			p.said = shape{"type": "string", "pattern": `^(/.*[^/])?$`}
			return
		}
		if !p.scalar(n) {
			return
		}
		if f := checkSocketPath(n.Value, maxTakeoverPath); n.Value != "" && f != nil {
			p.report(n, p.key(n)+": "+f.what, f.remedy)
			return
		}
		*into = n.Value
	}
}

// mode reads the mode of a socket, in octal digits as chmod takes them.
func (p *parser) mode(into *fs.FileMode) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if p.asked(n) {
			p.said = modeShape()
			return
		}
		if !p.scalar(n) {
			return
		}
		number, err := strconv.ParseUint(strings.TrimPrefix(n.Value, "0o"), 8, 32)
		if err != nil || number > 0o777 || number&0o600 != 0o600 {
			p.report(n, fmt.Sprintf("%s: %q is no mode of a socket that its owner can use", p.key(n), shorten(n.Value)), "write it as chmod takes it: 0600, 0660")
			return
		}
		*into = fs.FileMode(number)
	}
}

// hosts reads a list of host names.
func (p *parser) hosts(into *[]string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if p.asked(n) {
			p.said = listShape(shape{"type": "string", "minLength": 1})
			return
		}
		if n.Kind != yaml.SequenceNode {
			p.report(n, p.key(n)+" is "+kindOf(n)+", not a list", "write it as in [segue.example, segue]")
			return
		}
		*into = nil
		for _, item := range n.Content {
			if item.Kind != yaml.ScalarNode || !goodHost(item.Value) {
				p.report(item, p.key(n)+" has "+kindOf(item)+", which is no host name", "write a name without a port, as in segue.example")
				continue
			}
			*into = append(*into, item.Value)
		}
	}
}

// who reads Anyone or WithToken.
func (p *parser) who(into *Who) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if p.asked(n) {
			p.said = wordShape(string(Anyone), string(WithToken))
			return
		}
		if p.word(n, []string{string(Anyone), string(WithToken)}) {
			*into = Who(n.Value)
		}
	}
}

// checkAccess reads the token, and looks whether there is one where one is asked for.
func (p *parser) checkAccess(d *document) {
	a := &d.config.Access
	_, isFile := UnixPath(d.config.Admin) // which nobody asks by TLS
	a.Certificates = len(d.config.AdminTLS.Server.ClientCA) > 0 && !isFile
	if n := p.where["admin_token_file"]; n != nil && n.Kind == yaml.ScalarNode {
		token, ok := p.secretFile(n, "admin_token_file", d.tokenFile)
		switch {
		case !ok:
		case token == "":
			p.report(n, "admin_token_file "+d.tokenFile+" is empty", "let its only line be the token: `openssl rand -hex 32` makes one")
		case strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }):
			p.report(n, "admin_token_file "+d.tokenFile+" has characters that no HTTP header can carry", "let its only line be printable ASCII without spaces: `openssl rand -hex 32` makes one")
		default:
			a.Token = token
		}
		return
	}
	if a.Certificates {
		return
	}
	for key, who := range map[string]Who{"admin_read": a.Read, "admin_write": a.Write} {
		if who == WithToken {
			p.report(p.where[key], key+" asks for a token, and there is none", "add admin_token_file")
		}
	}
}

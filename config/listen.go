package config

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Listen is one address where applications connect.
type Listen struct {
	Address string      // host:port, or unix:PATH
	Mode    fs.FileMode // of a UNIX socket; zero: as SocketMode says
	Group   string      // likewise; empty: the process's
}

// MaxListen is how many addresses there may be: one Segue gives them to another in one message.
const MaxListen = 12

// SocketMode is the mode of a UNIX socket. Without a group whoever is on this machine may connect, as to 127.0.0.1: who may log in the servers say.
func (l Listen) SocketMode() fs.FileMode {
	switch {
	case l.Mode != 0:
		return l.Mode
	case l.Group != "":
		return 0o660
	}
	return 0o666
}

// isUnix tells whether it is a UNIX socket.
func (l Listen) isUnix() bool {
	_, is := UnixPath(l.Address)
	return is
}

// Addresses are those of a list.
func Addresses(list []Listen) (all []string) {
	for _, l := range list {
		all = append(all, l.Address)
	}
	return all
}

// listenText is a list in words.
func listenText(list []Listen) string {
	var all []string
	for _, l := range list {
		text := l.Address
		if _, ok := UnixPath(l.Address); ok && l.SocketMode() != (Listen{}).SocketMode() || l.Group != "" {
			text += fmt.Sprintf(" (%04o%s)", l.SocketMode(), ofGroup(l.Group))
		}
		all = append(all, text)
	}
	return strings.Join(all, ", ")
}

// listen reads one address, or a list of up to most of them, of a key.
func (p *parser) listen(key string, most int, into *[]Listen) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if p.asked(n) {
			p.said = p.listenShape(most)
			return
		}
		items := []*yaml.Node{n}
		if n.Kind == yaml.SequenceNode {
			items = n.Content
		}
		var list []Listen
		for _, item := range items {
			if l, ok := p.listenItem(key, item); ok && p.once(key, item, list, l) {
				list = append(list, l)
			}
		}
		switch {
		case len(items) == 0:
			p.report(n, key+" is an empty list", "name an address, for example "+listenExample(key))
		case len(items) > most:
			p.report(n, fmt.Sprintf("%s has %d addresses", key, len(items)), fmt.Sprintf("it may have %d", most))
		}
		*into = list
	}
}

// listenExample is an address that a key may have, and socketExample a path.
func listenExample(key string) string {
	if key == "listen" {
		return "127.0.0.1:9030"
	}
	return "127.0.0.1:8030"
}

func socketExample(key string) string {
	if key == "listen" {
		return "/run/segue/mysql.sock"
	}
	return "/run/segue/load.sock"
}

// once reports an address that has been given before.
func (p *parser) once(key string, n *yaml.Node, list []Listen, l Listen) bool {
	same := func(o Listen) bool {
		_, isPath := UnixPath(l.Address)
		return o.Address == l.Address || !isPath && strings.EqualFold(o.Address, l.Address) || meets(o.Address, l.Address)
	}
	if slices.ContainsFunc(list, same) {
		p.report(n, key+" has the address "+shorten(l.Address)+" twice", "keep one")
		return false
	}
	return true
}

// listenItem reads HOST:PORT, unix:PATH, or a UNIX socket with its keys.
func (p *parser) listenItem(key string, n *yaml.Node) (l Listen, ok bool) {
	before := len(p.problems)
	switch n.Kind {
	case yaml.ScalarNode:
		p.socketAddress(&l.Address, key, listenExample(key), socketExample(key))(n)
	case yaml.MappingNode:
		var path *yaml.Node
		p.mapping(n, key, p.listenKeys(&l, &path))
		switch {
		case path == nil:
			p.report(n, "an address of "+key+" has no path", "write {unix: "+socketExample(key)+"}, or HOST:PORT alone")
		case p.scalar(path):
			p.unixAddress(path, key, strings.TrimPrefix(path.Value, "unix:"), &l.Address)
		}
	default:
		p.report(n, key+" has "+kindOf(n), "write HOST:PORT, unix:PATH, or {unix: PATH, mode: \"0660\", group: NAME}")
	}
	return l, len(p.problems) == before
}

// listenKeys is every key of a UNIX socket.
func (p *parser) listenKeys(l *Listen, path **yaml.Node) []key {
	return []key{
		{name: "unix", read: p.as(shape{"type": "string", "pattern": `^(unix:)?/.*[^/]$`}, func(n *yaml.Node) { *path = n })},
		{name: "mode", read: p.mode(&l.Mode)},
		{name: "group", read: p.plainText(&l.Group)},
	}
}

func (p *parser) listenShape(most int) shape {
	socket := p.sectionShape("listen[]", p.listenKeys(new(Listen), new(*yaml.Node)))
	socket["required"] = []string{"unix"}
	one := shape{"anyOf": []shape{addressShape(true, true), socket}}
	list := listShape(one)
	list["minItems"], list["maxItems"] = 1, most
	return shape{"anyOf": []shape{addressShape(true, true), socket, list}}
}

// socketAddress reads HOST:PORT, or unix: and a path.
func (p *parser) socketAddress(into *string, key, tcp, path string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if !p.scalar(n) {
			return
		}
		if at, ok := UnixPath(n.Value); ok {
			p.unixAddress(n, key, at, into)
			return
		}
		if fault := checkAddress(n.Value, addressRules{example: tcp, leastPort: 0, anyHost: true}); fault != nil {
			remedy := fault.remedy
			if strings.HasPrefix(n.Value, "/") {
				remedy = fmt.Sprintf("did you mean %q? a socket is written as in unix:%s", unixPrefix+shorten(n.Value), path)
			}
			p.report(n, key+": "+fault.what, remedy)
			return
		}
		*into = n.Value
	}
}

// unixAddress takes the path of a UNIX socket.
func (p *parser) unixAddress(n *yaml.Node, key, path string, into *string) {
	if f := checkSocketPath(path, maxSocketPath); f != nil {
		p.report(n, key+": "+f.what, f.remedy)
		return
	}
	*into = unixPrefix + path
}

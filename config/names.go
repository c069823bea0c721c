package config

import (
	"fmt"
	"net"
	"path/filepath"
	"strings"

	"segue/backend"
)

// goodName tells whether s may name a backend: it is a metric label and a part
// of the admin API's paths.
func goodName(s string) bool {
	if s == "" || len(s) > 64 || s[0] == '.' {
		return false
	}
	for _, r := range s {
		if r != ':' && !goodHost(string(r)) && r != '.' && r != '-' {
			return false
		}
	}
	return true
}

// uniqueNames reports names given twice.
func (p *parser) uniqueNames(entries []entry) {
	first := make(map[string]*entry)
	for i := range entries {
		e := &entries[i]
		if e.spec.Name == "" {
			continue
		}
		if earlier, ok := first[e.spec.Name]; ok {
			p.report(e.name, fmt.Sprintf("two backends are called %q", e.spec.Name),
				p.earlier(earlier)+"; choose another name")
			continue
		}
		first[e.spec.Name] = e
	}
}

// uniqueAddresses reports addresses given twice: the sessions of one server
// would be counted as those of two.
func (p *parser) uniqueAddresses(entries []entry) {
	first := make(map[string]*entry)
	for i := range entries {
		e := &entries[i]
		if e.spec.Address == "" {
			continue
		}
		address := e.spec.Address
		if _, isPath := UnixPath(address); !isPath {
			address = strings.ToLower(address)
		}
		if earlier, ok := first[address]; ok {
			p.report(e.address, fmt.Sprintf("two backends have the address %s", e.spec.Address),
				p.earlier(earlier)+"; keep one, with a weight if it is to get more sessions")
			continue
		}
		first[address] = e
	}
}

// earlier says where the first of two was written.
func (p *parser) earlier(e *entry) string {
	if _, outside := p.source[e.node]; outside || e.node.Line == 0 {
		return "it was given before"
	}
	return fmt.Sprintf("the first is in line %d", e.node.Line)
}

// deriveNames names the backends that have none after their host, or after
// host-port where a host has several. A name should stay when backends are
// added around it: whoever runs several on one host is better off with names
// of their own.
func deriveNames(specs []backend.Spec) {
	taken := make(map[string]bool)
	hosts := make(map[string]int)
	for _, s := range specs {
		taken[s.Name] = true
		host, _ := hostAndPort(s.Address)
		hosts[host]++
	}
	for i := range specs {
		if specs[i].Name != "" {
			continue
		}
		host, port := hostAndPort(specs[i].Address)
		name := shortHost(host)
		if port != "" && (hosts[host] > 1 || taken[name]) {
			name += "-" + port
		}
		for base, n := name, 2; taken[name]; n++ {
			name = fmt.Sprintf("%s-%d", base, n)
		}
		taken[name] = true
		specs[i].Name = name
	}
}

// hostAndPort are what a backend may be named after: of a UNIX socket it is the file's name, or the folder's where that says no more than which program it
// is (/run/shard-1/mysqld.sock), and no port.
func hostAndPort(address string) (host, port string) {
	path, ok := UnixPath(address)
	if !ok {
		host, port, _ = net.SplitHostPort(address)
		return host, port
	}
	host = strings.TrimSuffix(filepath.Base(path), ".sock")
	if folder := filepath.Base(filepath.Dir(path)); (host == "mysqld" || host == "mysql" || host == "mariadb") && folder != "/" && folder != "run" {
		host = folder
	}
	if host = strings.TrimLeft(strings.Map(forNames, host), "."); host == "" {
		host = "socket"
	}
	return host, ""
}

// forNames gives a dash in place of what no name of a backend may have.
func forNames(r rune) rune {
	if r == '.' || r == '-' || r < 0x80 && goodHost(string(r)) {
		return r
	}
	return '-'
}

// shortHost cuts a host to what a name may hold.
func shortHost(host string) string {
	const most = 48                     // leaves room for a port and a number
	host, _, _ = strings.Cut(host, "%") // an IPv6 zone
	if len(host) > most {
		return host[:most]
	}
	return host
}

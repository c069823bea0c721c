package config

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
)

// addressRules is what an address must be.
type addressRules struct {
	example   string // what a good one looks like; its port is the one to suggest
	leastPort int    // 0 where the system may choose one
	anyHost   bool   // ":9030" means every interface
}

// fault is what is wrong with a value.
type fault struct{ what, remedy string }

// checkAddress says what keeps s from being a host:port, or nil.
func checkAddress(s string, rules addressRules) *fault {
	quoted := strconv.Quote(shorten(s))
	exampleHost, examplePort, _ := net.SplitHostPort(rules.example)
	mean := func(host, port string) string {
		return fmt.Sprintf("did you mean %q?", net.JoinHostPort(host, port))
	}
	if s == "" {
		return &fault{"is empty", "write host:port, for example " + rules.example}
	}
	if _, rest, ok := strings.Cut(s, "://"); ok {
		return fromURL(rest, quoted, examplePort, rules.example)
	}
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		bare := strings.Trim(s, "[]")
		_, notIP := netip.ParseAddr(bare)
		bareHost, barePort, unbracketed := unbracketed(s)
		switch {
		case unbracketed:
			return &fault{quoted + " is an IPv6 address without brackets", mean(bareHost, barePort)}
		case notIP == nil:
			return &fault{quoted + " has no port", mean(bare, examplePort)}
		case isNumber(s):
			return &fault{quoted + " is only a port", mean(exampleHost, s)}
		case goodHost(s):
			return &fault{quoted + " has no port", mean(s, examplePort)}
		}
		return &fault{quoted + " is not host:port", "write it as in " + rules.example}
	}
	number, err := strconv.Atoi(port)
	switch {
	case port == "":
		return &fault{quoted + " has no port", mean(host, examplePort)}
	case err != nil || !isNumber(port):
		return &fault{fmt.Sprintf("%s: %q is not a port", quoted, shorten(port)), fmt.Sprintf("write a number from %d to 65535", rules.leastPort)}
	case number < rules.leastPort || number > 65535:
		return &fault{fmt.Sprintf("%s: port %s is out of range", quoted, shorten(port)), fmt.Sprintf("write a number from %d to 65535", rules.leastPort)}
	case host == "" && !rules.anyHost:
		return &fault{quoted + " has no host", mean(exampleHost, port)}
	case host != "" && !goodHost(host):
		return &fault{fmt.Sprintf("%s: %q is not a host", quoted, shorten(host)), "write a name or an IP address"}
	}
	return nil
}

// unbracketed takes ::1:9030 apart, which can be read as an address alone (::1:29030 cannot): what stands behind its last colon is more likely a port, if it is a number as
// large as ports are, and an address is left.
func unbracketed(s string) (host, port string, ok bool) {
	at := strings.LastIndexByte(s, ':')
	host, port = s[:max(at, 0)], s[at+1:]
	number, err := strconv.Atoi(port)
	_, notIP := netip.ParseAddr(host)
	return host, port, err == nil && isNumber(port) && number >= 1000 && number <= 65535 && notIP == nil
}

// fromURL is the fault of an address that came with a scheme.
func fromURL(rest, quoted, port, example string) *fault {
	u, err := url.Parse("//" + rest)
	if err != nil || u.Hostname() == "" || !goodHost(u.Hostname()) {
		return &fault{quoted + " is a URL", "write host:port, for example " + example}
	}
	if u.Port() != "" {
		port = u.Port()
	}
	return &fault{quoted + " is a URL", fmt.Sprintf("did you mean %q?", net.JoinHostPort(u.Hostname(), port))}
}

// goodHost tells whether s may be a host name or an IP address. Underscores
// are no part of host names by the book, and a part of many in practice.
func goodHost(s string) bool {
	if _, err := netip.ParseAddr(s); err == nil {
		return true
	}
	if s == "" || len(s) > 253 {
		return false
	}
	for _, r := range s {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		if !letter && r != '.' && r != '-' && r != '_' {
			return false
		}
	}
	return s[0] != '-' && s[0] != '.'
}

func isNumber(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// meets tells whether a connection to the address dialled would reach a
// listener at the address bound, as far as can be told without a name server:
// the same port, and the same host or this machine where every interface is
// bound.
func meets(dialled, bound string) bool {
	path, isPath := UnixPath(dialled)
	if other, ok := UnixPath(bound); ok || isPath {
		return ok && isPath && filepath.Clean(path) == filepath.Clean(other)
	}
	dialHost, dialPort, err1 := net.SplitHostPort(dialled)
	boundHost, boundPort, err2 := net.SplitHostPort(bound)
	if err1 != nil || err2 != nil || dialPort != boundPort || boundPort == "0" {
		return false
	}
	if isEvery(dialHost) {
		dialHost = "localhost" // where the system connects it to
	}
	switch {
	case isEvery(boundHost):
		return isLoopback(dialHost)
	case strings.EqualFold(dialHost, "localhost"):
		return isLocalhost(boundHost)
	case strings.EqualFold(boundHost, "localhost"):
		return isLocalhost(dialHost)
	}
	return strings.EqualFold(dialHost, boundHost)
}

func isEvery(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "" || err == nil && ip.IsUnspecified()
}

// isLocalhost tells whether host is one that the name localhost stands for.
// 127.0.0.2 is not: a server of its own may well be there.
func isLocalhost(host string) bool {
	return strings.EqualFold(host, "localhost") || host == "127.0.0.1" || host == "::1"
}

func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return isLocalhost(host) || err == nil && ip.IsLoopback()
}

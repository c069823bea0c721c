package importer

import (
	"net/netip"
	"regexp"
	"strconv"
	"strings"
)

var (
	hostName  = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_.-]{0,252}[A-Za-z0-9_])?\.?$`)
	goodName  = regexp.MustCompile(`^[A-Za-z0-9_:-][A-Za-z0-9_.:-]{0,63}$`)
	badInName = regexp.MustCompile(`[^A-Za-z0-9_.:-]+`)
	marked    = regexp.MustCompile(`\$\{|\{\{|\{%|<%`)
	srvName   = regexp.MustCompile(`^_[A-Za-z0-9-]{1,30}\._[A-Za-z]{1,10}\.[A-Za-z0-9]([A-Za-z0-9_.-]{0,200}[A-Za-z0-9])?\.?$`)
	template  = regexp.MustCompile(`\$|\{\{|\{%|<%|%>|\}\}|@@|__`)
)

// place is HOST:PORT from its two halves, or ok is false.
func place(host string, port int) (address string, ok bool) {
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	if port < 1 || port > 65535 {
		return "", false
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		if ip.Is6() {
			return "[" + ip.String() + "]:" + strconv.Itoa(port), ip.Zone() == ""
		}
		return ip.String() + ":" + strconv.Itoa(port), true
	}
	return host + ":" + strconv.Itoa(port), hostName.MatchString(host)
}

// split parts HOST:PORT, [IPv6]:PORT and HAProxy's IPv6:PORT. No port is 0; one that is no number is -1.
func split(address string) (host string, port int) {
	if strings.HasPrefix(address, "[") {
		host, rest, found := strings.Cut(address[1:], "]")
		switch {
		case found && rest == "":
			return host, 0
		case found && strings.HasPrefix(rest, ":"):
			return host, number(rest[1:])
		}
		return address, -1
	}
	at := strings.LastIndexByte(address, ':')
	if at < 0 {
		return address, 0
	}
	return address[:at], number(address[at+1:])
}

// number is a port or another small number, or -1.
func number(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || text[0] == '+' {
		return -1
	}
	return n
}

// isTemplate tells what has not been filled in yet, where names and addresses stand.
func isTemplate(text string) bool { return template.MatchString(text) }

// isMarked is the same where any text may stand, such as a password with a dollar.
func isMarked(text string) bool { return marked.MatchString(text) }

// backendName is a name that a backend may have, as near to the given one as can be.
func backendName(name, address string) string {
	if name == "" {
		name, _ = split(address)
		if strings.HasPrefix(address, "unix:") {
			name = strings.Trim(strings.ReplaceAll(address[len("unix:"):], "/", "-"), "-")
		}
	}
	if goodName.MatchString(name) {
		return name
	}
	name = strings.TrimLeft(badInName.ReplaceAllString(name, "-"), ".-")
	if len(name) > 60 {
		name = name[:60]
	}
	if name == "" {
		return "server"
	}
	return name
}

// listenAddress is an address of HAProxy's bind, of ProxySQL or of nginx as Segue writes it.
func listenAddress(text string) (string, bool) {
	for _, prefix := range []string{"ipv4@", "ipv6@", "tcp4@", "tcp6@", "tcp@"} {
		text = strings.TrimPrefix(text, prefix)
	}
	path, isUnix := strings.CutPrefix(text, "unix@")
	if isUnix || strings.HasPrefix(text, "/") {
		return "unix:" + path, strings.HasPrefix(path, "/") && len(path) < 100 && !isTemplate(path) && path == strings.TrimSpace(path)
	}
	host, port := split(text)
	if host == "" || host == "*" || host == "::" {
		return ":" + strconv.Itoa(port), port > 0 && port <= 65535
	}
	if isTemplate(text) {
		return "", false
	}
	return place(host, port)
}

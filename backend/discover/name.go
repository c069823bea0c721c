package discover

import (
	"net"
	"strconv"
	"strings"
)

// The bounds of a backend's name, which is a metric label and a part of the admin API's paths: as those that the configuration gives.
const (
	maxName = 64
	maxHost = 48 // leaves room for a port and a number
)

// nameFor names one that has none yet: after its host, and port where the host has several.
func nameFor(e *Entry, hosts map[string]int, taken map[string]bool) string {
	host, port, _ := net.SplitHostPort(e.Address)
	short, _, _ := strings.Cut(host, "%")
	if len(short) > maxHost {
		short = short[:maxHost]
	}
	short = strings.TrimLeft(strings.Map(forNames, short), ".")
	name := short
	if hosts[host] > 1 || taken[name] || name == "" {
		name = strings.TrimPrefix(short+"-"+port, "-")
	}
	for base, n := name, 2; taken[name]; n++ {
		name = base + "-" + strconv.Itoa(n)
	}
	return name
}

// goodName tells whether a source's word may name a backend.
func goodName(s string) bool {
	return s != "" && len(s) <= maxName && s[0] != '.' && strings.Map(forNames, s) == s
}

// forNames gives a dash in place of what no name has.
func forNames(r rune) rune {
	switch {
	case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '.', r == '-', r == '_', r == ':':
		return r
	}
	return '-'
}

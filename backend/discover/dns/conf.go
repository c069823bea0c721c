package dns

import (
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// Conf is what resolv.conf(5) says.
type Conf struct {
	Servers []string // "IP:53"; with a zone where the file has one
	Search  []string // without dots at the ends
	Ndots   int
}

// The bounds of resolv.conf(5) and of glibc.
const (
	maxServers = 3
	maxSearch  = 32
	maxNdots   = 15
)

// ParseResolvConf reads such a file. Without a name server in it that of this machine is asked.
func ParseResolvConf(text string) Conf {
	c := Conf{Ndots: 1}
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		if len(words) < 2 || strings.HasPrefix(words[0], "#") || strings.HasPrefix(words[0], ";") {
			continue
		}
		switch words[0] {
		case "nameserver":
			if ip, err := netip.ParseAddr(words[1]); err == nil && len(c.Servers) < maxServers {
				c.Servers = append(c.Servers, net.JoinHostPort(ip.String(), "53"))
			}
		case "domain", "search": // the last one counts
			c.Search = nil
			for _, s := range words[1:min(len(words), maxSearch+1)] {
				if s = strings.Trim(s, "."); s != "" {
					c.Search = append(c.Search, s)
				}
			}
		case "options":
			for _, o := range words[1:] {
				if text, ok := strings.CutPrefix(o, "ndots:"); ok {
					if n, err := strconv.Atoi(text); err == nil {
						c.Ndots = min(max(n, 0), maxNdots)
					}
				}
			}
		}
	}
	if len(c.Servers) == 0 {
		c.Servers = []string{"127.0.0.1:53"}
	}
	return c
}

// Names are the names to ask for, one after the other, for one that is written like this.
func (c Conf) Names(name string) []string {
	if whole, ok := strings.CutSuffix(name, "."); ok {
		return []string{whole}
	}
	var list []string
	for _, s := range c.Search {
		list = append(list, name+"."+s)
	}
	if strings.Count(name, ".") >= c.Ndots {
		return append([]string{name}, list...)
	}
	return append(list, name)
}

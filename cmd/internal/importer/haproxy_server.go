package importer

import (
	"net/netip"
	"slices"
	"strings"
)

// haServer is what a server line or default-server says.
type haServer struct {
	weight       int // -1: not said
	weighted     bool
	backup, off  bool
	sendProxy    string
	checkPort    int
	checkSSL     bool
	checkAddress string
	resolvers    string
}

// bind is where clients connect.
func (h *haproxy) bind(l haLine) {
	p := h.plan
	for i, word := range l.words[1:] {
		if i > 0 {
			h.bindParam(l, word)
			continue
		}
		for at := range strings.SplitSeq(word, ",") {
			address, ok := listenAddress(at)
			if !ok {
				p.remark(l.number, "bind %s: Segue listens on HOST:PORT and unix:PATH; say it in listen", shown(at))
				continue
			}
			p.Listen = append(p.Listen, Listen{address, l.number})
		}
	}
}

// bindParam is a word behind the address; words that are values of others are passed over.
func (h *haproxy) bindParam(l haLine, word string) {
	switch word {
	case "accept-proxy":
		h.plan.remark(l.number, "accept-proxy: name the networks of those in front in proxy_protocol.accept: [10.0.0.0/8]; nobody else's header is believed")
	case "ssl", "crt", "ca-file", "verify":
		h.plan.remark(l.number, "bind ssl: clients of the MySQL protocol begin TLS after the greeting: tls.cert_file and tls.key_file")
	case "transparent", "interface", "tfo", "defer-accept", "mss", "namespace", "maxconn", "process", "thread", "nice", "backlog", "uid", "gid", "mode", "user", "group", "level":
		h.plan.remark(l.number, "bind %s: no equivalent here; a UNIX socket's mode and group are said in listen: {unix: …, mode: …, group: …}", word)
	}
}

// readServer is one server line.
func (h *haproxy) readServer(l haLine) error {
	if len(l.words) < 3 {
		return h.plan.problem(l.number, "write server NAME ADDRESS:PORT", "server without a name or an address")
	}
	address := l.word(2)
	if srvName.MatchString(address) { // one server by the records of a name
		return h.template(haLine{l.number, append([]string{"server-template", l.word(1), "1"}, l.words[2:]...)})
	}
	s := h.params(l, 3, h.server)
	b := Backend{Name: l.word(1), Line: l.number, Backup: s.backup, SendProxy: s.sendProxy}
	if isTemplate(address) {
		return h.plan.problem(l.number, "import what HAProxy really reads, with the values in", "the address of a server is of a template or of a variable")
	}
	host := ""
	if path, ok := strings.CutPrefix(strings.TrimPrefix(address, "unix@"), "/"); ok {
		b.Address = "unix:/" + path
		if len(path) > 90 || strings.ContainsAny(path, " \t") {
			return h.plan.problem(l.number, "correct it", "%q is no path of a UNIX socket", shown(path))
		}
	} else {
		var ok bool
		if host, b.Address, ok = h.address(address); !ok {
			return h.plan.problem(l.number, "write HOST:PORT", "%q is no address of a server", shown(address))
		}
	}
	if h.check.http() && host != "" {
		b.URL = h.healthURL(l, host, s)
	}
	h.otherPort(l, s)
	switch {
	case s.off:
		b.Off = "it was disabled"
		h.plan.remark(l.number, "server %s is disabled: it stands in a comment; `segue maint` says it of a running one", shown(b.Name))
	case s.weighted && s.weight == 0:
		b.Off = "its weight was 0"
		h.plan.remark(l.number, "weight 0 of %s: it stands in a comment; `segue drain` takes a running one out", shown(b.Name))
	case s.weighted:
		b.Weight = s.weight
	}
	if s.resolvers != "" {
		if _, err := netip.ParseAddr(strings.Trim(host, "[]")); err != nil {
			h.plan.remark(l.number, "resolvers: Segue looks names up for each connection, by the system's name servers; one backend is one name")
		}
	}
	h.plan.Backends = append(h.plan.Backends, b)
	return nil
}

// address is that of a server; a port that is not said is bind's.
func (h *haproxy) address(text string) (host, address string, ok bool) {
	for _, prefix := range []string{"ipv4@", "ipv6@", "tcp@", "tcp4@", "tcp6@"} {
		text = strings.TrimPrefix(text, prefix)
	}
	host, port := split(text)
	if port == 0 && len(h.plan.Listen) > 0 {
		_, port = split(h.plan.Listen[0].Address)
	}
	address, ok = place(host, port)
	return host, address, ok
}

// haValues are the parameters of a server that have a value.
var haValues = []string{
	"weight", "inter", "fastinter", "downinter", "rise", "fall", "port", "addr", "maxconn", "minconn", "maxqueue", "slowstart", "observe", "error-limit", "on-error",
	"on-marked-down", "on-marked-up", "agent-check", "agent-port", "agent-inter", "agent-addr", "agent-send", "cookie", "id", "source", "resolvers", "resolve-prefer",
	"resolve-net", "resolve-opts", "init-addr", "init-state", "ca-file", "crt", "verify", "sni", "check-sni", "ciphers", "ssl-min-ver", "track", "proto", "check-proto", "tcp-ut",
	"pool-max-conn", "namespace", "usesrc", "ws", "alpn", "check-alpn", "force-tlsv12", "redir", "disabled-on",
}

// params reads the words of a server or of default-server from i on.
func (h *haproxy) params(l haLine, i int, s haServer) haServer {
	for ; i < len(l.words); i++ {
		word, value := l.words[i], l.word(i+1)
		if slices.Contains(haValues, word) && word != "agent-check" && word != "force-tlsv12" {
			i++
		}
		h.param(l, word, value, &s)
	}
	return s
}

func (h *haproxy) param(l haLine, word, value string, s *haServer) {
	p := h.plan
	health := &p.Health
	switch word {
	case "check", "id", "init-addr", "init-state", "resolve-prefer", "resolve-opts", "proto", "check-proto", "cookie", "port", "tcp-ut", "downinter", "verify", "verifyhost":
		if word == "port" {
			s.checkPort = max(number(value), 0)
		}
	case "weight":
		if n := number(value); n >= 0 {
			s.weight, s.weighted = n, true
		}
	case "inter", "fastinter":
		if d, ok := haTime(value); ok && d > 0 {
			if word == "inter" {
				health.Interval = max(d, minInterval)
			} else {
				health.Fast = d
			}
		}
	case "rise", "fall":
		n := min(number(value), 100)
		if n > 0 && word == "rise" {
			health.Rise = n
		} else if n > 0 {
			health.Fall = n
		}
	case "slowstart":
		if d, ok := haTime(value); ok {
			p.SlowStart = d
		}
	case "backup":
		s.backup = true
	case "no-backup":
		s.backup = false
	case "disabled":
		s.off = true
	case "enabled":
		s.off = false
	case "no-send-proxy":
		s.sendProxy = strings.TrimPrefix(s.sendProxy, "v1")
	case "no-send-proxy-v2", "no-send-proxy-v2-ssl", "no-send-proxy-v2-ssl-cn":
		s.sendProxy = strings.TrimPrefix(s.sendProxy, "v2")
	case "send-proxy":
		s.sendProxy = "v1"
	case "send-proxy-v2", "send-proxy-v2-ssl", "send-proxy-v2-ssl-cn":
		s.sendProxy = "v2"
	case "check-ssl":
		s.checkSSL = true
	case "no-check-ssl":
		s.checkSSL = false
	case "resolvers":
		s.resolvers = value
		h.dynamic = append(h.dynamic, value)
	case "ssl", "ca-file", "crt", "sni":
		p.remark(l.number, "server ssl: TLS to servers of the MySQL protocol begins after the greeting: backend_tls: {mode: …, ca_file: …}")
	case "maxconn", "minconn", "maxqueue":
		p.remark(l.number, "%s of a server: the server's own max_connections is the limit; one that is full is passed over", word)
	case "observe", "error-limit", "on-error":
		p.remark(l.number, "%s: what clients meet on a server always has it probed at once", word)
	case "on-marked-down", "on-marked-up":
		p.remark(l.number, "%s: sessions move to another server, and back, instead of being ended", word)
	case "agent-check", "agent-port", "agent-inter", "agent-addr", "agent-send":
		p.remark(l.number, "agent-check: an agent calls `segue drain NAME` and `segue ready NAME`, or the admin API")
	case "track":
		p.remark(l.number, "track: each backend is probed for itself")
	case "addr":
		s.checkAddress = value
	default:
		if !slices.Contains(haSilent, word) {
			p.remark(l.number, "server … %s: no equivalent", shown(word))
		}
	}
}

// haSilent are words that say what Segue does anyway.
var haSilent = []string{"no-ssl", "non-stick", "check-sni", "on", "none", "required", "inter", "tfo"}

// template is a server-template: servers by the addresses of a name, or by the targets of its SRV records.
func (h *haproxy) template(l haLine) error {
	p := h.plan
	if len(l.words) < 4 || isTemplate(l.word(3)) {
		return p.problem(l.number, "write server-template PREFIX NUMBER NAME:PORT", "server-template without a name and a port")
	}
	n := Name{Text: l.word(3), Line: l.number}
	if strings.HasPrefix(n.Text, "_") {
		if !srvName.MatchString(n.Text) {
			return p.problem(l.number, "write _SERVICE._PROTO.NAME, without a port", "%q is no name of SRV records", shown(n.Text))
		}
	} else {
		host, address, ok := h.address(n.Text)
		if !ok {
			return p.problem(l.number, "write server-template PREFIX NUMBER NAME:PORT", "server-template without a name and a port")
		}
		if _, err := netip.ParseAddr(host); err == nil {
			return p.problem(l.number, "write the address as a server", "server-template of an IP address")
		}
		n.Text = address
	}
	s := h.params(l, 4, h.server)
	n.SendProxy = s.sendProxy
	if h.check.http() {
		p.remark(l.number, "the URL of its check: what is found is asked where the flavor has its health URL")
	}
	h.otherPort(l, s)
	switch {
	case s.off:
		n.Off = "it was disabled"
		p.remark(l.number, "server-template %s is disabled: it stands in a comment", shown(l.word(1)))
	case s.weighted && s.weight == 0:
		n.Off = "its weight was 0"
		p.remark(l.number, "weight 0 of server-template %s: it stands in a comment", shown(l.word(1)))
	case s.weighted && s.weight > 1:
		p.remark(l.number, "weight of a server-template: what is found has weight 1 (SRV records can say another)")
	}
	if s.backup {
		p.remark(l.number, "backup: what is found by a name serves beside all others; write the backups as backends, with another zone than the rest and balance.prefer: [local]")
	}
	p.remark(l.number, "server-template: all addresses of the name are backends, not only %s of them", shown(l.word(2)))
	p.Names = append(p.Names, n)
	return nil
}

// resolvers are name servers that a server-template names.
func (h *haproxy) resolvers() {
	for _, s := range h.sections {
		if s.kind() != "resolvers" {
			continue
		}
		for _, l := range s.lines {
			host, port := split(l.word(2))
			address, ok := place(host, port)
			switch _, err := netip.ParseAddr(host); {
			case l.word(0) != "nameserver" && l.word(0) != "parse-resolv-conf":
				h.plan.remark(l.number, "resolvers: TTLs of the answers are believed; discover.interval and discover.remove_after say the rest")
			case l.word(0) == "nameserver" && len(h.plan.Names) > 0 && slices.Contains(h.dynamic, s.name()):
				if !ok || err != nil {
					h.plan.remark(l.number, "nameserver: discover.resolvers are IP or IP:PORT")
					continue
				}
				h.plan.Resolvers = append(h.plan.Resolvers, address)
			}
		}
	}
}

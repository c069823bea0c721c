package importer

import (
	"net/url"
	"slices"
	"strings"
)

// haCheck is how the servers of a service are asked. Of several options that say it the last one holds (Configuration Manual, 4.2:
// "option httpchk" and its like each set the one check of a proxy).
type haCheck struct {
	option string // such as "httpchk"; "": servers are connected to, and no more
	line   int
	path   string // of option httpchk
	uri    string // of http-check send, which comes before path

	// What http-check connect says; 0 and "": the server's own.
	connects int // lines of it
	port     int
	address  string
	ssl      bool
	own      bool // connect says with and without TLS for itself
}

// haChecks are the options that are one choice.
var haChecks = []string{
	"httpchk", "mysql-check", "tcp-check", "external-check", "pgsql-check", "ssl-hello-chk", "smtpchk", "ldap-check", "redis-check", "spop-check",
}

func (c *haCheck) http() bool { return c.option == "httpchk" }

// choose is an option that says how servers are checked.
func (h *haproxy) choose(l haLine) {
	p, c := h.plan, &h.check
	if c.option != "" && c.option != l.word(1) {
		p.remark(c.line, "option %s: a later line says %s, and of such options the last one holds", c.option, l.word(1))
	}
	c.option, c.line, c.path = l.word(1), l.number, "/"
	p.Health.User, p.Health.Line = "", 0
	switch l.word(1) {
	case "httpchk":
		switch words := l.rest(2); {
		case len(words) == 1:
			c.path = words[0]
		case len(words) > 1:
			c.path = words[1]
			h.method(l, words[0])
		}
	case "mysql-check":
		user := l.after("user", 2)
		if isTemplate(user) {
			p.remark(l.number, "option mysql-check: its user is of a template; say it in health.user")
			return
		}
		p.Health.User, p.Health.Line = user, l.number
	case "external-check":
		p.remark(l.number, "option external-check: no program is run as a check; a file that it writes can say which servers there are (discover.file), and `segue drain` and `segue ready` who serves")
	case "tcp-check":
	default:
		p.remark(l.number, "option %s: servers of the MySQL protocol are asked for their greeting", l.word(1))
	}
}

func (h *haproxy) method(l haLine, method string) {
	if method != "GET" {
		h.plan.remark(l.number, "check by %s: Segue asks by GET", shown(method))
	}
}

// checkLine is a line of http-check or tcp-check.
func (h *haproxy) checkLine(l haLine) {
	switch {
	case l.word(0) == "http-check" && l.word(1) == "send":
		if uri := l.after("uri", 2); uri != "" {
			h.check.uri = uri
		}
		if method := l.after("meth", 2); method != "" {
			h.method(l, method)
		}
		if slices.Contains(l.words, "hdr") || slices.Contains(l.words, "body") {
			h.plan.remark(l.number, "http-check send: headers and a body are not sent with a check")
		}
	case l.word(0) == "http-check" && l.word(1) == "connect":
		h.connect(l)
	case l.word(0) == "http-check" && l.word(1) == "expect":
		if l.word(2) != "status" || l.word(3) != "200" {
			h.plan.remark(l.number, "http-check expect: by HTTP 200 a server is well, by 500 and 503 it leaves; of bodies those are read that say so in the words of StarRocks, Doris and TiDB")
		}
	case l.word(0) == "http-check" && l.word(1) == "disable-on-404":
		h.plan.remark(l.number, "http-check disable-on-404: a server says with 500 or 503 that it leaves")
	case l.word(1) == "connect" && len(l.words) == 2:
	default:
		h.plan.remark(l.number, "%s %s: besides the health URL each server is asked for its greeting (and logged in to with health.user); nothing more is sent", l.word(0), shown(l.word(1)))
	}
}

// connect is http-check connect: where and how a server is asked. A check that asks several things has several; the first is taken.
func (h *haproxy) connect(l haLine) {
	p, c := h.plan, &h.check
	if c.connects++; c.connects > 1 {
		p.remark(l.number, "http-check connect: a server has one health URL; the first is taken")
		return
	}
	c.own = true
	for i := 2; i < len(l.words); i++ {
		switch word := l.words[i]; word {
		case "port":
			i++
			if c.port = number(l.word(i)); c.port <= 0 {
				p.remark(l.number, "http-check connect port: no number; say the health URL in health")
				c.port = 0
			}
		case "addr":
			i++
			c.address = l.word(i)
		case "ssl":
			c.ssl = true
		case "default":
			c.own = false
		case "proto", "comment":
			i++
		case "linger":
		case "sni", "alpn":
			i++
			fallthrough
		default:
			p.remark(l.number, "http-check connect %s: no equivalent", shown(word))
		}
	}
}

// healthURL is where httpchk asks.
func (h *haproxy) healthURL(l haLine, host string, s haServer) string {
	c := h.check
	port, ssl, path := s.checkPort, s.checkSSL, c.path
	if c.port > 0 {
		port = c.port
	}
	if c.own {
		ssl = c.ssl
	}
	if c.uri != "" {
		path = c.uri
	}
	for _, other := range []string{s.checkAddress, c.address} {
		if other != "" {
			host = other
		}
	}
	if port == 0 {
		h.plan.remark(l.number, "option httpchk asks the MySQL port itself (no check port): the health URL is left to the flavor")
		return ""
	}
	at, ok := place(host, port)
	u, err := url.Parse(path)
	if !ok || err != nil || !strings.HasPrefix(u.Path, "/") || u.Host != "" || isTemplate(path) {
		h.plan.remark(l.number, "the URL of its check could not be read: say it in health")
		return ""
	}
	scheme := "http"
	if ssl {
		scheme = "https"
	}
	return (&url.URL{Scheme: scheme, Host: at, Path: u.Path, RawQuery: u.RawQuery}).String()
}

// otherPort remarks a port of checks that has no use here.
func (h *haproxy) otherPort(l haLine, s haServer) {
	if s.checkPort > 0 && !h.check.http() {
		h.plan.remark(l.number, "check port %d: without option httpchk it was a port that something listens on, or that speaks another protocol; Segue asks the server's own port. One that answers by HTTP can be said in health of the backend", s.checkPort)
	}
	if s.checkAddress != "" && !h.check.http() {
		h.plan.remark(l.number, "addr: a health URL of its own can be said in health of the backend")
	}
}

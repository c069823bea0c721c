package importer

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// haproxy makes a plan of one service.
type haproxy struct {
	plan     *Plan
	service  haService
	sections []*haSection
	check    haCheck
	server   haServer // what default-server says
	sticky   bool
	dynamic  []string // the sections of resolvers that servers name
	all, own haLine   // maxconn of the process, and of the proxy
}

func (h *haproxy) read() error {
	for _, s := range h.sections {
		switch s.kind() {
		case "global":
			h.global(s)
		case "peers", "userlist", "cache", "program", "mailers", "http-errors", "ring", "log-forward", "fcgi-app", "crt-store":
			h.plan.remark(s.number, "section %s: nothing like it", s.kind())
		}
	}
	if s := h.service.front; s != nil && s.kind() == "listen" && len(s.words) > 2 && s.word(2) != "from" {
		h.bind(haLine{s.number, []string{"bind", s.word(2)}}) // as it was written until HAProxy 1.5
	}
	seen := map[int]bool{} // lines of defaults that both halves have
	for i, s := range h.service.sections() {
		for _, l := range s.settings() {
			if seen[l.number] || i > 0 && l.word(0) == "maxconn" || i < len(h.service.sections())-1 && h.ofServers(l) {
				continue // how many clients come is the front's, how servers are chosen and asked the back's
			}
			seen[l.number] = true
			if l.word(0) != "server" && l.word(0) != "server-template" {
				h.setting(l)
			}
		}
	}
	for _, l := range h.service.back.lines {
		var err error
		switch l.word(0) {
		case "server":
			err = h.readServer(l)
		case "server-template":
			err = h.template(l)
		}
		if err != nil {
			return err
		}
	}
	h.resolvers()
	h.limit()
	if h.service.front == nil {
		h.plan.remark(h.service.line(), "no frontend leads to it: say in listen where applications connect")
	}
	return nil
}

// ofServers tells whether a line is about servers, and stands where HAProxy does not look for that: in a frontend, or in defaults that only it has.
func (h *haproxy) ofServers(l haLine) bool {
	switch l.word(0) {
	case "balance", "default-server", "http-check", "tcp-check", "option":
	default:
		return false
	}
	if l.word(0) == "option" && !slices.Contains(haChecks, l.word(1)) {
		return false
	}
	return !slices.ContainsFunc(h.service.back.settings(), func(o haLine) bool { return o.number == l.number })
}

// global has what is the process's.
func (h *haproxy) global(s *haSection) {
	for _, l := range s.lines {
		switch l.word(0) {
		case "maxconn":
			h.all = l
		case "stats":
			h.plan.remark(l.number, "stats: the admin API (admin: 127.0.0.1:9131) has /metrics, a status page and `segue top`; admin_token_file and admin_hosts say who may reach it")
		case "spread-checks", "external-check", "insecure-fork-wanted":
			h.plan.remark(l.number, "%s: probes are jittered, and no program is run for them", l.word(0))
		default:
			h.plan.remark(l.number, "settings of the process (log, user, chroot, threads, tuning) and of its TLS: the service unit and Segue's defaults stand for them")
		}
	}
}

// limit is how many sessions there may be: the proxy's (its own line comes before its defaults'), and never more than the process's.
func (h *haproxy) limit() {
	most := h.own
	if n := number(h.all.word(1)); most.number == 0 || n > 0 && n < number(most.word(1)) {
		most = h.all
	}
	switch n := number(most.word(1)); {
	case most.number == 0:
	case n <= 0:
		h.plan.remark(most.number, "maxconn %s: not a number above 0; say it in limits.sessions", shown(most.word(1)))
	case n > maxSessions:
		h.plan.remark(most.number, "maxconn %d: limits.sessions is %d at most; file descriptors (LimitNOFILE) are the limit", n, maxSessions)
	default:
		h.plan.Sessions = n
	}
}

// maxSessions is the configuration's.
const maxSessions = 1_000_000

// setting is one line of the service or of its defaults that is no server.
func (h *haproxy) setting(l haLine) {
	p := h.plan
	switch l.word(0) {
	case "bind":
		h.bind(l)
	case "mode", "default_backend", "description", "id", "enabled":
	case "balance":
		h.balance(l)
	case "maxconn":
		h.own = l
	case "timeout":
		h.timeout(l)
	case "option":
		h.option(l)
	case "retries":
		p.remark(l.number, "retries: Segue tries other servers until connect.budget (10s) is over")
	case "default-server":
		h.server = h.params(l, 1, h.server)
	case "http-check", "tcp-check":
		h.checkLine(l)
	case "stick-table", "stick":
		h.sticky = true
		p.remark(l.number, "%s: sessions are not bound to a server by a table. Where it kept all writes on one server, mark the others as backups (zone, balance.prefer)", l.word(0))
	case "log", "log-format", "log-tag", "unique-id-format", "fullconn", "monitor-uri", "monitor-net", "errorfile", "errorfiles", "compression", "backlog":
		p.remark(l.number, "%s: Segue logs each session's end and its cause to stderr; the rest is HAProxy's own", l.word(0))
	case "acl", "use_backend", "tcp-request", "tcp-response", "http-request", "http-response", "use-server", "filter", "ignore-persist", "force-persist":
		p.remark(l.number, "%s: no rules; who may connect is the servers' and the network's business (users[].require for TLS)", l.word(0))
	case "stats":
		p.remark(l.number, "stats: the admin API has a status page and /metrics")
	case "source":
		p.remark(l.number, "source: connections to servers come from the address that the kernel chooses")
	case "disabled":
		p.remark(l.number, "disabled: the section was switched off")
	default:
		p.remark(l.number, "%s: no equivalent", shown(l.word(0)))
	}
}

func (h *haproxy) balance(l haLine) {
	switch l.word(1) {
	case "leastconn":
		h.plan.Policy = "least-sessions"
	case "roundrobin", "static-rr":
		h.plan.Policy = "round-robin"
	case "first":
		h.plan.remark(l.number, "balance first: the nearest is to mark the others as backups (zone, balance.prefer); least-sessions is taken")
		h.plan.Policy = ""
	default:
		h.plan.remark(l.number, "balance %s: sessions are not bound to a server by their address; least-sessions is taken", shown(l.word(1)))
		h.plan.Policy = ""
	}
}

func (h *haproxy) timeout(l haLine) {
	d, ok := haTime(l.word(2))
	switch {
	case !ok || d <= 0:
		if l.word(1) == "connect" || l.word(1) == "check" {
			h.plan.remark(l.number, "timeout %s: not a time span that could be read", shown(l.word(1)))
		}
	case l.word(1) == "connect" || l.word(1) == "contimeout":
		h.plan.Connect = d
		return
	case l.word(1) == "check":
		h.plan.Health.Timeout = d
		return
	}
	switch l.word(1) {
	case "client", "server", "tunnel", "client-fin", "server-fin":
		h.plan.remark(l.number, "timeout %s: Segue ends no session for being idle; the server's wait_timeout does, and is believed", shown(l.word(1)))
	case "queue":
		h.plan.remark(l.number, "timeout queue: a client waits while no server is usable: connect.budget (10s), hold.timeout (10s)")
	case "connect", "check", "http-request", "http-keep-alive", "tarpit":
	default:
		h.plan.remark(l.number, "timeout %s: no equivalent", shown(l.word(1)))
	}
}

func (h *haproxy) option(l haLine) {
	p := h.plan
	if slices.Contains(haChecks, l.word(1)) {
		h.choose(l)
		return
	}
	switch l.word(1) {
	case "tcpka", "clitcpka", "srvtcpka", "redispatch", "tcplog", "dontlognull", "dontlog-normal", "logasap", "log-health-checks", "tcp-smart-accept",
		"tcp-smart-connect", "nolinger", "abortonclose", "allbackups", "http-server-close", "httplog", "forwardfor", "httpclose", "http-keep-alive", "splice-auto",
		"splice-request", "splice-response", "contstats", "log-separate-errors", "socket-stats", "persist", "http-use-htx":
		// what it does Segue does anyway, it is about HTTP, or it is about HAProxy's log
	default:
		p.remark(l.number, "option %s: no equivalent", shown(l.word(1)))
	}
}

// haTime reads a time span of HAProxy: milliseconds, unless it has a unit.
func haTime(text string) (time.Duration, bool) {
	units := []struct {
		suffix string
		unit   time.Duration
	}{{"us", time.Microsecond}, {"ms", time.Millisecond}, {"s", time.Second}, {"m", time.Minute}, {"h", time.Hour}, {"d", 24 * time.Hour}, {"", time.Millisecond}}
	for _, u := range units {
		digits, ok := strings.CutSuffix(text, u.suffix)
		if !ok {
			continue
		}
		n, err := strconv.ParseUint(digits, 10, 31)
		if err != nil {
			return 0, false
		}
		d := time.Duration(n) * u.unit
		return d, d <= maxSpan
	}
	return 0, false
}

// minInterval is the shortest of the configuration.
const minInterval = 10 * time.Millisecond

// maxSpan is the configuration's longest time span.
const maxSpan = 8760 * time.Hour

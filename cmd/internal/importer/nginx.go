package importer

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
)

// nginxServer is a server block with its upstream.
type nginxServer struct {
	*directive
	name     string // of the upstream, or the address of the only server
	upstream *directive
}

type nginx struct {
	plan      *Plan
	upstreams map[string]*directive
	servers   []nginxServer
	around    []*directive // other settings of the stream block
}

// readNginx makes a plan of one server block of nginx's stream module.
func readNginx(p *Plan, s Source) error {
	file, err := parseNginx(p, string(s.Text))
	if err != nil {
		return err
	}
	n := &nginx{plan: p, upstreams: map[string]*directive{}}
	inside := []*directive(nil)
	streams := 0
	for _, d := range file {
		if d.word(0) == "stream" {
			streams++
			inside = append(inside, d.block...)
		}
		switch d.word(0) {
		case "include":
			p.remark(d.line, "include is not followed: if it has upstreams, import that file")
		case "http", "mail":
			p.remark(d.line, "%s is not imported: Segue speaks the MySQL protocol", d.word(0))
		}
	}
	if streams == 0 {
		inside = file // what a stream block includes
	}
	n.gather(inside)
	server, err := n.choose(s.Section)
	if err != nil {
		return err
	}
	n.remarkOthers(server)
	return n.read(server)
}

// gather sorts what stands in a stream block.
func (n *nginx) gather(list []*directive) {
	for _, d := range list {
		if d.word(0) == "upstream" {
			n.upstreams[d.word(1)] = d
		}
	}
	for _, d := range list {
		switch d.word(0) {
		case "upstream":
		case "server":
			if server, why := n.server(d); why == "" {
				n.servers = append(n.servers, server)
			} else {
				n.plan.remark(d.line, "server is not imported: %s", why)
			}
		case "include":
			n.plan.remark(d.line, "include is not followed: if it has upstreams, import that file")
		case "map", "geo", "split_clients":
			n.plan.remark(d.line, "%s: no rules; one Segue is one cluster", d.word(0))
		default:
			n.around = append(n.around, d)
		}
	}
}

// server is a block that passes TCP connections on, or why it is another.
func (n *nginx) server(d *directive) (s nginxServer, why string) {
	s.directive = d
	for _, in := range d.block {
		switch in.word(0) {
		case "listen":
			if slices.Contains(in.words, "udp") {
				return s, "it is of UDP"
			}
		case "proxy_pass":
			s.name = in.word(1)
			s.upstream = n.upstreams[s.name]
			if s.upstream == nil {
				s.upstream = &directive{line: in.line, words: []string{"upstream", s.name}, block: []*directive{{line: in.line, words: []string{"server", s.name}}}}
			}
		}
	}
	switch {
	case s.name == "":
		return s, "it has no proxy_pass"
	case strings.Contains(s.name, "://"):
		return s, "it is of HTTP, and Segue speaks the MySQL protocol"
	}
	return s, ""
}

// likely tells whether a server block is MySQL's, by a port or a name.
func (s nginxServer) likely() bool {
	for _, word := range []string{"mysql", "maria", "galera", "percona", "tidb", "starrocks", "doris"} {
		if strings.Contains(strings.ToLower(s.name), word) {
			return true
		}
	}
	for _, d := range slices.Concat(s.upstream.block, s.block) {
		if d.word(0) == "server" || d.word(0) == "listen" {
			if _, port := split(d.word(1)); mysqlPort(port) || mysqlPort(number(d.word(1))) {
				return true
			}
		}
	}
	return false
}

func (n *nginx) choose(section string) (nginxServer, error) {
	if section != "" {
		for _, s := range n.servers {
			if s.name == section {
				return s, nil
			}
		}
		return nginxServer{}, n.plan.problem(0, "--section is one of: "+n.names(n.servers), "no server in a stream block that passes to %q", shown(section))
	}
	likely := slices.DeleteFunc(slices.Clone(n.servers), func(s nginxServer) bool { return !s.likely() })
	if len(likely) == 0 {
		likely = n.servers
	}
	switch len(likely) {
	case 0:
		return nginxServer{}, n.plan.problem(0, "name the file that has it; files that are included are not read", "no server in a stream block, with proxy_pass")
	case 1:
		return likely[0], nil
	}
	return nginxServer{}, n.plan.problem(0, "name one with --section: "+n.names(likely), "it has %d servers that could be it, and one Segue is one cluster", len(likely))
}

// remarkOthers remarks every server and every upstream that is not the chosen one's.
func (n *nginx) remarkOthers(chosen nginxServer) {
	used := map[string]bool{}
	for _, s := range n.servers {
		used[s.name] = true
		if s.directive != chosen.directive {
			n.plan.remark(s.line, "server for %s is not imported: one Segue is one cluster. For this one: --section %s", shown(s.name), shown(s.name))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(n.upstreams)) {
		if u := n.upstreams[name]; !used[name] {
			n.plan.remark(u.line, "upstream %s is not imported: no server of TCP passes to it", shown(u.word(1)))
		}
	}
}

func (n *nginx) names(list []nginxServer) string {
	var names []string
	for i, s := range list {
		if i == 20 {
			names = append(names, "…")
			break
		}
		names = append(names, fmt.Sprintf("%s (line %d)", shown(s.name), s.line))
	}
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

func (n *nginx) read(s nginxServer) error {
	p := n.plan
	p.Section, p.Line = "server for "+shown(s.name), s.line
	if strings.Contains(s.name, "$") {
		return p.problem(s.line, "write the upstream itself into proxy_pass, or backends yourself", "proxy_pass has a variable, which only a running nginx knows")
	}
	proxyOut := ""
	for _, d := range slices.Concat(n.around, s.block) {
		switch d.word(0) {
		case "listen":
			n.listen(d)
		case "proxy_pass", "proxy_next_upstream", "tcp_nodelay", "proxy_socket_keepalive":
		case "proxy_connect_timeout":
			if t, ok := nginxTime(d.word(1)); ok && t > 0 {
				p.Connect = t
			}
		case "proxy_protocol":
			if proxyOut = ""; d.word(1) == "on" {
				proxyOut = "v1"
			}
		case "proxy_timeout":
			p.remark(d.line, "proxy_timeout: Segue ends no session for being idle; the server's wait_timeout does, and is believed")
		case "proxy_next_upstream_timeout", "proxy_next_upstream_tries":
			p.remark(d.line, "%s: other servers are tried until connect.budget (10s) is over", d.word(0))
		case "health_check":
			n.healthCheck(d)
		case "access_log", "error_log", "log_format", "variables_hash_max_size", "proxy_buffer_size", "preread_buffer_size", "status_zone", "open_log_file_cache":
			p.remark(d.line, "logs and buffers: Segue logs each session's end and its cause to stderr; the rest is nginx's own")
		case "allow", "deny", "limit_conn", "limit_conn_zone", "js_access", "js_import", "set", "return", "ssl_preread", "proxy_upload_rate", "proxy_download_rate":
			p.remark(d.line, "%s: no rules; who may connect is the servers' and the network's business", d.word(0))
		case "resolver", "resolver_timeout":
			n.resolver(d)
		default:
			switch {
			case strings.HasPrefix(d.word(0), "proxy_ssl"):
				p.remark(d.line, "proxy_ssl: TLS to servers of the MySQL protocol begins after the greeting: backend_tls: {mode: …, ca_file: …}")
			case strings.HasPrefix(d.word(0), "ssl_"):
				p.remark(d.line, "ssl: clients of the MySQL protocol begin TLS after the greeting: tls.cert_file and tls.key_file")
			default:
				p.remark(d.line, "%s: no equivalent", shown(d.word(0)))
			}
		}
	}
	return n.readUpstream(s.upstream, proxyOut)
}

func (n *nginx) listen(d *directive) {
	at := d.word(1)
	if number(at) > 0 {
		at = ":" + at
	}
	at = strings.TrimPrefix(at, "unix:")
	if address, ok := listenAddress(at); ok {
		n.plan.Listen = append(n.plan.Listen, Listen{address, d.line})
	} else {
		n.plan.remark(d.line, "listen %s: Segue listens on HOST:PORT and unix:PATH; say it in listen", shown(d.word(1)))
	}
	for _, word := range d.words[min(2, len(d.words)):] {
		switch word {
		case "ssl":
			n.plan.remark(d.line, "listen ssl: clients of the MySQL protocol begin TLS after the greeting: tls.cert_file and tls.key_file")
		case "proxy_protocol":
			n.plan.remark(d.line, "listen proxy_protocol: name the networks of those in front in proxy_protocol.accept: [10.0.0.0/8]; nobody else's header is believed")
		}
	}
}

// healthCheck is of the commercial nginx.
func (n *nginx) healthCheck(d *directive) {
	h := &n.plan.Health
	for _, word := range d.words[1:] {
		name, value, _ := strings.Cut(word, "=")
		switch name {
		case "interval":
			if t, ok := nginxTime(value); ok && t >= minInterval {
				h.Interval = t
			}
		case "fails":
			h.Fall = min(max(number(value), 0), 100)
		case "passes":
			h.Rise = min(max(number(value), 0), 100)
		default:
			n.plan.remark(d.line, "health_check %s: servers are asked by their health URL and their greeting", shown(name))
		}
	}
}

func (n *nginx) resolver(d *directive) {
	if d.word(0) != "resolver" {
		return
	}
	for _, word := range d.words[1:] {
		if strings.Contains(word, "=") && !strings.HasPrefix(word, "[") {
			continue
		}
		host, port := split(word)
		if port == 0 {
			port = 53
		}
		address, ok := place(host, port)
		if _, err := netip.ParseAddr(host); ok && err == nil {
			n.plan.Resolvers = append(n.plan.Resolvers, address)
		} else {
			n.plan.remark(d.line, "resolver: discover.resolvers are IP or IP:PORT")
		}
	}
}

package importer

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// readProxySQL makes a plan of one hostgroup of a proxysql.cnf.
func readProxySQL(p *Plan, s Source) error {
	file, err := parseLibconfig(p, string(s.Text))
	if err != nil {
		return err
	}
	q := &proxysql{plan: p}
	for _, m := range file.members {
		q.top(m)
	}
	if err := q.choose(s.Section); err != nil {
		return err
	}
	if err := q.servers(); err != nil {
		return err
	}
	q.accounts()
	p.remark(0, "multiplexing: each session of a client has a session on a server of its own; servers need max_connections for all of them")
	return nil
}

type proxysql struct {
	plan    *Plan
	list    []libValue // mysql_servers
	users   []libValue
	group   string   // the hostgroup that is taken
	writers []string // hostgroups that are said to be for writers
}

// top is a setting of the file itself.
func (q *proxysql) top(m libMember) {
	p, line := q.plan, m.value.line
	switch strings.ToLower(m.name) {
	case "mysql_servers":
		q.list = append(q.list, m.value.list...)
	case "mysql_users":
		q.users = append(q.users, m.value.list...)
	case "mysql_variables":
		for _, v := range m.value.members {
			q.variable(v)
		}
	case "admin_variables":
		p.remark(line, "admin_variables: the admin API and `segue status`, `drain`, `ready` stand in the place of the admin port; there is no SQL to speak to Segue")
	case "mysql_query_rules", "mysql_query_rules_fast_routing":
		for _, rule := range m.value.list {
			q.rule(rule)
		}
	case "mysql_replication_hostgroups", "mysql_group_replication_hostgroups", "mysql_galera_hostgroups", "mysql_aws_aurora_hostgroups":
		for _, v := range m.value.list {
			if writer := v.textOf("writer_hostgroup"); writer != "" {
				q.writers = append(q.writers, writer)
			}
			if strings.EqualFold(m.name, "mysql_galera_hostgroups") {
				p.remark(v.line, "%s: health 200 only from a node that is synced keeps others out (health: http://NODE:9200/, of a clustercheck); where max_writers kept writes on one node, mark the others as backups (zone, balance.prefer: [local])", m.name)
				continue
			}
			p.remark(v.line, "%s: roles are not hostgroups. discover: {sql: true, user: …, password_file: …} tells who leads (read_only, group replication), and balance.prefer: leader keeps sessions there", m.name)
		}
	case "scheduler":
		p.remark(line, "scheduler: no programs are run; discover.file reads a list of servers that one writes, and the admin API takes drain and ready")
	case "proxysql_servers":
		p.remark(line, "proxysql_servers: Segues know nothing of each other; each reads its file")
	case "mysql_hostgroup_attributes", "mysql_servers_ssl_params", "mysql_collations", "mysql_firewall_whitelist_users", "mysql_firewall_whitelist_rules", "restapi",
		"debug_levels", "clickhouse_users":
		p.remark(line, "%s: no equivalent", strings.ToLower(m.name))
	case "pgsql_servers", "pgsql_users", "pgsql_variables", "pgsql_query_rules", "pgsql_replication_hostgroups":
		p.remark(line, "%s: Segue speaks the MySQL protocol", strings.ToLower(m.name))
	case "datadir", "errorlog", "cluster", "restart_on_missing_heartbeats", "execute_on_exit_failure", "pidfile", "ldap_auth_plugin", "web_interface_plugin":
		p.remark(line, "datadir, errorlog and other settings of the process: what operators say is kept in state: FILE, the log goes to stderr")
	default:
		p.remark(line, "%s: no equivalent", shown(m.name))
	}
}

// rule is one of mysql_query_rules.
func (q *proxysql) rule(rule libValue) {
	what := "a rule"
	switch {
	case rule.textOf("cache_ttl") != "":
		what = "a rule that caches answers"
	case rule.textOf("replace_pattern") != "":
		what = "a rule that changes statements"
	case rule.textOf("mirror_hostgroup") != "":
		what = "a rule that mirrors statements"
	case rule.textOf("error_msg") != "":
		what = "a rule that refuses statements"
	case rule.textOf("destination_hostgroup") != "":
		what = "a rule that sends statements to a hostgroup"
	}
	q.plan.remark(rule.line, "mysql_query_rules: %s; all statements of a session run on one server, as they are. For reads elsewhere: another Segue, and a data source of its own for them", what)
}

// variable is one of mysql_variables.
func (q *proxysql) variable(m libMember) {
	p, v := q.plan, m.value
	name := strings.TrimPrefix(strings.ToLower(m.name), "mysql-")
	switch name {
	case "interfaces":
		q.interfaces(v)
	case "max_connections":
		if n := number(v.text); n > 0 && n <= 1_000_000 {
			p.Sessions = n
		}
	case "connect_timeout_server":
		if d := milliseconds(v.text); d > 0 {
			p.Connect = d
		}
	case "connect_timeout_server_max", "connect_retries_on_failure", "connect_retries_delay":
		p.remark(v.line, "%s: how long a client waits for a server is connect.budget and hold.timeout, 10s each", name)
	case "monitor_username":
		p.Health.User, p.Health.Line = v.text, v.line
	case "monitor_password":
		p.Health.Password = v.text
	case "monitor_ping_interval":
		if d := milliseconds(v.text); d >= minInterval {
			p.Health.Interval = d
		}
	case "monitor_ping_timeout":
		if d := milliseconds(v.text); d > 0 {
			p.Health.Timeout = d
		}
	case "monitor_ping_max_failures":
		if n := number(v.text); n > 0 && n <= 100 {
			p.Health.Fall = n
		}
	case "have_ssl", "ssl_p2s_ca", "ssl_p2s_cert", "ssl_p2s_key", "ssl_p2s_capath":
		if v.text != "false" && v.text != "0" && v.text != "" {
			p.remark(v.line, "%s: TLS for clients is tls: {cert_file: …, key_file: …}; towards servers backend_tls: {mode: …, ca_file: …}", name)
		}
	case "query_cache_size_mb", "query_retries_on_failure", "default_query_timeout", "wait_timeout", "max_transaction_time", "init_connect", "default_query_delay",
		"multiplexing", "connection_max_age_ms", "free_connections_pct", "session_idle_show_processlist", "auditlog_filename", "eventslog_filename", "proxy_protocol_networks":
		p.remark(v.line, "%s: %s", name, proxysqlRemarks[name])
	default:
		p.remark(v.line, "variables of threads, buffers, monitoring and statistics: Segue's defaults stand for them, and servers' own settings (server_version, default_schema) are clients'")
	}
}

// proxysqlRemarks are what variables have no equivalent for.
var proxysqlRemarks = map[string]string{
	"query_cache_size_mb":           "no answers are cached",
	"query_retries_on_failure":      "what provably only reads is run again, and nothing else: replay.attempts",
	"default_query_timeout":         "Segue ends no statement for the time it takes; the server's settings do",
	"wait_timeout":                  "the server's wait_timeout is believed",
	"max_transaction_time":          "Segue ends no transaction that goes on; drain.timeout bounds those on a server that leaves",
	"init_connect":                  "the server's init_connect holds",
	"default_query_delay":           "nothing is delayed",
	"multiplexing":                  "each session has a connection of its own",
	"connection_max_age_ms":         "connections to servers live as long as their clients'",
	"free_connections_pct":          "no connections are kept for later",
	"session_idle_show_processlist": "`segue sessions` lists all",
	"auditlog_filename":             "the log has each session's end and cause, and no statement",
	"eventslog_filename":            "the log has each session's end and cause, and no statement",
	"proxy_protocol_networks":       "proxy_protocol.accept: a list of networks, and no `*`",
}

// interfaces are where clients connect, parted by semicolons.
func (q *proxysql) interfaces(v libValue) {
	for _, at := range strings.FieldsFunc(v.text, func(r rune) bool { return r == ';' || r == ',' }) {
		at = strings.TrimSpace(at)
		address, ok := haListen(at)
		if !ok {
			q.plan.remark(v.line, "interfaces: %s is no HOST:PORT and no path; say it in listen", shown(at))
			continue
		}
		q.plan.Listen = append(q.plan.Listen, Listen{address, v.line})
	}
}

// milliseconds reads a number of them.
func milliseconds(text string) time.Duration {
	n, err := strconv.ParseUint(text, 10, 31)
	if err != nil {
		return 0
	}
	return min(time.Duration(n)*time.Millisecond, maxSpan)
}

func hostgroup(v libValue) string {
	if g := v.textOf("hostgroup", "hostgroup_id"); g != "" {
		return g
	}
	return "0"
}

// choose finds the hostgroup: the one that is named, the only one, the one of all users, the writers'.
func (q *proxysql) choose(section string) error {
	counts := map[string]int{}
	for _, s := range q.list {
		counts[hostgroup(s)]++
	}
	names := make([]string, 0, len(counts))
	for g := range counts {
		names = append(names, g)
	}
	slices.Sort(names)
	var users []string
	for _, u := range q.users {
		if u.textOf("active") != "0" {
			g := u.textOf("default_hostgroup")
			if g == "" {
				g = "0"
			}
			users = append(users, g)
		}
	}
	switch {
	case len(q.list) == 0:
		return q.plan.problem(0, "list them there as ProxySQL does, or write backends yourself", "no mysql_servers: if they are in ProxySQL's database alone, `SELECT * FROM mysql_servers` on its admin port has them")
	case section != "":
		q.group = section
	case len(names) == 1:
		q.group = names[0]
	case one(users) != "" && counts[one(users)] > 0:
		q.group = one(users)
	case one(q.writers) != "" && counts[one(q.writers)] > 0:
		q.group = one(q.writers)
	}
	if counts[q.group] == 0 {
		list := make([]string, len(names))
		for i, g := range names {
			list[i] = shown(g)
		}
		if len(list) > 20 {
			list = append(list[:20], "…")
		}
		return q.plan.problem(0, "name one with --section: "+strings.Join(list, ", "), "it has servers in %d hostgroups, and one Segue is one group of equals", len(names))
	}
	q.plan.Section = "hostgroup " + shown(q.group)
	return nil
}

// one is what all texts are, or "".
func one(texts []string) string {
	texts = slices.Compact(slices.Sorted(slices.Values(texts)))
	if len(texts) == 1 {
		return texts[0]
	}
	return ""
}

// servers are those of the hostgroup.
func (q *proxysql) servers() error {
	p := q.plan
	for _, v := range q.list {
		address, port := v.textOf("address", "hostname"), number(v.textOf("port"))
		if v.textOf("port") == "" {
			port = 3306
		}
		if hostgroup(v) != q.group {
			p.remark(v.line, "server of hostgroup %s: not imported, one Segue is one group of equals. For these: --section %s", shown(hostgroup(v)), shown(hostgroup(v)))
			continue
		}
		if p.Line == 0 {
			p.Line = v.line
		}
		b := Backend{Line: v.line}
		if isTemplate(address) || isTemplate(v.textOf("port")) {
			return p.problem(v.line, "import what ProxySQL really reads, with the values in", "the address of a server is of a template")
		}
		if path, ok := strings.CutPrefix(address, "/"); ok && port == 0 {
			b.Address = "unix:/" + path
			if len(path) > 90 || strings.ContainsAny(path, " \t\n\r") || !utf8.ValidString(path) {
				return p.problem(v.line, "correct it", "a path of a UNIX socket that cannot be one")
			}
		} else if b.Address, ok = place(address, port); !ok {
			return p.problem(v.line, "write address and port", "%q with port %q is no address of a server", shown(address), shown(v.textOf("port")))
		}
		switch status := strings.ToUpper(v.textOf("status")); status {
		case "", "ONLINE", "SHUNNED":
		default:
			b.Off = "its status was " + shown(status)
			p.remark(v.line, "status of %s: it stands in a comment; `segue drain` and `segue maint` say it of a running one", shown(address))
		}
		q.parameters(v, &b)
		p.Backends = append(p.Backends, b)
	}
	return nil
}

func (q *proxysql) parameters(v libValue, b *Backend) {
	p := q.plan
	for _, m := range v.members {
		switch name := strings.ToLower(m.name); name {
		case "weight":
			if n := number(m.value.text); n > 0 {
				b.Weight = n
			} else {
				b.Off = "its weight was 0"
			}
		case "max_connections":
			p.remark(v.line, "max_connections of a server: the server's own is the limit; one that is full is passed over")
		case "max_replication_lag", "max_latency_ms":
			if m.value.text != "0" {
				p.remark(v.line, "%s: how far a replica is behind, and how far away, is not looked at", name)
			}
		case "use_ssl":
			if b.Off == "" && (m.value.text == "1" || m.value.text == "true") {
				p.TLS = "required"
			}
		case "compression":
			if m.value.text != "0" && m.value.text != "false" {
				p.remark(v.line, "compression: backend_compression: zlib, for all servers that offer it")
			}
		}
	}
}

var nativeHash = regexp.MustCompile(`^\*[0-9A-Fa-f]{40}$`)

// accounts are the users, whose sessions can move.
func (q *proxysql) accounts() {
	p := q.plan
	seen := map[string]bool{}
	for _, v := range q.users {
		name, password := v.textOf("username"), v.textOf("password")
		u := User{Name: name, Line: v.line}
		switch {
		case v.textOf("active") == "0":
			p.remark(v.line, "user %s is not active: left out", shown(name))
			continue
		case name == "" || seen[name]:
			p.remark(v.line, "a user without a name, or one that stands here twice: left out")
			continue
		case isMarked(password) || isMarked(name):
			p.remark(v.line, "user %s: its password is of a template, or looks like one; if it is the password itself, give it by password_file", shown(name))
			continue
		case !utf8.ValidString(name) || !utf8.ValidString(password):
			p.remark(v.line, "user %s: it is not UTF-8; give the password by password_file", shown(name))
			continue
		case nativeHash.MatchString(password):
			u.Hash = strings.ToUpper(password)
			p.remark(v.line, "hash of a user: enough where servers know the account by mysql_native_password; for caching_sha2_password Segue needs the password itself: password_file")
		case strings.HasPrefix(password, "$A$") || strings.HasPrefix(password, "*"):
			p.remark(v.line, "user %s: what is stored of its password lets nobody log in; give the password itself: users: [{name: …, password_file: …}]", shown(name))
			continue
		default:
			u.Password = password
			if password != "" {
				p.remark(v.line, "password in the clear: carried over; better in a file of its own, by password_file")
			}
		}
		if g := v.textOf("default_hostgroup"); g != "" && g != q.group {
			p.remark(v.line, "user %s belongs to hostgroup %s: here it comes to the servers of hostgroup %s", shown(name), shown(g), shown(q.group))
		}
		seen[name] = true
		p.Users = append(p.Users, u)
	}
	if p.Health.User == "" || isMarked(p.Health.User) || isMarked(p.Health.Password) || !utf8.ValidString(p.Health.User+p.Health.Password) {
		p.Health.User, p.Health.Password = "", ""
		return
	}
	if p.Health.Password != "" {
		p.remark(p.Health.Line, "monitor_password: carried over in the clear; better in a file of its own, by health.password_file")
	}
}

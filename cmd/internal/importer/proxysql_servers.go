package importer

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

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
			} else if b.Off == "" {
				b.Off = "its weight was 0"
				p.remark(v.line, "weight 0 of a server: it stands in a comment; `segue drain` takes a running one out")
			}
		case "max_connections":
			p.remark(v.line, "max_connections of a server: the server's own is the limit; one that is full is passed over")
		case "max_replication_lag", "max_latency_ms":
			if m.value.text != "0" {
				p.remark(v.line, "%s: how far a replica is behind, and how far away, is not looked at", name)
			}
		case "use_ssl":
			if on(m.value) {
				b.TLS = "required"
			}
		case "compression":
			if m.value.text != "0" && m.value.text != "false" {
				p.remark(v.line, "compression: backend_compression: zlib, for all servers that offer it")
			}
		case "address", "hostname", "port", "hostgroup", "hostgroup_id", "status", "comment":
		case "gtid_port":
			if m.value.text != "0" {
				p.remark(v.line, "gtid_port: no causal reads; a session reads where it writes")
			}
		default:
			p.remark(v.line, "a server has a key that ProxySQL's documentation has not: no equivalent")
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
		q.userKeys(v, &u)
		seen[name] = true
		p.Users = append(p.Users, u)
	}
	q.monitor()
}

// on tells whether a truth is set.
func on(v libValue) bool { return v.text == "1" || strings.EqualFold(v.text, "true") }

// userKeys are what is said of a user beside its account. A name that is unknown is not shown: it may be a piece of a password that is not quoted as it should.
func (q *proxysql) userKeys(v libValue, u *User) {
	p := q.plan
	for _, m := range v.members {
		text := m.value.text
		switch name := strings.ToLower(m.name); name {
		case "username", "password", "active", "default_hostgroup", "comment":
		case "transaction_persistent", "fast_forward": // every session stays on one server, and every statement goes there as it is
		case "use_ssl":
			if on(m.value) {
				u.TLS = true
				p.remark(v.line, "use_ssl of a user: require: tls, once clients are offered it (tls: {cert_file: …, key_file: …}); until then it stands in a comment")
			}
		case "max_connections":
			if text != "10000" { // what ProxySQL has without a word
				p.remark(v.line, "max_connections of a user: no limit of one account's sessions; the servers' own holds (MAX_USER_CONNECTIONS), limits.sessions is for all")
			}
		case "default_schema":
			if text != "" {
				p.remark(v.line, "default_schema: the client's own URL names the database")
			}
		case "schema_locked":
			if on(m.value) {
				p.remark(v.line, "schema_locked: a session may use every database that its account may")
			}
		case "frontend", "backend":
			if !on(m.value) {
				p.remark(v.line, "%s of a user: an account is the same for clients and for servers, with one password", name)
			}
		case "attributes":
			if text != "" {
				p.remark(v.line, "attributes of a user: no equivalent")
			}
		default:
			p.remark(v.line, "a user has a key that ProxySQL's documentation has not: no equivalent")
		}
	}
}

// monitor is the account of checks.
func (q *proxysql) monitor() {
	p := q.plan
	if p.Health.User == "" && p.Health.Password != "" {
		p.remark(p.Health.Line, "monitor_password without a monitor_username: left out; say both in health")
	}
	if p.Health.User != "" && (isMarked(p.Health.User) || isMarked(p.Health.Password) || !utf8.ValidString(p.Health.User+p.Health.Password)) {
		p.remark(p.Health.Line, "monitor_username, monitor_password: of a template, or not UTF-8: say them in health: {user: …, password_file: …}")
	}
	if p.Health.User == "" || isMarked(p.Health.User) || isMarked(p.Health.Password) || !utf8.ValidString(p.Health.User+p.Health.Password) {
		p.Health.User, p.Health.Password = "", ""
		return
	}
	if p.Health.Password != "" {
		p.remark(p.Health.Line, "monitor_password: carried over in the clear; better in a file of its own, by health.password_file")
	}
}

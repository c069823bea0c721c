package importer

import (
	"slices"
	"strings"
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
	case "mysql_servers_ssl_params":
		p.remark(line, "mysql_servers_ssl_params: TLS to one server is tls: {mode: …, ca_file: …, cert_file: …, key_file: …} of the backend")
	case "mysql_hostgroup_attributes", "mysql_collations", "mysql_firewall_whitelist_users", "mysql_firewall_whitelist_rules", "restapi",
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

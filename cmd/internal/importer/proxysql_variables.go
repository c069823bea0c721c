package importer

import (
	"strconv"
	"strings"
	"time"
)

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
		address, ok := listenAddress(at)
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

package importer

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// The forms of a URL: which hosts serve.
const (
	jdbcFailover    = "sequential" // the first, and the others while it is gone
	jdbcLoadBalance = "loadbalance"
	jdbcReplication = "replication"
)

var jdbcScheme = regexp.MustCompile(`^jdbc:(?:aws-wrapper:)?(mysql|mariadb)(\+srv)?(?::(loadbalance|replication|failover|sequential|aurora))?://`)

// jdbcURL tells whether a text is a URL of JDBC.
func jdbcURL(text string) bool { return strings.HasPrefix(text, "jdbc:") }

// jdbc is a URL as it is read. No error and no remark has a piece of it but hosts, ports and names of properties.
type jdbc struct {
	plan   *Plan
	driver string
	form   string
	srv    bool
	user   User
}

// readJDBC makes a plan of a URL of Connector/J or of MariaDB's connector.
func readJDBC(p *Plan, s Source) error {
	p.Name, p.Section = "URL", "the URL"
	text := strings.TrimSpace(string(s.Text))
	scheme := jdbcScheme.FindStringSubmatch(text)
	const form = "write jdbc:mysql:loadbalance://host1:3306,host2:3306/database, in quotes"
	if scheme == nil {
		return p.problem(0, form, "it is no URL of MySQL's or MariaDB's JDBC driver")
	}
	if strings.ContainsAny(text, "\n\r") || !utf8.ValidString(text) {
		return p.problem(0, form, "there is more than the URL, or it is not UTF-8")
	}
	if isMarked(text) {
		return p.problem(0, "write the URL with the values in, as the driver gets it", "it has variables or the marks of a template in it")
	}
	j := &jdbc{plan: p, driver: scheme[1], srv: scheme[2] != "", form: scheme[3]}
	switch {
	case j.form == "" && (j.driver == "mysql" || !j.srv):
		j.form = jdbcFailover
	case j.form == "failover":
		j.form = jdbcLoadBalance // MariaDB's, of 2.x: at random
	case j.form == "aurora":
		j.form = jdbcLoadBalance
		p.remark(0, "aurora: name the instances as backends; discover.sql with balance.prefer: leader tells who writes")
	}
	authority, path, query := cutJDBC(strings.ReplaceAll(text[len(scheme[0]):], "&amp;", "&"))
	hosts := authority
	if at := strings.LastIndexByte(authority, '@'); at >= 0 {
		hosts = authority[at+1:]
		name, password, _ := strings.Cut(authority[:at], ":")
		j.user.Name, j.user.Password = unescape(name), unescape(password)
	}
	if err := j.hosts(hosts); err != nil {
		return err
	}
	j.properties(query)
	j.account()
	database, _ := url.PathUnescape(path)
	p.remark(0, "the new URL is jdbc:%s://127.0.0.1:9030/%s with its other properties; those of load balancing and of failover go", j.driver, shown(database))
	return nil
}

// cutJDBC parts what stands behind ://. Hosts may have brackets and parentheses.
func cutJDBC(text string) (authority, path, query string) {
	text, query, _ = strings.Cut(text, "?")
	if query == "" {
		text, _, _ = strings.Cut(text, "#")
	}
	at := strings.LastIndexByte(text, '/')
	if end := strings.LastIndexAny(text, ")]"); at >= 0 && at > end {
		if first := strings.IndexByte(text[end+1:], '/'); first >= 0 {
			at = end + 1 + first
		}
		return text[:at], text[at+1:], query
	}
	return text, "", query
}

func unescape(text string) string {
	if plain, err := url.PathUnescape(text); err == nil {
		return plain
	}
	return text
}

// hosts are in one of the forms of Connector/J (Connection URL Syntax).
func (j *jdbc) hosts(text string) error {
	p := j.plan
	if inner, ok := strings.CutPrefix(text, "["); ok && strings.HasSuffix(inner, "]") && strings.ContainsAny(inner, ",(") {
		text = inner[:len(inner)-1]
	}
	list := splitHosts(text)
	const most = 1000
	if len(list) > most {
		return p.problem(0, "write backends yourself", "it names more than %d hosts", most)
	}
	for i, item := range list {
		host, port, role := hostOf(strings.TrimSpace(item))
		if host == "" && len(list) == 1 {
			host = "localhost"
		}
		if j.srv {
			if _, ok := place(host, 1); !ok || port != 0 {
				return p.problem(0, "write the name of the service alone", "the host of an SRV URL is a name without a port")
			}
			p.DNS = append(p.DNS, "_mysql._tcp."+host)
			continue
		}
		if port == 0 {
			port = 3306
		}
		address, ok := place(host, port)
		if !ok {
			return p.problem(0, "write HOST:PORT for each", "host %d of the URL is no address", i+1)
		}
		b := Backend{Address: address}
		j.role(&b, i, role)
		p.Backends = append(p.Backends, b)
	}
	return nil
}

// role is what a host is for.
func (j *jdbc) role(b *Backend, i int, role string) {
	p := j.plan
	replica := slices.Contains([]string{"replica", "slave"}, strings.ToLower(role)) || role == "" && i > 0
	switch {
	case j.form == jdbcFailover && i > 0:
		b.Backup = true
	case j.form == jdbcReplication && replica:
		b.Off = "a replica"
		p.remark(0, "replication: Segue sends no reads elsewhere. The replicas stand in a comment; another Segue before them, and a data source of its own, is for those who read")
	}
}

// splitHosts parts a list at commas that are in no parentheses or brackets.
func splitHosts(text string) []string {
	var list []string
	depth, begin := 0, 0
	for i := range len(text) {
		switch text[i] {
		case '(', '[':
			depth++
		case ')', ']':
			depth--
		case ',':
			if depth == 0 {
				list = append(list, text[begin:i])
				begin = i + 1
			}
		}
	}
	return append(list, text[begin:])
}

// hostOf reads host:port, (host=…,port=…) and address=(host=…)(port=…).
func hostOf(text string) (host string, port int, role string) {
	rest, isAddress := strings.CutPrefix(text, "address=")
	if !isAddress && !strings.HasPrefix(text, "(") {
		host, port = split(text)
		return host, port, ""
	}
	for _, pair := range strings.FieldsFunc(rest, func(r rune) bool { return r == '(' || r == ')' || r == ',' }) {
		name, value, _ := strings.Cut(pair, "=")
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "host":
			host = unescape(strings.TrimSpace(value))
		case "port":
			port = number(strings.TrimSpace(value))
		case "type":
			role = strings.TrimSpace(value)
		}
	}
	return host, port, role
}

// properties are what stands behind the question mark.
func (j *jdbc) properties(query string) {
	p := j.plan
	const most = 200
	for i, pair := range strings.SplitN(query, "&", most+1) {
		if i == most {
			p.remark(0, "more than %d properties: the others are not looked at", most)
			break
		}
		name, value, _ := strings.Cut(pair, "=")
		name, value = unescape(name), unescape(value)
		switch lower := strings.ToLower(name); {
		case lower == "user":
			j.user.Name = value
		case lower == "password" || lower == "password1":
			j.user.Password = value
		case lower == "sslmode" || lower == "usessl" || lower == "requiressl":
			j.tls(lower, strings.ToLower(strings.ReplaceAll(value, "_", "-")))
		case lower == "loadbalancestrategy" || lower == "ha.loadbalancestrategy" || lower == "serveraffinityorder":
			p.remark(0, "%s: balance.policy is least-sessions or round-robin; balance.prefer: [local] prefers servers of a zone", shown(name))
		case strings.HasPrefix(lower, "loadbalance") || strings.HasPrefix(lower, "ha."):
			p.remark(0, "%s: servers are probed, and sessions spread over them and moved, by Segue: take it out of the URL", shown(name))
		case slices.Contains(jdbcFailoverProperties, lower):
			p.remark(0, "%s: take it out of the URL; through Segue the driver knows one host, and its connections live on", shown(name))
		case lower == "sockettimeout" || lower == "connecttimeout":
			p.remark(0, "%s: keep it above connect.budget and hold.timeout (10s each), so that a wait there is no error", shown(name))
		case lower == "dnssrv" && strings.EqualFold(value, "true") && !j.srv:
			p.remark(0, "dnsSrv: name the service in discover.dns, as _mysql._tcp.NAME")
		}
	}
}

var jdbcFailoverProperties = []string{
	"autoreconnect", "autoreconnectforpools", "failoverreadonly", "maxreconnects", "retriesalldown", "initialtimeout", "secondsbeforeretrymaster",
	"secondsbeforeretrysource", "queriesbeforeretrymaster", "queriesbeforeretrysource", "allowmasterdownconnections", "allowsourcedownconnections",
	"allowslavedownconnections", "allowreplicadownconnections", "readfrommasterwhennoslaves", "readfromsourcewhennoreplicas", "replicationconnectiongroup",
	"selfdestructonpingmaxoperations", "selfdestructonpingsecondslifetime", "transactionreplay", "transactionreplaysize", "deniedlisttimeout", "blacklisttimeout",
}

func (j *jdbc) tls(name, value string) {
	switch {
	case value == "disabled" || value == "disable" || name == "usessl" && value == "false":
		j.plan.TLS = "disabled"
	case value == "preferred" || name == "usessl":
		j.plan.TLS = "preferred"
	case value == "required" || value == "trust" || name == "requiressl" && value == "true":
		j.plan.TLS = "required"
	case name != "requiressl":
		j.plan.TLS = "required"
		j.plan.remark(0, "sslMode: to verify servers, say backend_tls: {mode: verify-identity, ca_file: …}; required encrypts and believes whoever answers")
	}
	if j.plan.TLS == "required" {
		j.plan.remark(0, "sslMode: with it the driver asks Segue for TLS too: tls: {cert_file: …, key_file: …}")
	}
}

func (j *jdbc) account() {
	u := j.user
	switch {
	case u.Name == "" && u.Password != "":
		j.plan.remark(0, "a password without a user: left out")
	case u.Name == "":
	case !utf8.ValidString(u.Name) || !utf8.ValidString(u.Password):
		j.plan.remark(0, "the user or the password is not UTF-8: give the password by password_file")
	default:
		if u.Password != "" {
			j.plan.remark(0, "the password of the URL: carried over in the clear; better in a file of its own, by password_file")
		}
		j.plan.Users = append(j.plan.Users, u)
	}
}

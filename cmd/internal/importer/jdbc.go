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

var (
	jdbcScheme = regexp.MustCompile(`^jdbc:(aws-wrapper:)?(mysql|mariadb)(\+srv)?(?::(loadbalance|load-balance-read|replication|failover|sequential|aurora))?://`)
	// jdbcWord is a name that can be shown: it is no piece of a password that was not encoded.
	jdbcWord = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_.-]{0,60}$`)
	// jdbcDatabase is a database that can be shown.
	jdbcDatabase = regexp.MustCompile(`^[\w$-]{0,64}$`)
)

// jdbcURL tells whether a text is a URL of JDBC.
func jdbcURL(text string) bool { return strings.HasPrefix(text, "jdbc:") }

// jdbc is a URL as it is read. No error and no remark has a piece of it but names of properties and the database.
type jdbc struct {
	plan     *Plan
	driver   string
	form     string
	srv      bool
	wrapper  bool // of AWS, around the driver
	cloudSQL bool // Google's socket factory finds the server
	global   jdbcAccount
	hosts    []jdbcHost
	tls      map[string]string // properties of TLS by their names in small letters
}

// jdbcAccount is who logs in.
type jdbcAccount struct {
	name, password       string
	hasName, hasPassword bool
}

// jdbcHost is one of the URL's.
type jdbcHost struct {
	host    string
	port    int
	role    string
	account jdbcAccount
	more    bool // it has properties of its own that are not read
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
	j := &jdbc{plan: p, wrapper: scheme[1] != "", driver: scheme[2], srv: scheme[3] != "", form: scheme[4], tls: map[string]string{}}
	switch {
	case j.form == "" && (j.driver == "mysql" || !j.srv):
		j.form = jdbcFailover
	case j.form == "failover":
		j.form = jdbcLoadBalance // MariaDB's, of 2.x: at random
	case j.form == "load-balance-read":
		j.form = jdbcReplication
	case j.form == "aurora":
		j.form = jdbcLoadBalance
		p.remark(0, "aurora: name the instances as backends; discover.sql with balance.prefer: leader tells who writes")
	}
	authority, database, query, err := j.cut(strings.ReplaceAll(text[len(scheme[0]):], "&amp;", "&"))
	if err != nil {
		return err
	}
	j.properties(query)
	if j.cloudSQL {
		return p.problem(0, "name its address, in jdbc:mysql://ADDRESS:3306/database, or keep Google's proxy and name that", "where the server is is known to Cloud SQL's socket factory alone")
	}
	if err := j.servers(authority); err != nil {
		return err
	}
	j.chooseTLS()
	j.accounts()
	if j.wrapper {
		p.remark(0, "aws-wrapper: the new URL is the driver's own, without the wrapper and its properties (wrapperPlugins, failover…). Name the instances as backends: Segue notices who is gone, and discover.sql who writes. Accounts that log in by IAM need a password here")
	}
	if database, err = url.PathUnescape(database); err != nil || !jdbcDatabase.MatchString(database) {
		database = "…"
	}
	p.remark(0, "the new URL is jdbc:%s://127.0.0.1:9030/%s with its other properties, and the account as user and password; those of load balancing and of failover go", j.driver, database)
	return nil
}

// cut parts what stands behind ://, where the drivers do. A password with one of their marks in it would be taken for something else, and be shown:
// an @ behind the hosts tells.
func (j *jdbc) cut(text string) (authority, database, query string, err error) {
	wrong := j.plan.problem(0, "encode what is no mark of the URL: / as %2F, ? as %3F, # as %23, @ as %40, & as %26", "it has an @, or a property without a name, behind its hosts")
	end := strings.IndexAny(text, "/?#")
	if end < 0 {
		return text, "", "", nil
	}
	authority, text = text[:end], text[end:]
	fragment := ""
	if j.driver == "mysql" || !strings.Contains(text, "?") {
		text, fragment, _ = strings.Cut(text, "#")
	}
	database, query, _ = strings.Cut(text, "?")
	if strings.Contains(database+fragment, "@") {
		return "", "", "", wrong
	}
	if fragment != "" {
		j.plan.remark(0, "#: the driver does not read what stands behind it; in a value write %%23")
	}
	for pair := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(pair, "=")
		lower := strings.ToLower(name)
		secret := lower == "user" || strings.HasPrefix(lower, "password")
		if strings.Contains(name, "@") || strings.Contains(value, "@") && !secret || name == "" && value != "" {
			return "", "", "", wrong
		}
	}
	return authority, strings.TrimPrefix(database, "/"), query, nil
}

func unescape(text string) string {
	if plain, err := url.PathUnescape(text); err == nil {
		return plain
	}
	return text
}

// servers are the hosts in one of the forms of Connector/J (Connection URL Syntax).
func (j *jdbc) servers(authority string) error {
	p := j.plan
	j.parts(authority, jdbcAccount{}, true)
	const most = 1000
	if len(j.hosts) > most {
		return p.problem(0, "write backends yourself", "it names more than %d hosts", most)
	}
	for i, h := range j.hosts {
		if h.more {
			p.remark(0, "host %d has properties of its own besides its account: they are not looked at; what all hosts need belongs into the new URL", i+1)
		}
		if h.host == "" && len(j.hosts) == 1 {
			h.host = "localhost"
		}
		if j.srv {
			name := "_mysql._tcp." + h.host
			if h.port != 0 || !srvName.MatchString(name) {
				return p.problem(0, "write the name of the service alone", "the host of an SRV URL is a name without a port")
			}
			p.Names = append(p.Names, Name{Text: name})
			continue
		}
		if h.port == 0 {
			h.port = 3306
		}
		address, ok := place(h.host, h.port)
		if !ok {
			return p.problem(0, "write HOST:PORT for each; in a user or a password encode , as %2C, : as %3A and @ as %40", "host %d of the URL is no address", i+1)
		}
		b := Backend{Address: address}
		j.role(&b, i, h.role)
		p.Backends = append(p.Backends, b)
	}
	return nil
}

// parts reads a list of hosts: each may have its account before an @, and be a list in brackets.
func (j *jdbc) parts(list string, account jdbcAccount, brackets bool) {
	for _, item := range splitHosts(list) {
		item, account := strings.TrimSpace(item), account
		before := item
		if open := strings.IndexAny(item, "(["); open >= 0 {
			before = item[:open]
		}
		if at := strings.LastIndexByte(before, '@'); at >= 0 {
			name, password, has := strings.Cut(before[:at], ":")
			account = jdbcAccount{unescape(name), unescape(password), true, has}
			item = item[at+1:]
		}
		if inner, ok := strings.CutPrefix(item, "["); ok && brackets && closes(item) && strings.ContainsAny(inner, ",(") {
			j.parts(inner[:len(inner)-1], account, false)
			continue
		}
		h := hostOf(item)
		if !h.account.hasName {
			h.account.name, h.account.hasName = account.name, account.hasName
		}
		if !h.account.hasPassword {
			h.account.password, h.account.hasPassword = account.password, account.hasPassword
		}
		j.hosts = append(j.hosts, h)
	}
}

// closes tells whether the bracket that begins a text is closed by its last byte.
func closes(text string) bool {
	depth := 0
	for i := range len(text) {
		switch text[i] {
		case '(', '[':
			depth++
		case ')', ']':
			if depth--; depth == 0 {
				return i == len(text)-1
			}
		}
	}
	return false
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
func hostOf(text string) (h jdbcHost) {
	rest, isAddress := strings.CutPrefix(text, "address=")
	if !isAddress && !strings.HasPrefix(text, "(") {
		h.host, h.port = split(text)
		return h
	}
	for _, pair := range strings.FieldsFunc(rest, func(r rune) bool { return r == '(' || r == ')' || r == ',' }) {
		name, value, _ := strings.Cut(pair, "=")
		value = strings.TrimSpace(value)
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "host":
			h.host = unescape(value)
		case "port":
			h.port = number(value)
		case "type":
			h.role = value
		case "user":
			h.account.name, h.account.hasName = unescape(value), true
		case "password":
			h.account.password, h.account.hasPassword = unescape(value), true
		default:
			h.more = true
		}
	}
	return h
}

// accounts are those of the hosts: their own, or the URL's.
func (j *jdbc) accounts() {
	p := j.plan
	var first *jdbcAccount
	for _, h := range j.hosts {
		a := h.account
		if !a.hasName {
			a.name, a.hasName = j.global.name, j.global.hasName
		}
		if !a.hasPassword {
			a.password, a.hasPassword = j.global.password, j.global.hasPassword
		}
		if first == nil {
			first = &a
		} else if a != *first {
			p.remark(0, "hosts have accounts of their own, or some have none: through Segue there is one host; give the new URL one account that all servers know")
		}
		j.account(a)
	}
}

// account is one that logs in.
func (j *jdbc) account(a jdbcAccount) {
	p := j.plan
	switch {
	case a.name == "" && a.password != "":
		p.remark(0, "a password without a user: left out")
	case a.name == "" || slices.ContainsFunc(p.Users, func(u User) bool { return u.Name == a.name }):
	case !utf8.ValidString(a.name) || !utf8.ValidString(a.password):
		p.remark(0, "the user or the password is not UTF-8: give the password by password_file")
	case !a.hasPassword:
		p.remark(0, "the URL has no password for its user: it stands in a comment; say it in users, by password_file, so that its sessions can move")
		p.Users = append(p.Users, User{Name: a.name, Unknown: true})
	default:
		if a.password != "" {
			p.remark(0, "the password of the URL: carried over in the clear; better in a file of its own, by password_file")
		}
		p.Users = append(p.Users, User{Name: a.name, Password: a.password})
	}
}

package importer

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"segue/config"
)

var update = flag.Bool("update", false, "write what the files in testdata become")

// load is what is true of every result: it loads.
func load(t *testing.T, p *Plan) *config.Config {
	t.Helper()
	c, err := config.Parse("segue.yaml", []byte(p.YAML()))
	if err != nil {
		t.Fatalf("does not load: %v\n%s", err, p.YAML())
	}
	return c
}

// Each file of testdata becomes what stands beside it, and no secret of it is in a remark.
func TestImportFiles(t *testing.T) {
	for name, kind := range map[string]Kind{
		"haproxy.cfg": HAProxy, "haproxy-dns.cfg": HAProxy, "proxysql.cnf": ProxySQL, "nginx.conf": Nginx, "nginx-fragment.conf": Nginx, "loadbalance.url": JDBC,
	} {
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile(filepath.Join("testdata", name))
			if err != nil {
				t.Fatal(err)
			}
			if got := Detect("x", text); got != kind {
				t.Errorf("detected %q", got)
			}
			p, err := Import(Source{Name: name, Text: text})
			if err != nil {
				t.Fatal(err)
			}
			load(t, p)
			got, golden := p.YAML(), filepath.Join("testdata", name+".yaml")
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("got\n%s", got)
			}
			for _, r := range p.Remarks {
				if strings.Contains(r.Text, "Secret") {
					t.Errorf("a secret in %q", r.Text)
				}
			}
		})
	}
}

// What one line says, and the remark that it leaves. A remark of "" is none.
func TestHAProxyLines(t *testing.T) {
	for line, want := range map[string]struct{ yaml, remark string }{
		"server a 10.0.0.1:3306 weight 300":                    {"weight: 256", "weight 300 of a"},
		"server a 10.0.0.1:3306 weight 0":                      {"# - {name: a", "weight 0 of a"},
		"server a 10.0.0.1:3306 send-proxy":                    {"proxy_protocol: v1", ""},
		"server a 10.0.0.1:3306 send-proxy-v2":                 {"proxy_protocol: v2", ""},
		"server a [2001:db8::1]:3306":                          {`address: "[2001:db8::1]:3306"`, ""},
		"server a 2001:db8::1:3306":                            {`address: "[2001:db8::1]:3306"`, ""},
		"server a /run/mysqld/mysqld.sock":                     {"address: unix:/run/mysqld/mysqld.sock", ""},
		"server a db1 check":                                   {"address: db1:3307", ""}, // bind's port
		`server "my server" db1:3306`:                          {"name: my-server", "cannot have this name"},
		"server a db1:3306 inter 100":                          {"health: {interval: 100ms}", ""},
		"server a db1:3306 inter 1":                            {"interval: 10ms, fast_interval: 10ms", ""},
		"server a db1:3306 rise 1 fall 1":                      {"health: {rise: 1, fall: 1}", ""},
		"server a db1:3306 check ssl verify none":              {"", "server ssl: TLS"},
		"server a db1:3306 agent-check agent-port 9999":        {"", "agent-check: an agent"},
		"server a db1:3306 wonder 7":                           {"", "server … wonder: no equivalent"},
		"server-template db 1-5 db.example:3306 resolvers dns": {"dns: [db.example:3306]", "not only 1-5"},
		"server-template db 1-10 _mysql._tcp.service.consul resolvers consul resolve-opts allow-dup-ip resolve-prefer ipv4 check": {"dns: [_mysql._tcp.service.consul]", "not only 1-10"},
		"server db _mysql._tcp.service.consul resolvers c":                                                                        {"dns: [_mysql._tcp.service.consul]", "not only 1"},
		"server-template db 3 db.example:3306 send-proxy-v2":                                                                      {"proxy_protocol: {send: v2}", "not only 3"},
		"server-template db 3 db.example:3306 backup":                                                                             {"dns:", "backup: what is found by a name"},
		"server-template db 3 db.example:3306 weight 10":                                                                          {"dns:", "weight of a server-template"},
		"server-template db 3 db.example:3306 disabled":                                                                           {"# discover: {dns: [db.example:3306]}", "is disabled"},
		"server-template db 3 db.example:3306 weight 0":                                                                           {"# discover: {dns: [db.example:3306]}", "weight 0 of server-template"},
		"default-server send-proxy backup disabled\n server a a:3306 no-send-proxy no-backup enabled":                             {"address: a:3306\n\n", "server last is disabled"},
		"default-server send-proxy-v2\n server a a:3306 no-send-proxy":                                                            {"proxy_protocol: v2", ""},
		"default-server send-proxy-v2\n server a a:3306 no-send-proxy-v2":                                                         {"address: a:3306\n\n", ""},
		"server a a:3306 no-check":                                                                                                {"", "server … no-check: no equivalent"},
		"server a a:3306 check port 9200":                                                                                         {"", "check port 9200: without option httpchk"},
		"maxconn 2000000":                                                                                                         {"", "maxconn 2000000: limits.sessions is 1000000 at most"},
		"option httpchk\n default-server port 80 check-ssl\n server a a:3306 no-check-ssl":                                        {"health: http://a:80/", ""},
		"option httpchk\n http-check connect port 8030\n http-check send uri /api/health\n server a a:3306 check":                 {"health: http://a:8030/api/health", ""},
		"option httpchk\n http-check connect port 443 ssl sni x\n server a a:3306 check":                                          {"health: https://a:443/", "http-check connect sni: no equivalent"},
		"option httpchk\n server a a:3306 check port 80 addr 10.0.0.9":                                                            {"health: http://10.0.0.9:80/", ""},
		"http-check send uri /x\n server a a:3306 check":                                                                          {"address: a:3306\n\n", ""},
		"option httpchk\n option mysql-check user u\n server a a:3306 check":                                                      {"health: {user: u}", "h.cfg:5: option httpchk: a later line says mysql-check"},
		"balance source":                      {"", "balance source: sessions are not bound"},
		"balance roundrobin":                  {"policy: round-robin", ""},
		"timeout connect 500":                 {"connect: {timeout: 500ms}", ""},
		"timeout connect 1m":                  {"# connect: {timeout: 1m0s}", ""},
		"timeout connect soon":                {"", "not a time span"},
		"maxconn 200":                         {"limits: {sessions: 200}", ""},
		"bind unix@/run/x.sock accept-proxy":  {"unix:/run/x.sock", "accept-proxy: name the networks"},
		"bind 10.0.0.5:3306-3310":             {"", "bind 10.0.0.5:3306-3310"},
		"bind :3308 ssl crt /etc/x.pem":       {`":3308"`, "bind ssl"},
		"option mysql-check user chk post-41": {"user: chk", ""},
		"option httpchk OPTIONS /":            {"", "check by OPTIONS"},
		"tcp-check send-binary 00":            {"", "tcp-check send-binary: besides"},
		"stick on dst":                        {"", "stick: sessions are not bound"},
		"use_backend x if y":                  {"", "use_backend: no rules"},
		"wonder 7":                            {"", "wonder: no equivalent"},
		`description "a # b" # c`:             {"", ""},
	} {
		text := "listen mysql\n bind 127.0.0.1:3307\n mode tcp\n server last 10.9.9.9:3306\n " + line + "\n"
		if strings.Contains(line, "httpchk\n") { // what is asked of all servers
			text = strings.Replace(text, " server last 10.9.9.9:3306\n", "#\n", 1)
		}
		checkLine(t, Source{Name: "h.cfg", Text: []byte(text), Kind: HAProxy}, line, "h.cfg:", want.yaml, want.remark)
	}
}

func checkLine(t *testing.T, s Source, line, place, yaml, remark string) {
	t.Helper()
	p, err := Import(s)
	if err != nil {
		t.Errorf("%s: %v", line, err)
		return
	}
	load(t, p)
	_, below, _ := strings.Cut(p.YAML(), "\n\n")
	if !strings.Contains(below, yaml) {
		t.Errorf("%s: no %q in\n%s", line, yaml, below)
	}
	var all []string
	for _, r := range p.Remarks {
		if strings.HasPrefix(r.Text, "health.user: without it") && !strings.HasPrefix(remark, "health.user") {
			continue // every file without an account for checks has it
		}
		all = append(all, p.Place(r)+": "+r.Text)
	}
	text := strings.Join(all, "\n")
	switch {
	case remark == "" && text != "":
		t.Errorf("%s: remarks %s", line, text)
	case remark != "" && (!strings.Contains(text, remark) || place != "" && !strings.Contains(text, place)):
		t.Errorf("%s: no %q at %s in\n%s", line, remark, place, text)
	}
}

func TestNginxLines(t *testing.T) {
	for line, want := range map[string]struct{ yaml, remark string }{
		"server 10.0.0.1:3306 weight=3;":                         {"weight: 3", ""},
		"server 10.0.0.1:3306 down;":                             {"# - {name: 10.0.0.1", "is down"},
		"server unix:/run/mysqld.sock;":                          {"address: unix:/run/mysqld.sock", ""},
		"server db.example:3306 resolve;":                        {"dns: [db.example:3306]", ""},
		"server 10.0.0.1:3306 max_conns=9;":                      {"", "max_conns: the server's own"},
		"server 10.0.0.1:3306 slow_start=1m30s;":                 {"slow_start: 1m30s", ""},
		"server db.example service=_mysql._tcp resolve;":         {"dns: [_mysql._tcp.db.example]", ""},
		"server db.example service=mysql resolve;":               {"dns: [_mysql._tcp.db.example]", ""},
		"server db.example:3306 resolve backup;":                 {"dns: [db.example:3306]", "backup: what is found by a name"},
		"server db.example:3306 resolve weight=5;":               {"dns: [db.example:3306]", "weight of a server with resolve"},
		"server db.example:3306 resolve down;":                   {"# discover: {dns: [db.example:3306]}", "is down"},
		"hash $remote_addr consistent;":                          {"", "hash: sessions are not bound"},
		"least_conn; # x":                                        {"policy: least-sessions", ""},
		"wonder on;":                                             {"", "wonder: no equivalent"},
		"} server { listen 53 udp; proxy_pass m; } upstream x {": {"", "server is not imported: it is of UDP"},
	} {
		text := "stream {\nserver { listen 3307; proxy_pass m; }\nupstream m {\n server 10.9.9.9:3306;\n" + line + "\n}\n}\n"
		checkLine(t, Source{Name: "n.conf", Text: []byte(text), Kind: Nginx}, line, "n.conf:5: ", want.yaml, want.remark)
	}
	for line, want := range map[string]struct{ yaml, remark string }{
		"proxy_connect_timeout 500ms;":                 {"connect: {timeout: 500ms}", ""},
		"proxy_timeout 10m;":                           {"", "proxy_timeout: Segue ends no"},
		"health_check interval=5 fails=1 port=8030;":   {"fall: 1", "health_check port"},
		"proxy_ssl on;":                                {"", "proxy_ssl: TLS"},
		"ssl_certificate x;":                           {"", "ssl: clients"},
		"listen unix:/run/s.sock;":                     {"unix:/run/s.sock", ""},
		"listen [::1]:3309 proxy_protocol;":            {`"[::1]:3309"`, "proxy_protocol.accept"},
		"allow 10.0.0.0/8; deny all;":                  {"", "allow: no rules"},
		"proxy_protocol on;\nproxy_protocol off;":      {"address: 10.9.9.9:3306\n\n", ""},
		"} server { listen 1; return x;":               {"", "server is not imported: it has no proxy_pass"},
		"} server { listen 1; proxy_pass a.example:1;": {"", "server for a.example:1 is not imported"},
		"} upstream web { server b:443; ":              {"", "upstream web is not imported"},
		"proxy_protocol on;":                           {"proxy_protocol: v1", ""},
	} {
		text := "stream {\nserver {\nlisten 3307;\nproxy_pass 10.9.9.9:3306;\n" + line + "\n}\n}\n"
		checkLine(t, Source{Name: "n.conf", Text: []byte(text), Kind: Nginx}, line, "n.conf:5: ", want.yaml, want.remark)
	}
}

func TestJDBCURLs(t *testing.T) {
	for url, want := range map[string]struct{ yaml, remark string }{
		"jdbc:mysql:loadbalance://a:1,b:2,c/db":                              {"address: c:3306", "the new URL is jdbc:mysql://127.0.0.1:9030/db"},
		"jdbc:mysql:loadbalance://address=(host=a)(port=1),(host=b,port=2)/": {"address: b:2", "new URL"},
		"jdbc:mysql:loadbalance://me:it@[a:1,b:2]/db":                        {"name: me", "password of the URL"},
		"jdbc:mysql://a:1,b:2/db?autoReconnect=true":                         {"zone: backup", "autoReconnect: take it out"},
		"jdbc:mysql:loadbalance://u:p@a:1,u:p@b:2/db":                        {"address: a:1", "password of the URL"},
		"jdbc:mysql:loadbalance://a:1,u:p@b:2/db":                            {"address: a:1", "hosts have accounts of their own"},
		"jdbc:mysql:loadbalance://address=(host=a)(port=1)(user=u)(password=p),address=(host=b)(port=1)(user=u)(password=p)/": {"- name: u", "password of the URL"},
		"jdbc:mysql://address=(host=a)(port=1)(key=x)/":                                                                       {"address: a:1", "host 1 has properties of its own"},
		"jdbc:mysql:loadbalance://[::1],[::2]/":                                                                               {`address: "[::2]:3306"`, "new URL"},
		"jdbc:mysql://a:1/db?user=u":                                                                                          {"#   - {name: u, password_file: ", "has no password for its user"},
		"jdbc:mysql://a:1/db?user=u&password=":                                                                                {`password: ""`, "new URL"},
		"jdbc:mysql://a:1/?useSSL=true&requireSSL=true&verifyServerCertificate=true":                                          {"mode: required", "the driver verifies servers"},
		"jdbc:mysql://a:1/?requireSSL=true&useSSL=true":                                                                       {"mode: required", "asks Segue for TLS too"},
		"jdbc:mysql://a:1/?sslMode=VERIFY_CA&useSSL=false":                                                                    {"mode: required", "the driver verifies servers"},
		"jdbc:mysql://a:1/?useSSL=false&requireSSL=true":                                                                      {"mode: disabled", "new URL"},
		"jdbc:mysql://a:1/?useSSL=true":                                                                                       {"mode: preferred", "new URL"},
		"jdbc:mysql://a:1/?sslMode=wonder":                                                                                    {"", "sslMode: not a value"},
		"jdbc:mariadb://a:1/?useSsl=true":                                                                                     {"mode: required", "the driver verifies servers"},
		"jdbc:mariadb://a:1/?useSsl=true&trustServerCertificate=true":                                                         {"mode: required", "asks Segue for TLS too"},
		"jdbc:mysql://a:1/?trustCertificateKeyStoreUrl=file:x":                                                                {"", "trustCertificateKeyStoreUrl: certificates"},
		"jdbc:mariadb:load-balance-read://a,b,c/db":                                                                           {"# - {name: b", "replication: Segue sends no reads"},
		"jdbc:aws-wrapper:mysql://a:1/?wrapperPlugins=failover,efm2":                                                          {"", "aws-wrapper: the new URL"},
		"jdbc:mysql://a:1/?failoverTimeoutMs=1":                                                                               {"", "failoverTimeoutMs: take it out"},
		"jdbc:mysql://a:1/?socketFactory=x.Y":                                                                                 {"", "socketFactory: take it out"},
		"jdbc:mysql://a:1/d?user=u&password=a#b":                                                                              {`password: "a"`, "#: the driver does not read"},
		"jdbc:mysql://a:1/a%20b":                                                                                              {"", "127.0.0.1:9030/… with"},
		"jdbc:mysql://[2001:db8::1]:3306/db":                                                                                  {`"[2001:db8::1]:3306"`, "new URL"},
		"jdbc:mysql://a/db?user=u&password=p%26q":                                                                             {`password: "p&q"`, "password of the URL"},
		"jdbc:mysql:replication://a,b/db":                                                                                     {"# - {name: b", "replication: Segue sends no reads"},
		"jdbc:mysql:replication://(host=a,type=replica),(host=b,type=source)/":                                                {"# - {name: a", "replication"},
		"jdbc:mysql+srv://db.example/x":                                                                                       {"dns: [_mysql._tcp.db.example]", "new URL"},
		"jdbc:mariadb:loadbalance://a,b/x?sslMode=verify-full":                                                                {"mode: required", "jdbc:mariadb://"},
		"jdbc:mysql://h1:3306/x?sslMode=DISABLED&socketTimeout=5":                                                             {"mode: disabled", "socketTimeout: keep it above"},
		"  jdbc:mysql:loadbalance://a:9030/x?a=1&amp;user=u\n":                                                                {"name: u", "new URL"},
	} {
		checkLine(t, Source{Name: "x", Text: []byte(url)}, url, "URL: ", want.yaml, want.remark)
	}
}

func TestProxySQLValues(t *testing.T) {
	for line, want := range map[string]struct{ yaml, remark string }{
		`mysql_users = ({username="a"; password="*6bb4837eb74329105ee4568dda7dc67ed2ca2ad9"});`: {`hash: "*6BB4837EB74329105EE4568DDA7DC67ED2CA2AD9"`, "hash of a user"},
		`mysql_users = ({username="a", password="pa$$__w"})`:                                    {`password: "pa$$__w"`, "password in the clear"},
		`mysql_users = ({username="a", password="${PW}"})`:                                      {"# users:", "is of a template"},
		`mysql_users = ({username="a", password="$A$005$x"})`:                                   {"# users:", "what is stored of its password"},
		`mysql_users = ({username="a"},{username="a"})`:                                         {"name: a", "stands here twice"},
		`mysql_variables = { mysql-connect_timeout_server = 500L }`:                             {"connect: {timeout: 500ms}", "x.cnf:"},
		`mysql_variables : { interfaces = "/tmp/a.sock;:9" }`:                                   {`":9"`, "multiplexing"},
		`mysql_variables : { interfaces = "what" }`:                                             {"", "interfaces: what is no HOST:PORT"},
		`mysql_servers = ({address="b", port=3306, status="OFFLINE_HARD"})`:                     {"# - {name: b", "status of b"},
		`mysql_servers = ({address="b", port=3306, max_replication_lag=5})`:                     {"address: b:3306", "max_replication_lag: how far"},
		`mysql_servers = ({address="b", port=3306, hostgroup=3})
mysql_replication_hostgroups = ({writer_hostgroup=0, reader_hostgroup=3})`: {"", "server of hostgroup 3"},
		`mysql_users = ({username="a", password="p", max_connections=100})`:           {"name: a", "max_connections of a user"},
		`mysql_users = ({username="a", password="p", use_ssl=1})`:                     {"# require: tls", "use_ssl of a user"},
		`mysql_users = ({username="a", password="p", default_schema="x"})`:            {"name: a", "default_schema: the client's"},
		`mysql_users = ({username="a", password="p", backend=0})`:                     {"name: a", "backend of a user"},
		`mysql_users = ({username="a", password="p", schema_locked=1})`:               {"name: a", "schema_locked: "},
		`mysql_users = ({username="a", password="p", attributes="{}"})`:               {"name: a", "attributes of a user"},
		`mysql_users = ({username="a", password="p", wonder="x"})`:                    {"name: a", "a user has a key"},
		`mysql_servers = ({address="b", port=3306, use_ssl=1})`:                       {"tls: {mode: required}", "multiplexing"},
		`mysql_servers = ({address="b", port=3306, weight=0})`:                        {"# - {name: b", "weight 0 of a server"},
		`mysql_servers = ({address="b", port=3306, status="OFFLINE_SOFT", weight=0})`: {"its status was OFFLINE_SOFT", "status of b"},
		`mysql_servers = ({address="b", port=3306, gtid_port=7})`:                     {"address: b:3306", "gtid_port: "},
		`mysql_servers = ({address="b", port=3306, wonder=7})`:                        {"address: b:3306", "a server has a key"},
		`mysql_servers_ssl_params = ()`:                                               {"", "TLS to one server is tls"},
		`mysql_variables = {monitor_username="${U}" monitor_password="x"}`:            {"", "monitor_username, monitor_password: of a template"},
		`wonder = 7`:   {"", "wonder: no equivalent"},
		`@include "x"`: {"", "@include is not followed"},
	} {
		text := "mysql_servers = ({address=\"a.example\", port=3306})\n" + line + "\n"
		checkLine(t, Source{Name: "x.cnf", Text: []byte(text), Kind: ProxySQL}, line, "x.cnf", want.yaml, want.remark)
	}
}

// What nothing can be made of says its place, its cause and what to do.
func TestRefused(t *testing.T) {
	deep := strings.Repeat("a = {", 50)
	for _, c := range []struct {
		kind       Kind
		text, want string
	}{
		{"", "hello", "it looks like none of haproxy, proxysql, nginx, jdbc; say what it is with --from KIND"},
		{"envoy", "x", `unknown kind "envoy"; --from is one of`},
		{"", strings.Repeat("x", MaxSize+1), "larger than"},
		{HAProxy, "", "no listen section"},
		{HAProxy, "server a b:1", "f:1: \"server\" stands outside of any section"},
		{HAProxy, "listen a\nserver a ${H}:3306", "f:2: the address of a server is of a template"},
		{HAProxy, "listen a\nserver a {{ h }}", "f:2: the address of a server is of a template"},
		{HAProxy, "listen a\nserver a", "f:2: server without a name or an address"},
		{HAProxy, "listen a\nserver a 1.2.3.4:99999", `f:2: "1.2.3.4:99999" is no address of a server`},
		{HAProxy, "listen a\nbind :1\nserver a a:3306\nlisten b\nserver b b:3306", "2 proxies that could be it, and one Segue is one cluster; name one with --section: a (line 1), b (line 4)"},
		{HAProxy, "listen a\nmode http\nserver a a:80", "no listen section"},
		{HAProxy, "listen a\nserver a a:3306 disabled", "listen a has no server that Segue could use"},
		{ProxySQL, "mysql_servers = (", "f:1: the file ends before its"},
		{ProxySQL, "\nmysql_servers = ({address=\"x", "f:2: a string that does not end"},
		{ProxySQL, deep, "f:1: more values within values"},
		{ProxySQL, "mysql_servers = ()", "no mysql_servers: if they are in ProxySQL's database alone"},
		{ProxySQL, "mysql_servers = ({address=\"a\", hostgroup=1},{address=\"b\", hostgroup=2})", "servers in 2 hostgroups, and one Segue is one group of equals; name one with --section: 1, 2"},
		{ProxySQL, "mysql_servers = ({address=\"a b\", port=1})", `f:1: "a b" with port "1" is no address`},
		{Nginx, "stream {", "f:1: "},
		{Nginx, "stream { } }", "f:1: "},
		{Nginx, "http { server { listen 80; } }", "no server in a stream block"},
		{Nginx, strings.Repeat("a {", 40), "f:1: more blocks within blocks"},
		{Nginx, "stream { server { listen 1; proxy_pass $x; } }", "proxy_pass has a variable"},
		{Nginx, "stream { server { listen 1; proxy_pass nowhere; } }", `f:1: "nowhere" is no address of a server`},
		{JDBC, "jdbc:postgresql://a/b", "no URL of MySQL's or MariaDB's JDBC driver"},
		{JDBC, "jdbc:mysql://${HOST}/b", "marks of a template"},
		{JDBC, "jdbc:mysql://u:Secret@a b/x", "host 1 of the URL is no address"},
		{HAProxy, "listen a\nserver-template a 1 _x:3306", `f:2: "_x:3306" is no name of SRV records; write _SERVICE._PROTO.NAME, without a port`},
		{Nginx, "stream { server { listen 1; proxy_pass a; } upstream a { server b service=_x resolve; } }", "is no name of SRV records"},
		{ProxySQL, `mysql_users = ({ username="app", password="se"Secret; })`, "f:1: no = behind a name"},
		{JDBC, "jdbc:mysql://app:12/Secret@db1:3306/x", "it has an @, or a property without a name, behind its hosts; encode what is no mark"},
		{JDBC, "jdbc:mysql://app:12?Secret@db1:3306/x", "it has an @"},
		{JDBC, "jdbc:mysql://app:12#Secret@db1:3306/x", "it has an @"},
		{JDBC, "jdbc:mysql:///db?cloudSqlInstance=p:r:i&socketFactory=com.google.cloud.sql.mysql.SocketFactory", "Cloud SQL's socket factory alone; name its address"},
		{JDBC, "jdbc:mysql+srv://a:1/x", "an SRV URL is a name without a port"},
	} {
		_, err := Import(Source{Name: "f", Text: []byte(c.text), Kind: c.kind})
		e, ok := errors.AsType[*Error](err)
		if !ok || !strings.Contains(err.Error(), c.want) || e.Remedy == "" || strings.Contains(err.Error(), "Secret") {
			t.Errorf("%s %.60q: got %v, want %s", c.kind, c.text, err, c.want)
		}
	}
}

// Of what stands beside the one that is imported each is remarked, with and without --section.
func TestWhatIsNotImported(t *testing.T) {
	const text = "frontend web\nmode http\ndefault_backend w\nbackend w\nmode http\nserver w w:80\nfrontend f\nbind :1\nuse_backend galera if { nbsrv(galera) gt 0 }\nbackend galera\nserver b b:3306\nlisten other\nserver o o:25\n"
	for _, section := range []string{"", "galera"} {
		p, err := Import(Source{Name: "f", Text: []byte(text), Section: section, Kind: HAProxy})
		if err != nil {
			t.Fatal(err)
		}
		load(t, p)
		if len(p.Listen) != 1 || p.Listen[0].Address != ":1" {
			t.Errorf("%q: listens on %v", section, p.Listen)
		}
		var all []string
		for _, r := range p.Remarks {
			all = append(all, p.Place(r)+": "+r.Text)
		}
		got := strings.Join(all, "\n")
		for _, want := range []string{
			"f:1: frontend web is not imported: it is in mode http", "f:4: backend w is not imported: it is in mode http",
			"f:9: use_backend: no rules", "f:12: listen other is not imported: one Segue is one cluster. For this one: --section other",
		} {
			if !strings.Contains(got, want) {
				t.Errorf("%q: no %q in\n%s", section, want, got)
			}
		}
		if strings.Contains(got, "no frontend leads to it") {
			t.Errorf("%q:\n%s", section, got)
		}
	}
}

// The proxy's maxconn comes before its defaults', and the process's bounds it.
func TestHAProxyMaxconn(t *testing.T) {
	for text, want := range map[string]int{
		"global\nmaxconn 100000\ndefaults\nmaxconn 3000\nlisten mysql\nserver a a:3306\nmaxconn 50000":                          50000,
		"global\nmaxconn 100\ndefaults\nmaxconn 3000\nlisten mysql\nserver a a:3306":                                            100,
		"defaults\nmaxconn 3000\nlisten mysql\nserver a a:3306":                                                                 3000,
		"defaults d\nmaxconn 9\ndefaults e\nmaxconn 3\nfrontend f from d\ndefault_backend b\nbackend b from e\nserver a a:3306": 9,
	} {
		p, err := Import(Source{Name: "f", Text: []byte(text), Kind: HAProxy})
		if err != nil || p.Sessions != want {
			t.Errorf("%q: %v, %v", text, p.Sessions, err)
		}
	}
}

// How servers are chosen and asked is not the frontend's business, nor that of defaults that it alone has.
func TestHAProxyDefaultsOfTheFrontendAlone(t *testing.T) {
	p, err := Import(Source{Name: "f", Kind: HAProxy, Text: []byte("defaults d\noption httpchk\nbalance roundrobin\ndefault-server port 80 send-proxy\ndefaults e\noption mysql-check user u\nfrontend f from d\nbind :1\ndefault_backend b\nbackend b from e\nserver a a:3306 check\n")})
	if err != nil {
		t.Fatal(err)
	}
	load(t, p)
	if b := p.Backends[0]; b.URL != "" || b.SendProxy != "" || p.Policy != "" || p.Health.User != "u" {
		t.Errorf("%+v\n%s", b, p.YAML())
	}
}

// What is found by a name gets a header alone, and servers beside it do not.
func TestHeaderForNames(t *testing.T) {
	p, err := Import(Source{Name: "f", Kind: HAProxy, Text: []byte("listen mysql\nserver-template a 3 db.example:9030 send-proxy-v2\nserver b b:9030\n")})
	if err != nil {
		t.Fatal(err)
	}
	c := load(t, p)
	if c.SendProxy != "v1" || c.Backends[0].ProxyProtocol.String() != "off" { // v1: all that StarRocks reads
		t.Errorf("%s\n%s", c.SendProxy, p.YAML())
	}
}

// Of a long path the end is shown, and the line.
func TestPlaceInALongPath(t *testing.T) {
	p := &Plan{Name: "/srv/ansible/environments/production/roles/loadbalancer/templates/haproxy-mysql.cfg"}
	if got := p.Place(Remark{Lines: []int{12, 14}}); got != "…/haproxy-mysql.cfg:12,14" {
		t.Error(got)
	}
}

// No error and no remark has a piece of a password, wherever a mark of the format stands in it.
func TestNoPieceOfAPassword(t *testing.T) {
	for _, mark := range []string{"/", "?", "#", "\"", "'", ",", ";", "&", "@", "(", ")", "[", "]", "{", "}", "\\", " ", "%", "=", ":", "\n"} {
		password := "First9Secret" + mark + "Second9Secret" + mark + "x"
		for format, kind := range map[string]Kind{
			"jdbc:mysql://app:%s@db1:3306/x":                                                                    JDBC,
			"jdbc:mysql:loadbalance://app:%s@[a:1,b:2]/x?connectTimeout=1":                                      JDBC,
			"jdbc:mysql://a:1,app:%s@b:2/x":                                                                     JDBC,
			"jdbc:mysql://a:1/x?user=u&password=%s&connectTimeout=1":                                            JDBC,
			"jdbc:mysql://address=(host=a)(password=%s)(port=1)/x":                                              JDBC,
			`mysql_servers=({address="a",port=1}) mysql_users=({username="u",password="%s"})`:                   ProxySQL,
			`mysql_servers=({address="a",port=1}) mysql_users=({username="u",password=%s,x=1})`:                 ProxySQL,
			`mysql_servers=({address="a",port=1}) mysql_variables={monitor_username="m" monitor_password="%s"}`: ProxySQL,
			"listen a\nserver a a:3306\nstats auth a:%s":                                                        HAProxy,
			"userlist u\nuser a insecure-password %s\nlisten a\nserver a a:3306":                                HAProxy,
		} {
			text := strings.Replace(format, "%s", password, 1)
			p, err := Import(Source{Name: "f", Kind: kind, Text: []byte(text)})
			var said []string
			if err != nil {
				said = append(said, err.Error())
			} else {
				for _, r := range p.Remarks {
					said = append(said, r.Text)
				}
			}
			if all := strings.Join(said, "\n"); strings.Contains(all, "9Secret") && kind != HAProxy || strings.Contains(all, "9Secret") && mark != "\n" {
				t.Errorf("%q: %s", text, all)
			}
		}
	}
}

// Who cannot log in to a server of MySQL hardly asks it.
func TestAskedRarely(t *testing.T) {
	for text, want := range map[string]bool{
		"listen a\nserver a a:3306": true, "listen a\nserver a a:9030": false, "listen a\noption mysql-check user u\nserver a a:3306": false,
		"listen a\noption httpchk\nserver a a:3306 check port 80": false,
	} {
		p, err := Import(Source{Name: "f", Kind: HAProxy, Text: []byte(text)})
		if err != nil || strings.Contains(p.YAML(), "health.user: without it") != want {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// A section is taken by its name.
func TestSection(t *testing.T) {
	h := "listen a\nserver a a:3306\nfrontend f\nbind :1\ndefault_backend b\nbackend b\nserver b b:3306\n"
	for section, want := range map[string]string{"a": "a:3306", "f": "b:3306", "b": "b:3306"} {
		p, err := Import(Source{Name: "f", Text: []byte(h), Section: section})
		if err != nil || len(p.Backends) != 1 || p.Backends[0].Address != want {
			t.Errorf("%s: %v %v", section, p, err)
		}
	}
	if _, err := Import(Source{Name: "f", Text: []byte(h), Section: "c"}); err == nil || !strings.Contains(err.Error(), `no proxy "c"`) {
		t.Errorf("c: %v", err)
	}
}

// What published files have in them that no manual's example has, each written anew here.
func TestShapesThatAreFound(t *testing.T) {
	for _, c := range []struct {
		from, text string
		backends   []string
		listen     string
	}{
		{"galeracluster.com, HAProxy: the address beside the name, a name twice", "listen galera 192.0.2.10:3306\n balance source\n mode tcp\n server node1 192.0.2.1:3306 check\n server node2 192.0.2.2:3306 check\n server node2 192.0.2.3:3306 check\n", []string{"node1", "node2", "node2-2"}, "192.0.2.10:3306"},
		{"docs.pingcap.com, HAProxy: a remark behind each line, a page for statistics", "global # a\n nbproc 40 # b\nlisten admin_stats # c\n bind 0.0.0.0:8080\n mode http\n stats auth admin:x\nlisten tidb-cluster # d\n bind 0.0.0.0:3390 # e\n mode tcp\n server tidb-1 192.0.2.1:4000 check inter 2000 rise 2 fall 3 # f\n", []string{"tidb-1"}, "0.0.0.0:3390"},
		{"github.com/HariSekhon/HAProxy-configs: no value where one is expected", "frontend mysql\n description \"MySQL\"\n bind *:3306\n default_backend mysql\nbackend mysql\n option mysql-check # user root\n server 192.0.2.1 192.0.2.1:3306 check backup\n server mysql mysql:3306 check\n", []string{"192.0.2.1", "mysql"}, ":3306"},
		{"github.com/Icemap/tidb-proxysql-docker-compose: prefixed names, a colon before a list", "mysql_variables=\n{\n\tmysql-auditlog_filename=\"x\"\n\tinterfaces=\"0.0.0.0:6033\"\n}\n mysql_servers =\n (\n{\n address=\"tidb-write\"\n port=4000\n hostgroup=0\n}\n )\nmysql_users:\n (\n)\n", []string{"tidb-write"}, "0.0.0.0:6033"},
		{"severalnines.com, ProxySQL: two kinds of comments, a comma behind the last", "//Assign\nmysql_servers =\n(\n { address=\"db1.example\" , port=3306 , hostgroup=10, max_connections=3000 },\n # { address=\"db2\" }\n)\n", []string{"db1.example"}, ""},
		{"stream.d of nginx: what the stream block includes, a UDP server beside it", "upstream mysql_backends {\n # x\n least_conn;\n server 192.0.2.1:3306 max_fails=3 fail_timeout=30s;\n}\nserver { listen 3306; proxy_pass mysql_backends; }\nupstream dns { server 192.0.2.2:53; }\nserver { listen 53 udp; proxy_pass dns; }\n", []string{"192.0.2.1"}, ":3306"},
		{"github.com/seata: three hosts and a database", "jdbc:mysql:loadbalance://192.0.2.2:3306,192.0.2.3:3306,192.0.2.1:3306/seata", []string{"192.0.2.2", "192.0.2.3", "192.0.2.1"}, ""},
	} {
		p, err := Import(Source{Name: "f", Text: []byte(c.text)})
		if err != nil {
			t.Errorf("%s: %v", c.from, err)
			continue
		}
		load(t, p)
		var names []string
		for _, b := range p.Backends {
			names = append(names, b.Name)
		}
		listen := ""
		if len(p.Listen) > 0 {
			listen = p.Listen[0].Address
		}
		if !slices.Equal(names, c.backends) || listen != c.listen {
			t.Errorf("%s: backends %q, listen %q", c.from, names, listen)
		}
	}
}

func TestDetect(t *testing.T) {
	for text, want := range map[string]Kind{
		"server{\n listen 80;\n return 301 x;\n}": Nginx, "listen a\n bind :1\n server a b:1": HAProxy, "frontend a # x;\n bind :1": HAProxy,
		"mysql_servers = ()": ProxySQL, " jdbc:mysql://a": JDBC, "": "", "server": "", "; {": "",
	} {
		if got := Detect("x", []byte(text)); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	for name, want := range map[string]Kind{"/etc/haproxy/haproxy.cfg": HAProxy, `C:\nginx\conf\nginx.conf`: Nginx, "proxysql.cnf": ProxySQL, "haproxy/x": ""} {
		if got := Detect(name, nil); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

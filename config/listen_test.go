package config

import (
	"io/fs"
	"slices"
	"strings"
	"testing"

	"segue/backend"
	"segue/backend/proxyheader"
)

func TestListen(t *testing.T) {
	c, err := Parse("c.yaml", []byte(one+`listen:
  - 127.0.0.1:9030
  - unix:/run/a.sock
  - {unix: /run/b.sock, mode: "0600"}
  - {unix: /run/c.sock, group: app}
`))
	if err != nil {
		t.Fatal(err)
	}
	want := []Listen{{Address: "127.0.0.1:9030"}, {Address: "unix:/run/a.sock"}, {Address: "unix:/run/b.sock", Mode: 0o600}, {Address: "unix:/run/c.sock", Group: "app"}}
	if !slices.Equal(c.Listen, want) {
		t.Errorf("%+v", c.Listen)
	}
	for i, mode := range []fs.FileMode{0o666, 0o666, 0o600, 0o660} {
		if got := c.Listen[i].SocketMode(); got != mode {
			t.Errorf("%s: %04o", c.Listen[i].Address, got)
		}
	}
	if got := c.values()["listen"]; got != "127.0.0.1:9030, unix:/run/a.sock, unix:/run/b.sock (0600), unix:/run/c.sock (0660, group app)" {
		t.Error(got)
	}
	again, err := Parse("", nil, Override{"backends", "a:1", "x"}, Override{"listen", "unix:/run/a.sock, unix:/run/A.sock, 127.0.0.1:1", "SEGUE_LISTEN"})
	if err != nil || !slices.Equal(Addresses(again.Listen), []string{"unix:/run/a.sock", "unix:/run/A.sock", "127.0.0.1:1"}) {
		t.Errorf("%+v, %v", again, err)
	}
}

func TestListenProblems(t *testing.T) {
	long := "/" + strings.Repeat("x", maxSocketPath)
	for text, want := range map[string]string{
		"listen: []":                                            "1:9: listen is an empty list; name an address, for example 127.0.0.1:9030",
		"listen: unix:run/x.sock":                               `1:9: listen: "run/x.sock" is no whole path; write it as in /run/segue/admin.sock`,
		"listen: unix:@name":                                    `1:9: listen: "@…" is an abstract socket; write the path of a file, which has permissions, as in /run/segue/mysql.sock`,
		"listen: 'unix:" + long + "'":                           "1:9: listen: the path has 108 bytes; it may have 107; choose another folder",
		"listen: /run/x.sock":                                   `1:9: listen: "/run/x.sock" is not host:port; did you mean "unix:/run/x.sock"? a socket is written as in unix:/run/segue/mysql.sock`,
		"listen: [unix:/x, unix:/x]":                            "1:19: listen has the address unix:/x twice; keep one",
		"listen: [h:1, H:1]":                                    "1:15: listen has the address H:1 twice; keep one",
		"listen: [unix:/x, unix:///x]":                          "1:19: listen has the address unix:///x twice; keep one",
		"listen: [{mode: '0600'}]":                              "1:10: an address of listen has no path; write {unix: /run/segue/mysql.sock}, or HOST:PORT alone",
		"listen: [{unix: /x, mode: '9'}]":                       `1:27: listen.mode: "9" is no mode of a socket that its owner can use; write it as chmod takes it: 0600, 0660`,
		"listen: [{unix: /x, owner: me}]":                       `1:21: unknown key "owner" in listen; known keys: unix, mode, group`,
		"listen: unix:/x\nadmin: unix:/x":                       "2:8: listen (unix:/x) and admin (unix:/x) are the same address; choose another path for one of them",
		"listen: unix:/x\nbackends: [unix:/x]":                  "2:12: backend unix:/x is the address Segue itself listens on (unix:/x); let one of them use another path, for example listen: 127.0.0.1:9029",
		"backends: [unix:/x, unix:/x]":                          "1:21: two backends have the address unix:/x; the first is in line 1; keep one, with a weight if it is to get more sessions",
		"backends: [unix:x]":                                    `1:12: backend address: "x" is no whole path; write it as in /run/segue/admin.sock`,
		"listen: [" + strings.Repeat("127.0.0.1:0, ", 13) + "]": "1:9: listen has 13 addresses; it may have 12",
	} {
		if !strings.Contains(text, "backends") {
			text += "\n" + one
		}
		_, err := Parse("c.yaml", []byte(text))
		if err == nil || !strings.Contains(err.Error(), "c.yaml:"+want) {
			t.Errorf("%s\ngot  %v\nwant %s", text, err, want)
		}
	}
}

func TestUnixBackends(t *testing.T) {
	c, err := Parse("c.yaml", []byte(`backends:
  - unix:/run/mysqld/mysqld.sock
  - unix:/srv/shard-2/mysqld.sock
  - unix:/tmp/a b.sock
  - {name: x, address: "unix:/tmp/A b.sock", health: "http://h:8030/api/health"}
`))
	if err != nil {
		t.Fatal(err)
	}
	want := []backend.Spec{
		{Name: "mysqld", Address: "unix:/run/mysqld/mysqld.sock", Weight: 1},
		{Name: "shard-2", Address: "unix:/srv/shard-2/mysqld.sock", Weight: 1},
		{Name: "a-b", Address: "unix:/tmp/a b.sock", Weight: 1},
		{Name: "x", Address: "unix:/tmp/A b.sock", Weight: 1, HealthURL: "http://h:8030/api/health"},
	}
	if !slices.Equal(c.Backends, want) {
		t.Errorf("%+v", c.Backends)
	}
}

func TestProxyProtocol(t *testing.T) {
	c, err := Parse("c.yaml", []byte(`flavor: tidb
backends: [{address: "a:1"}, {address: "b:1", proxy_protocol: v1}, {address: "c:1", proxy_protocol: off}, "unix:/s", {address: "unix:/t", proxy_protocol: v2}]
proxy_protocol: {accept: ["::ffff:10.0.0.0/104", "::ffff:192.0.2.7", "fd00::/8", unix], send: auto}
`))
	if err != nil {
		t.Fatal(err)
	}
	var got []proxyheader.Version
	for _, b := range c.Backends {
		got = append(got, b.ProxyProtocol)
	}
	if !slices.Equal(got, []proxyheader.Version{proxyheader.V2, proxyheader.V1, proxyheader.None, proxyheader.None, proxyheader.V2}) {
		t.Error(got)
	}
	if text := networksText(c.Proxy.ProxiedFrom); text != "10.0.0.0/8, 192.0.2.7/32, fd00::/8, unix" {
		t.Error(text)
	}
	fe, err := Parse("c.yaml", []byte("backends: [a:1]\nproxy_protocol: {send: auto}\n"))
	if err != nil || fe.Backends[0].ProxyProtocol != proxyheader.V1 {
		t.Errorf("%+v, %v", fe, err)
	}
	if lines := Diff(c, fe).Lines; !slices.Contains(lines, "proxy_protocol.accept: 10.0.0.0/8, 192.0.2.7/32, fd00::/8, unix -> ") || !slices.Contains(lines, "backend a proxy_protocol: v2 -> v1") {
		t.Errorf("%q", lines)
	}
	for text, want := range map[string]string{
		"proxy_protocol: {accept: 10.0.0.0/8}":              `2:26: proxy_protocol.accept is the value "10.0.0.0/8", not a list; write networks as in 10.0.0.0/8, addresses as in 192.0.2.7, or unix`,
		"proxy_protocol: {accept: [10.0.0.1/8]}":            `2:27: proxy_protocol.accept: 10.0.0.1/8 is an address in a network; did you mean "10.0.0.0/8"?`,
		"proxy_protocol: {accept: [lb.example]}":            `2:27: proxy_protocol.accept has the value "lb.example", which is no network`,
		"proxy_protocol: {accept: ['::ffff:0.0.0.0/95']}":   `2:27: proxy_protocol.accept has the value "::ffff:0.0.0.0/95", which is no network`,
		"proxy_protocol: {accept: ['::ffff:10.0.0.1/104']}": `2:27: proxy_protocol.accept: ::ffff:10.0.0.1/104 is an address in a network; did you mean "10.0.0.0/8"?`,
		"proxy_protocol: {send: v3}":                        `2:24: proxy_protocol.send: unknown word "v3"`,
		"proxy_protocol: {send: v2}":                        `2:24: proxy_protocol: v2, and servers of the flavor starrocks read version 1 alone; write v1, or auto`,
	} {
		if _, err := Parse("c.yaml", []byte(one+text+"\n")); err == nil || !strings.Contains(err.Error(), "c.yaml:"+want) {
			t.Errorf("%s\ngot  %v\nwant %s", text, err, want)
		}
	}
	if _, err := Parse("c.yaml", []byte("backends: [{address: 'a:1', proxy_protocol: yes}]")); err == nil || !strings.Contains(err.Error(), `unknown word "yes"`) {
		t.Error(err)
	}
}

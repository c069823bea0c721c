package config

import (
	"fmt"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"segue/backend"
)

func TestDiscover(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "secret"), "hunter2\n")
	path := filepath.Join(dir, "segue.yaml")
	write(t, path, `discover:
  sql: true
  user: segue
  password_file: secret
  dns:
    - fe-search.db.svc:9030
    - _mysql._tcp.fe-search.db.svc
  resolvers: [10.0.0.10, "10.0.0.11:5353", "::1"]
  file: backends.yaml
  interval: 5s
  remove_after: 0s
zone: a
balance: {prefer: [local, follower]}
backends: [{address: 'fe1:9030', zone: b}]
`)
	c, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	want := Discover{
		SQL: true, User: "segue", Password: "hunter2", DNS: []string{"fe-search.db.svc:9030", "_mysql._tcp.fe-search.db.svc"},
		Resolvers: []string{"10.0.0.10:53", "10.0.0.11:5353", "[::1]:53"}, File: filepath.Join(dir, "backends.yaml"), Interval: 5 * time.Second,
	}
	if !reflect.DeepEqual(c.Discover, want) || !c.Discover.Equal(want) || !c.Discover.Active() {
		t.Errorf("got  %+v\nwant %+v", c.Discover, want)
	}
	if c.Zone != "a" || c.Balance.Prefer != "local,follower" || c.Backends[0].Zone != "b" {
		t.Errorf("zone %q, prefer %q, %+v", c.Zone, c.Balance.Prefer, c.Backends)
	}
	o := c.Balance.Options(c.Zone)
	if !reflect.DeepEqual(o.Prefer, []backend.Preference{backend.PreferLocal, backend.PreferFollower}) || o.Zone != "a" {
		t.Errorf("%+v", o)
	}
	settings, err := Effective(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range settings {
		if strings.Contains(s.Value, "hunter2") {
			t.Errorf("a secret is told: %+v", s)
		}
	}
	if Default().Discover.Active() {
		t.Error("something is looked for by default")
	}
}

// What the command line says takes the place of what the file says, section by section.
func TestDiscoverOverrides(t *testing.T) {
	c, err := Parse("", nil, Override{"backends", "fe1:9030", "--discover"}, Override{"discover.sql", "true", "--discover"}, Override{"discover.user", "root", "--user"})
	if err != nil || !c.Discover.SQL || c.Discover.User != "root" || len(c.Backends) != 1 {
		t.Errorf("%+v, %v", c, err)
	}
	c, err = Parse("x", []byte("discover: {dns: a:1}\n"), Override{"discover.dns", "b:2,_x._tcp.c", "--discover"})
	if err != nil || !reflect.DeepEqual(c.Discover.DNS, []string{"b:2", "_x._tcp.c"}) || len(c.Backends) != 0 {
		t.Errorf("%+v, %v", c, err)
	}
	if _, err := Parse("", nil, Override{"discover.dns", "b", "--discover"}); err == nil || !strings.Contains(err.Error(), "--discover") {
		t.Errorf("%v", err)
	}
}

func TestDiscoverKubernetes(t *testing.T) {
	const text = "discover: {kubernetes: {service: sr-fe-search, namespace: db, port: query-port, http_port: 8031, server: 'https://10.0.0.1:6443', token_file: token, ca_file: /ca.crt}}\n"
	c, err := Parse("/etc/x.yaml", []byte(text))
	if want := (Kubernetes{"sr-fe-search", "db", "query-port", "8031", "https://10.0.0.1:6443", "/etc/token", "/ca.crt"}); err != nil || c.Discover.Kubernetes != want || !c.Discover.Active() {
		t.Errorf("%+v, %v, want %+v", c, err, want)
	}
	c, err = Parse("", nil, Override{"discover.kubernetes.service", "s", "--discover"}, Override{"discover.kubernetes.port", "9030", "--discover"})
	if want := (Kubernetes{Service: "s", Port: "9030"}); err != nil || c.Discover.Kubernetes != want {
		t.Errorf("%+v, %v, want %+v", c, err, want)
	}
}

func TestDiscoverProblems(t *testing.T) {
	for name, c := range map[string]struct{ text, problem, remedy string }{
		"a word too much":           {one + "discover: {sq: true}\n", `unknown key "sq" in discover`, `did you mean "sql"?`},
		"nobody to ask as":          {one + "discover: {sql: true}\n", "discover.sql without discover.user", "OPERATE"},
		"nobody to ask":             {"discover: {sql: true, user: u}\n", "there are none", "backends"},
		"two passwords":             {one + "discover: {sql: true, user: u, password: x, password_file: y}\n", "both given", "keep one"},
		"a password of nobody":      {one + "discover: {password: x}\n", "no discover.user", "add the user"},
		"no port":                   {"discover: {dns: fe-search}\n", `"fe-search" has no port`, `did you mean "fe-search:9030"?`},
		"an address":                {"discover: {dns: ['10.0.0.1:9030']}\n", "is an address", "among the backends"},
		"half a service":            {"discover: {dns: _mysql.x}\n", "is no name of SRV records", "_mysql._tcp"},
		"a service with a port":     {"discover: {dns: '_mysql._tcp.x:9030'}\n", "is no name of SRV records", "_mysql._tcp"},
		"a resolver by name":        {"discover: {dns: a:1, resolvers: [ns1]}\n", "not the address of a name server", "IP:PORT"},
		"resolvers of nothing":      {one + "discover: {resolvers: [10.0.0.1]}\n", "discover.resolvers without discover.dns", "take it out"},
		"a list in a list":          {"discover: {dns: [[a]]}\n", "an item of discover.dns is a list", "single value"},
		"too often":                 {"discover: {dns: a:1, interval: 10ms}\n", "discover.interval is 10ms", "1s or more"},
		"no service":                {"discover: {kubernetes: {namespace: n}}\n", "discover.kubernetes without a service", "sr-fe-search"},
		"no name of a service":      {"discover: {kubernetes: {service: A_b}}\n", `discover.kubernetes.service: "A_b" is no name`, "kubectl"},
		"a port of a service":       {"discover: {kubernetes: {service: s, port: 99999}}\n", `discover.kubernetes.port: "99999" is no port`, "number"},
		"a server in the clear":     {"discover: {kubernetes: {service: s, namespace: n, server: 'http://10.0.0.1'}}\n", "in the clear", "kubectl proxy"},
		"a server, but where":       {"discover: {kubernetes: {service: s, server: 'https://10.0.0.1'}}\n", "discover.kubernetes.server without a namespace", "only a pod"},
		"a key of kubernetes":       {"discover: {kubernetes: {servce: s}}\n", `unknown key "servce" in discover.kubernetes`, `did you mean "service"?`},
		"a preference of no kind":   {one + "balance: {prefer: folower}\n", `unknown word "folower"`, `did you mean "follower"?`},
		"preferences that disagree": {one + "balance: {prefer: [leader, follower]}\n", "exclude each other", "keep one"},
		"local to nowhere":          {one + "balance: {prefer: local}\n", "not said where Segue is", "SEGUE_ZONE"},
		"leader of nobody":          {one + "balance: {prefer: leader}\n", "nobody is asked who that is", "discover.sql"},
	} {
		_, err := Parse("x.yaml", []byte(c.text))
		if err == nil {
			t.Errorf("%s: accepted", name)
			continue
		}
		if text := err.Error(); !strings.Contains(text, c.problem) || !strings.Contains(text, c.remedy) {
			t.Errorf("%s:\n%s\nwant %q and %q", name, text, c.problem, c.remedy)
		}
	}
	_, err := Parse(filepath.Join(t.TempDir(), "x"), []byte(one+"discover: {user: u, password_file: nowhere}\n"))
	if err == nil || !strings.Contains(err.Error(), "discover.password_file nowhere") {
		t.Errorf("%v", err)
	}
}

// A certificate that is to name its server cannot, where the server is known by its address.
func TestDiscoverWarnsOfIdentity(t *testing.T) {
	for text, want := range map[string]bool{
		"discover: {dns: 'fe:9030'}\nbackend_tls: {mode: verify-identity}\n":                          true,
		"discover: {dns: 'fe:9030'}\nbackend_tls: {mode: verify-identity, server_name: fe.example}\n": false,
		"discover: {dns: 'fe:9030'}\nbackend_tls: {mode: required}\n":                                 false,
		"discover: {dns: 'fe:9030'}\n":                                                                false,
		"backends: ['a:9030']\nbackend_tls: {mode: verify-identity}\n":                                false,
	} {
		c, err := Parse("x", []byte(text))
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		got := false
		for _, w := range c.Warnings {
			got = got || strings.Contains(fmt.Sprint(w), "IP address alone")
		}
		if got != want {
			t.Errorf("%s: %v", text, c.Warnings)
		}
	}
}

package draft

import (
	"strings"
	"testing"

	"segue/backend"
	"segue/backend/discover/nodes"
	"segue/config"
)

// loads gives the configuration that a text is.
func loads(t *testing.T, text string) *config.Config {
	t.Helper()
	c, err := config.Parse("segue.yaml", []byte(text))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return c
}

func TestText(t *testing.T) {
	for _, test := range []struct {
		name     string
		file     File
		backends string // addresses with health URLs
		has      []string
		hasNot   []string
	}{
		{
			"an FE cluster with a node that is down",
			File{
				Asked: "fe1:9030", Version: "StarRocks version 3.5.0", Flavor: backend.StarRocks, User: "segue", Secret: "/run/pw",
				Nodes: []Node{
					{Address: "fe1:9030", Role: nodes.Leader, Version: "3.5.0", Health: "http://fe1:8030/api/health"},
					{Address: "fe2:9030", Role: nodes.Follower, Health: "http://fe2:8031/api/health", Zone: "a b"},
					{Address: "fe3:9030", Problem: "its MySQL port: refused", Useless: true},
				},
				Remarks: []Remark{{"how fe3 is", "see to it"}},
			},
			"fe1:9030 http://fe1:8030/api/health, fe2:9030 http://fe2:8031/api/health",
			[]string{"flavor: starrocks", "- fe1:9030  # leader 3.5.0\n", `zone: "a b"`, "# - fe3:9030", "NOT KNOWN: how fe3 is", "to do: see to it", `user: "segue", password_file: "/run/pw"`, "listen: 127.0.0.1:9030\n"},
			[]string{"a guess", "backend_tls"},
		},
		{
			"nothing but an address",
			File{Asked: "db:9030", Flavor: backend.StarRocks, Guessed: true, Nodes: []Node{{Address: "db:9030"}}},
			"db:9030 http://db:8030/api/health",
			[]string{"a guess, see above"},
			nil,
		},
		{
			"none can be used", File{Flavor: backend.TiDB, Nodes: []Node{{Address: "t1:4000", Problem: "x", Useless: true}}}, "t1:4000 http://t1:10080/status", []string{"# t1:4000: x\n", "PROCESS"}, nil,
		},
		{
			"a server on this machine",
			File{Flavor: backend.MySQL, TLS: true, Here: true, Nodes: []Node{{Address: "127.0.0.1:3306", Role: nodes.Primary}}},
			"127.0.0.1:3306 ",
			[]string{"listen: 127.0.0.1:13306\n", "# backend_tls: {mode: verify-identity"},
			nil,
		},
		{
			"IPv6, and a stranger who forges lines",
			File{Asked: "x\nadmin: evil", Version: "8\nusers: [x]", Flavor: backend.MySQL, Nodes: []Node{{Address: "[::2]:3306", Version: "1\n  - evil:1", Problem: "a\n- b"}}},
			"[::2]:3306 ", nil,
			[]string{"\nadmin: evil", "\nusers: [x]", "\n  - evil"},
		},
	} {
		text := test.file.Text()
		c := loads(t, text)
		var got []string
		for _, b := range c.Backends {
			got = append(got, b.Address+" "+b.HealthURL)
		}
		if strings.Join(got, ", ") != test.backends || c.Flavor != test.file.Flavor {
			t.Errorf("%s: %s, %s", test.name, c.Flavor, got)
		}
		for _, want := range test.has {
			if !strings.Contains(text, want) {
				t.Errorf("%s lacks %q:\n%s", test.name, want, text)
			}
		}
		for _, not := range test.hasNot {
			if strings.Contains(text, not) {
				t.Errorf("%s has %q:\n%s", test.name, not, text)
			}
		}
		// What stands in comments to be uncommented loads as well, but for files that are not there.
		loads(t, strings.NewReplacer("# discover:", "discover:", `password_file: "`+test.file.Secret, `password: "`, `password_file: "/etc/segue/discover.password"`, "password: x",
			"# users:\n#   - {name: app, password_file: /etc/segue/app.password}", "users:\n  - {name: app, password: x}").Replace(text))
	}
}

// FuzzText holds that the file loads whatever a cluster says of itself.
func FuzzText(f *testing.F) {
	f.Add("5.1.0", "refused", "zone a", uint8(1))
	f.Add("8.0\n- x: y", "a: b # c\u202e", "\x1b[2J\"'", uint8(3))
	f.Fuzz(func(t *testing.T, version, problem, zone string, flavor uint8) {
		file := File{
			Asked: version, Version: version, Flavor: backend.Flavor(flavor % 4), User: problem, Secret: zone,
			Nodes:   []Node{{Address: "a:1", Version: version, Zone: zone, Health: "http://a:8/x"}, {Address: "b:1", Problem: problem, Useless: flavor > 100}},
			Remarks: []Remark{{problem, zone}},
		}
		if strings.ContainsAny(zone, "$%{}") { // what reads like a variable is refused, whoever wrote it
			return
		}
		c, err := config.Parse("segue.yaml", []byte(file.Text()))
		if err != nil {
			t.Fatalf("%v\n%s", err, file.Text())
		}
		if len(c.Backends) == 0 || c.Listen[0].Address == "" || len(c.Proxy.Users) > 0 {
			t.Errorf("%+v", c)
		}
	})
}

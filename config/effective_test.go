package config

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// Every value is told with where it comes from, and no secret is.
func TestEffective(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "secret"), "hunter2\n")
	path := filepath.Join(dir, "segue.yaml")
	write(t, path, `listen: 127.0.0.1:9000
backends:
  - 10.0.0.1:9030
  - {name: b, address: "10.0.0.2:9030", health: "http://u:hunter2@10.0.0.2:8030/x?token=hunter2", weight: 3}
users:
  - {name: app, password: hunter2}
  - {name: etl, password_file: secret}
  - {name: old, hash: "`+hashOfSecret+`"}
health: {interval: 20ms, user: probe, password_file: secret}
hold: {timeout: 0s}
`)
	settings, err := Effective(path, Override{Key: "admin", Value: ":9132", Source: "--admin"}, Override{Key: "flavor", Value: "doris", Source: "SEGUE_FLAVOR"})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	var all strings.Builder
	for _, s := range settings {
		if _, twice := got[s.Key]; twice {
			t.Errorf("%s is told twice", s.Key)
		}
		got[s.Key] = s.Value + " | " + s.Source
		fmt.Fprintln(&all, s)
	}
	for key, want := range map[string]string{
		"listen":                 "127.0.0.1:9000 | " + path + ":1",
		"admin":                  ":9132 | --admin",
		"flavor":                 "doris | SEGUE_FLAVOR",
		"backends[0].name":       "10.0.0.1 | from the address",
		"backends[0].address":    "10.0.0.1:9030 | " + path + ":3",
		"backends[0].health":     "http://10.0.0.1:8030/api/health | from the flavor and the address",
		"backends[0].weight":     "1 | default",
		"backends[1].name":       "b | " + path + ":4",
		"backends[1].health":     "http://********@10.0.0.2:8030/x?******** | " + path + ":4",
		"backends[1].weight":     "3 | " + path + ":4",
		"users[0].name":          "app | " + path + ":6",
		"users[0].password":      "******** | " + path + ":6",
		"users[1].password_file": "secret | " + path + ":7",
		"users[2].hash":          "******** | " + path + ":8",
		"health.interval":        "20ms | " + path + ":9",
		"health.fast_interval":   "20ms | default",
		"health.password":        "******** | health.password_file",
		"health.password_file":   "secret | " + path + ":9",
		"hold.timeout":           "0s | " + path + ":10",
		"hold.statements":        "10000 | default",
		"stored_programs":        "ignore | default",
		"limits.sessions":        "as file descriptors allow | default",
	} {
		if got[key] != want {
			t.Errorf("%s: %s, want %s", key, got[key], want)
		}
	}
	if strings.Contains(all.String(), "hunter2") || strings.Contains(all.String(), hashOfSecret[1:20]) {
		t.Errorf("a secret is told:\n%s", &all)
	}
	if _, err := Effective("", Override{Key: "listen", Value: "x", Source: "--listen"}); err == nil || !strings.Contains(err.Error(), "--listen: listen:") || !strings.Contains(err.Error(), "there are no backends") {
		t.Errorf("%v", err)
	}
}

// No key is left out, and what is told as the default is what Default has.
func TestEffectiveHasEveryKey(t *testing.T) {
	p := newParser("x", new(reader))
	values := Default().values()
	settings, err := Effective("", Override{Key: "backends", Value: "a:1", Source: "argument"})
	if err != nil {
		t.Fatal(err)
	}
	told := map[string]bool{}
	for _, s := range settings {
		told[s.Key] = true
	}
	var visit func(keys []key, path string)
	visit = func(keys []key, path string) {
		for _, k := range keys {
			full := join(path, k.name)
			_, known := values[full]
			switch {
			case k.keys != nil:
				visit(k.keys, full)
			case full == "backends", full == "users":
			case !told[full]:
				t.Errorf("%s is left out", full)
			case !known && !strings.HasSuffix(full, "_file"):
				t.Errorf("of %s nothing is known", full)
			}
		}
	}
	visit(p.schema(&document{config: Default()}), "")
}

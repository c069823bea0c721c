package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"segue/config"
)

// Whatever variable the program reads is known, so that nobody who has typed it right is told to type another.
func TestVariablesAreKnown(t *testing.T) {
	names := regexp.MustCompile(`"SEGUE_([A-Z_]+)"`)
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) == 0 {
		t.Fatal(err)
	}
	found, known := 0, knownVariables(config.Keys(nil))
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range names.FindAllStringSubmatch(string(text), -1) {
			if found++; !slices.Contains(known, variablePrefix+m[1]) {
				t.Errorf("%s reads SEGUE_%s", file, m[1])
			}
		}
	}
	if found < 5 {
		t.Errorf("%d variables are read", found)
	}
}

// A variable that begins like Segue's and is none of them is told of, with the one that was meant, and stops nothing.
func TestUnknownVariables(t *testing.T) {
	for _, test := range []struct{ variable, want string }{
		{"SEGUE_LISEN=:1", "segue: unknown variable SEGUE_LISEN is ignored; did you mean SEGUE_LISTEN?\n"},
		{"SEGUE_BACKEND=fe1:9030", "segue: unknown variable SEGUE_BACKEND is ignored; did you mean SEGUE_BACKENDS?\n"},
		{"segue_admin=127.0.0.1:1", "segue: unknown variable segue_admin is ignored; did you mean SEGUE_ADMIN?\n"},
		{"SEGUE_CONECT_BUDGET=1s", "segue: unknown variable SEGUE_CONECT_BUDGET is ignored; did you mean SEGUE_CONNECT_BUDGET?\n"},
		{"SEGUE_XYZZY=1", "segue: unknown variable SEGUE_XYZZY is ignored\n"},
		{"SEGUE_ADMIN_CA=x", ""},
		{"SEGUE_SERVICE_HOST=10.0.0.1", ""},
		{"SEGUE_PORT=tcp://10.0.0.1:9030", ""},
		{"SEGUE_GATEWAY_PORT_9030_TCP_ADDR=10.0.0.1", ""},
		{"SEGUE_PORT=9030", "segue: unknown variable SEGUE_PORT is ignored\n"},
		{"SEGUE_SERVICE_PORT=9030", "segue: unknown variable SEGUE_SERVICE_PORT is ignored\n"}, // no service is called so: there is no SEGUE_SERVICE_HOST
		{"SEGUE_ADMIN_PORT=9200", "segue: unknown variable SEGUE_ADMIN_PORT is ignored; did you mean SEGUE_ADMIN_CERT?\n"},
		{"SEGUE_DISCOVER_KUBERNETES_HTTPPORT=8030", "segue: unknown variable SEGUE_DISCOVER_KUBERNETES_HTTPPORT is ignored; did you mean SEGUE_DISCOVER_KUBERNETES_HTTP_PORT?\n"},
		{"SEGUES_LISTEN=:1", ""},
	} {
		if got := segue(t, []string{test.variable}, "version"); got.code != exitDone || got.stderr != test.want {
			t.Errorf("%s: exit %d: %s", test.variable, got.code, got.stderr)
		}
	}
	if got := segue(t, []string{"SEGUE_SERVICE_HOST=10.0.0.1", "SEGUE_SERVICE_PORT=9030", "SEGUE_SERVICE_PORT_MYSQL=9030"}, "version"); got.stderr != "" {
		t.Errorf("a service that is called segue: %s", got.stderr)
	}
	got := segue(t, []string{"SEGUE_BACKEND=fe1:9030"}, "serve")
	if got.code != exitUsage || !strings.Contains(got.stderr, "unknown variable SEGUE_BACKEND is ignored; did you mean SEGUE_BACKENDS?") || !strings.Contains(got.stderr, "no backends and no configuration") {
		t.Errorf("serve: exit %d: %s", got.code, got.stderr)
	}
}

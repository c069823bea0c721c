package config

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"segue/backend"
	"segue/backend/secure/securetest"
)

// fileKey is a key of an example that names a file.
var fileKey = regexp.MustCompile(`([a-z_]*)_file: ([^ ,}\n]+)`)

// withFiles puts files that are there in the place of those that an example names.
func withFiles(t *testing.T, text string) string {
	t.Helper()
	dir := t.TempDir()
	ca := securetest.New(t, "test")
	pair := ca.Issue(t, securetest.Leaf{Names: []string{"segue.example"}})
	content := map[string]string{"cert": string(pair.Cert), "key": string(pair.Key), "client_ca": string(ca.PEM()), "ca": string(ca.PEM())}
	return fileKey.ReplaceAllStringFunc(text, func(s string) string {
		m := fileKey.FindStringSubmatch(s)
		path := filepath.Join(dir, strings.ReplaceAll(m[1]+m[2], "/", "_"))
		what, ok := content[m[1]]
		if !ok {
			what = "secret\n"
		}
		write(t, path, what)
		return m[1] + "_file: " + path
	})
}

// Each example loads without a warning, is one that an editor takes, and is short enough to be read.
func TestExamples(t *testing.T) {
	flavors := map[string]backend.Flavor{
		"sidecar": backend.StarRocks, "gateway": backend.StarRocks, "tidb": backend.TiDB, "doris": backend.Doris, "mariadb": backend.MySQL,
	}
	paths, err := filepath.Glob(filepath.Join("..", "deploy", "examples", "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	schema := compiled(t)
	for _, path := range paths {
		name := strings.TrimSuffix(filepath.Base(path), ".yaml")
		flavor, known := flavors[name]
		delete(flavors, name)
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		c, err := Parse(filepath.Base(path), []byte(withFiles(t, string(text))))
		switch {
		case err != nil:
			t.Errorf("%s: %v", name, err)
			continue
		case !known || c.Flavor != flavor:
			t.Errorf("%s: an example of %s", name, c.Flavor)
		case slices.ContainsFunc(c.Warnings, func(w Problem) bool { return !strings.Contains(w.What, "the certificate expires on") }): // the test's does, tomorrow
			t.Errorf("%s: %v", name, c.Warnings)
		case len(c.Backends) < 2 || len(c.Proxy.Users) == 0:
			t.Errorf("%s: %+v", name, c)
		}
		if err := refusal(schema, text); err != nil {
			t.Errorf("%s: the schema refuses it: %v", name, err)
		}
		if lines := strings.Count(string(text), "\n"); lines > 50 {
			t.Errorf("%s has %d lines", name, lines)
		}
	}
	if len(flavors) > 0 {
		t.Errorf("there is no example of %v", slices.Collect(maps.Keys(flavors)))
	}
}

package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The description of the admin API is one of OpenAPI 3.1 by the rules that redocly recommends, and one with a mistake is none.
func TestOpenAPILint(t *testing.T) {
	text, err := os.ReadFile("../../cmd/internal/admin/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	lint := func(text string) (string, error) {
		path := filepath.Join(t.TempDir(), "openapi.yaml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("node", filepath.Join(cacheDir(t), "linters", "node_modules", "@redocly", "cli", "bin", "cli.js"), "lint", path)
		cmd.Env = append(os.Environ(), "REDOCLY_TELEMETRY=off", "REDOCLY_SUPPRESS_UPDATE_NOTICE=true", "NO_COLOR=1")
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if out, err := lint(string(text)); err != nil || strings.Contains(out, "You have ") {
		t.Errorf("%v\n%s", err, out)
	}
	for old, wrong := range map[string]string{"operationId: live": "operationId: ready", "schemas/Status\"": "schemas/State of it\"", "in: path": "in: paths"} {
		if out, err := lint(strings.Replace(string(text), old, wrong, 1)); err == nil {
			t.Errorf("%s in place of %s passes:\n%s", wrong, old, out)
		}
	}
}

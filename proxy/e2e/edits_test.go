package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// edit is a change to the source of package proxy, for a program that is built for a test alone.
type edit struct {
	file     string // in proxy
	old, new string // a text that is in it once, and what stands there instead
}

// buildEdited builds Segue from the edited source, and returns the program's path.
func buildEdited(t *testing.T, edits ...edit) string {
	t.Helper()
	dir := t.TempDir()
	program := filepath.Join(dir, "segue")
	build(t, "go", "build", "-overlay", overlay(t, dir, edits), "-o", program, "../../cmd/segue")
	return program
}

// overlay writes the edited files into dir, and the file that has the compiler read them in the place of the true ones; its path is returned.
func overlay(t *testing.T, dir string, edits []edit) string {
	t.Helper()
	texts := map[string]string{}
	replaced := map[string]string{}
	for _, e := range edits {
		file, err := filepath.Abs(filepath.Join("..", e.file))
		if err != nil {
			t.Fatalf("find %s: %v", e.file, err)
		}
		if replaced[file] == "" {
			source, err := os.ReadFile(file)
			if err != nil {
				t.Fatalf("read source: %v", err)
			}
			texts[file], replaced[file] = string(source), filepath.Join(dir, strings.ReplaceAll(e.file, "/", "_"))
		}
		if n := strings.Count(texts[file], e.old); n != 1 {
			t.Fatalf("%s has %q %d times, want once: give the edit another place", e.file, e.old, n)
		}
		texts[file] = strings.Replace(texts[file], e.old, e.new, 1)
	}
	for file, text := range texts {
		if err := os.WriteFile(replaced[file], []byte(text), 0o600); err != nil {
			t.Fatalf("write source: %v", err)
		}
	}
	list, err := json.Marshal(map[string]map[string]string{"Replace": replaced})
	path := filepath.Join(dir, "overlay.json")
	if err == nil {
		err = os.WriteFile(path, list, 0o600)
	}
	if err != nil {
		t.Fatalf("write overlay: %v", err)
	}
	return path
}

// TestEditsApply: the places of all edits are in the source, which `make test` says long before the tests that build from them would.
func TestEditsApply(t *testing.T) {
	for _, m := range mutants() {
		t.Run(m.name, func(t *testing.T) { overlay(t, t.TempDir(), []edit{m.edit}) })
	}
	for _, m := range motions() {
		t.Run(m.name, func(t *testing.T) { overlay(t, t.TempDir(), m.edits) })
	}
}

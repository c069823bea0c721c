package check

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// repository is its root, seen from here.
const repository = "../../.."

// index is the page that leads to all others in its folder.
const index = "deploy/docs/README.md"

// pages reads all pages of the repository.
func pages(t *testing.T) map[string]Page {
	t.Helper()
	all := map[string]Page{}
	err := filepath.WalkDir(repository, func(path string, d fs.DirEntry, err error) error {
		switch name := d.Name(); {
		case err != nil:
			return err
		case d.IsDir() && path != repository && (strings.HasPrefix(name, ".") || name == "node_modules" || name == "testdata" || name == "bin"):
			return fs.SkipDir
		case d.IsDir() || filepath.Ext(path) != ".md":
			return nil
		}
		source, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(repository, path)
		if err != nil {
			return err
		}
		name = filepath.ToSlash(name)
		all[name] = ParsePage(name, source)
		return nil
	})
	if err != nil || len(all) < 50 {
		t.Fatalf("%d pages: %v", len(all), err)
	}
	return all
}

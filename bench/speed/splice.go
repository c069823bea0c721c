package main

import (
	"fmt"
	"os"
	"strings"
)

// document is what -write puts the results into, seen from the repository's root, where run.sh runs.
const document = "bench/README.md"

// spliceFile puts a part's text into a document.
func spliceFile(path, name, text string) error {
	old, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	doc, err := splice(string(old), name, text)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return os.WriteFile(path, []byte(doc), 0o644)
}

// splice puts text between the two marks of that name in place of what is there.
func splice(doc, name, text string) (string, error) {
	begin, end := "<!-- begin speed-"+name+" -->\n", "<!-- end speed-"+name+" -->"
	before, rest, found := strings.Cut(doc, begin)
	_, after, closed := strings.Cut(rest, end)
	if !found || !closed {
		return "", fmt.Errorf("no place for %s: it needs a line %q, and below it %q", name, strings.TrimSpace(begin), end)
	}
	return before + begin + "\n" + strings.TrimSpace(text) + "\n\n" + end + after, nil
}

package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Whatever variable the program reads is known, so that nobody who has typed it right is told to type another.
func TestVariablesAreKnown(t *testing.T) {
	names := regexp.MustCompile(`"SEGUE_([A-Z_]+)"`)
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) == 0 {
		t.Fatal(err)
	}
	found := 0
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range names.FindAllStringSubmatch(string(text), -1) {
			if found++; !slices.Contains(variables[:], m[1]) {
				t.Errorf("%s reads SEGUE_%s", file, m[1])
			}
		}
	}
	if found < 5 {
		t.Errorf("%d variables are read", found)
	}
}

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// TestSchema holds deploy/segue.schema.json to what the program prints.
func TestSchema(t *testing.T) {
	got := segue(t, nil, "schema")
	if got.code != exitDone {
		t.Fatal(got.stderr)
	}
	path := filepath.Join("..", "..", "deploy", "segue.schema.json")
	if *update {
		if err := os.WriteFile(path, []byte(got.stdout), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal([]byte(got.stdout), want) {
		t.Errorf("%s is not what `segue schema` prints; go test ./cmd/segue -run Schema -update", path)
	}
}

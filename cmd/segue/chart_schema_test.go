package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// TestSchemaOfChart holds what the chart's schema of values says of `config` to what the program prints, so that Helm refuses a configuration by it. That there
// is a backend, or a way to find one, the chart asks for itself: its default values have none.
func TestSchemaOfChart(t *testing.T) {
	got := segue(t, nil, "schema")
	if got.code != exitDone {
		t.Fatal(got.stderr)
	}
	path := filepath.Join("..", "..", "deploy", "helm", "segue", "values.schema.json")
	there, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	schema, values := decodeObject(t, []byte(got.stdout)), decodeObject(t, there)
	for _, key := range []string{"$schema", "title", "anyOf"} {
		if schema[key] == nil {
			t.Errorf("the schema has no %s", key)
		}
		delete(schema, key)
	}
	properties, ok := values["properties"].(map[string]any)
	if !ok || properties["config"] == nil {
		t.Fatalf("%s: no config among the properties", path)
	}
	properties["config"] = schema
	var want bytes.Buffer
	e := json.NewEncoder(&want)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(values); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(path, want.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		there = want.Bytes()
	}
	if !bytes.Equal(there, want.Bytes()) {
		t.Errorf("%s: config is not what `segue schema` prints; go test ./cmd/segue -run Schema -update", path)
	}
}

func decodeObject(t *testing.T, text []byte) (o map[string]any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&o); err != nil {
		t.Fatal(err)
	}
	return o
}

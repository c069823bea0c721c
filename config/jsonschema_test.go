package config

import (
	"bytes"
	"encoding/json"
	"go/ast"
	goparser "go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"
)

// compiled is the JSON schema as a validator takes it.
func compiled(t *testing.T) *jsonschema.Schema {
	t.Helper()
	example, err := os.ReadFile(filepath.Join("..", "deploy", "segue.example.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	text, err := JSONSchema(example)
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("segue.schema.json", document); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("segue.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// refusal is what the schema has against a file; nil: nothing.
func refusal(s *jsonschema.Schema, data []byte) error {
	var value any
	if err := yaml.Unmarshal(data, &value); err != nil {
		return err
	}
	text, err := json.Marshal(value) // an editor knows JSON's values alone
	if err != nil {
		return err
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return err
	}
	return s.Validate(document)
}

// parses tells what Parse has against a file.
func parses(data string) error {
	_, err := Parse("segue.yaml", []byte(data))
	return err
}

// A file of each kind that validate refuses, and that a schema can refuse.
func TestJSONSchemaRefuses(t *testing.T) {
	s := compiled(t)
	for _, text := range []string{
		"lisen: 127.0.0.1:9030", "health: {intervall: 1s}", "health: {interval: 200}", "health: {interval: fast}", "health: {interval: 0s}", "health: {rise: 0}", "health: {rise: 101}",
		"health: {rise: two}", "health: {rise: 1.5}", "health: [interval]", "listen: 9030", "listen: localhost", "listen: []", "listen: http://localhost:9030", "listen: {mode: \"0660\"}",
		"listen: [a:1, b:1, c:1, d:1, e:1, f:1, g:1, h:1, i:1, j:1, k:1, l:1, m:1]", "admin: true", "admin_mode: 1000", "admin_hosts: segue", "admin_read: nobody",
		"flavor: postgres", "balance: {policy: random}", "balance: {rebalance_rate: -1}", "balance: {rebalance_threshold: 200}", "connect: {unauthenticated: 0}", "hold: {timeout: -1s}",
		"hold: {dry_run: maybe}", "replay: {attempts: 11}", "replay: {reads: all}", "limits: {statements_memory: 512}", "limits: {sessions: many}", "takeover: {offer: 2}",
		"takeover: {socket: relative.sock}", "tls: {min_version: 1.1}", "tls: {key_file: x}", "tls: {mode: maybe}", "backend_tls: {mode: strict}", "backend_compression: lz4",
		"proxy_protocol: {send: v3}", "proxy_protocol: {accept: 10.0.0.0/8}", "users: [app]", "users: [{name: app}]", "users: [{password: x}]", "users: [{name: a, password: x, hash: \"*00\"}]",
		"users: [{name: a, hash: xyz}]", "users: [{name: a, password: x, require: ssl}]", "health: {password: x}", "health: {user: u, password: x, password_file: y}",
		"stored_programs: maybe", "users_learned: 1", "state: [a]", "get_server_public_key: \"\"",
	} {
		file := "backends: [fe1:9030]\n" + text + "\n"
		if parses(file) == nil {
			t.Errorf("validate takes %s", text)
		}
		if refusal(s, []byte(file)) == nil {
			t.Errorf("the schema takes %s", text)
		}
	}
	for _, text := range []string{
		"", "backends: []", "backends: fe1:9030", "backends: [fe1]", "backends: [:9030]", "backends: [{name: a}]", "backends: [{address: fe1:9030, wait: 1}]", "backends: [{address: fe1:9030, weight: 0}]",
		"backends: [{address: fe1:9030, weight: 257}]", "backends: [{address: fe1:9030, health: fe1:8030}]", "backends: [{address: fe1:9030, name: a b}]", "backends: [{address: fe1:9030, tls: {mode: x}}]",
		"backends: [{address: fe1:9030, proxy_protocol: v0}]", "backends: [[fe1:9030]]", "- a",
	} {
		if parses(text) == nil {
			t.Errorf("validate takes %s", text)
		}
		if refusal(s, []byte(text)) == nil {
			t.Errorf("the schema takes %s", text)
		}
	}
}

// TestJSONSchemaTakesTheExample also holds every default to the shape of its key, and each key to a word about it.
func TestJSONSchemaTakesTheExample(t *testing.T) {
	s := compiled(t)
	example, err := os.ReadFile(filepath.Join("..", "deploy", "segue.example.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if err := refusal(s, example); err != nil {
		t.Error(err)
	}
	if !bytes.HasPrefix(example, []byte("# yaml-language-server: $schema=segue.schema.json\n")) {
		t.Error("the example does not name the schema in its first line")
	}
	text, err := JSONSchema(example)
	if err != nil {
		t.Fatal(err)
	}
	var root struct {
		Properties map[string]map[string]any `json:"properties"`
	}
	if err := json.Unmarshal(text, &root); err != nil {
		t.Fatal(err)
	}
	defaults := 0
	var walk func(path string, properties map[string]any)
	walk = func(path string, properties map[string]any) {
		for name, p := range properties {
			of := p.(map[string]any)
			full := join(path, name)
			if text, _ := of["description"].(string); text == "" {
				t.Errorf("the example does not say what %s is", full)
			}
			if value, ok := of["default"]; ok && path == "" {
				defaults++
				one, err := yaml.Marshal(map[string]any{name: value, "backends": []string{"fe1:9030"}})
				if err != nil {
					t.Fatal(err)
				}
				if err := refusal(s, one); err != nil {
					t.Errorf("the default of %s: %v", full, err)
				}
			}
			if inner, ok := of["properties"].(map[string]any); ok {
				walk(full, inner)
			}
		}
	}
	all := map[string]any{}
	for name, of := range root.Properties {
		all[name] = of
	}
	walk("", all)
	if defaults < 8 {
		t.Errorf("%d defaults", defaults)
	}
}

// literals are the texts that stand in the tests of a folder.
func literals(t *testing.T, folder string) (all []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		file, err := goparser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING {
				if text, err := strconv.Unquote(l.Value); err == nil {
					all = append(all, text)
				}
			}
			return true
		})
	}
	return all
}

// Whatever file in whatever test is a configuration, the schema takes; and of those that validate refuses it refuses most.
func TestJSONSchemaAgreesWithTheTests(t *testing.T) {
	s := compiled(t)
	texts := append(literals(t, "."), literals(t, filepath.Join("..", "cmd", "segue"))...)
	taken, refused, both := 0, 0, 0
	seen := map[string]bool{}
	for _, text := range texts {
		if seen[text] || !strings.ContainsAny(text, ":-") {
			continue
		}
		seen[text] = true
		for _, file := range []string{text, "backends: [fe1:9030]\n" + text} {
			switch wrong, says := parses(file), refusal(s, []byte(file)); {
			case wrong == nil && says != nil:
				t.Errorf("validate takes, and the schema does not:\n%s\n%v", file, says)
			case wrong == nil:
				taken++
			case says == nil:
				refused++
				t.Logf("the schema takes %q: %v", file, wrong)
			default:
				both++
			}
		}
	}
	t.Logf("%d files that both take, %d that validate alone refuses, %d that both do", taken, refused, both)
	if taken < 40 {
		t.Errorf("only %d files", taken)
	}
}

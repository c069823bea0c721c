package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"segue/backend/fesim"
)

// apiDescription is the admin API as its description has it.
type apiDescription struct {
	t        *testing.T
	base     string
	paths    map[string]any
	compiler *jsonschema.Compiler
	answered map[string]bool // operation and code
}

// describeAPI reads the description, and asks nothing of an answer that does not stand there: no field beside those.
func describeAPI(t *testing.T, s *serving) *apiDescription {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "internal", "admin", "openapi.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var value any
	if err := yaml.Unmarshal(text, &value); err != nil {
		t.Fatal(err)
	}
	strict(value)
	asJSON, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(asJSON))
	if err != nil {
		t.Fatal(err)
	}
	d := &apiDescription{t: t, base: "http://" + s.api, paths: document.(map[string]any)["paths"].(map[string]any), compiler: jsonschema.NewCompiler(), answered: map[string]bool{}}
	d.compiler.AssertFormat()
	if err := d.compiler.AddResource("openapi.json", document); err != nil {
		t.Fatal(err)
	}
	return d
}

// strict has the objects of a description have no property beside those that stand there.
func strict(value any) {
	switch v := value.(type) {
	case map[string]any:
		if v["type"] == "object" && v["properties"] != nil {
			v["additionalProperties"] = false
		}
		for _, inner := range v {
			strict(inner)
		}
	case []any:
		for _, inner := range v {
			strict(inner)
		}
	}
}

// ask sends a request, and holds the answer to what the description says of that operation and code.
func (d *apiDescription) ask(method, route, path string, code int, prepare ...func(*http.Request)) {
	d.t.Helper()
	req, err := http.NewRequestWithContext(d.t.Context(), method, d.base+path, http.NoBody)
	if err != nil {
		d.t.Fatal(err)
	}
	for _, p := range prepare {
		p(req)
	}
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		d.t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != code {
		body, _ := io.ReadAll(resp.Body)
		d.t.Errorf("%s %s: %s, want %d\n%s", method, path, resp.Status, code, body)
		return
	}
	escaped := strings.NewReplacer("~", "~0", "/", "~1")
	pointer := fmt.Sprintf("#/paths/%s/%s/responses/%d", escaped.Replace(route), strings.ToLower(method), code)
	item, _ := d.paths[route].(map[string]any)
	operation, _ := item[strings.ToLower(method)].(map[string]any)
	responses, _ := operation["responses"].(map[string]any)
	response, ok := responses[fmt.Sprint(code)].(map[string]any)
	if !ok {
		d.t.Errorf("%s %s: the description has no %d", method, route, code)
		return
	}
	if ref, ok := response["$ref"].(string); ok {
		pointer = ref
	}
	kind, _, _ := strings.Cut(resp.Header.Get("Content-Type"), ";")
	d.answered[fmt.Sprintf("%s %s %d", method, route, code)] = true
	schema, err := d.compiler.Compile("openapi.json" + pointer + "/content/" + escaped.Replace(kind) + "/schema")
	if err != nil {
		d.t.Errorf("%s %s: %s: %v", method, path, kind, err)
		return
	}
	for _, value := range d.values(kind, resp.Body, strings.Contains(path, "ticks")) {
		if err := schema.Validate(value); err != nil {
			d.t.Errorf("%s %s: %v\n%v", method, path, err, value)
		}
	}
}

// values are those of a body: of a stream those of its first events of each type.
func (d *apiDescription) values(kind string, body io.Reader, ticks bool) []any {
	d.t.Helper()
	if kind == "text/event-stream" {
		return d.events(body, ticks)
	}
	text, err := io.ReadAll(body)
	if err != nil {
		d.t.Fatal(err)
	}
	if kind != "application/json" {
		return []any{string(text)}
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		d.t.Fatalf("%v: %q", err, text)
	}
	return []any{value}
}

// events are the first ones of a stream: up to the first tick, if there are to be any.
func (d *apiDescription) events(body io.Reader, ticks bool) (values []any) {
	d.t.Helper()
	of := ""
	for lines := bufio.NewScanner(body); lines.Scan(); {
		kind, isKind := strings.CutPrefix(lines.Text(), "event: ")
		data, isData := strings.CutPrefix(lines.Text(), "data: ")
		switch {
		case isKind:
			of = kind
		case isData:
			value, err := jsonschema.UnmarshalJSON(strings.NewReader(data))
			if err != nil {
				d.t.Fatalf("%v: %q", err, data)
			}
			if values = append(values, value); (of == "tick") == ticks {
				return values
			}
		}
	}
	d.t.Error("the stream has ended")
	return values
}

// What a running Segue answers is what openapi.yaml says: each operation, with failures, pins, pauses and changes to tell of, and each refusal that one can come by.
func TestOpenAPIAnswers(t *testing.T) {
	t.Parallel()
	fes := frontends(t, 2, fesim.Options{})
	s := serve(t, nil, "--config", configFile(t, configuration(fes, "hold: {timeout: 100ms}\n")))
	d := describeAPI(t, s)
	quiet := []struct{ route, query string }{
		{"/livez", ""},
		{"/readyz", ""},
		{"/metrics", ""},
		{"/", ""},
		{"/api/v1/openapi.yaml", ""},
		{"/api/v1/status", ""},
		{"/api/v1/backends", ""},
		{"/api/v1/sessions", ""},
		{"/api/v1/loads", ""},
		{"/api/v1/nodes", ""},
		{"/api/v1/failures", ""},
		{"/api/v1/changes", ""},
		{"/api/v1/events", ""},
		{"/api/v1/sessions/find", "?text=FE&order=moves&limit=2"},
		{"/api/v1/history", "?for=1m&points=60"},
		{"/api/v1/events", "?ticks=true"},
	}
	look := func() {
		t.Helper()
		for _, q := range quiet {
			d.ask("GET", q.route, q.route+q.query, 200)
		}
	}
	look()
	fes[0].SetFault(fesim.Fault{GreetingERR: fesim.TooManyConnections()})
	for range 4 {
		s.conn()
	}
	pinned := s.conn()
	if _, err := pinned.ExecContext(t.Context(), "BEGIN"); err != nil {
		t.Fatal(err)
	}
	fes[1].Kill()
	if _, err := pinned.ExecContext(t.Context(), "SELECT 1"); err == nil {
		t.Error("the transaction has outlived its server")
	}
	const set = "/api/v1/backends/{name}/{admin}"
	d.ask("POST", set, "/api/v1/backends/fe-1/drain?force=true", 200)
	d.ask("POST", "/api/v1/pause", "/api/v1/pause?for=1m", 200)
	look()
	d.ask("POST", "/api/v1/resume", "/api/v1/resume", 200)
	d.ask("POST", "/api/v1/reload", "/api/v1/reload", 200)
	d.ask("POST", set, "/api/v1/backends/fe-1/ready", 200)
	fes[0].SetFault(fesim.Fault{})
	eventually(t, "fe-1 to be the only one that is usable", func() bool { return s.backend("fe-1").Usable() && !s.backend("fe-2").Usable() })
	d.ask("POST", set, "/api/v1/backends/fe-1/drain", 409)
	d.ask("POST", set, "/api/v1/backends/none/drain", 404)
	d.ask("POST", set, "/api/v1/backends/fe-1/off", 404)
	d.ask("POST", set, "/api/v1/backends/fe-1/drain?force=perhaps", 400)
	d.ask("POST", "/api/v1/pause", "/api/v1/pause?for=never", 400)
	d.ask("GET", "/api/v1/history", "/api/v1/history?for=99h", 400)
	d.ask("GET", "/api/v1/sessions/find", "/api/v1/sessions/find?limit=0", 400)
	d.ask("GET", "/api/v1/events", "/api/v1/events?ticks=often", 400)
	foreign := func(r *http.Request) { r.Host = "stranger.example" }
	elsewhere := func(r *http.Request) { r.Header.Set("Origin", "http://stranger.example") }
	for _, q := range quiet[2:] {
		d.ask("GET", q.route, q.route, 403, foreign)
	}
	for _, route := range []string{"/api/v1/pause", "/api/v1/resume", "/api/v1/reload"} {
		d.ask("POST", route, route, 403, elsewhere)
	}
	d.ask("POST", set, "/api/v1/backends/fe-1/drain", 403, elsewhere)
	var missing []string
	for route, item := range d.paths {
		for method := range item.(map[string]any) {
			if strings.Contains(route, "/nodes/{name}") {
				continue // TestLoadsAreSeen asks
			}
			if operation := strings.ToUpper(method) + " " + route; !d.answered[operation+" 200"] {
				missing = append(missing, operation)
			}
		}
	}
	if slices.Sort(missing); len(missing) > 0 {
		t.Errorf("nobody has asked for %q: ask here, too", missing)
	}
}

// Where a token is asked for, its lack is told as the description says.
func TestOpenAPIAnswersStrangers(t *testing.T) {
	t.Parallel()
	token := filepath.Join(t.TempDir(), "token")
	writeFile(t, token, "s3cr3t\n")
	s := serve(t, nil, "--config", configFile(t, configuration(frontends(t, 1, fesim.Options{}), "admin_read: token\nadmin_token_file: "+token+"\n")))
	d := describeAPI(t, s)
	for route, item := range d.paths {
		for method := range item.(map[string]any) {
			path := strings.NewReplacer("{name}", "fe-1", "{admin}", "drain").Replace(route)
			if strings.Contains(route, "/nodes/{name}") {
				continue // there is none
			}
			code := 401
			if slices.Contains([]string{"/livez", "/readyz", "/"}, route) {
				code = 200
			}
			d.ask(strings.ToUpper(method), route, path, code)
			d.ask(strings.ToUpper(method), route, path, 200, func(r *http.Request) {
				r.Header.Set("Authorization", "Bearer s3cr3t")
				if strings.HasSuffix(path, "/drain") {
					r.URL.RawQuery = "force=true"
				}
			})
		}
	}
}

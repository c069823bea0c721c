package admin

import (
	"encoding"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"segue/backend"
	"segue/proxy/ledger"
)

// described is the description as it is.
func described(t *testing.T) map[string]any {
	t.Helper()
	var d map[string]any
	if err := yaml.Unmarshal(description, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// at is what stands at a path of keys; nil: nothing.
func at(value any, path ...string) any {
	for _, key := range path {
		m, _ := value.(map[string]any)
		value = m[key]
	}
	return value
}

// routes are the patterns that the package gives to a mux: those of its files that are written as one, as "GET /livez".
func routes(t *testing.T) (patterns []string) {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") || name == "victims.go" || name == "inherit.go" { // those are for another Segue alone
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) != 2 {
				return true
			}
			if f, ok := call.Fun.(*ast.SelectorExpr); !ok || f.Sel.Name != "Handle" && f.Sel.Name != "HandleFunc" {
				return true
			}
			text := ""
			ast.Inspect(call.Args[0], func(n ast.Node) bool { // GET + a constant is a page's asset, see below
				if l, ok := n.(*ast.BasicLit); ok && text == "" {
					text, _ = strconv.Unquote(l.Value)
				}
				return true
			})
			patterns = append(patterns, text)
			return true
		})
	}
	return patterns
}

// asset is what the status page is made of.
var asset = regexp.MustCompile(`^GET (/[a-z]+\.(css|js|svg)|/page/.*)?$`)

// TestOpenAPIHasEveryRoute also has every path of the description be a route. Whoever adds a route adds it to openapi.yaml.
func TestOpenAPIHasEveryRoute(t *testing.T) {
	var want, got []string
	for _, pattern := range routes(t) {
		if !asset.MatchString(pattern) {
			want = append(want, strings.TrimSuffix(pattern, "{$}"))
		}
	}
	for path, item := range at(described(t), "paths").(map[string]any) {
		for method := range item.(map[string]any) {
			got = append(got, strings.ToUpper(method)+" "+path)
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if len(want) < 15 || !slices.Equal(want, got) {
		t.Errorf("routes:\n%s\nopenapi.yaml:\n%s", strings.Join(want, "\n"), strings.Join(got, "\n"))
	}
}

// answerTypes are those of what is answered as JSON, by the route.
var answerTypes = map[string]reflect.Type{
	"get /api/v1/sessions/find":            reflect.TypeFor[Found](),
	"get /api/v1/history":                  reflect.TypeFor[History](),
	"get /api/v1/status":                   reflect.TypeFor[Status](),
	"get /api/v1/backends":                 reflect.TypeFor[[]Backend](),
	"get /api/v1/sessions":                 reflect.TypeFor[[]Session](),
	"get /api/v1/loads":                    reflect.TypeFor[[]Load](),
	"get /api/v1/nodes":                    reflect.TypeFor[[]Node](),
	"post /api/v1/nodes/{name}/{admin}":    reflect.TypeFor[Node](),
	"get /api/v1/failures":                 reflect.TypeFor[ledger.Failures](),
	"get /api/v1/changes":                  reflect.TypeFor[[]Change](),
	"get /api/v1/events":                   reflect.TypeFor[Event](),
	"post /api/v1/backends/{name}/{admin}": reflect.TypeFor[Backend](),
	"post /api/v1/pause":                   reflect.TypeFor[Status](),
	"post /api/v1/resume":                  reflect.TypeFor[Status](),
	"post /api/v1/reload":                  reflect.TypeFor[Reload](),
}

// TestOpenAPIHasEveryField holds the schemas to the types: names, kinds, what is always there, and the words of what has a few.
func TestOpenAPIHasEveryField(t *testing.T) {
	d := described(t)
	compared := 0
	for path, item := range at(d, "paths").(map[string]any) {
		for method, operation := range item.(map[string]any) {
			for code, response := range at(operation, "responses").(map[string]any) {
				if ref, ok := at(response, "$ref").(string); ok {
					response = at(d, strings.Split(strings.TrimPrefix(ref, "#/"), "/")...)
				}
				content, _ := at(response, "content").(map[string]any)
				for kind, media := range content {
					if kind != "application/json" && kind != "text/event-stream" {
						continue
					}
					of, route := reflect.TypeFor[problem](), method+" "+path
					if code == "200" {
						of = answerTypes[route]
					}
					if of == nil {
						t.Errorf("%s: add the type of its answer to this test", route)
						continue
					}
					compared++
					c := comparison{t: t, root: d, seen: map[string]bool{}}
					schema := at(media, "schema")
					if either, ok := at(schema, "anyOf").([]any); ok && of == reflect.TypeFor[Event]() {
						schema = either[0]
						c.compare(route, either[1], reflect.TypeFor[Tick]())
					}
					c.compare(route, schema, of)
				}
			}
		}
	}
	if compared < 30 {
		t.Errorf("%d answers", compared)
	}
}

// comparison holds schemas to types.
type comparison struct {
	t    *testing.T
	root map[string]any
	seen map[string]bool
}

func (c comparison) compare(where string, schema any, of reflect.Type) {
	c.t.Helper()
	if of.Kind() == reflect.Pointer {
		of = of.Elem()
	}
	if ref, ok := at(schema, "$ref").(string); ok {
		if c.seen[ref] {
			return
		}
		c.seen[ref] = true
		where = ref
		schema = at(c.root, strings.Split(strings.TrimPrefix(ref, "#/"), "/")...)
	}
	kind := at(schema, "type")
	if list, ok := kind.([]any); ok {
		kind = list[0] // the other is null
	}
	switch want := jsonKind(of); {
	case kind != want:
		c.t.Errorf("%s: type %v, the program has %s", where, kind, want)
	case want == "array":
		c.compare(where+"[]", at(schema, "items"), of.Elem())
	case want == "object" && of.Kind() == reflect.Map:
		c.compare(where+"{}", at(schema, "additionalProperties"), of.Elem())
	case want == "object":
		c.object(where, schema, of)
	case of == reflect.TypeFor[time.Time]() && at(schema, "format") != "date-time":
		c.t.Errorf("%s is a time", where)
	}
}

// jsonKind is what a type is in JSON.
func jsonKind(of reflect.Type) string {
	if of.Implements(reflect.TypeFor[encoding.TextMarshaler]()) {
		return "string"
	}
	switch of.Kind() {
	case reflect.Bool:
		return "boolean"
	case reflect.Float64:
		return "number"
	case reflect.String:
		return "string"
	case reflect.Slice:
		return "array"
	case reflect.Struct, reflect.Map:
		return "object"
	default:
		return "integer"
	}
}

func (c comparison) object(where string, schema any, of reflect.Type) {
	c.t.Helper()
	properties, _ := at(schema, "properties").(map[string]any)
	required, _ := at(schema, "required").([]any)
	known := map[string]bool{}
	for _, f := range reflect.VisibleFields(of) {
		name, rest, tagged := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous && !tagged && name == "" || name == "-" || !f.IsExported() {
			continue
		}
		known[name] = true
		if properties[name] == nil {
			c.t.Errorf("%s lacks %s", where, name)
			continue
		}
		if always := !strings.Contains(rest, "omit"); always != slices.Contains(required, any(name)) {
			c.t.Errorf("%s: %s is always there: %v, and not so in the description", where, name, always)
		}
		c.compare(where+"."+name, properties[name], f.Type)
	}
	for name := range properties {
		if !known[name] {
			c.t.Errorf("%s has %s, and the program does not", where, name)
		}
	}
}

func TestOpenAPIHasEveryWord(t *testing.T) {
	words := map[string][]string{"Level": {string(Well), string(Care), string(Trouble)}, "State": {string(Serving), string(Stopping), string(Draining)}, "Action": {"", "retried", "moved", "replayed", "held"}}
	for _, h := range backend.Healths() {
		words["Health"] = append(words["Health"], h.String())
	}
	for _, a := range backend.Admins() {
		words["Admin"] = append(words["Admin"], a.String())
	}
	for _, f := range []backend.Flavor{backend.StarRocks, backend.Doris, backend.TiDB, backend.MySQL} {
		words["Flavor"] = append(words["Flavor"], f.String())
	}
	d := described(t)
	for name, want := range words {
		var got []string
		for _, w := range at(d, "components", "schemas", name, "enum").([]any) {
			got = append(got, w.(string))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

// The description is served as it is in the source.
func TestOpenAPIIsServed(t *testing.T) {
	s := serve(t)
	want, err := os.ReadFile("openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	code, body, header := s.request(t, "GET", "/api/v1/openapi.yaml", nil)
	if code != 200 || body != string(want) || header.Get("Content-Type") != "application/yaml" {
		t.Errorf("%d, %d bytes, %v", code, len(body), header)
	}
}

// Every refusal that stands before what is asked for is described wherever it may come.
func TestOpenAPIHasEveryRefusal(t *testing.T) {
	s := serve(t)
	for path, item := range at(described(t), "paths").(map[string]any) {
		for method, operation := range item.(map[string]any) {
			responses := at(operation, "responses").(map[string]any)
			refused := func(code int, body string, header map[string]string) {
				t.Helper()
				req, err := http.NewRequestWithContext(t.Context(), strings.ToUpper(method), "http://"+s.address+strings.NewReplacer("{name}", "fe-1", "{admin}", "ready").Replace(path), strings.NewReader(body))
				if err != nil {
					t.Fatal(err)
				}
				if host := header["Host"]; host != "" {
					req.Host = host
				}
				resp, err := http.DefaultClient.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				resp.Body.Close()
				if resp.StatusCode != code {
					t.Errorf("%s %s is answered %d, want %d", method, path, resp.StatusCode, code)
				}
			}
			refused(http.StatusBadRequest, "x", nil)
			refused(http.StatusRequestEntityTooLarge, strings.Repeat("x", maxBody+1), nil)
			refused(http.StatusForbidden, "", map[string]string{"Host": "example.com"})
			codes := []string{"400", "403", "413", "421"}
			if !isOpen(path) {
				codes = append(codes, "401")
			}
			for _, code := range codes {
				if responses[code] == nil {
					t.Errorf("%s %s may be answered %s, and the description does not say so", method, path, code)
				}
			}
		}
	}
	if text := at(described(t), "paths", "/api/v1/changes", "get", "responses", "200", "description"); text != fmt.Sprintf("The latest %d.", mostChanges) {
		t.Errorf("%d changes are kept, and the description says: %v", mostChanges, text)
	}
}

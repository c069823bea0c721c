package kubetest

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
)

// Object is any object of the API.
type Object = map[string]any

// Post creates an object.
func (s *Server) Post(t *testing.T, path string, o Object) Object {
	t.Helper()
	return s.do(t, http.MethodPost, path, "application/json", o)
}

// Refusal is why the server does not take an object that is posted; empty: it does.
func (s *Server) Refusal(t *testing.T, path string, o Object) string {
	t.Helper()
	code, answer, err := s.ask(t.Context(), http.MethodPost, path, "application/json", o)
	if err != nil {
		t.Fatalf("POST %s: %v", path, err)
	}
	if code/100 == 2 {
		return ""
	}
	var status struct{ Message string }
	if err := json.Unmarshal(answer, &status); err != nil || status.Message == "" {
		return string(answer)
	}
	return status.Message
}

// Get reads one.
func (s *Server) Get(t *testing.T, path string) Object {
	t.Helper()
	return s.do(t, http.MethodGet, path, "", nil)
}

// Merge changes one by a JSON merge patch.
func (s *Server) Merge(t *testing.T, path string, o Object) Object {
	t.Helper()
	return s.do(t, http.MethodPatch, path, "application/merge-patch+json", o)
}

// Delete deletes one.
func (s *Server) Delete(t *testing.T, path string) {
	t.Helper()
	s.do(t, http.MethodDelete, path, "application/json", Object{})
}

// Define creates a CustomResourceDefinition, and returns when the server serves the first of its versions.
func (s *Server) Define(t *testing.T, crd Object) {
	t.Helper()
	s.Post(t, "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", crd)
	version := At(crd, "spec", "versions").([]any)[0]
	path := "/apis/" + Text(crd, "spec", "group") + "/" + Text(version, "name") + "/" + Text(crd, "spec", "names", "plural")
	timeout := time.After(startTimeout)
	for {
		if code, _, err := s.ask(t.Context(), http.MethodGet, path, "", nil); err == nil && code == http.StatusOK {
			return
		}
		select {
		case <-time.After(look):
		case <-timeout:
			t.Fatalf("the API server does not serve %s", path)
		}
	}
}

func (s *Server) do(t *testing.T, method, path, contentType string, o Object) Object {
	t.Helper()
	code, answer, err := s.ask(t.Context(), method, path, contentType, o)
	must(t, method, path, code, answer, err)
	var got Object
	if err := json.Unmarshal(answer, &got); err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	return got
}

// At finds a part of an object by its keys; nil: there is none.
func At(o any, keys ...string) any {
	for _, key := range keys {
		m, ok := o.(Object)
		if !ok {
			return nil
		}
		o = m[key]
	}
	return o
}

// Text is At where a text is expected.
func Text(o any, keys ...string) string {
	s, _ := At(o, keys...).(string)
	return s
}

// Verb is a verb of a role on a resource.
type Verb struct{ Resource, Verb string }

// Grant makes the account and the roles of a file in deploy/kubernetes, and gives a file with a token of the account: a real one, by the API's TokenRequest. Verbs that are
// named are left out of the roles.
func (s *Server) Grant(t *testing.T, namespace, name string, without ...Verb) (tokenFile string) {
	t.Helper()
	account := ""
	for _, o := range manifest(t, name) {
		switch kind := Text(o, "kind"); kind {
		case "ServiceAccount":
			account = Text(o, "metadata", "name")
			s.Post(t, "/api/v1/namespaces/"+namespace+"/serviceaccounts", o)
		case "Role":
			leaveOut(t, o, without)
			s.Post(t, "/apis/rbac.authorization.k8s.io/v1/namespaces/"+namespace+"/roles", o)
		case "RoleBinding":
			for _, subject := range At(o, "subjects").([]any) {
				subject.(Object)["namespace"] = namespace
			}
			s.Post(t, "/apis/rbac.authorization.k8s.io/v1/namespaces/"+namespace+"/rolebindings", o)
		default:
			t.Fatalf("%s has a %s", name, kind)
		}
	}
	tokenFile = filepath.Join(t.TempDir(), "token")
	WriteFile(t, tokenFile, s.Token(t, namespace, account, nil))
	return tokenFile
}

// Token asks for a token of an account; bound: the object with which it ends, nil: none.
func (s *Server) Token(t *testing.T, namespace, account string, bound Object) string {
	t.Helper()
	spec := Object{"expirationSeconds": 3600}
	if bound != nil {
		spec["boundObjectRef"] = bound
	}
	answer := s.Post(t, "/api/v1/namespaces/"+namespace+"/serviceaccounts/"+account+"/token", Object{"spec": spec})
	return Text(answer, "status", "token")
}

// WriteFile writes a file in one go, as the kubelet does.
func WriteFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

// leaveOut takes verbs out of a role, each of which must be in it.
func leaveOut(t *testing.T, role Object, without []Verb) {
	t.Helper()
	for _, w := range without {
		found := false
		for _, rule := range At(role, "rules").([]any) {
			r := rule.(Object)
			if !slices.Contains(r["resources"].([]any), any(w.Resource)) {
				continue
			}
			r["verbs"] = slices.DeleteFunc(r["verbs"].([]any), func(v any) bool {
				found = found || v == w.Verb
				return v == w.Verb
			})
			if len(r["verbs"].([]any)) == 0 {
				r["verbs"] = []any{"deletecollection"} // a rule must have one
			}
		}
		if !found {
			t.Fatalf("no rule of the role has %s on %s", w.Verb, w.Resource)
		}
	}
}

// Verbs are all verbs of the roles in a file of deploy/kubernetes.
func Verbs(t *testing.T, name string) []Verb {
	t.Helper()
	var all []Verb
	for _, o := range manifest(t, name) {
		if Text(o, "kind") != "Role" {
			continue
		}
		for _, rule := range At(o, "rules").([]any) {
			for _, resource := range rule.(Object)["resources"].([]any) {
				for _, verb := range rule.(Object)["verbs"].([]any) {
					all = append(all, Verb{resource.(string), verb.(string)})
				}
			}
		}
	}
	return all
}

func manifest(t *testing.T, name string) []Object {
	t.Helper()
	_, file, _, _ := runtime.Caller(0)
	text, err := os.ReadFile(filepath.Join(filepath.Dir(file), "..", "..", "..", "..", "deploy", "kubernetes", name))
	if err != nil {
		t.Fatal(err)
	}
	var all []Object
	for doc := range strings.SplitSeq(string(text), "\n---\n") {
		var o Object
		if err := yaml.Unmarshal([]byte(doc), &o); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		all = append(all, o)
	}
	return all
}

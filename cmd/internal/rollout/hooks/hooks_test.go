package hooks

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"segue/cmd/internal/rollout"
)

var node = rollout.Node{Name: "fe-1", Host: "10.0.0.1", Kind: rollout.Frontend, Role: rollout.Leader, Address: "10.0.0.1:9030", Version: "3.4.2"}

func TestCommands(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	var said strings.Builder
	s := &Set{
		StopHook: "echo stop {{.Name}} {{.Host}} {{.Role}} {{.Kind}} $SEGUE_ADDRESS $SEGUE_NODE >>" + out, StartHook: "sleep 3 & echo started",
		UpgradeHook: "echo no luck >&2; exit 3", RollbackHook: "sleep 60", Timeout: 10 * time.Second, Said: &said,
	}
	if err := s.Validate(); err != nil {
		t.Fatal(err)
	}
	if err := s.Stop(t.Context(), node); err != nil {
		t.Error(err)
	}
	if text, _ := os.ReadFile(out); string(text) != "stop fe-1 10.0.0.1 leader frontend 10.0.0.1:9030 fe-1\n" {
		t.Errorf("%q", text)
	}
	if err := s.Start(t.Context(), node); err != nil || said.String() != "started\n" {
		t.Errorf("%v; said %q", err, said.String())
	}
	if err := s.Upgrade(t.Context(), node); err == nil || err.Error() != "`echo no luck >&2; exit 3`: exit status 3; it said: no luck" {
		t.Error(err)
	}
	s.Timeout = 50 * time.Millisecond
	if err := s.Rollback(t.Context(), node); err == nil || err.Error() != "`sleep 60`: not done within 50ms" {
		t.Error(err)
	}
}

// What a cluster says of its nodes becomes no part of a program.
func TestHostileNames(t *testing.T) {
	s := &Set{StopHook: "true {{.Name}}", Timeout: time.Second}
	for _, name := range []string{"a;reboot", "$(reboot)", "`reboot`", "a b", "a\nb", "a'b", "a|b", "a>b", "a&b", "~a/b*"} {
		n := node
		n.Name = name
		if err := s.Stop(t.Context(), n); err == nil || !strings.Contains(err.Error(), "which is not put into a command") {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestTemplatesThatAreNone(t *testing.T) {
	for _, text := range []string{"{{.Name", "{{.Nome}}", "{{call .Name}}"} {
		if err := (&Set{StopHook: text}).Validate(); err == nil || !strings.HasPrefix(err.Error(), "--stop: read ") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestHTTP(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.Method != http.MethodPost || r.URL.Path != "/stop/fe-1" || !strings.Contains(string(body), `"role":"leader"`) {
			http.Error(w, "not that", http.StatusTeapot)
		}
	}))
	defer server.Close()
	s := &Set{StopHook: server.URL + "/stop/{{.Name}}", StartHook: server.URL + "/start/{{.Name}}", Timeout: 5 * time.Second}
	if err := s.Stop(t.Context(), node); err != nil {
		t.Error(err)
	}
	if err := s.Start(t.Context(), node); err == nil || !strings.Contains(err.Error(), "it answers 418 I'm a teapot: not that") {
		t.Error(err)
	}
}

// A hook goes where the operator has said, and nowhere else: the page of a login that a redirect leads to answers 200 as well, and has stopped nothing.
func TestHTTPElsewhere(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/login" {
			http.Redirect(w, r, "/login", http.StatusFound)
		}
	}))
	defer server.Close()
	s := &Set{StopHook: server.URL + "/stop/{{.Name}}", Timeout: 5 * time.Second}
	if err := s.Stop(t.Context(), node); err == nil || !strings.Contains(err.Error(), "it answers 302 Found") {
		t.Errorf("a redirect: %v", err)
	}
	if client.Transport.(*http.Transport).Proxy != nil {
		t.Error("the environment says where a hook goes")
	}
}

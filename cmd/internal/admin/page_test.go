package admin

import (
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"
)

// read is the text of a file of this repository.
func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// scripts are all of the page's, one after the other.
func scripts(t *testing.T) (all string) {
	t.Helper()
	names, err := fs.Glob(pages, "page/*.js")
	if err != nil || len(names) < 10 {
		t.Fatalf("%d scripts, %v", len(names), err)
	}
	for _, name := range names {
		all += read(t, name)
	}
	return all
}

// The page says of each kind of failure what it is.
func TestThePageExplainsEveryKind(t *testing.T) {
	kinds := regexp.MustCompile(`Kind = "([a-z_]+)"`).FindAllStringSubmatch(read(t, "../../../proxy/ledger/kind.go"), -1)
	if len(kinds) < 15 {
		t.Fatalf("%d kinds", len(kinds))
	}
	script := read(t, "page/words.js")
	for _, kind := range kinds {
		if kind[1] != "replay" && !strings.Contains(script, "\n  "+kind[1]+": \"") { // which is never entered
			t.Errorf("%s is not explained", kind[1])
		}
	}
	for _, action := range regexp.MustCompile(`Action = "([a-z]+)"`).FindAllStringSubmatch(read(t, "../../../proxy/ledger/kind.go"), -1) {
		if !strings.Contains(script, "\n  "+action[1]+": \"") {
			t.Errorf("%s is not explained", action[1])
		}
	}
}

// What the scripts look for is on the page, and nothing of the page is there for nobody.
func TestThePageHasWhatItsScriptsLookFor(t *testing.T) {
	page, script := read(t, "page/index.html"), scripts(t)
	for _, id := range regexp.MustCompile(`byId\("([a-z0-9-]+)"\)`).FindAllStringSubmatch(script, -1) {
		if !strings.Contains(page, `id="`+id[1]+`"`) {
			t.Errorf("there is no #%s", id[1])
		}
	}
	style := read(t, "page/page.css") + read(t, "page/timeline.css")
	for _, rule := range []string{".state.up", ".state.stopping", ".state.down", ".state.seen-by", ".band.leaving", ".band.removed", "prefers-color-scheme: dark", "prefers-reduced-motion"} {
		if !strings.Contains(style, rule) {
			t.Errorf("there is no rule for %s", rule)
		}
	}
}

// The page is all there is: whatever it loads is in the program, and it reaches out to nobody. Text of strangers never becomes HTML.
func TestThePageIsAllThereIs(t *testing.T) {
	s := serve(t)
	code, page, header := s.request(t, "GET", "/", nil)
	if code != 200 || !strings.Contains(page, "<title>Segue</title>") {
		t.Fatalf("the page: %d %s", code, page)
	}
	policy := header.Get("Content-Security-Policy")
	if !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") || strings.Contains(policy, "*") {
		t.Errorf("the policy is %s", policy)
	}
	if strings.Contains(page, "<style") || strings.Contains(page, " style=") || regexp.MustCompile(` on[a-z]+="`).MatchString(page) {
		t.Error("there is style or script within the page, which the policy forbids")
	}
	loaded := regexp.MustCompile(`(?:href|src)="(page/[^"]+)"`).FindAllStringSubmatch(page, -1)
	loaded = append(loaded, regexp.MustCompile(`from "\./([a-z]+\.js)"`).FindAllStringSubmatch(scripts(t), -1)...)
	if len(loaded) < 15 {
		t.Fatalf("%d files", len(loaded))
	}
	for _, file := range loaded {
		path := "/page/" + strings.TrimPrefix(file[1], "page/")
		code, text, header := s.request(t, "GET", path, nil)
		if code != 200 || header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %d %v", path, code, header)
		}
		text = strings.ReplaceAll(text, "http://www.w3.org/2000/svg", "") // a name, which nobody visits
		for _, wrong := range []string{"http://", "https://", "innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "localStorage", "document.cookie"} {
			if strings.Contains(text, wrong) {
				t.Errorf("%s has %s", path, wrong)
			}
		}
	}
	for _, path := range []string{"/page/nothing.js", "/page/..%2fpage.go", "/page/"} {
		if code, body, _ := s.request(t, "GET", path, nil); code != 404 {
			t.Errorf("%s: %d %s", path, code, body)
		}
	}
}

package admin

import (
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

// The page says of each kind of failure what it is.
func TestThePageExplainsEveryKind(t *testing.T) {
	kinds := regexp.MustCompile(`Kind = "([a-z_]+)"`).FindAllStringSubmatch(read(t, "../../../proxy/ledger/kind.go"), -1)
	if len(kinds) < 15 {
		t.Fatalf("%d kinds", len(kinds))
	}
	script := read(t, "status.js")
	for _, kind := range kinds {
		if kind[1] != "replay" && !strings.Contains(script, "\n  "+kind[1]+": \"") { // which is never entered
			t.Errorf("%s is not explained", kind[1])
		}
	}
}

// What the script looks for is on the page, and each state that it colours has a colour.
func TestThePageHasWhatItsScriptLooksFor(t *testing.T) {
	page, script, style := read(t, "status.html"), read(t, "status.js"), read(t, "status.css")
	for _, id := range regexp.MustCompile(`byId\("([a-z-]+)"\)`).FindAllStringSubmatch(script, -1) {
		if !strings.Contains(page, `id="`+id[1]+`"`) {
			t.Errorf("there is no #%s", id[1])
		}
	}
	for _, rule := range []string{".state.up", ".state.stopping", ".state.down", ".scroll.more::before"} {
		if !strings.Contains(style, rule) {
			t.Errorf("there is no rule for %s", rule)
		}
	}
}

package track

import (
	"os"
	"regexp"
	"testing"
)

// Each reason is explained, and nothing else is.
func TestEveryPinIsExplained(t *testing.T) {
	text, err := os.ReadFile("pin.go")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`(?m)^\tPin\w+ += "(\w+)"`).FindAllSubmatch(text, -1)
	if len(found) != len(pinWords) || len(found) < 20 {
		t.Errorf("%d reasons, %d explained", len(found), len(pinWords))
	}
	for _, f := range found {
		if w := Explain(string(f[1])); w.Is == "" || w.Ends == "" {
			t.Errorf("%s: %+v", f[1], w)
		}
	}
}

package check

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestParsePage(t *testing.T) {
	p := ParsePage("a.md", []byte("# What `it` does: *now*\n\n- a [link](b.md#x)\n  in two lines, ![picture](c.png)\n\n  ```console real-cluster\n  $ a\n  ```\n\n"+
		"## Twice\n\n## Twice\n\n<a id=\"old\"></a>\n\n<!-- console\n$ b --c\n-->\n\n<!-- a remark -->\n\n| t |\n|---|\n| [in a table](d.md) |\n"))
	if got, want := fmt.Sprint(p.Blocks), "[{7 [console real-cluster] $ a\n} {17 [console] $ b --c}]"; got != want {
		t.Errorf("blocks %s, want %s", got, want)
	}
	if got, want := fmt.Sprint(p.Links), "[{3 b.md#x} {4 c.png} {24 d.md}]"; got != want {
		t.Errorf("links %s, want %s", got, want)
	}
	for _, want := range []string{"what-it-does-now", "twice", "twice-1", "old"} {
		if !p.Anchors[want] {
			t.Errorf("no %q in %v", want, p.Anchors)
		}
	}
}

func TestSteps(t *testing.T) {
	got, err := Steps(3, "$ cat > f <<'EOF'\n> a: b\n>\n> EOF\n$ segue serve \\\n    --config f &      # goes on\nsegue listens on …\n...\n\n$ echo a && true\na\n> b\n")
	want := []Step{
		{3, "cat > f <<'EOF'\na: b\n\nEOF", nil, false},
		{7, "segue serve \\\n    --config f &      # goes on", []string{"segue listens on …", "..."}, true},
		{12, "echo a && true", []string{"a", "> b"}, false},
	}
	if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%v\n%v\n%v", err, got, want)
	}
	for _, text := range []string{"a\n$ b", "$ a \\\n", "> a"} {
		if got, err := Steps(1, text); err == nil {
			t.Errorf("%q became %v", text, got)
		}
	}
}

func TestMatch(t *testing.T) {
	for _, tt := range []struct {
		want, got string
		ok        bool
	}{
		{"", "whatever", true},
		{"a  b", "a b\n\n", true},
		{"a\n...\nz", "a\nz", true},
		{"a\n...\nz", "a\nb\nc\nz\n", true},
		{"a\n...", "a\n", true},
		{"took … ms", "took 1.5 ms", true},
		{"took … ms", "took 1.5 s", false},
		{"a", "a\nb", false},
		{"a\nb", "a", false},
		{"a.c", "abc", false},
		{"  indented", "indented", false},
	} {
		err := Match(strings.Split(tt.want, "\n")[:min(len(tt.want), strings.Count(tt.want, "\n")+1)], tt.got)
		if (err == nil) != tt.ok || err != nil && !errors.Is(err, ErrSaid) {
			t.Errorf("%q and %q: %v", tt.want, tt.got, err)
		}
	}
}

func TestInvocations(t *testing.T) {
	got := Invocations("sudo bin/segue drain fe-1 --wait \\\n  --admin=x  # not --this\n | jq --slurp")
	if len(got) != 1 || !slices.Equal(got[0].Words, []string{"drain"}) || !slices.Equal(got[0].Flags, []string{"--wait", "--admin"}) {
		t.Errorf("%v", got)
	}
	if got := Invocations("A=b segue status | x && kubectl exec p -- /segue top --admin a"); len(got) != 2 || got[1].Words[0] != "top" {
		t.Errorf("%v", got)
	}
	if got := Invocations("kubectl logs segue-1 --tail 3; helm install segue --set x"); len(got) != 0 {
		t.Errorf("%v", got)
	}
}

func FuzzSteps(f *testing.F) {
	f.Add("$ a \\\n> b\nc\n")
	f.Add("$ a\nb\xd4\n")
	f.Fuzz(func(t *testing.T, text string) {
		steps, err := Steps(1, text)
		if err != nil {
			return
		}
		for _, s := range steps {
			_ = Match(s.Want, text)
			Invocations(s.Command)
		}
	})
}

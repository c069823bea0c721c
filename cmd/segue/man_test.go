package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRoff(t *testing.T) {
	for text, want := range map[string]string{
		"plain text":                      "plain text",
		".x begins like a request":        `\&.x begins like a request`,
		"'x does so too":                  `\(aqx does so too`,
		"run `segue ready NAME` then":     `run \fBsegue ready NAME\fR then`,
		"with --wait: give up, not a - b": `with \-\-wait: give up, not a - b`,
		"a well-known \\n":                `a well-known \en`,
		"`a-b --c`":                       `\fBa\-b \-\-c\fR`,
	} {
		if got := roff(text); got != want {
			t.Errorf("roff(%q) = %q, want %q", text, got, want)
		}
	}
	if got := literal("a-b 'c' `d` ~^\\"); got != `a\-b \(aqc\(aq \(gad\(ga \(ti\(ha\e` {
		t.Errorf("literal: %q", got)
	}
	const text = "One\ntwo.\n\n  $ as it stands\n  .so\n\nThree:\n  four"
	const want = "One two.\n.PP\n.nf\n.RS 2\n$ as it stands\n\\&.so\n.RE\n.fi\n.PP\nThree:\n.PP\n.nf\n.RS 2\nfour\n.RE\n.fi\n"
	if got := paragraphs(text, ""); got != want {
		t.Errorf("paragraphs:\n%s\nwant:\n%s", got, want)
	}
	if got := paragraphs("", "Shortly"); got != "Shortly.\n" {
		t.Errorf("without a text: %q", got)
	}
}

// There is a page for each command that the help shows, and it has each of its flags.
func TestManPages(t *testing.T) {
	folder := t.TempDir()
	if got := segue(t, nil, "man", folder); got.code != exitDone {
		t.Fatal(got.stderr)
	}
	page := func(name string) string {
		text, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	if text := page("segue.1"); !strings.Contains(text, `\fBsegue\-bench\fR(1)`) || strings.Contains(text, `segue\-man`) || strings.Contains(text, `segue\-completion`) {
		t.Errorf("segue.1:\n%s", text)
	}
	for name, want := range map[string]string{"segue-drain.1": `\fB\-\-timeout\fR \fItime\fR`, "segue-status.1": `\fB\-w\fR, \fB\-\-watch\fR[=\fItime\fR]`, "segue-bench-mark.1": `\fB\-\-to\fR`} {
		if text := page(name); !strings.Contains(text, want) {
			t.Errorf("%s lacks %s:\n%s", name, want, text)
		}
	}
}

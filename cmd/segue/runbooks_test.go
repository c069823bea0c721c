package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What the pages beside the rules say to type is there to be typed: commands, their flags, and how many arguments they take.
func TestRunbooksCommands(t *testing.T) {
	t.Parallel()
	pages, err := filepath.Glob("../../deploy/prometheus/runbooks/*.md")
	if err != nil || len(pages) < 20 {
		t.Fatal(len(pages), err)
	}
	tried := 0
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			command, ok := strings.CutPrefix(strings.TrimSpace(line), "$ segue ")
			if !ok {
				continue
			}
			tried++
			w := &world{stdout: io.Discard, stderr: io.Discard, getenv: func(string) string { return "" }}
			root, _ := w.commands()
			cmd, args, err := root.Find(strings.Fields(command))
			if err == nil {
				err = cmd.ParseFlags(args)
			}
			if err == nil {
				err = cmd.ValidateArgs(cmd.Flags().Args())
			}
			if err != nil || cmd == root {
				t.Errorf("%s: segue %s: %v", filepath.Base(page), command, err)
			}
		}
	}
	if tried < 40 {
		t.Errorf("%d commands were found", tried)
	}
}

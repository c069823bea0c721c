package check

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// What is shown of a terminal is what one gets: every block that says console and nothing else is run, page by page.
func TestConsoles(t *testing.T) {
	program := build(t)
	ran, left := 0, map[string]int{}
	t.Run("pages", func(t *testing.T) {
		for name, p := range pages(t) {
			var blocks []Block
			for _, b := range p.Blocks {
				switch {
				case slices.Equal(b.Words, []string{"console"}):
					blocks = append(blocks, b)
				case len(b.Words) == 2 && b.Words[0] == "console":
					left[b.Words[1]]++
				}
			}
			if len(blocks) == 0 {
				continue
			}
			ran += len(blocks)
			t.Run(strings.ReplaceAll(name, "/", "_"), func(t *testing.T) { // a slash is a level of -run
				t.Parallel()
				runPage(t, program, p, blocks)
			})
		}
	})
	t.Logf("%d blocks were run, and of those that say why not: %v", ran, left)
	if ran == 0 {
		t.Error("no block was run")
	}
}

// runPage runs the blocks of a page, until a command fails: what comes behind it builds on it.
func runPage(t *testing.T, program string, p Page, blocks []Block) {
	t.Helper()
	s := newShell(t, program)
	for _, b := range blocks {
		steps, err := Steps(b.Line, b.Text)
		if err != nil {
			t.Fatalf("%s: %v", p.Path, err)
		}
		for _, step := range steps {
			if err := s.run(step); err != nil {
				t.Fatalf("%s:%d: $ %s\n%v", p.Path, step.Line, step.Command, err)
			}
		}
	}
}

var helpFlag = regexp.MustCompile(`(?m)^ +(?:-[a-z], )?(--[a-z][a-z0-9-]*)`)

// What is not run is held to the program's own word: its subcommands and flags are there.
func TestConsolesNotRun(t *testing.T) {
	program := build(t)
	help := map[string]string{}
	looked := 0
	for _, p := range pages(t) {
		for _, b := range p.Blocks {
			if len(b.Words) != 2 || b.Words[0] != "console" {
				continue
			}
			steps, err := Steps(b.Line, b.Text)
			if err != nil {
				t.Errorf("%s: %v", p.Path, err)
			}
			for _, step := range steps {
				for _, use := range Invocations(step.Command) {
					looked++
					if what := unknown(t, program, help, use); what != "" {
						t.Errorf("%s:%d: $ %s\n%s", p.Path, step.Line, step.Command, what)
					}
				}
			}
		}
	}
	if looked == 0 {
		t.Error("nothing was looked at")
	}
}

// unknown says what of a use the program does not know. help has what it has said already.
func unknown(t *testing.T, program string, help map[string]string, use Invocation) string {
	t.Helper()
	words := strings.Join(use.Words, " ")
	if _, ok := help[words]; !ok {
		out, _ := exec.CommandContext(t.Context(), program, append(slices.Clone(use.Words), "--help")...).CombinedOutput() // of words that it does not know it fails
		help[words] = string(out)
	}
	if len(use.Words) > 0 && !strings.Contains(help[words], "Usage:\n  segue "+use.Words[0]) {
		return fmt.Sprintf("segue has no command %q", use.Words[0])
	}
	known := []string{"--version", "--help"}
	for _, m := range helpFlag.FindAllStringSubmatch(help[words], -1) {
		known = append(known, m[1])
	}
	for _, flag := range use.Flags {
		if !slices.Contains(known, flag) {
			return fmt.Sprintf("segue %s has no flag %s", words, flag)
		}
	}
	return ""
}

// programs is the folder of what is built, as long as the tests run.
var programs string

// built is the program, built once for all tests.
var built = sync.OnceValues(func() (string, error) {
	path := filepath.Join(programs, "segue")
	cmd := exec.Command("go", "build", "-o", path, "./cmd/segue")
	cmd.Dir = repository
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	return path, nil
})

func build(t *testing.T) string {
	t.Helper()
	path, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// TestMain puts away what was built.
func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "segue-docs-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	programs = dir
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

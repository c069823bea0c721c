package check

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"segue/config"
)

// shells are words that blocks with commands could have in place of console, and would be run by nobody.
var shells = []string{"sh", "bash", "shell", "zsh", "shell-session"}

// reasons are the words behind console for which a block is not run, and why that is one. A new one belongs here, so that it is one of few.
var reasons = map[string]string{
	"checkout":        "runs make in the repository, for minutes or more",
	"docker":          "needs a daemon",
	"image":           "makes the image, as deploy/image's tests do",
	"open-folder":     "its warning depends on who may read the folder above the page's",
	"real-cluster":    "needs servers; the flags of segue in it are looked at",
	"real-kubernetes": "needs a cluster",
	"registry":        "needs a registry",
	"root":            "changes the machine; deploy/packages' TestMachine installs, upgrades and removes on one of its own",
	"source":          "needs a checkout as its folder",
	"systemd":         "needs a service manager",
	"tarball":         "needs a release, as `make release` makes it",
	"terminal":        "draws on a terminal",
}

// What the words of a block say is understood, so that nothing is left out unseen.
func TestBlocksSayWhatTheyAre(t *testing.T) {
	t.Parallel()
	for _, p := range pages(t) {
		for _, b := range p.Blocks {
			switch {
			case len(b.Words) == 0 && strings.HasPrefix(b.Text, "$ "), len(b.Words) > 0 && slices.Contains(shells, b.Words[0]):
				t.Errorf("%s:%d: a block with commands has to say console, and is run; or console and why it is not", p.Path, b.Line)
			case len(b.Words) > 1 && b.Words[0] == "console" && (len(b.Words) > 2 || reasons[b.Words[1]] == ""):
				t.Errorf("%s:%d: %q: behind console is one word, why the block is not run, of those in reasons", p.Path, b.Line, b.Words[1:])
			case len(b.Words) > 1 && b.Words[0] == "yaml" && !slices.Equal(b.Words[1:], []string{"segue"}):
				t.Errorf("%s:%d: behind yaml stands segue or nothing", p.Path, b.Line)
			}
		}
	}
}

// What is shown of a configuration is one, and what is shown of other YAML is YAML.
func TestYAML(t *testing.T) {
	t.Parallel()
	loaded := 0
	for _, p := range pages(t) {
		for _, b := range p.Blocks {
			if len(b.Words) == 0 || b.Words[0] != "yaml" {
				continue
			}
			if err := parseYAML(b.Text); err != nil {
				t.Errorf("%s:%d: %v", p.Path, b.Line, err)
			} else if len(b.Words) == 2 {
				loaded++
				loadConfiguration(t, p, b)
			}
		}
	}
	if loaded == 0 {
		t.Error("none was loaded")
	}
}

// parseYAML reads all documents of a stream.
func parseYAML(text string) error {
	d := yaml.NewDecoder(strings.NewReader(text))
	for {
		var any any
		if err := d.Decode(&any); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// loadConfiguration loads a block as a configuration. Some keys are enough: backends are added where none are. Files that it names need not be there.
func loadConfiguration(t *testing.T, p Page, b Block) {
	t.Helper()
	text := []byte(b.Text)
	if !bytes.Contains(text, []byte("backends:")) && !bytes.Contains(text, []byte("discover:")) {
		text = append(text, "\nbackends: [10.0.0.1:9030]\n"...)
	}
	path := filepath.Join(t.TempDir(), "segue.yaml")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := config.Load(path)
	problems, ok := errors.AsType[*config.Problems](err)
	if err != nil && !ok {
		t.Errorf("%s:%d: %v", p.Path, b.Line, err)
		return
	}
	if problems == nil {
		return
	}
	for _, problem := range problems.List {
		if !strings.Contains(problem.What, "no such file") {
			t.Errorf("%s:%d: line %d of it: %s; %s", p.Path, b.Line, problem.Line, problem.What, problem.Remedy)
		}
	}
}

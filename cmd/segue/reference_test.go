package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"segue/config"
	"segue/deploy"
	"segue/proxy"
)

// What stands between these in a page of the reference is made from the code; what stands around it is written by hand.
const (
	begins = "<!-- From here on it is made from the code, by `make docs`: do not edit. -->\n\n"
	ends   = "\n<!-- So far it is made from the code. -->\n"
)

// holdPage holds the part of a page of the reference that is made from the code to what the code says; -update writes it.
func holdPage(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join("..", "..", "deploy", "docs", "reference", name)
	have, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, begun := strings.Cut(string(have), begins)
	made, after, ended := strings.Cut(rest, ends)
	switch {
	case !begun || !ended:
		t.Fatalf("%s does not say where what is made from the code begins and ends: %q, %q", path, begins, ends)
	case made == text:
	case *update:
		if err := os.WriteFile(path, []byte(before+begins+text+ends+after), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("%s is not what the code says: make docs writes it", path)
	}
}

// cell is a text in a table of Markdown.
func cell(text string) string {
	text = strings.ReplaceAll(strings.Join(strings.Fields(text), " "), "|", `\|`)
	return cmp.Or(strings.NewReplacer("<", "&lt;", "*", `\*`).Replace(text), "–")
}

// code is one that is typed as it stands.
func code(text string) string {
	if text == "" {
		return "–"
	}
	text = strings.ReplaceAll(text, "|", `\|`)
	if strings.Contains(text, "`") {
		return "`` " + text + " ``"
	}
	return "`" + text + "`"
}

func row(cells ...string) string { return "| " + strings.Join(cells, " | ") + " |\n" }

func head(cells ...string) string {
	return row(cells...) + strings.Repeat("|---", len(cells)) + "|\n"
}

// configurationPage is every key: what it is, and where else it may be given.
func configurationPage() string {
	var b strings.Builder
	b.WriteString(`- A flag: ` + "`--connect-budget=5s`" + `; a list is written with commas, or its flag is given again; true or false: ` + "`--hold-dry-run`, `--takeover-offer=false`" + `.
- A variable: ` + "`SEGUE_CONNECT_BUDGET=5s`" + `; an empty one counts as none. One that begins with ` + "`SEGUE_`" + ` and is none of these is told of, and means nothing.
- A time is a number with its unit: ` + "`200ms`, `5s`, `1h`" + `; none is longer than a year. A relative path starts at the file that names it, and outside a file where Segue is started.
- ` + "`credential:NAME`" + ` in place of a path is a credential of the systemd unit.
- *Change* says what a change of the file does: ` + "`reload`" + `: it is taken up by itself, within a second or at a SIGHUP; ` + "`restart`" + `: it waits for the next start, or for the Segue that takes over.

`)
	about := config.Sections(deploy.Example)
	var order []string
	rows := map[string]string{}
	for _, k := range config.Keys(deploy.Example) {
		section := ""
		if at := strings.LastIndex(k.Path, "."); at >= 0 {
			section = k.Path[:at]
		}
		if rows[section] == "" {
			order = append(order, section)
		}
		rows[section] += rowOf(k, strings.TrimPrefix(strings.TrimPrefix(k.Path, section), "."))
	}
	for _, section := range order {
		b.WriteString("## " + cmp.Or(section, "Keys of the file itself") + "\n\n")
		if text := about[section]; text != "" {
			b.WriteString(text + "\n\n")
		}
		b.WriteString(head("key", "takes", "default", "flag, variable", "change", "what it is") + rows[section] + "\n")
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func rowOf(k config.Key, name string) string {
	change, value := "reload", code(k.Default)
	if k.Restart {
		change = "restart"
	}
	if strings.Contains(k.Default, " ") {
		value = cell(k.Default)
	}
	outside := "in the file alone"
	switch {
	case k.Path == "backends":
		outside = "arguments<br>" + code(k.Variable)
	case k.Flag != "":
		outside = code("--"+k.Flag) + "<br>" + code(k.Variable)
	case k.Variable != "":
		outside = "no flag<br>" + code(k.Variable)
	}
	return row(code(name), cell(k.Takes), value, outside, change, cell(k.About))
}

// What the table in the page says is what the keys are.
func TestReferenceConfiguration(t *testing.T) {
	for _, k := range config.Keys(deploy.Example) {
		if k.About == "" || k.Takes == "" {
			t.Errorf("of %s it is not said what it is: deploy/segue.example.yaml says it", k.Path)
		}
	}
	holdPage(t, "configuration.md", configurationPage())
}

// cliPage is the help of every command.
func cliPage(t *testing.T) string {
	t.Helper()
	root, _ := (&world{stdout: os.Stdout, stderr: os.Stderr, getenv: getenv(nil), etc: "x"}).commands()
	var b strings.Builder
	b.WriteString("What `segue COMMAND --help` says. The same stands in the manual (`make man`). `segue serve --help-all` has a flag for each key as well: [configuration](configuration.md).\n")
	var visit func(cmd *cobra.Command)
	visit = func(cmd *cobra.Command) {
		path := strings.Fields(cmd.CommandPath())[1:]
		got := segue(t, nil, append(slices.Clip(path), "--help")...)
		if got.code != exitDone {
			t.Fatalf("%s: %s", cmd.CommandPath(), got.stderr)
		}
		fmt.Fprintf(&b, "\n## %s\n\n```text\n%s\n```\n", cmd.CommandPath(), strings.TrimRight(got.stdout, "\n"))
		for _, c := range shownCommands(cmd) {
			visit(c)
		}
	}
	visit(root)
	return b.String()
}

func TestReferenceCLI(t *testing.T) { holdPage(t, "cli.md", cliPage(t)) }

// wrongFiles are configurations with one problem each, by kind.
func wrongFiles() []struct{ kind, text string } {
	const one = "backends: [fe1:9030]\n"
	return []struct{ kind, text string }{
		{"not YAML", one + "health: {interval: 1s\n"},
		{"a tab", one + "health:\n\tinterval: 1s\n"},
		{"a key that does not exist", one + "health: {intervall: 1s}\n"},
		{"a key in the wrong section", one + "timeout: 1s\n"},
		{"a key twice", one + "flavor: tidb\nflavor: tidb\n"},
		{"a key without a value", one + "flavor:\n"},
		{"a value where keys belong", one + "health: 1s\n"},
		{"a value where a list belongs", "backends: fe1:9030\n"},
		{"a time without its unit", one + "health: {interval: 200}\n"},
		{"no time", one + "health: {interval: fast}\n"},
		{"no number", one + "health: {rise: two}\n"},
		{"a number out of range", one + "health: {rise: 0}\n"},
		{"no size", one + "limits: {statements_memory: 512}\n"},
		{"neither true nor false", one + "hold: {dry_run: maybe}\n"},
		{"an unknown word", one + "balance: {policy: least-session}\n"},
		{"an address without a port", "backends: [fe1]\n"},
		{"an address with a space", "backends:\n  - fe1: 9030\n"},
		{"an address twice", "backends: [fe1:9030, FE1:9030]\n"},
		{"a name twice", "backends: [{name: a, address: fe1:9030}, {name: a, address: fe2:9030}]\n"},
		{"Segue as its own backend", "listen: 127.0.0.1:9030\nbackends: [127.0.0.1:9030]\n"},
		{"two on one address", one + "listen: 127.0.0.1:9131\n"},
		{"no backends", "flavor: tidb\n"},
		{"values that contradict each other", one + "connect: {timeout: 20s}\n"},
		{"two of which one is to be given", one + "health: {user: probe, password: x, password_file: y}\n"},
		{"one that needs another", one + "health: {password: x}\n"},
		{"a file that cannot be read", one + "users: [{name: app, password_file: /run/secrets/none}]\n"},
		{"a variable that nobody fills in", one + "zone: ${ZONE}\n"},
		{"a credential outside a unit", one + "users: [{name: app, password_file: \"credential:app\"}]\n"},
	}
}

// errorsPage is what Segue says is wrong, to clients and to whoever configures it.
func errorsPage(t *testing.T) string {
	t.Helper()
	t.Setenv("CREDENTIALS_DIRECTORY", "")
	var b strings.Builder
	b.WriteString("## Errors that clients get\n\nWhatever a server answers is passed on as it is. Segue's own errors begin with `segue: `; `…` stands for what differs. SQLSTATE class 08 has drivers take the connection for lost,\n" +
		"which it need not be: it lives on where the text does not say otherwise. *Kind* is the label of `segue_client_errors_total`; without one no failure is behind it.\n\n")
	b.WriteString(head("code", "SQLSTATE", "text", "kind", "cause", "what to do"))
	for _, e := range proxy.Errors() {
		text := e.Text
		if text == "…" {
			text = "… (what of the login is not understood)"
		}
		b.WriteString(row(fmt.Sprint(e.Code), cmp.Or(e.State, "–"), cell("segue: "+text), cmp.Or(code(string(e.Kind)), "–"), cell(e.Cause), cell(e.Remedy)))
	}
	b.WriteString("\n## Errors of the configuration\n\nEvery problem of a file is told at once, one per line, as `FILE:LINE:COLUMN: what; what to do`; of a value from outside the file the flag or the variable stands in place of the file.\n" +
		"A file with a problem starts no Segue (exit code 2) and changes none that runs. Each kind by an example:\n\n")
	b.WriteString(head("kind", "what is said"))
	for _, w := range wrongFiles() {
		_, err := config.Parse("segue.yaml", []byte(w.text))
		problems, ok := errors.AsType[*config.Problems](err)
		if !ok || len(problems.List) != 1 {
			t.Errorf("%s: %v", w.kind, err)
			continue
		}
		b.WriteString(row(cell(w.kind), code(problems.List[0].String())))
	}
	for _, o := range []config.Override{{Key: "connect.budget", Value: "5", Source: "--connect-budget"}, {Key: "flavor", Value: "tidbb", Source: "SEGUE_FLAVOR"}} {
		_, err := config.Parse("segue.yaml", []byte("backends: [fe1:9030]\n"), o)
		b.WriteString(row("a value from outside the file", code(fmt.Sprint(err))))
	}
	b.WriteString("\n## Exit codes\n\n0: done. 1: it did not work, or what was asked about is unhealthy. 2: wrong usage, or a wrong configuration.\n")
	return b.String()
}

func TestReferenceErrors(t *testing.T) { holdPage(t, "errors.md", errorsPage(t)) }

package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"segue/backend/fesim"
)

// mutant is Segue with a fault that the check has to find.
type mutant struct {
	name     string
	file     string // in proxy
	old, new string // a text that is in it once, and what the mutant has in its place
	breaks   rule
}

func mutants() []mutant {
	return []mutant{
		{
			"runs any statement again", "again.go",
			"return look.ReadOnly || look.Rollback ||", "return true || look.Rollback ||",
			ruleTwice,
		},
		{
			"answers OK in place of the error", "closing.go",
			"s.last.Append(nil))", "[]byte{0, 0, 0, 2, 0, 0, 0})",
			ruleLost,
		},
		{
			"says that a statement was not sent", "move.go",
			`" while the statement ran; its outcome is unknown"`, `"; the statement was not sent"`,
			ruleUntrue,
		},
		{
			"leaves the session's variables behind", "replay.go",
			"statements := bag.Statements\n", "statements := bag.Statements[:0]\n",
			ruleForeign,
		},
		{
			"lets no session outlive its backend", "move.go",
			"return s.rebuildable() && (", "return false && (",
			ruleConnection,
		},
		{
			"runs nothing again", "again.go",
			"if !s.server.options().Replay.allow(s.away.replays, s.atWork()) {", "if true {",
			ruleNeedless,
		},
		{
			"forgets that a transaction was lost", "move.go",
			"s.away.debt = &debt{reply: clientError(text), backend: s.backendName(), cause: err}", "s.away.debt = nil",
			ruleTorn,
		},
	}
}

// TestMoveCheckFinds: each mutant breaks a rule, and is found out. All of them meet the same few incidents.
func TestMoveCheckFinds(t *testing.T) {
	f := startFEs(t, fesim.Options{})
	for _, m := range mutants() {
		t.Run(m.name, func(t *testing.T) {
			d := startDisturber(t, f)
			d.program = startProgramAt(t, m.build(t), f.flavor(), d.specs, eager)
			c := startCheck(t, d, nil)
			for _, what := range []disturbance{loseStatements, loseAnswers, reset, reset, reset, reset} {
				for i := range d.specs { // the sessions of one backend go to the next
					d.carryOut(t, incident{what: what, backend: i})
					d.program.waitUp(t)
					waitFor(t, "statements", c.more(100)) // so that the next one meets sessions at work
				}
			}
			conclude(t, c, d)
			t.Logf("%s\n%s", c.report(), strings.Join(c.byRule(), "\n"))
			if !slices.ContainsFunc(c.findings, func(f finding) bool { return f.rule == m.breaks }) {
				t.Errorf("the check has not found: %s", m.breaks)
			}
		})
	}
}

// TestMutantsApply: each mutant's place is in the source, which `make test` says long before TestMoveCheckFinds would.
func TestMutantsApply(t *testing.T) {
	for _, m := range mutants() {
		t.Run(m.name, func(t *testing.T) { m.source(t) })
	}
}

// source returns the path of the file that the mutant changes, and what stands in it then.
func (m mutant) source(t *testing.T) (file, changed string) {
	t.Helper()
	file, err := filepath.Abs(filepath.Join("..", m.file))
	if err != nil {
		t.Fatalf("find %s: %v", m.file, err)
	}
	source, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("read source: %v", err)
	}
	if n := strings.Count(string(source), m.old); n != 1 {
		t.Fatalf("%s has %q %d times, want once: give the mutant another place", m.file, m.old, n)
	}
	return file, strings.Replace(string(source), m.old, m.new, 1)
}

// build builds the mutant: the source is as it is but for one file, which the compiler is given in the place of the true one.
func (m mutant) build(t *testing.T) string {
	t.Helper()
	file, text := m.source(t)
	dir := t.TempDir()
	changed, overlay, program := filepath.Join(dir, m.file), filepath.Join(dir, "overlay.json"), filepath.Join(dir, "segue")
	if err := os.WriteFile(changed, []byte(text), 0o600); err != nil {
		t.Fatalf("write mutant: %v", err)
	}
	list, err := json.Marshal(map[string]map[string]string{"Replace": {file: changed}})
	if err == nil {
		err = os.WriteFile(overlay, list, 0o600)
	}
	if err != nil {
		t.Fatalf("write overlay: %v", err)
	}
	build(t, "go", "build", "-overlay", overlay, "-o", program, "../../cmd/segue")
	return program
}

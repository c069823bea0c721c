package e2e

import (
	"slices"
	"strings"
	"testing"

	"segue/backend/fesim"
)

// mutant is Segue with a fault that the check has to find.
type mutant struct {
	name string
	edit
	breaks rule
}

func mutants() []mutant {
	return []mutant{
		{"runs any statement again", edit{"statement.go", "return look.ReadOnly || look.Rollback ||", "return true || look.Rollback ||"}, ruleTwice},
		{"answers OK in place of the error", edit{"lost.go", "clientError(text+when).Append(nil))", "[]byte{0, 0, 0, 2, 0, 0, 0}[:7+0*len(when)])"}, ruleLost},
		{
			"says that a statement was not sent",
			edit{"lost.go", `when := " while the statement ran; its outcome is unknown"`, `when := "; the statement was not sent"`},
			ruleUntrue,
		},
		{
			"leaves the session's variables behind",
			edit{"departure_ask.go", "k.Replay = s.track.Replay()\n", "k.Replay = s.track.Replay()\n	k.Statements, k.Plain, k.Texts, k.Values = nil, 0, 0, 0\n"},
			ruleForeign,
		},
		{"lets no session outlive its backend", edit{"plan/lost.go", "case f.Outlives():\n", "case false:\n"}, ruleConnection},
		{"runs nothing again", edit{"statement.go", "return limits.allow(st.attempts, st.atWork(now, since))", "return false"}, ruleNeedless},
		{
			"forgets that a transaction was lost",
			edit{"lost.go", "s.owed = &owed{due: nextCommand, reply: clientError(text), more: more, backend: s.backendName(), cause: err}", "_, _ = more, text"},
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
			d.program = startProgramAt(t, buildEdited(t, m.edit), f.flavor(), d.specs, eager)
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

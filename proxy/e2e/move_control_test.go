package e2e

import (
	"slices"
	"testing"
)

// TestMoveCheckFindsNothing: without Segue, servers that are killed (kill -9) keep what they have acknowledged, and keep transactions whole.
// Only of such servers can it be said what stands in front of them loses. That their clients see errors is no matter.
func TestMoveCheckFindsNothing(t *testing.T) {
	t.Run("MariaDB", func(t *testing.T) { killAlone(t, startMariaDBs(t, durable()...)) })
	t.Run("TiDB", func(t *testing.T) { killAlone(t, startTiDBs(t, 0)) })
}

func killAlone(t *testing.T, f fragile) {
	t.Helper()
	b := openBank(t, f)
	alone := &disturber{fleet: f, cuts: &moments{}, program: &segueProgram{address: f.specs()[0].Address}}
	c := startCheck(t, alone, b)
	for range 6 {
		waitFor(t, "statements", c.more(1000))
		killOne(t, f, 0)
		reviveOne(t, f, 0)
	}
	c.stop()
	if err := b.awaitQuiet(t.Context()); err != nil {
		t.Fatalf("wait for the end of all connections: %v", err)
	}
	if err := c.settled(t.Context(), f); err != nil {
		t.Fatalf("read what servers hold: %v", err)
	}
	c.findings = slices.DeleteFunc(c.findings, func(f finding) bool { return f.rule == ruleConnection || f.rule == ruleNeedless })
	t.Log(c.report())
	for _, fault := range c.byRule() {
		t.Error(fault)
	}
}

// more tells when n more statements have been answered.
func (c *check) more(n int) func() bool {
	count := func() int {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.outcomes[answered]
	}
	from := count()
	return func() bool { return count() >= from+n }
}

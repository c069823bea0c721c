package e2e

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"segue/backend/fesim"
)

// TestMoveLoadFlink runs jobs of Flink whose sink is StarRocks' connector, exactly once and at least once, while the same happens as in TestMoveLoad. The connector asks
// for StarRocks' version by MySQL, through Segue as well. A job that says it is done has each of its rows in the table once: Flink starts a failed one again
// from its last checkpoint.
func TestMoveLoadFlink(t *testing.T) {
	f := startLoads(t, fesim.Options{})
	random := rand.New(rand.NewPCG(*seed, 1))
	c := loadClient{name: "Flink connector", ways: []string{"exactly-once", "at-least-once"}, command: func(t *testing.T) []string {
		t.Helper()
		return loadJava(t, "clients/load/flink/Flink.java", "flink-jars", "Flink")
	}}
	c.blind = c.ways
	l := c.start(t, f.url, "jdbc:mysql://"+f.program.address)
	ledger, directory := newLoadLedger(), t.TempDir()
	faults := []string{"none"}
	file := writeLoadRows(t, directory, "flink-0", "", 200)
	f.loadUntilLoaded(t, ledger, l, l.way(), file, "none", "nowhere")
	for round, fault := range loadFaults() {
		faults = append(faults, fault.name)
		for try, way := range l.ways {
			at := places[random.IntN(len(places))]
			file := writeLoadRows(t, directory, fmt.Sprintf("flink-%d-%d", round+1, try), "", 200)
			mend := f.arm(fault, at)
			f.loadUntilLoaded(t, ledger, l, way, file, fault.name, at)
			if struck := mend(t); struck == 0 {
				t.Errorf("%s at %s: no load came there", fault.name, at)
			}
			if t.Failed() {
				break
			}
		}
	}
	t.Logf("seed %d\n%s", *seed, ledger.table([]string{c.name}, faults))
}

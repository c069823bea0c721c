package e2e

import (
	"testing"

	"segue/backend/fesim"
)

// TestMoveLoadFlink runs jobs of Flink whose sink is StarRocks' connector, exactly once and at least once, while the same happens as in TestMoveLoad. The connector asks
// for StarRocks' version by MySQL, through Segue as well. A job that says it is done has each of its rows in the table once: Flink starts a failed one again
// from its last checkpoint. Above one, -rounds has every fault happen.
func TestMoveLoadFlink(t *testing.T) {
	f := startLoads(t, fesim.Options{})
	c := loadClient{name: "Flink connector", ways: []string{"exactly-once", "at-least-once"}, command: func(t *testing.T) []string {
		t.Helper()
		return loadJava(t, "clients/load/flink/Flink.java", "flink-jars", "Flink")
	}}
	c.blind = c.ways
	m := newLoadMatrix(t, f, nil)
	m.clients, m.loaders = []string{c.name}, []*loader{c.start(t, f.url, "jdbc:mysql://"+f.program.address)}
	m.unseen = true
	here := m.some(places, len(places))
	for i, fault := range loadFaults() {
		if *rounds == 1 && i%2 == 1 { // a job takes seconds
			continue
		}
		fault.most = 1
		m.round(t, fault, here[i])
	}
	m.show(t)
}

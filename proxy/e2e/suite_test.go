package e2e

import (
	"os"
	"strings"
	"testing"
)

// targetVariable names another address (HOST:PORT) than that of a Segue of this package's own to compare the first server
// with: a segue program that runs with these servers, or "direct" for the second server, which shows that a client's
// lines tell no server from another.
const targetVariable = "SEGUE_E2E_TARGET"

// TestClients runs each client's suite against one server directly and through Segue in front of three, and requires the
// same, complete, expected outcome.
func TestClients(t *testing.T) {
	servers := startServers(t, 3)
	loadFiles := writeLoadFiles(t)
	for _, c := range clients() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel() // each client writes in a database of its own
			c := c.build(t)
			direct := c.suite(t, servers[0].address(), loadFiles)
			for _, fault := range judge(direct, c.checks, c.expects()) {
				t.Errorf("direct: %s", fault)
			}
			var segue *segueUnderTest
			target := os.Getenv(targetVariable)
			switch target {
			case "direct":
				target = servers[1].address()
			case "":
				segue = startSegue(t, servers)
				target = segue.address
			}
			through := c.suite(t, target, loadFiles)
			for _, fault := range judge(through, c.checks, c.expects()) {
				t.Errorf("through Segue: %s", fault)
			}
			for _, fault := range differences(direct, through, "direct", "through Segue") {
				t.Error(fault)
			}
			if segue != nil {
				segue.stop()
				segue.judge(t)
				segue.judgeEnds(t, c.gone)
				t.Logf("%d checks equal; sessions: %s", c.checks, strings.Join(segue.ends(t), ", "))
			}
		})
	}
}

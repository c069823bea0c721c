package e2e

import (
	"slices"
	"strings"
	"testing"

	"segue/backend"
	"segue/backend/compress"
	proxy "segue/proxy"
)

// TestClientsCompressed runs the suites of [TestClients] with every connection compressed: large results and statements, files, pipelined statements, several results to one. Segue
// shows them what a server shows, be its own connections compressed or not.
func TestClientsCompressed(t *testing.T) {
	servers := startServers(t, 3)
	loadFiles := writeLoadFiles(t)
	for i, c := range clients() {
		if c.name == "pymysql" { // knows no compression
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c := c.build(t)
			c.compressed = true
			segue := startSegueWith(t, servers, proxy.Options{Flavor: backend.MySQL, BackendCompression: []compress.Algorithm{compress.Off, compress.Zlib}[i%2]})
			lines := c.suite(t, segue.address, loadFiles)
			for _, fault := range judge(lines, c.checks, c.expects()) {
				t.Error(fault)
			}
			segue.stop()
			segue.judge(t)
			segue.judgeEnds(t, c.gone)
			if ends := segue.ends(t); !slices.ContainsFunc(ends, func(e string) bool { return strings.HasPrefix(e, "client_quit") }) {
				t.Errorf("nobody has quit: %s", ends)
			}
		})
	}
}

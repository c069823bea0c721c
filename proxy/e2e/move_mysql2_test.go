package e2e

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestMoveMySQL2 runs what mysql2's own tests try, which its package does not carry.
func TestMoveMySQL2(t *testing.T) {
	driverSuite{least: 37, run: mysql2Outcomes, but: map[string]string{}}.try(t, "CREATE DATABASE mysql2 CHARACTER SET utf8mb4")
}

// mysql2Outcomes runs it at an address.
func mysql2Outcomes(t *testing.T, address string) map[string]driverOutcome {
	t.Helper()
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatalf("read address: %v", err)
	}
	cmd := exec.CommandContext(t.Context(), "node", "clients/mysql2/sessions.js", host, port, testUser, "driver", "mysql2")
	cmd.Env = append(os.Environ(), "TZ=UTC", "NODE_PATH="+filepath.Join(cacheDir(t), "node", "node_modules"))
	cmd.SysProcAttr = clientProcess()
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("run what mysql2's tests try: %v\n%s", err, out)
	}
	outcomes := map[string]driverOutcome{}
	for line := range strings.Lines(string(out)) {
		action, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		name, said, _ := strings.Cut(rest, ": ")
		if action == "pass" || action == "fail" {
			outcomes[name] = driverOutcome{action, said}
		}
	}
	return outcomes
}

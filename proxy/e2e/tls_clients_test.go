package e2e

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"segue/backend/secure"
)

// tlsClient is a real client that verifies whom it connects to. Its program is called with HOST PORT CA PASSWORD USER…, CA being a file as PEM, nothing for a connection in the
// clear, or "proof" for no authority (MariaDB's alone); it logs in as each user twice, asks who it is, has a statement prepared and a result of 2 MB, and prints a line for each: the user, a tab, "ok" or what went wrong.
type tlsClient struct {
	name    string
	command []string
	lacks   []string // accounts whose plugins it does not know
}

func tlsClients(t *testing.T) []tlsClient {
	t.Helper()
	classes, jars := t.TempDir(), filepath.Join(cacheDir(t), "jars", "*")
	build(t, "javac", "-Xlint:all,-try", "-encoding", "UTF-8", "-cp", jars, "-d", classes, "clients/tls/Secure.java")
	java := []string{"java", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xmx512m", "-cp", classes + ":" + jars, "Secure"}
	php := []string{"php", "clients/tls/tls.php"}
	node := []string{"node", "clients/tls/tls.js"}
	return []tlsClient{
		{"mariadb", []string{"clients/tls/tls.sh"}, nil},
		{"PyMySQL", []string{filepath.Join(cacheDir(t), "venv", "bin", "python"), "clients/tls/tls.py"}, []string{"ed"}},
		{"mysqli", with(php, "mysqli"), []string{"ed"}},
		{"PDO", with(php, "pdo"), []string{"ed"}},
		{"mysql2", with(node, "mysql2"), []string{"ed"}},
		{"npm mariadb", with(node, "mariadb"), nil},
		{"Connector/J", with(java, "mysql"), []string{"ed"}},
		{"MariaDB Connector/J", with(java, "mariadb"), nil},
	}
}

func with(command []string, more ...string) []string {
	return append(append([]string(nil), command...), more...)
}

// run gives what the client says of each user.
func (c tlsClient) run(t *testing.T, address, ca string, users ...string) map[string]string {
	t.Helper()
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatalf("read address: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), clientTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, c.command[0], with(c.command[1:], append([]string{segueName, port, ca, pluggedPassword}, users...)...)...)
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "NODE_PATH="+filepath.Join(cacheDir(t), "node", "node_modules"))
	cmd.SysProcAttr = clientProcess()
	cmd.Cancel = func() error { return killGroup(cmd) }
	cmd.WaitDelay = time.Second
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Errorf("%s: %v\n%s%s", c.name, err, stdout.String(), stderr.String())
	}
	said := map[string]string{}
	for line := range strings.Lines(stdout.String()) {
		if user, what, ok := strings.Cut(strings.TrimSpace(line), "\t"); ok {
			said[user] = what
		}
	}
	return said
}

// TestMoveTLSClients: real clients that verify Segue's certificate and name, and such in the clear, in front of servers on TLS and in the clear. Who is shown a certificate that his
// authority has not signed does not log in.
func TestMoveTLSClients(t *testing.T) {
	a := newAuthority(t)
	on, stranger := a.secure(t), newAuthority(t).secure(t)
	clients := tlsClients(t)
	tried := 0
	var table strings.Builder
	for _, s := range pluggedServers(t, a) {
		var users []string
		for _, acc := range s.accounts {
			if !acc.byToken && !acc.shows && acc.wants == secure.Disabled && acc.user != "none" && acc.user != "sm3" {
				users = append(users, acc.user)
			}
		}
		for _, mode := range []secure.Mode{secure.Disabled, secure.VerifyIdentity} {
			if mode == secure.Disabled && !wholeTLS(s) {
				continue
			}
			t.Run(s.name+" "+mode.String(), func(t *testing.T) {
				p := startProgram(t, s.flavor, s.specs(), on.offers("optional"), on.speaks(mode), "users: []")
				for _, c := range clients {
					for _, ca := range []string{"", on.shown.file("ca")} {
						if ca == "" && !wholeTLS(s) {
							continue
						}
						side := map[bool]string{true: "plain", false: "TLS"}[ca == ""]
						said := c.run(t, p.address, ca, users...)
						fmt.Fprintf(&table, "%-20s %-14s client %-6s backend %-16s", c.name, s.name, side, mode)
						for _, user := range users {
							tried++
							can := !s.account(user).whole || mode.Wants()
							fmt.Fprintf(&table, " %s: %.20s", user, said[user])
							if !can {
								if said[user] == "ok" || said[user] == "" {
									t.Errorf("%s, %s, %s: %q, want a refusal", c.name, side, user, said[user])
								}
								if ca != "" && !strings.Contains(said[user], "backend_tls") {
									t.Errorf("%s, %s, %s: %q, want a word of backend_tls", c.name, side, user, said[user])
								}
								continue
							}
							if slices.Contains(c.lacks, user) || c.name == "PyMySQL" && user == "sha2" && ca == "" { // it has no RSA without another package
								if said[user] == "ok" {
									t.Errorf("%s, %s, %s: it knows the plugin", c.name, side, user)
								}
							} else if said[user] != "ok" {
								t.Errorf("%s, %s, %s: %q", c.name, side, user, said[user])
							}
						}
						table.WriteString("\n")
					}
					if mode.Wants() {
						if said := c.run(t, p.address, stranger.shown.file("ca"), "nat"); said["nat"] == "ok" || said["nat"] == "" {
							t.Errorf("%s: shown a certificate of another authority: %q", c.name, said["nat"])
						}
					}
				}
			})
		}
	}
	t.Logf("%d cells\n%s", tried, table.String())
}

var tlsWhole = flag.Bool("tls-whole", false, "have every client try every server with and without TLS on either side, and not TiDB alone")

// wholeTLS reports whether all is tried on a server, and not TLS on both sides alone.
func wholeTLS(s *plugged) bool { return *tlsWhole || s.name == "TiDB" }

func (s *plugged) account(user string) account {
	for _, acc := range s.accounts {
		if acc.user == user {
			return acc
		}
	}
	return account{}
}

package e2e

import (
	"strings"
	"testing"

	"segue/backend"
	"segue/backend/secure"
)

// TestTLSProof: MariaDB's clients that know no authority believe Segue's own certificate by a proof that whoever shows it knows their password, and not by that of the server behind, which
// is of another certificate.
func TestTLSProof(t *testing.T) {
	a := newAuthority(t)
	on := a.secure(t)
	s := startPlugged(t, a, "MariaDB 11.4", nextRelease(t))
	for _, mode := range []secure.Mode{secure.Disabled, secure.VerifyIdentity} {
		p := startProgram(t, backend.MySQL, s.specs(), "tls: {mode: optional, self_signed: true}", on.speaks(mode), "users: [{name: nat, password: '"+pluggedPassword+"'}]")
		for _, c := range tlsClients(t) {
			if !strings.Contains(strings.ToLower(c.name), "mariadb") || c.name == "mariadb" { // Debian's is older
				continue
			}
			said := c.run(t, p.address, "proof", "nat", "ed")
			if said["nat"] != "ok" {
				t.Errorf("%s, backend %s: a user that Segue knows: %q", c.name, mode, said["nat"])
			}
			if said["ed"] == "ok" || said["ed"] == "" {
				t.Errorf("%s, backend %s: a user of whom Segue can prove nothing: %q", c.name, mode, said["ed"])
			}
		}
	}
}

package e2e

import (
	"context"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"segue/backend"
	"segue/backend/secure/securetest"
)

// modern are the suites of TLS 1.2 with forward secrecy and authenticated encryption that Segue has.
func modern() []string {
	return []string{
		"ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-GCM-SHA384",
		"ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-RSA-CHACHA20-POLY1305",
	}
}

// sClient runs openssl s_client on an address; says is what it is to say once it is connected.
func sClient(t *testing.T, address, says string, args ...string) (said string, connected bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "openssl", append([]string{"s_client", "-starttls", "mysql", "-connect", address}, args...)...)
	cmd.Stdin = strings.NewReader(says)
	cmd.SysProcAttr = clientProcess()
	out, _ := cmd.CombinedOutput()
	if ctx.Err() != nil {
		t.Errorf("openssl %v: not done in time", args)
	}
	text := string(out)
	return text, strings.Contains(text, "Cipher is ") && !strings.Contains(text, "Cipher is (NONE)")
}

// TestMoveTLSOpenSSL: OpenSSL, which still has what is old and weak, is refused that, and nothing else.
func TestMoveTLSOpenSSL(t *testing.T) {
	a := newAuthority(t)
	s := pluggedMariaDB(t, a)
	all, err := exec.CommandContext(t.Context(), "openssl", "ciphers", "-s", "-tls1_2", "-psk", "-srp", "ALL:COMPLEMENTOFALL:@SECLEVEL=0").Output()
	if err != nil {
		t.Fatalf("list suites: %v", err)
	}
	suites := strings.Split(strings.TrimSpace(string(all)), ":")
	if len(suites) < 60 || !slices.Contains(suites, "AES128-SHA") {
		t.Fatalf("OpenSSL has %d suites: nothing weak to try", len(suites))
	}
	for _, byRSA := range []bool{false, true} {
		shown := a.files(t, securetest.Leaf{Names: []string{segueName}, RSA: byRSA})
		p := startProgram(t, backend.MySQL, s.specs(), users(s.accounts, true),
			fmt.Sprintf("tls: {mode: required, cert_file: %q, key_file: %q}", shown.file("cert"), shown.file("key")))
		for _, c := range []struct {
			name string
			args []string
			want bool
		}{
			{"TLS 1.0", []string{"-tls1", "-cipher", "ALL:@SECLEVEL=0"}, false},
			{"TLS 1.1", []string{"-tls1_1", "-cipher", "ALL:@SECLEVEL=0"}, false},
			{"TLS 1.2", []string{"-tls1_2"}, true},
			{"TLS 1.3", []string{"-tls1_3"}, true},
			{"at most TLS 1.1", []string{"-no_tls1_2", "-no_tls1_3", "-cipher", "ALL:@SECLEVEL=0"}, false},
			{"ALPN", []string{"-alpn", "h2,http/1.1,mysql"}, true},
			{"a name that is not Segue's", []string{"-servername", "evil.example"}, true},
			{"no name", []string{"-noservername"}, true},
			{"a huge name", []string{"-servername", strings.Repeat("a.", 120) + "example"}, true},
			{"verified", []string{"-verify_return_error", "-verify_hostname", segueName, "-CAfile", shown.file("ca")}, true},
			{"another name wanted", []string{"-verify_return_error", "-verify_hostname", "db.example", "-CAfile", shown.file("ca")}, false},
		} {
			said, ok := sClient(t, p.address, "", c.args...)
			if slices.Contains(c.args, "-verify_return_error") && strings.Contains(said, "verify error") {
				ok = false
			}
			if ok != c.want {
				t.Errorf("RSA %t, %s: connected %t\n%s", byRSA, c.name, ok, tail(said, 30))
			}
		}
		tried, taken := 0, 0
		for _, suite := range suites {
			_, ok := sClient(t, p.address, "", "-tls1_2", "-cipher", suite+":@SECLEVEL=0")
			tried++
			if ok {
				taken++
			}
			if strong := slices.Contains(modern(), suite) && strings.Contains(suite, map[bool]string{true: "RSA", false: "ECDSA"}[byRSA]); ok != strong {
				t.Errorf("RSA %t, %s: connected %t", byRSA, suite, ok)
			}
		}
		t.Logf("RSA %t: %d of %d suites are taken", byRSA, taken, tried)
		if said, _ := sClient(t, p.address, "R\n", "-tls1_2"); !strings.Contains(said, "RENEGOTIATING") || !strings.Contains(said, "alert") {
			t.Errorf("RSA %t: a renegotiation: %s", byRSA, tail(said, 10))
		} else {
			t.Logf("a renegotiation: %s", tail(said, 3))
		}
		config := p.driver("nat", pluggedPassword)
		config.TLS = a.client(segueName)
		if err := connectOnce(t.Context(), config); err != nil {
			t.Errorf("RSA %t: a good client behind all that: %v", byRSA, err)
		}
	}
}

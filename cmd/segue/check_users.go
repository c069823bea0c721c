package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"segue/backend"
	"segue/config"
	"segue/health"
	proxy "segue/proxy"
)

// withoutUsers is what it means that nothing is known of any account.
const withoutUsers = "no users are configured: when a backend leaves, sessions that have a password are ended between two statements rather than " +
	"moved; list their accounts under `users` in the configuration (deploy/docs/how-to/let-sessions-move.md)"

// checkUsers is the name of the finding that says that there are none.
const checkUsers = "users"

// examineUsers logs in as every user, one after the other: a server may count logins that fail at the same time against the host.
func examineUsers(ctx context.Context, b *backend.Backend, c *config.Config, impersonate string) []finding {
	var found []finding
	for _, u := range c.Proxy.Users {
		found = append(found, examineUser(ctx, b, c.Flavor, u, impersonate))
	}
	return found
}

func examineUser(ctx context.Context, b *backend.Backend, flavor backend.Flavor, u proxy.User, impersonate string) finding {
	ctx, cancel := context.WithTimeout(ctx, proxy.TrialTimeout)
	defer cancel()
	began := time.Now()
	trial := proxy.TryUser(ctx, b, flavor, u, impersonate)
	f := finding{
		Backend: b.Name(), Address: b.Address(), Check: "login", User: u.Name,
		Verdict: health.Passed.String(), Cause: trial.Cause, Took: time.Since(began).Seconds(),
	}
	if trial.Movable {
		f.Cause = strings.TrimSuffix("can move; "+trial.Cause, "; ")
		return f
	}
	f.Cause = "cannot move: " + trial.Cause
	f.Verdict = health.Failed.String()
	if trial.Refused {
		f.Verdict = health.Misconfigured.String()
	}
	if speaksOfTLS(f.Cause) {
		f.Next = showCertificates(b.Address())
		return f
	}
	f.Next = fmt.Sprintf("mysql %s -u %s -p -e 'SELECT CURRENT_USER()'", clientFlags(b.Address()), shellWord(u.Name))
	return f
}

// speaksOfTLS reports whether a cause is that of a connection that could not be secured.
func speaksOfTLS(cause string) bool { return strings.Contains(cause, "TLS: ") }

// showCertificates is what shows whether a server speaks TLS, and by which certificates.
func showCertificates(address string) string {
	return fmt.Sprintf("openssl s_client -starttls mysql -showcerts -connect %s </dev/null", address)
}

// shellWord is s as a shell takes it for one word.
func shellWord(s string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_-./", r)
	}
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

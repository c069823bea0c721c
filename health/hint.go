package health

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"segue/backend"
	"segue/backend/dial"
)

// What the monitor and `segue check` say alike of a configuration that does not fit the servers.

// wrongFlavor says that the server's greeting gives away another flavor than the one that is configured; empty if it does not.
func wrongFlavor(configured backend.Flavor, f backend.Facts) string {
	given := f.Flavors()
	if len(given) == 0 || slices.Contains(given, configured) {
		return ""
	}
	var words []string
	for _, g := range given {
		words = append(words, g.String())
	}
	is := strings.Join(words, " or ")
	return fmt.Sprintf("mysql greets as %s (%s), and flavor is %s: write flavor: %s", is, short(f.ServerVersion), configured, is)
}

// wrongHealthURL says of a health URL that has never answered that the MySQL port does.
func wrongHealthURL(flavor backend.Flavor, s backend.Status) string {
	text := ", but the MySQL port answers: "
	u, err := parseHealthURL(s.HealthURL)
	if err != nil {
		return text + "correct `health` of the backend"
	}
	shown := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}
	if s.HealthURL == flavor.HealthURL(s.Address) {
		return fmt.Sprintf("%sits health URL is taken to be %s; name another by `health` of the backend", text, shown.String())
	}
	return fmt.Sprintf("%scorrect `health` of the backend, which is %s", text, shown.String())
}

// wrongPort says of a MySQL port on which nobody has greeted that it speaks HTTP.
func wrongPort(flavor backend.Flavor, address string) string {
	if _, ok := dial.UnixPath(address); ok {
		return fmt.Sprintf("; %s speaks HTTP: `address` is to be the MySQL socket", address)
	}
	text := fmt.Sprintf("; %s speaks HTTP: `address` is to be the MySQL port", address)
	if port := flavor.Port(); port != "" {
		text += ", " + port + " unless it was changed"
	}
	return text
}

// speaksHTTP reports whether a server answers HTTP on the MySQL port of b.
func speaksHTTP(ctx context.Context, b *backend.Backend) bool {
	conn, err := dialMySQL(ctx, b)
	if err != nil {
		return false
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(deadline)
	}
	host, _, _ := net.SplitHostPort(b.Address())
	if _, err := fmt.Fprintf(conn, "HEAD / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", host); err != nil {
		return false
	}
	word := make([]byte, len("HTTP/"))
	_, err = io.ReadFull(conn, word)
	return err == nil && string(word) == "HTTP/"
}

// silentPortEvery is how often a port on which nobody has ever greeted is asked whether it speaks HTTP.
const silentPortEvery = 30 * time.Second

// Finding is what one check has found out, for an operator.
type Finding struct {
	Check string // http, bootstrap, mysql
	Result
}

// Examine runs every check of a backend once, also after one that has failed: two findings say more than one. What an operator has to put right is
// Misconfigured, also where it would not keep the backend from serving.
func Examine(ctx context.Context, b *backend.Backend, o Options) []Finding {
	o = o.normal()
	c := newChecks(o, new(budget), nil)
	defer c.close()
	run := func(name string, checker Checker) Finding {
		ctx, cancel := context.WithTimeout(ctx, o.Timeout)
		defer cancel()
		return Finding{name, checker.Check(ctx, b)}
	}
	var found []Finding
	if b.Status().HealthURL != "" {
		found = append(found, run(checkHTTP, c.http))
		if found[0].Verdict == Passed && c.bootstrap != nil {
			found = append(found, run(checkBootstrap, c.bootstrap))
		}
	}
	mysql := run(checkMySQL, c.mysql)
	switch works := mysql.Verdict == Passed || mysql.Verdict == Full; {
	case works && len(found) > 0 && found[0].Verdict == Failed:
		found[0].Verdict = Misconfigured
		found[0].Cause += wrongHealthURL(o.Flavor, b.Status())
	case mysql.Verdict == Failed && b.LastSpoke().IsZero():
		ctx, cancel := context.WithTimeout(ctx, o.Timeout)
		if c.speaksHTTP(ctx, b) {
			mysql.Verdict = Misconfigured
			mysql.Cause += wrongPort(o.Flavor, b.Address())
		}
		cancel()
	}
	if mysql.Verdict == Passed {
		if mysql.Cause = join(mysql.Cause, wrongFlavor(o.Flavor, b.Facts())); mysql.Cause != "" {
			mysql.Verdict = Misconfigured
		}
	}
	return append(found, mysql)
}

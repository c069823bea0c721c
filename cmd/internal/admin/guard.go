package admin

import (
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
)

// guard refuses what only a browser on a foreign page would send, and sets the
// headers that keep the status page to itself.
func (h *Handler) guard(next http.Handler) http.Handler {
	// Refuses POST with a foreign Origin or Sec-Fetch-Site; clients that are
	// no browser send neither.
	sameSite := http.NewCrossOriginProtection()
	sameSite.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		refuse(w, http.StatusForbidden, "a page of another site may not change anything here")
	}))
	next = sameSite.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("X-Frame-Options", "DENY")
		header.Set("Referrer-Policy", "no-referrer")
		header.Set("Content-Security-Policy",
			"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
		if h.LocalOnly && !isLocalName(r.Host) {
			refuse(w, http.StatusForbidden, "the host name "+quote(r.Host)+" is not this machine's; use its IP address or localhost")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// isLocalName tells whether a Host header names this machine in a way that no
// page on the web can: an IP address, or localhost.
func isLocalName(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	if strings.EqualFold(host, "localhost") {
		return true
	}
	_, err := netip.ParseAddr(host)
	return err == nil
}

// quote shows what a stranger sent.
func quote(s string) string {
	const most = 80
	if len(s) > most {
		s = s[:most] + "…"
	}
	return strconv.Quote(s)
}

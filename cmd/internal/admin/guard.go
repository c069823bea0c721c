package admin

import (
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"segue/backend/wire"
)

// maxBody is how many bytes of a body are looked at to refuse it: no request has
// one.
const maxBody = 4 << 10

// guard refuses what only a browser on a foreign page would send, and bodies,
// and sets the headers that keep the status page to itself.
func (h *Handler) guard(d door, next http.Handler) http.Handler {
	// Refuses POST with a foreign Origin or Sec-Fetch-Site; clients that are
	// no browser send neither.
	sameSite := http.NewCrossOriginProtection()
	sameSite.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		refuse(w, http.StatusForbidden, "a page of another site may not change anything here")
	}))
	next = sameSite.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set(mark, "1")
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("X-Frame-Options", "DENY")
		header.Set("Referrer-Policy", "no-referrer")
		header.Set("Content-Security-Policy",
			"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
		if h.isStale(d, r) {
			header.Set("Connection", "close")
			refuse(w, http.StatusMisdirectedRequest, "admin_tls has changed since this connection was made; make another")
			return
		}
		if !h.accepts(d, r) {
			refuse(w, http.StatusForbidden, "the host name "+quote(r.Host)+" is not this machine's; use its IP address or localhost, or add the name to admin_hosts")
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		if size := bodySize(r); size > 0 {
			header.Set("Connection", "close") // the rest is not read
			code := http.StatusBadRequest
			if size > maxBody {
				code = http.StatusRequestEntityTooLarge
			}
			refuse(w, code, "no request here has a body; parameters belong into the query, as in POST /api/v1/pause?for=5m")
			return
		}
		if !h.allows(d, w, r) {
			return
		}
		next.ServeHTTP(w, h.rules().proven(r))
	})
}

// bodySize is how large the body of a request is; more than maxBody, if it is
// more than that. So much is read of it, whatever size it says it has: net/http
// then lets the answer arrive before it closes the connection.
func bodySize(r *http.Request) int64 {
	n, err := io.Copy(io.Discard, r.Body)
	if err != nil {
		return maxBody + 1
	}
	return n
}

// accepts tells whether the Host header of a request is right. A page whose
// name a stranger points to this machine (DNS rebinding) has another one, and
// cannot come by a socket that is a file. What a monitoring system asks for,
// under whatever name it knows, is open beyond loopback: whoever reaches the
// address there may read it, and it changes nothing.
func (h *Handler) accepts(d door, r *http.Request) bool {
	if d.file || isLocalName(r.Host) || slices.ContainsFunc(h.rules().Hosts, func(name string) bool { return strings.EqualFold(name, hostName(r.Host)) }) {
		return true
	}
	return !d.local && slices.Contains([]string{"/metrics", "/livez", "/readyz"}, r.URL.Path)
}

// isLocalName tells whether a Host header names this machine in a way that no
// page on the web can: an IP address, or localhost.
func isLocalName(host string) bool {
	host = hostName(host)
	if strings.EqualFold(host, "localhost") {
		return true
	}
	_, err := netip.ParseAddr(host)
	return err == nil
}

// hostName is a Host header without its port.
func hostName(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return strings.TrimSuffix(strings.TrimSuffix(strings.TrimPrefix(host, "["), "]"), ".")
}

// quote shows what a stranger sent.
func quote(s string) string { return strconv.Quote(wire.Shown(s, 80)) }

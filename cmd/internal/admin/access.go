package admin

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"slices"
	"strings"

	"segue/backend/wire"
	"segue/config"
)

// Access says who may do what. It is replaced as a whole.
type Access struct {
	config.Access
	digest [sha256.Size]byte // of the token
}

// SetAccess has the rules of a hold from now on. hosts are names that the API may be asked under beside those of the rules.
func (h *Handler) SetAccess(a config.Access, hosts ...string) {
	a.Hosts = slices.Concat(hosts, a.Hosts)
	h.access.Store(&Access{a, sha256.Sum256([]byte(a.Token))})
}

// rules are those in force.
func (h *Handler) rules() *Access {
	if a := h.access.Load(); a != nil {
		return a
	}
	return &Access{Access: config.Access{Read: config.Anyone}}
}

// isOpen tells whether everybody may ask for a path: it says nothing but whether Segue lives, or is the status page as it is in the program.
func isOpen(path string) bool {
	return isPage(path) || slices.Contains([]string{"/livez", "/readyz"}, path)
}

// proofKey is under which a request's context has what has been proven of who asks.
type proofKey struct{}

// proven is a request with what it proves of who asks, in words for the audit: that it shows the token, or whose certificate it has; nothing otherwise.
func (a *Access) proven(r *http.Request) *http.Request {
	var words string
	switch {
	case a.shown(r):
		words = "by token"
	case a.Certificates && certified(r):
		words = "by the certificate of " + wire.Shown(r.TLS.VerifiedChains[0][0].Subject.String(), wire.MaxShown)
	default:
		return r
	}
	return r.WithContext(context.WithValue(r.Context(), proofKey{}, words))
}

// allows tells whether a request may do what it asks for. Where it may not, it has been answered.
func (h *Handler) allows(d door, w http.ResponseWriter, r *http.Request) bool {
	if d.private {
		return true
	}
	a := h.rules()
	reads := r.Method == http.MethodGet || r.Method == http.MethodHead
	who := a.Read
	switch {
	case reads && isOpen(r.URL.Path):
		return true
	case !reads:
		who = a.Writers(d.local)
	}
	switch {
	case who == config.Anyone:
		return true
	case who == config.Nobody:
		refuse(w, http.StatusForbidden, "nobody may change anything here: the address is not this machine's alone, and there is no admin_token_file; add one, or write `admin_write: anyone`")
		return false
	case a.shown(r), a.Certificates && certified(r):
		return true
	}
	if r.Header.Get("Authorization") != "" {
		h.log().Warn("the admin API was shown a wrong token", "client", r.RemoteAddr, "path", quote(r.URL.Path))
	}
	w.Header().Set("WWW-Authenticate", `Bearer realm="segue"`)
	refuse(w, http.StatusUnauthorized, "this needs "+a.proof())
	return false
}

// proof says what a stranger has to show.
func (a *Access) proof() string {
	const token, certificate = "the token of admin_token_file, as in `Authorization: Bearer …` (--token-file of segue's own commands)", "a certificate of admin_tls.client_ca_file (--admin-cert)"
	switch {
	case a.Token == "":
		return certificate
	case a.Certificates:
		return token + ", or " + certificate
	}
	return token
}

// shown tells whether a request shows the token. How long that takes says nothing of it.
func (a *Access) shown(r *http.Request) bool {
	given := r.Header["Authorization"]
	if len(given) != 1 || a.Token == "" {
		return false
	}
	kind, token, _ := strings.Cut(given[0], " ")
	digest := sha256.Sum256([]byte(strings.TrimSpace(token)))
	return strings.EqualFold(kind, "Bearer") && subtle.ConstantTimeCompare(digest[:], a.digest[:]) == 1
}

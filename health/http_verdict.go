package health

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"

	"segue/backend"
)

// judgeAnswer says what an answer of the health URL means.
func judgeAnswer(flavor backend.Flavor, u *url.URL, a answer) (v Verdict, cause string) {
	switch {
	case a.status >= 200 && a.status < 300:
		v, said := judgeBody(a.body)
		if said == "" {
			return v, ""
		}
		return v, fmt.Sprintf("%s %d: %s", place(u), a.status, short(said))
	case a.status == http.StatusInternalServerError, a.status == http.StatusServiceUnavailable:
		return Leaving, fmt.Sprintf("%s %d", place(u), a.status)
	case a.status >= 500:
		return Failed, fmt.Sprintf("%s %d", place(u), a.status)
	}
	return Misconfigured, fmt.Sprintf("%s answers %d: %s", place(u), a.status, remedy(flavor, a))
}

// remedy says what to do about an answer that tells nothing about the backend's health.
func remedy(flavor backend.Flavor, a answer) string {
	switch {
	case a.status == http.StatusUnauthorized && flavor == backend.StarRocks:
		return "enable_http_auth is on; write user:password@ into the health URL"
	case a.status == http.StatusUnauthorized && flavor == backend.Doris:
		return "enable_all_http_auth is on; write user:password@ into the health URL"
	case a.status == http.StatusUnauthorized:
		return "it wants a login; write user:password@ into the health URL"
	case a.status == http.StatusForbidden:
		return "Segue may not read it; allow it, or choose another health URL"
	case a.status == http.StatusNotFound:
		return "there is no such page; correct the path of the health URL"
	case a.location != "":
		return "redirects are not followed; is the health URL " + short(a.location) + "?"
	}
	return "that says nothing about its health; correct the health URL"
}

// judgeHTTPError says what it means that the health URL did not answer.
func judgeHTTPError(u *url.URL, err error, took time.Duration) (v Verdict, cause string) {
	var (
		badCertificate *tls.CertificateVerificationError
		noTLS          tls.RecordHeaderError
		alert          tls.AlertError
		unknownRoot    x509.UnknownAuthorityError
	)
	switch {
	case errors.Is(err, http.ErrSchemeMismatch), errors.As(err, &noTLS):
		return Misconfigured, place(u) + " does not speak TLS; write http:// in the health URL"
	case errors.As(err, &badCertificate), errors.As(err, &unknownRoot), errors.As(err, &alert):
		return Misconfigured, fmt.Sprintf("%s TLS: %s; correct the certificate, or write http:// in the health URL",
			place(u), short(innermost(err).Error()))
	case strings.Contains(err.Error(), "malformed HTTP"), spokeFirst(err): // net/http has no name for it
		return Misconfigured, place(u) + " does not speak HTTP: is " + u.Host + " the HTTP port?"
	}
	v, cause = netVerdict(err, took)
	return v, place(u) + " " + cause
}

// place names the health URL in a cause: its path, which tells it from the MySQL port and holds no secret.
func place(u *url.URL) string {
	if u.Path == "" {
		return "/"
	}
	return short(u.Path)
}

// spokeFirst reports whether a server said something before it was asked: net/http fails to look for the next answer then, and has no reason to give.
func spokeFirst(err error) bool {
	return strings.Contains(err.Error(), "readLoopPeekFail") && !errors.As(err, new(syscall.Errno)) && !errors.Is(err, io.EOF)
}

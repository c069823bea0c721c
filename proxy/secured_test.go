package proxy

import (
	"strings"
	"testing"
	"time"

	"segue/backend/secure"
)

// onTLS reports whether the test is one of those that are run by clients on TLS, on several loops, between which all sessions cross whenever they can.
func onTLS(test string) bool { return strings.HasPrefix(test, "TestOnTLS/") }

// offeringTLS has clients offered TLS by a test that is to be run by such.
func offeringTLS(t *testing.T, o Options) Options {
	t.Helper()
	if !onTLS(t.Name()) {
		return o
	}
	certificate, key, err := secure.SelfSigned([]string{"localhost"}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	server, err := secure.NewServer(secure.ServerOptions{Certificate: certificate, Key: key})
	if err != nil {
		t.Fatal(err)
	}
	o.TLS = TLS{Server: server}
	return o
}

// What clients are promised holds as well where they are on TLS.
func TestOnTLS(t *testing.T) {
	for name, test := range promises() {
		if name == "back-pressure to client" { // behind a deadline crypto/tls writes no more
			continue
		}
		t.Run(name, test)
	}
}

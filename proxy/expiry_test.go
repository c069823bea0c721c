package proxy

import (
	"encoding/base64"
	"fmt"
	"testing"
	"time"

	"segue/backend/client"
)

// A token is good for a login until it expires, and for none after that.
func TestTokenExpires(t *testing.T) {
	token := func(expires time.Time) *client.Credential {
		part := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
		jwt := part(`{"alg":"none"}`) + "." + part(fmt.Sprintf(`{"exp":%d}`, expires.Unix())) + "." + part("x")
		return client.Bearer(append([]byte{1, byte(len(jwt))}, jwt...))
	}
	for name, c := range map[string]struct {
		cred  *client.Credential
		known bool
	}{"good": {token(time.Now().Add(time.Hour)), true}, "expired": {token(time.Now().Add(-time.Hour)), false}} {
		i := identity{cred: c.cred}
		if _, expires := c.cred.Expires(); !expires {
			t.Fatalf("%s: the token does not say when it expires", name)
		}
		if i.known(&Options{}, 0) != c.known || len(i.credentials(&Options{}, 0)) > 0 != c.known {
			t.Errorf("%s: known %v", name, i.known(&Options{}, 0))
		}
	}
}

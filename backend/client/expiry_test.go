package client

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"segue/backend/wire"
)

func webToken(claims string) string {
	b64 := base64.RawURLEncoding
	return b64.EncodeToString([]byte(`{"alg":"RS256"}`)) + "." + b64.EncodeToString([]byte(claims)) + "." + b64.EncodeToString([]byte("signature"))
}

// shownAs is what a client of the OpenID Connect plugin makes of a token.
func shownAs(token string) []byte { return wire.AppendLenencString([]byte{1}, token) }

// A token tells when it expires; what is no token does not.
func TestExpires(t *testing.T) {
	at := time.Unix(1893456000, 0)
	for name, c := range map[string]struct {
		cred *Credential
		ok   bool
	}{
		"bearer":                {Bearer(shownAs(webToken(`{"sub":"app","exp":1893456000}`))), true},
		"long":                  {Bearer(shownAs(webToken(`{"x":"` + strings.Repeat("x", 70000) + `","exp":1893456000}`))), true},
		"with fractions":        {Bearer(shownAs(webToken(`{"exp":1893456000.75}`))), true},
		"said in clear":         {Password(webToken(`{"exp":1893456000}`)), true},
		"said in clear, in TLS": {(&Challenge{Plugin: wire.PluginClearPassword, Answer: []byte(webToken(`{"exp":1893456000}`) + "\x00"), Over: TLS}).Said(), true},
		"learned":               {(&Challenge{Plugin: wire.PluginOpenIDConnect, Answer: shownAs(webToken(`{"exp":1893456000}`)), Over: TLS}).Said(), true},
		"in the clear, trusted": {Password(webToken(`{"exp":1893456000}`)).InClear().Trusting(Trust{AnyKey: true}), true},
		"without":               {Bearer(shownAs(webToken(`{"sub":"app"}`))), false},
		"as text":               {Bearer(shownAs(webToken(`{"exp":"1893456000"}`))), false},
		"never":                 {Bearer(shownAs(webToken(`{"exp":0}`))), false},
		"before 1970":           {Bearer(shownAs(webToken(`{"exp":-5}`))), false},
		"beyond time":           {Bearer(shownAs(webToken(`{"exp":1e300}`))), false},
		"no JSON":               {Bearer(shownAs(webToken(`exp`))), false},
		"no base64":             {Bearer(shownAs("eyJ.!.x")), false},
		"two parts":             {Bearer(shownAs("eyJ.eyJ")), false},
		"cut short":             {Bearer(shownAs(webToken(`{"exp":1893456000}`))[:20]), false},
		"no answer":             {Bearer(nil), false},
		"opaque":                {Bearer(shownAs("0123456789abcdef")), false},
		"password":              {Password("correct horse"), false},
		"native":                {Native([20]byte{1}), false},
		"none":                  {nil, false},
	} {
		got, ok := c.cred.Expires()
		if ok != c.ok || ok && !got.Equal(at) {
			t.Errorf("%s: %v, %v", name, got, ok)
		}
		if c.cred.Expired(at.Add(-time.Second)) || c.cred.Expired(at) != c.ok {
			t.Errorf("%s: it expires at another time", name)
		}
	}
}

// FuzzExpires: whatever a client shows, it is a time or none.
func FuzzExpires(f *testing.F) {
	f.Add(shownAs(webToken(`{"exp":1893456000}`)))
	f.Add([]byte(webToken(`{"exp":1e18}`)))
	f.Add([]byte{1, 0xfe})
	f.Fuzz(func(t *testing.T, answer []byte) {
		for _, c := range []*Credential{Bearer(answer), Password(string(answer))} {
			if at, ok := c.Expires(); ok && (at.Unix() < 1 || at.Year() > 100000) {
				t.Errorf("%q expires at %v", answer, at)
			}
		}
	})
}

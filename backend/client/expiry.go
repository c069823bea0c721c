package client

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"math"
	"time"

	"segue/backend/wire"
)

// Expires is when a token that the credential is made of is good for nothing any more; false if it is no token, or does not say. It holds for tokens that
// were made for the client (JSON Web Tokens), whatever plugin they are shown by: StarRocks asks for them by [wire.PluginOpenIDConnect], TiDB's tidb_auth_token by
// [wire.PluginClearPassword]. Nobody but the client can get another one.
func (c *Credential) Expires() (at time.Time, ok bool) {
	if c == nil || c.expires == 0 {
		return time.Time{}, false
	}
	return time.Unix(c.expires, 0), true
}

// Expired reports whether that was before now.
func (c *Credential) Expired(now time.Time) bool {
	at, ok := c.Expires()
	return ok && !now.Before(at)
}

// tokenExpiry is the time of expiry ("exp") in a JSON Web Token (RFC 7519), in seconds since 1970; 0 if it is none, or has no such time. That it was signed by
// somebody is nothing to Segue.
func tokenExpiry(token []byte) int64 {
	if !bytes.HasPrefix(token, []byte("eyJ")) { // {" in base64: how the header of each begins
		return 0
	}
	parts := bytes.Split(token, []byte("."))
	if len(parts) != 3 {
		return 0
	}
	text, err := base64.RawURLEncoding.AppendDecode(nil, bytes.TrimRight(parts[1], "="))
	if err != nil {
		return 0
	}
	var claims struct {
		Expires float64 `json:"exp"`
	}
	if json.Unmarshal(text, &claims) != nil || !(claims.Expires >= 1 && claims.Expires < math.MaxInt32*1000.0) {
		return 0
	}
	return int64(claims.Expires)
}

// shownToken is the token in an answer to [wire.PluginOpenIDConnect]: behind a byte of capabilities, length-encoded. nil: the answer is another.
//
// https://dev.mysql.com/doc/refman/9.1/en/openid-pluggable-authentication.html
func shownToken(answer []byte) []byte {
	if len(answer) == 0 {
		return nil
	}
	token, _ := wire.LenencString(answer[1:])
	return token
}

package proxy

import (
	"fmt"
	"log/slog"
	"strings"
	"unicode/utf8"

	"segue/backend"
	"segue/proxy/wire"
)

// credential is what a session can be logged in again with. It holds no more than the account's plugin needs, and is not
// changed once it has been made.
type credential struct {
	kind   credentialKind
	clear  bool     // the client itself has sent the password in clear: a server that wants it so may have it
	native [20]byte // SHA1(password), with credentialNative and credentialPassword
	secret string   // the password, with credentialPassword; the token, with credentialToken
	user   string   // to log in as, if it is not the session's own
	as     string   // whom user becomes right after the login
}

// credentialKind tells what is known.
type credentialKind uint8

const (
	credentialEmpty    credentialKind = iota // the account has no password
	credentialNative                         // SHA1(password): enough for mysql_native_password
	credentialPassword                       // the password
	credentialToken                          // a session token of TiDB
	numCredentialKinds
)

var credentialKindNames = [numCredentialKinds]string{"empty", "native", "password", "token"}

func (k credentialKind) String() string {
	if k >= numCredentialKinds {
		return fmt.Sprintf("credential(%d)", uint8(k))
	}
	return credentialKindNames[k]
}

// newPassword is a credential for any plugin.
func newPassword(password string) *credential {
	if password == "" {
		return &credential{kind: credentialEmpty}
	}
	return &credential{kind: credentialPassword, native: wire.NativeSecret([]byte(password)), secret: password}
}

// newNative is a credential for mysql_native_password alone.
func newNative(secret [20]byte) *credential {
	return &credential{kind: credentialNative, native: secret}
}

// newToken is a credential from the Session_token of TiDB's SHOW SESSION_STATES. A token is good for a minute, for its user
// alone, and on every server that has the same session-token-signing-cert.
func newToken(token []byte) *credential {
	return &credential{kind: credentialToken, secret: string(token)}
}

// newService is a credential for a session of user by way of a service account; nil if the user's name cannot be put into a
// statement without doubt as to how the server reads it.
func newService(service *User, user string) *credential {
	if user == "" || strings.ContainsFunc(user, func(r rune) bool { return r < ' ' || r == '\'' || r == '\\' || r == 0x7f || r == utf8.RuneError }) {
		return nil
	}
	c := newPassword(service.Password)
	c.user, c.as = service.Name, user
	return c
}

// becomes is the statement that makes a service account the session's user, to be run right after the login; "" where there
// is nothing to be run.
func (c *credential) becomes() string {
	if c.as == "" {
		return ""
	}
	return "EXECUTE AS '" + c.as + "' WITH NO REVERT"
}

// reduced is the credential without what the plugin that let it in does not need.
func (c *credential) reduced(plugin string) *credential {
	if c == nil || c.kind != credentialPassword || c.clear || plugin != wire.PluginNativePassword {
		return c
	}
	return newNative(c.native)
}

// same reports whether both would prove the same.
func (c *credential) same(d *credential) bool {
	return c.user == d.user && c.as == d.as && (c.kind == credentialEmpty) == (d.kind == credentialEmpty) && c.native == d.native
}

// credentials are what the session can be logged in again with, the best first: each is worth a try when the backend has
// refused the one before it. The configured password comes before the one that the session logged in with, which may have
// been changed since.
func (s *session) credentials() []*credential {
	opts := s.server.options()
	var list []*credential
	if u := opts.user(s.user); u != nil && u.HasPassword {
		c := newPassword(u.Password)
		c.clear = s.cred != nil && s.cred.clear
		list = append(list, c)
	}
	if s.cred != nil && (len(list) == 0 || !s.cred.same(list[0])) {
		list = append(list, s.cred)
	}
	if len(list) == 0 {
		if c := opts.impersonation(s.user); c != nil {
			list = append(list, c)
		}
	}
	if t := s.away.token; len(list) == 0 && t.cred != nil && s.server.elapsed()-t.at < int64(tokenGood) {
		list = append(list, t.cred)
	}
	return list
}

// impersonation is the credential of last resort; nil if there is none.
func (o *Options) impersonation(user string) *credential {
	service := o.service()
	if service == nil || !impersonates(o.Flavor) {
		return nil
	}
	return newService(service, user)
}

// String tells what the credential is made of, without any secret.
func (c *credential) String() string {
	switch {
	case c == nil:
		return "none"
	case c.as != "":
		return "service"
	}
	return c.kind.String()
}

// Format implements [fmt.Formatter]: no verb shows a secret.
func (c *credential) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(c.String())) }

// LogValue implements [slog.LogValuer].
func (c *credential) LogValue() slog.Value { return slog.StringValue(c.String()) }

// challenge is what a client was last asked, and what it answered: what a credential is proved by, or learned from.
type challenge struct {
	plugin string
	salt   []byte
	answer []byte
}

// empty reports whether the answer is that of an account without a password: nothing, or a lone NUL, by which libmysqlclient
// says it to caching_sha2_password and mysql_clear_password. Of other plugins' answers nothing is known.
func (c *challenge) empty() bool {
	switch c.plugin {
	case wire.PluginNativePassword:
		return len(c.answer) == 0
	case wire.PluginCachingSHA2Password, wire.PluginClearPassword:
		return len(c.answer) == 0 || len(c.answer) == 1 && c.answer[0] == 0
	}
	return false
}

// prove returns the credential that u is good for if the answer proves that the client knows it too; nil otherwise.
// It lets nobody in: with the credential Segue asks a backend.
func (c *challenge) prove(u *User) *credential {
	switch {
	case c.empty():
		if u.HasPassword && u.Password == "" {
			return &credential{kind: credentialEmpty}
		}
	case c.plugin == wire.PluginNativePassword:
		hash := u.Hash
		if u.HasPassword {
			hash = nativeHash(u.Password)
		}
		if secret, ok := wire.NativeRecover(c.salt, hash, c.answer); ok {
			if u.HasPassword {
				return newPassword(u.Password)
			}
			return newNative(secret)
		}
	case c.plugin == wire.PluginCachingSHA2Password && u.HasPassword:
		if wire.VerifyCachingSHA2(c.salt, []byte(u.Password), c.answer) {
			return newPassword(u.Password)
		}
	}
	return nil
}

// said returns the credential that the answer itself is, if the client sent its password in clear; nil otherwise.
func (c *challenge) said() *credential {
	if c.plugin != wire.PluginClearPassword || c.empty() {
		return nil
	}
	cred := newPassword(strings.TrimSuffix(string(c.answer), "\x00"))
	cred.clear = true
	return cred
}

// learn returns the credential of a client that a backend has let in after this challenge; nil if there is none.
func (c *challenge) learn(u *User) *credential {
	if c.empty() {
		return &credential{kind: credentialEmpty}
	}
	if cred := c.said(); cred != nil {
		return cred
	}
	if u == nil {
		return nil
	}
	return c.prove(u)
}

// nativeHash is SHA1(SHA1(password)).
func nativeHash(password string) [20]byte {
	secret := wire.NativeSecret([]byte(password))
	return wire.NativeSecret(secret[:])
}

// impersonates reports whether servers of a flavor know EXECUTE AS.
func impersonates(f backend.Flavor) bool { return f == backend.StarRocks || f == backend.Doris }

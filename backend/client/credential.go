package client

import (
	"fmt"
	"log/slog"
	"strings"
	"unicode/utf8"

	"segue/backend/wire"
)

// Credential is what Segue can log in with in a client's place. It holds no more than the account's plugin needs, and is not changed once it
// has been made. A nil one is none.
type Credential struct {
	kind   CredentialKind
	clear  bool     // the client itself has sent the password in clear: a server that wants it so may have it
	native [20]byte // SHA1(password), with CredentialNative and CredentialPassword
	secret string   // the password, with CredentialPassword; the token, with CredentialToken and CredentialBearer
	user   string   // to log in as, if it is not the client's own
	as     string   // whom user becomes right after the login
	trust  Trust    // with CredentialPassword

	expires int64 // see Expires; 0: it does not

	reduced *Credential // with CredentialPassword: see Reduced
}

// CredentialKind tells what is known.
type CredentialKind uint8

// The kinds of credentials.
const (
	CredentialEmpty    CredentialKind = iota // the account has no password
	CredentialNative                         // SHA1(password): enough for mysql_native_password
	CredentialPassword                       // the password
	CredentialToken                          // a session token of TiDB
	CredentialBearer                         // a JSON Web Token that the client has shown, and what stands around it
	numCredentialKinds
)

// String names the kind.
func (k CredentialKind) String() string {
	names := [numCredentialKinds]string{"empty", "native", "password", "token", "bearer"}
	if k >= numCredentialKinds {
		return fmt.Sprintf("credential(%d)", uint8(k))
	}
	return names[k]
}

// emptyPassword is one for all, as it is never changed.
var emptyPassword = &Credential{kind: CredentialEmpty}

// Password is a credential for any plugin that asks for one; for mysql_clear_password only where nobody on the way can read it.
func Password(password string) *Credential {
	if password == "" {
		return emptyPassword
	}
	native := wire.NativeSecret([]byte(password))
	return &Credential{kind: CredentialPassword, native: native, secret: password, reduced: Native(native), expires: tokenExpiry([]byte(password))}
}

// Native is a credential for mysql_native_password alone: SHA1(password).
func Native(secret [20]byte) *Credential { return &Credential{kind: CredentialNative, native: secret} }

// Token is a credential from the Session_token of TiDB's SHOW SESSION_STATES. A token is good for a minute, for its user alone, and on every
// server that has the same session-token-signing-cert.
func Token(token []byte) *Credential {
	return &Credential{kind: CredentialToken, secret: string(token)}
}

// Bearer is a credential from a client's answer to [wire.PluginOpenIDConnect], which is repeated as it was, and only where nobody on the way can read it.
func Bearer(answer []byte) *Credential {
	return &Credential{kind: CredentialBearer, secret: string(answer), expires: tokenExpiry(shownToken(answer))}
}

// Service is a credential for a session of the user as by way of a service account; nil if the name as cannot be put into a statement without
// doubt as to how the server reads it.
func Service(account, password, as string) *Credential {
	if as == "" || strings.ContainsFunc(as, func(r rune) bool { return r < ' ' || r == '\'' || r == '\\' || r == 0x7f || r == utf8.RuneError }) {
		return nil
	}
	c := *Password(password)
	c.user, c.as = account, as
	if c.reduced != nil {
		c.reduced.user, c.reduced.as = account, as
	}
	return &c
}

// Kind tells what is known.
func (c *Credential) Kind() CredentialKind { return c.kind }

// Clear reports whether a server that wants the password in clear may have it where others can read it.
func (c *Credential) Clear() bool { return c != nil && c.clear }

// InClear is the credential for a client that has itself sent a password in clear, where others could read it.
func (c *Credential) InClear() *Credential {
	if c == nil || c.kind != CredentialPassword || c.clear {
		return c
	}
	d := *c
	d.clear = true
	return &d
}

// Trusting is the credential with a word on whom the password may be given to.
func (c *Credential) Trusting(t Trust) *Credential {
	if c == nil || c.kind != CredentialPassword || c.trust == t {
		return c
	}
	d := *c
	d.trust = t
	return &d
}

// As is whom the login becomes by Becomes; "" where it is the client's own.
func (c *Credential) As() string { return c.as }

// Becomes is the statement that makes a service account the client's user, to be run right after the login; "" where there is nothing to be
// run.
func (c *Credential) Becomes() string {
	if c.as == "" {
		return ""
	}
	return "EXECUTE AS '" + c.as + "' WITH NO REVERT"
}

// Reduced is the credential without what the plugin that let it in does not need. It is one for all sessions that have c.
func (c *Credential) Reduced(plugin string) *Credential {
	if c == nil || c.kind != CredentialPassword || c.clear || plugin != wire.PluginNativePassword {
		return c
	}
	return c.reduced
}

// Same reports whether both would prove the same.
func (c *Credential) Same(d *Credential) bool {
	if c == nil || d == nil {
		return c == d
	}
	return c.user == d.user && c.as == d.as && (c.kind == CredentialEmpty) == (d.kind == CredentialEmpty) && c.native == d.native &&
		c.token() == d.token() && (c.token() == CredentialEmpty || c.secret == d.secret)
}

// ProvesLike reports whether a server that lets a login by one in, or refuses it, does so by the other. Whom a service account becomes is nothing to
// the login, and a server's tokens, which are made out anew all the time, are all alike; those that a client shows are not.
func (c *Credential) ProvesLike(d *Credential) bool {
	return c.user == d.user && c.native == d.native && (c.kind == CredentialEmpty) == (d.kind == CredentialEmpty) &&
		c.token() == d.token() && (c.kind != CredentialBearer || c.secret == d.secret)
}

// token is the kind of one that a server, or somebody else, has made out; CredentialEmpty of any other.
func (c *Credential) token() CredentialKind {
	if c.kind == CredentialToken || c.kind == CredentialBearer {
		return c.kind
	}
	return CredentialEmpty
}

// Account is whom a login by the credential is for, in a session of user; the credential may be nil.
func (c *Credential) Account(user string) string {
	if c != nil && c.user != "" {
		return c.user
	}
	return user
}

// String tells what the credential is made of, without any secret.
func (c *Credential) String() string {
	switch {
	case c == nil:
		return "none"
	case c.as != "":
		return "service"
	}
	return c.kind.String()
}

// Format implements [fmt.Formatter]: no verb shows a secret.
func (c *Credential) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(c.String())) }

// LogValue implements [slog.LogValuer].
func (c *Credential) LogValue() slog.Value { return slog.StringValue(c.String()) }

package client

import (
	"fmt"
	"log/slog"
	"strings"

	"segue/backend/wire"
)

// Account is what the operator says of an account's password.
type Account struct {
	// Password is known if HasPassword says so; it may be empty.
	Password    string
	HasPassword bool
	// Hash is SHA1(SHA1(password)), which mysql_native_password stores; known if HasHash says so. Nobody can log in with it, but from it and a
	// client's answer what is needed for that can be learned.
	Hash    [20]byte
	HasHash bool
	Trust   Trust // whom the password may be given to
}

// String tells what is known, without any secret.
func (a Account) String() string {
	switch {
	case a.HasPassword:
		return "password"
	case a.HasHash:
		return "hash"
	}
	return "nothing"
}

// Format implements [fmt.Formatter]: no verb shows a secret.
func (a Account) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(a.String())) }

// LogValue implements [slog.LogValuer].
func (a Account) LogValue() slog.Value { return slog.StringValue(a.String()) }

// Challenge is what a client was asked last, and what it answered: what a credential is proved by, or learned from.
type Challenge struct {
	Plugin string
	Salt   []byte
	Answer []byte
}

// Empty reports whether the answer is that of an account without a password: nothing, or a lone NUL, by which libmysqlclient says it to
// caching_sha2_password and mysql_clear_password. Of other plugins' answers nothing is known.
func (c *Challenge) Empty() bool {
	switch c.Plugin {
	case wire.PluginNativePassword:
		return len(c.Answer) == 0
	case wire.PluginCachingSHA2Password, wire.PluginClearPassword:
		return len(c.Answer) == 0 || len(c.Answer) == 1 && c.Answer[0] == 0
	}
	return false
}

// Prove returns the credential that a is good for if the answer proves that the client knows it too; nil otherwise. It lets nobody in: with
// the credential Segue asks a server.
func (c *Challenge) Prove(a *Account) *Credential {
	switch {
	case a == nil:
	case c.Empty():
		if a.HasPassword && a.Password == "" {
			return &Credential{kind: CredentialEmpty}
		}
	case c.Plugin == wire.PluginNativePassword:
		return c.proveNative(a)
	case c.Plugin == wire.PluginCachingSHA2Password && a.HasPassword:
		if wire.VerifyCachingSHA2(c.Salt, []byte(a.Password), c.Answer) {
			return Password(a.Password).Trusting(a.Trust)
		}
	}
	return nil
}

func (c *Challenge) proveNative(a *Account) *Credential {
	hash := a.Hash
	switch {
	case a.HasPassword:
		secret := wire.NativeSecret([]byte(a.Password))
		hash = wire.NativeSecret(secret[:])
	case !a.HasHash:
		return nil
	}
	secret, ok := wire.NativeRecover(c.Salt, hash, c.Answer)
	switch {
	case !ok:
		return nil
	case a.HasPassword:
		return Password(a.Password).Trusting(a.Trust)
	}
	return Native(secret)
}

// Said returns the credential that the answer itself is, if the client sent its password in clear; nil otherwise.
func (c *Challenge) Said() *Credential {
	if c.Plugin != wire.PluginClearPassword || c.Empty() {
		return nil
	}
	return Password(strings.TrimSuffix(string(c.Answer), "\x00")).InClear()
}

// Learn returns the credential of a client that a server has let in after this challenge; nil if there is none.
func (c *Challenge) Learn(a *Account) *Credential {
	if c.Empty() {
		return &Credential{kind: CredentialEmpty}
	}
	if said := c.Said(); said != nil {
		return said
	}
	return c.Prove(a)
}

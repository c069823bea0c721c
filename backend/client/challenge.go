package client

import (
	"bytes"
	"crypto/subtle"
	"fmt"
	"log/slog"
	"sync/atomic"

	"segue/backend/scramble"
	"segue/backend/wire"
)

// Account is what the operator says of an account's password. One that [NewAccount] has made has the same credential for all who prove that they know it.
type Account struct {
	// Password is known if HasPassword says so; it may be empty.
	Password    string
	HasPassword bool
	// Hash is SHA1(SHA1(password)), which mysql_native_password stores; known if HasHash says so. Nobody can log in with it, but from it and a
	// client's answer what is needed for that can be learned.
	Hash    [20]byte
	HasHash bool
	Trust   Trust // whom the password may be given to
	// Requires is what the connection of a client has to be like; see [Requirement].
	Requires Requirement

	own     *Credential                 // that Password makes; nil: it is made for each
	learned *atomic.Pointer[Credential] // that was learned last from Hash; nil: it is not kept
}

// NewAccount completes what is said of an account.
func NewAccount(a Account) *Account {
	if a.own, a.learned = nil, new(atomic.Pointer[Credential]); a.HasPassword {
		a.own = a.Credential()
	}
	return &a
}

// Credential is what the password makes; nil if it is not known.
func (a *Account) Credential() *Credential {
	switch {
	case !a.HasPassword:
		return nil
	case a.own != nil:
		return a.own
	}
	return Password(a.Password).Trusting(a.Trust)
}

// native is the credential for what has been learned from Hash: the same as the last time, as a rule.
func (a *Account) native(secret [20]byte) *Credential {
	if a.learned == nil {
		return Native(secret)
	}
	c := a.learned.Load()
	if c == nil || c.native != secret {
		c = Native(secret)
		a.learned.Store(c)
	}
	return c
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
	Over   Transport // what the client said it over
}

// Empty reports whether the answer is that of an account without a password: nothing, or a lone NUL, by which libmysqlclient says it to
// caching_sha2_password and mysql_clear_password. Of other plugins' answers nothing is known.
func (c *Challenge) Empty() bool {
	switch c.Plugin {
	case wire.PluginNativePassword:
		return len(c.Answer) == 0
	case wire.PluginSHA256Password:
		return len(c.Answer) == 1 && c.Answer[0] == 0
	case wire.PluginCachingSHA2Password, wire.PluginTiDBSM3Password, wire.PluginClearPassword:
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
			return a.Credential()
		}
	case c.Plugin == wire.PluginNativePassword:
		return c.proveNative(a)
	case c.Plugin == wire.PluginCachingSHA2Password && a.HasPassword:
		if wire.VerifyCachingSHA2(c.Salt, []byte(a.Password), c.Answer) {
			return a.Credential()
		}
	case c.Plugin == wire.PluginTiDBSM3Password && a.HasPassword:
		if scramble.VerifyTiDBSM3(c.Salt, []byte(a.Password), c.Answer) {
			return a.Credential()
		}
	case c.Plugin == wire.PluginEd25519 && a.HasPassword && a.Password != "":
		if subtle.ConstantTimeCompare(scramble.Ed25519(c.Salt, []byte(a.Password)), c.Answer) == 1 {
			return a.Credential()
		}
	default:
		if said, ok := c.whole(); ok && c.Over.Safe() && a.HasPassword && a.Password != "" && subtle.ConstantTimeCompare(said, []byte(a.Password)) == 1 {
			return a.Credential()
		}
	}
	return nil
}

// whole is the password that the answer itself is; false if it is none, or is encrypted.
func (c *Challenge) whole() (password []byte, ok bool) {
	switch {
	case c.Plugin == wire.PluginClearPassword && len(c.Answer) > 0: // clients that leave out the NUL have been seen
		return bytes.TrimSuffix(c.Answer, []byte{0}), true
	case c.Plugin == wire.PluginSHA256Password && c.Over == TLS:
		return wire.SaidWhole(c.Answer)
	}
	return nil, false
}

func (c *Challenge) proveNative(a *Account) *Credential {
	hash := a.Hash
	switch {
	case a.HasPassword && a.Password == "": // an empty answer proves that
		return nil
	case a.HasPassword:
		own := a.Credential().native
		hash = wire.NativeSecret(own[:])
	case !a.HasHash:
		return nil
	}
	secret, ok := wire.NativeRecover(c.Salt, hash, c.Answer)
	switch {
	case !ok:
		return nil
	case a.HasPassword:
		return a.Credential()
	}
	return a.native(secret)
}

// Said returns the credential that the answer itself is, if the client sent its password in clear, or a token; nil otherwise. One that others could read on its
// way is [Credential.InClear].
func (c *Challenge) Said() *Credential {
	if c.Empty() {
		return nil
	}
	if c.Plugin == wire.PluginOpenIDConnect && len(c.Answer) > 0 {
		return Bearer(c.Answer)
	}
	password, ok := c.whole()
	switch {
	case !ok:
		return nil
	case c.Over.Safe():
		return Password(string(password))
	}
	return Password(string(password)).InClear()
}

// SaidWhole is the credential of a client that has answered to the full authentication of caching_sha2_password or tidb_sm3_password, inside TLS or by a UNIX
// socket: with its password. It is to be believed once a server has let the client in by it. nil: the answer is no password.
func SaidWhole(answer []byte) *Credential {
	password, ok := wire.SaidWhole(answer)
	if !ok || len(password) == 0 {
		return nil
	}
	return Password(string(password))
}

// Learn returns the credential of a client that a server has let in after this challenge; nil if there is none.
func (c *Challenge) Learn(a *Account) *Credential {
	if c.Empty() {
		return emptyPassword
	}
	if said := c.Said(); said != nil {
		return said
	}
	return c.Prove(a)
}

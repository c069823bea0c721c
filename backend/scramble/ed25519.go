package scramble

import (
	"crypto/sha512"

	"filippo.io/edwards25519"
)

// Ed25519SaltLen is the length of the salt of client_ed25519 and of parsec. It ends in no NUL.
const Ed25519SaltLen = 32

// Ed25519 is the answer of client_ed25519 to a salt: a signature as of RFC 8032, but for the secret scalar and the prefix, which are made from SHA512(password) in
// place of SHA512(seed), so that a password of any length does.
//
// https://mariadb.com/kb/en/connection/#client_ed25519-plugin; plugin/auth_ed25519/ref10/sign.c in MariaDB's source
func Ed25519(salt, password []byte) []byte {
	h := sha512.Sum512(password)
	secret, _ := edwards25519.NewScalar().SetBytesWithClamping(h[:32]) // fails for another length alone
	public := new(edwards25519.Point).ScalarBaseMult(secret).Bytes()
	nonce := uniform(h[32:], salt)
	begins := new(edwards25519.Point).ScalarBaseMult(nonce).Bytes()
	ends := uniform(begins, public, salt)
	return append(begins, ends.MultiplyAdd(ends, secret, nonce).Bytes()...)
}

// uniform is SHA512 of parts, as a scalar.
func uniform(parts ...[]byte) *edwards25519.Scalar {
	h := sha512.New()
	for _, p := range parts {
		h.Write(p)
	}
	s, _ := edwards25519.NewScalar().SetUniformBytes(h.Sum(nil)) // fails for another length alone
	return s
}

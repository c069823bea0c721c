package wire

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
)

// What caching_sha2_password says in an AuthMoreData, and what the client may ask for.
//
// https://dev.mysql.com/doc/dev/mysql-server/latest/page_caching_sha2_authentication_exchanges.html
const (
	SHA2FastSuccess = 0x03 // fast_auth_success: the server had the password in its cache; OK follows
	SHA2FullAuth    = 0x04 // perform_full_authentication: it had not, and wants the password itself
	SHA2RequestKey  = 0x02 // request_public_key, from the client
)

// CachingSHA2Password returns the first answer of caching_sha2_password:
// SHA256(password) XOR SHA256(SHA256(SHA256(password)), salt); nil for an empty password.
// Only the first [SaltLen] bytes of salt count.
func CachingSHA2Password(salt, password []byte) []byte {
	if len(password) == 0 {
		return nil
	}
	stage1 := sha256.Sum256(password)
	stage2 := sha256.Sum256(stage1[:])
	h := sha256.New()
	h.Write(stage2[:])
	h.Write(salt[:min(len(salt), SaltLen)])
	answer := h.Sum(nil)
	for i := range answer {
		answer[i] ^= stage1[i]
	}
	return answer
}

// VerifyCachingSHA2 reports whether answer is the first answer of caching_sha2_password to salt by who knows the password.
// There is none for an empty password.
func VerifyCachingSHA2(salt, password, answer []byte) bool {
	want := CachingSHA2Password(salt, password)
	return want != nil && subtle.ConstantTimeCompare(want, answer) == 1
}

// maxKey bounds the bits of a server's key: what it takes to encrypt by one grows with the square of that, and no deadline ends it.
const maxKey = 16 << 10

var errPublicKey = errors.New("the server's public key")

// EncryptPassword encrypts a password for sha256_password and for the full authentication of caching_sha2_password: with its NUL, XORed with the
// salt, by the server's RSA key, as PEM. That keeps it from those who listen; where the key is what the server has just sent, somebody who
// answers in its place could learn it.
func EncryptPassword(password, salt, publicPEM []byte) ([]byte, error) {
	key, err := parsePublicKey(publicPEM)
	if err != nil {
		return nil, err
	}
	if len(salt) == 0 {
		return nil, errors.New("the server sent no salt")
	}
	plain := append(clone(password), 0)
	for i := range plain {
		plain[i] ^= salt[i%len(salt)]
	}
	encrypted, err := rsa.EncryptOAEP(sha1.New(), rand.Reader, key, plain, nil)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errPublicKey, err)
	}
	return encrypted, nil
}

// CheckPublicKey says what keeps a PEM from being the key that EncryptPassword needs.
func CheckPublicKey(publicPEM []byte) error {
	_, err := parsePublicKey(publicPEM)
	return err
}

func parsePublicKey(publicPEM []byte) (*rsa.PublicKey, error) {
	block, _ := pem.Decode(publicPEM)
	if block == nil {
		return nil, fmt.Errorf("%w is no PEM", errPublicKey)
	}
	parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errPublicKey, err)
	}
	key, ok := parsed.(*rsa.PublicKey)
	if !ok {
		return nil, fmt.Errorf("%w is not RSA", errPublicKey)
	}
	if n := key.N.BitLen(); n > maxKey {
		return nil, fmt.Errorf("%w has %d bits, and may have %d", errPublicKey, n, maxKey)
	}
	return key, nil
}

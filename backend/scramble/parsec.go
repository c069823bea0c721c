package scramble

import (
	"crypto/ed25519"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha512"
	"errors"
)

// maxParsecFactor bounds the work that a server may ask for: 1024 << 3 rounds, as MariaDB's own clients do.
const maxParsecFactor = 3

var errParsecSalt = errors.New("parsec: the extended salt is none: not PBKDF2, or of too many rounds")

// IsParsecSalt reports whether a server's message is the extended salt of parsec: what it says to an empty answer.
func IsParsecSalt(message []byte) bool { return len(message) >= 2 && message[0] == 'P' }

// Parsec is the answer of parsec to the salt of the AuthSwitchRequest and the extended salt, which is 'P', a factor, and the account's own salt: a scramble
// of the client's, and by the key that PBKDF2 makes from the password an Ed25519 signature of both. Two answers are never the same.
//
// https://mariadb.com/docs/server/reference/clientserver-protocol/1-connecting/connection#parsec-plugin
func Parsec(salt, extended, password []byte) ([]byte, error) {
	if !IsParsecSalt(extended) || extended[1] > maxParsecFactor || len(salt) != Ed25519SaltLen {
		return nil, errParsecSalt
	}
	seed, err := pbkdf2.Key(sha512.New, string(password), extended[2:], 1024<<extended[1], ed25519.SeedSize)
	if err != nil {
		return nil, err
	}
	answer := make([]byte, Ed25519SaltLen, Ed25519SaltLen+ed25519.SignatureSize)
	_, _ = rand.Read(answer) // never fails
	signed := append(append([]byte(nil), salt...), answer...)
	return append(answer, ed25519.Sign(ed25519.NewKeyFromSeed(seed), signed)...), nil
}

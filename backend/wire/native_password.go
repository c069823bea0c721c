package wire

import (
	"crypto/sha1"
	"crypto/subtle"
)

// NativeSecret returns SHA1(password): all that mysql_native_password ever needs of a password.
func NativeSecret(password []byte) [sha1.Size]byte { return sha1.Sum(password) }

// NativePassword returns the answer of mysql_native_password; nil for an empty password.
// Only the first [SaltLen] bytes of salt count.
func NativePassword(salt, password []byte) []byte {
	if len(password) == 0 {
		return nil
	}
	return NativeAnswer(salt, NativeSecret(password))
}

// NativeAnswer returns the answer of mysql_native_password for a secret, which is SHA1(password):
// secret XOR SHA1(salt, SHA1(secret)). Only the first [SaltLen] bytes of salt count.
//
// https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_connection_phase_authentication_methods_native_password_authentication.html
func NativeAnswer(salt []byte, secret [sha1.Size]byte) []byte {
	mask := nativeMask(salt, sha1.Sum(secret[:]))
	for i := range mask {
		mask[i] ^= secret[i]
	}
	return mask[:]
}

// NativeRecover recovers the secret, SHA1(password), from an answer to salt and from the hash that the server stores,
// SHA1(SHA1(password)). It reports false if the answer is not that of the password with this hash.
func NativeRecover(salt []byte, hash [sha1.Size]byte, answer []byte) (secret [sha1.Size]byte, ok bool) {
	if len(answer) != sha1.Size {
		return secret, false
	}
	secret = nativeMask(salt, hash)
	for i := range secret {
		secret[i] ^= answer[i]
	}
	if proof := sha1.Sum(secret[:]); subtle.ConstantTimeCompare(proof[:], hash[:]) != 1 {
		return [sha1.Size]byte{}, false
	}
	return secret, true
}

// nativeMask is what an answer hides the secret behind.
func nativeMask(salt []byte, hash [sha1.Size]byte) (mask [sha1.Size]byte) {
	h := sha1.New()
	h.Write(salt[:min(len(salt), SaltLen)])
	h.Write(hash[:])
	h.Sum(mask[:0])
	return mask
}

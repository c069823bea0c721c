package scramble

import (
	"bytes"
	"crypto/ed25519"
	"testing"
)

// The keys are what Python's hashlib.pbkdf2_hmac and OpenSSL make of the password: see the server's side in plugin/auth_parsec of MariaDB's source.
func TestParsec(t *testing.T) {
	salt := bytes.Repeat([]byte("A"), Ed25519SaltLen)
	extended := append([]byte("P\x00"), "SSSSSSSSSSSSSSSSSS"...)
	for factor, public := range map[byte][]byte{
		0: unhex(t, "103ce3730ff0ae36b491b28771fd413de87b2410dda826da51c819bc8d2737e8"),
		3: unhex(t, "3cb33cda11c75968f59dbd19867282d5086205a7eda32e90a5b148a5500e2661"),
	} {
		extended[1] = factor
		a, err := Parsec(salt, extended, []byte("secret"))
		if err != nil || len(a) != 96 || !ed25519.Verify(public, append(bytes.Clone(salt), a[:32]...), a[32:]) {
			t.Errorf("factor %d: %x, %v", factor, a, err)
		}
		b, _ := Parsec(salt, extended, []byte("secret"))
		if bytes.Equal(a, b) {
			t.Error("two answers are the same")
		}
		if c, err := Parsec(salt, extended, []byte("Secret")); err != nil || ed25519.Verify(public, append(bytes.Clone(salt), c[:32]...), c[32:]) {
			t.Errorf("another password is as good: %v", err)
		}
	}
	for name, c := range map[string]struct{ salt, extended []byte }{
		"rounds": {salt, []byte("P\x04SSSSSSSSSSSSSSSSSS")}, "function": {salt, []byte("X\x00SSSS")}, "nothing": {salt, nil}, "short": {salt, []byte("P")},
		"salt": {salt[1:], extended},
	} {
		if a, err := Parsec(c.salt, c.extended, []byte("secret")); err == nil {
			t.Errorf("%s: %x", name, a)
		}
	}
}

// FuzzParsec: whatever a server sends, it ends soon.
func FuzzParsec(f *testing.F) {
	f.Add(bytes.Repeat([]byte("A"), Ed25519SaltLen), []byte("P\x00SSSSSSSSSSSSSSSSSS"))
	f.Add([]byte{}, []byte("P\xff"))
	f.Fuzz(func(t *testing.T, salt, extended []byte) {
		if a, err := Parsec(salt, extended, []byte("secret")); err == nil && (len(a) != 96 || extended[1] > 3) {
			t.Errorf("%x", a)
		}
	})
}

package wire_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"strings"
	"testing"

	"segue/backend/wire"
)

func unhex(t *testing.T, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The vectors are those of go-sql-driver/mysql, auth_test.go (TestScrambleSHA256Pass) and of its captures of native logins.
func TestScrambleVectors(t *testing.T) {
	salt := []byte{10, 47, 74, 111, 75, 73, 34, 48, 88, 76, 114, 74, 37, 13, 3, 80, 82, 2, 23, 21}
	for password, want := range map[string]string{
		"secret":  "f490e76f66d9d86665ce54d98c78d0acfe2fb0b08b423da807144873d30b312c",
		"secret2": "abc3934a012cf342e876071c8ee202de51785b430258a7a0138bc79c4d800bc6",
	} {
		if got := wire.CachingSHA2Password(salt, []byte(password)); hex.EncodeToString(got) != want {
			t.Errorf("caching_sha2_password of %q: %x, want %s", password, got, want)
		}
		if !wire.VerifyCachingSHA2(salt, []byte(password), unhex(t, want)) || wire.VerifyCachingSHA2(salt, []byte(password+"x"), unhex(t, want)) ||
			wire.VerifyCachingSHA2(salt[1:], []byte(password), unhex(t, want)) || wire.VerifyCachingSHA2(salt, []byte(password), unhex(t, want)[1:]) {
			t.Errorf("caching_sha2_password of %q is not told from others", password)
		}
	}
	if wire.CachingSHA2Password(salt, nil) != nil || wire.VerifyCachingSHA2(salt, nil, nil) || wire.NativePassword(salt, nil) != nil {
		t.Error("an empty password has an answer")
	}
	native := []byte{70, 114, 92, 94, 1, 38, 11, 116, 63, 114, 23, 101, 126, 103, 26, 95, 81, 17, 24, 21}
	want := []byte{53, 177, 140, 159, 251, 189, 127, 53, 109, 252, 172, 50, 211, 192, 240, 164, 26, 48, 207, 45}
	if got := wire.NativePassword(native, []byte("secret")); !bytes.Equal(got, want) {
		t.Errorf("mysql_native_password: %v, want %v", got, want)
	}
}

func TestNativeRecover(t *testing.T) {
	hash := [sha1.Size]byte(unhex(t, "14E65567ABDB5135D0CFD9A70B3032C179A49EE7")) // SELECT PASSWORD('secret')
	salt, other := []byte("ABCDEFGHIJKLMNOPQRST"), []byte("abcdefghijklmnopqrst")
	secret, ok := wire.NativeRecover(salt, hash, wire.NativePassword(salt, []byte("secret")))
	if !ok || secret != wire.NativeSecret([]byte("secret")) {
		t.Fatalf("recovered %x, %v", secret, ok)
	}
	if got := wire.NativeAnswer(other, secret); !bytes.Equal(got, wire.NativePassword(other, []byte("secret"))) {
		t.Errorf("the answer to another salt is %x", got)
	}
	for name, answer := range map[string][]byte{
		"another password": wire.NativePassword(salt, []byte("Secret")), "another salt": wire.NativePassword(other, []byte("secret")),
		"empty": nil, "short": wire.NativePassword(salt, []byte("secret"))[:19], "long": append(wire.NativePassword(salt, []byte("secret")), 0),
		"the hash itself": hash[:],
	} {
		if got, ok := wire.NativeRecover(salt, hash, answer); ok || got != [sha1.Size]byte{} {
			t.Errorf("%s: recovered %x, %v", name, got, ok)
		}
	}
}

func FuzzNativeRecover(f *testing.F) {
	f.Add([]byte("ABCDEFGHIJKLMNOPQRST"), []byte("secret"), []byte("answer"))
	f.Fuzz(func(t *testing.T, salt, password, answer []byte) {
		secret := wire.NativeSecret(password)
		hash := sha1.Sum(secret[:])
		if got, ok := wire.NativeRecover(salt, hash, wire.NativeAnswer(salt, secret)); !ok || got != secret {
			t.Errorf("recovered %x, %v, want %x", got, ok, secret)
		}
		if _, ok := wire.NativeRecover(salt, hash, answer); ok != bytes.Equal(answer, wire.NativeAnswer(salt, secret)) {
			t.Errorf("the answer %x counts as right: %v", answer, ok)
		}
	})
}

func TestEncryptPassword(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	salt := []byte("ABCDEFGHIJKLMNOPQRST")
	password := strings.Repeat("correct horse ", 3)
	encrypted, err := wire.EncryptPassword([]byte(password), salt, text)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := rsa.DecryptOAEP(sha1.New(), nil, key, encrypted, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range plain {
		plain[i] ^= salt[i%len(salt)]
	}
	if string(plain) != password+"\x00" {
		t.Errorf("the server reads %q", plain)
	}
	for name, c := range map[string]struct{ salt, key []byte }{
		"no key": {salt, nil}, "no PEM": {salt, der}, "no salt": {nil, text}, "no RSA": {salt, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: []byte("x")})},
	} {
		if _, err := wire.EncryptPassword([]byte(password), c.salt, c.key); err == nil || strings.Contains(err.Error(), "horse") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := wire.EncryptPassword(bytes.Repeat([]byte("x"), 300), salt, text); err == nil {
		t.Error("a password longer than the key is taken")
	}
}

func FuzzEncryptPassword(f *testing.F) {
	f.Add([]byte("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"), []byte("salt"))
	f.Add([]byte(nil), []byte(nil))
	f.Fuzz(func(t *testing.T, key, salt []byte) {
		if out, err := wire.EncryptPassword([]byte("correct horse"), salt, key); err == nil && bytes.Contains(out, []byte("correct horse")) {
			t.Error("the password is not encrypted")
		}
	})
}

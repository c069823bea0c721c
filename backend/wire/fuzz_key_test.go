package wire

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"math/big"
	"testing"
)

// publicKey is the PEM of an RSA key of this modulus and exponent, which may be none.
func publicKey(tb testing.TB, modulus []byte, exponent int64) []byte {
	tb.Helper()
	key, err := asn1.Marshal(struct{ N, E *big.Int }{new(big.Int).SetBytes(modulus), big.NewInt(exponent)})
	if err != nil {
		tb.Fatal(err)
	}
	der, err := asn1.Marshal(struct {
		Algorithm struct {
			ID         asn1.ObjectIdentifier
			Parameters asn1.RawValue
		}
		Key asn1.BitString
	}{struct {
		ID         asn1.ObjectIdentifier
		Parameters asn1.RawValue
	}{asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 1}, asn1.NullRawValue}, asn1.BitString{Bytes: key, BitLength: 8 * len(key)}})
	if err != nil {
		tb.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

// FuzzPublicKey: a password is encrypted for, or refused to, whatever a server sends as its key.
func FuzzPublicKey(f *testing.F) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		f.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), key.N.Bytes(), int64(key.E), []byte("12345678901234567890"))
	f.Add([]byte{}, []byte{0}, int64(0), []byte{1})
	f.Add([]byte{}, append(key.N.Bytes()[:255:255], 0), int64(65537), []byte{1}) // even
	f.Add([]byte{}, []byte{1}, int64(2), []byte{})
	f.Add([]byte{}, make([]byte, 4096), int64(-1), []byte{1})
	f.Fuzz(func(t *testing.T, raw, modulus []byte, exponent int64, salt []byte) {
		if len(modulus) > 8<<10 {
			return
		}
		for _, text := range [][]byte{raw, publicKey(t, modulus, exponent)} {
			if out, err := EncryptPassword([]byte("secret"), salt, text); err == nil && len(out) < len("secret")+1 {
				t.Fatalf("%d bytes", len(out))
			}
		}
	})
}

// A key as long as a message can be would take seconds.
func TestPublicKeyIsBounded(t *testing.T) {
	modulus := make([]byte, maxKey/8+1)
	modulus[0], modulus[len(modulus)-1] = 1, 1
	if _, err := EncryptPassword([]byte("secret"), []byte("salt"), publicKey(t, modulus, 65537)); !errors.Is(err, errPublicKey) {
		t.Errorf("%v", err)
	}
}

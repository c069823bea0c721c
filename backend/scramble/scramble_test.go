package scramble

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha512"
	"encoding/hex"
	"strings"
	"testing"

	"filippo.io/edwards25519"
)

func unhex(t *testing.T, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The vectors are those of GB/T 32905-2016, and of lengths around a block's, from OpenSSL.
func TestSM3(t *testing.T) {
	for text, want := range map[string]string{
		"abc":                      "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0",
		strings.Repeat("abcd", 16): "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732",
		"":                         "1ab21d8355cfa17f8e61194831e81a8f22bec8c728fefb747ed035eb5082aa2b",
		strings.Repeat("x", 55):    "ff8f8d58b95a1f90e39d96f739fa873eee33c0a80e59c7bbbf184eb7d9b1f112",
		strings.Repeat("x", 56):    "c4c1c6206d36c325e66ae5432948b26f04acff8dfc0ea2606a79d59b83a16d61",
		strings.Repeat("x", 63):    "b3ada6bc4838430afe100fb8b39ea65e13a556fb9a5f3699a7c541f8e3a07a93",
		strings.Repeat("x", 65):    "063cfef4083326d61866e4bc3283fca4823f4f771d82a95b76a668454bfb0d24",
		strings.Repeat("x", 119):   "ebeb591c289fe14873d297f6d2fc8c70e6ed03a2ff6e2240600eede2e8197bbf",
		strings.Repeat("x", 1000):  "f698c23cad9bf84f65509038c7000bc7ab60e7a1206cb4e4e21674952e3d028d",
	} {
		if got := sm3([]byte(text)); hex.EncodeToString(got[:]) != want {
			t.Errorf("SM3 of %d bytes: %x, want %s", len(text), got, want)
		}
	}
	if sm3([]byte("ab"), nil, []byte("c")) != sm3([]byte("abc")) {
		t.Error("parts count for more than what they hold")
	}
}

// The vector is MariaDB's own, plugin/auth_ed25519/ed25519-t.c.
func TestEd25519(t *testing.T) {
	want := unhex(t, "e83dc93f433f33355649ee23aa7592d61a11230908 84f58d3063423a24e4305473fe bba858a2f93923554feea76a44753887ab2f140e854f0fe57ca0b0648a0e")
	if got := Ed25519(bytes.Repeat([]byte("A"), Ed25519SaltLen), []byte("foobar")); !bytes.Equal(got, want) {
		t.Errorf("%x, want %x", got, want)
	}
}

// FuzzEd25519: what is signed is found right by the standard library, for whom a signature is one whichever way its secret was made.
func FuzzEd25519(f *testing.F) {
	f.Add([]byte("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"), []byte("foobar"))
	f.Add([]byte{}, []byte{})
	f.Fuzz(func(t *testing.T, salt, password []byte) {
		h := sha512.Sum512(password)
		public := publicOf(h[:32])
		answer := Ed25519(salt, password)
		if !ed25519.Verify(public, salt, answer) {
			t.Errorf("%x is no signature", answer)
		}
		if answer[0] ^= 1; ed25519.Verify(public, salt, answer) {
			t.Errorf("%x is a signature", answer)
		}
	})
}

func publicOf(secret []byte) []byte {
	s, _ := edwards25519.NewScalar().SetBytesWithClamping(secret)
	return new(edwards25519.Point).ScalarBaseMult(s).Bytes()
}

func TestTiDBSM3(t *testing.T) {
	salt := []byte("ABCDEFGHIJKLMNOPQRST")
	once := sm3([]byte("pw"))
	twice := sm3(once[:])
	mask := sm3(append(twice[:], salt...))
	got := TiDBSM3(append(salt, 0), []byte("pw"))
	for i := range mask {
		if got[i] != mask[i]^once[i] {
			t.Fatalf("%x", got)
		}
	}
	if !VerifyTiDBSM3(salt, []byte("pw"), got) || VerifyTiDBSM3(salt, []byte("pW"), got) || VerifyTiDBSM3(salt[1:], []byte("pw"), got) || VerifyTiDBSM3(salt, []byte("pw"), got[1:]) {
		t.Error("it is not told from others")
	}
	if TiDBSM3(salt, nil) != nil || VerifyTiDBSM3(salt, nil, nil) || VerifyTiDBSM3(salt, []byte("pw"), nil) {
		t.Error("an empty password has an answer")
	}
}

// FuzzTiDBSM3: one answer is right.
func FuzzTiDBSM3(f *testing.F) {
	f.Add([]byte("ABCDEFGHIJKLMNOPQRST"), []byte("secret"), []byte("answer"))
	f.Fuzz(func(t *testing.T, salt, password, answer []byte) {
		want := TiDBSM3(salt, password)
		if len(password) > 0 && !VerifyTiDBSM3(salt, password, want) {
			t.Error("the right answer counts as wrong")
		}
		if VerifyTiDBSM3(salt, password, answer) != (len(password) > 0 && bytes.Equal(answer, want)) {
			t.Errorf("the answer %x counts otherwise", answer)
		}
	})
}

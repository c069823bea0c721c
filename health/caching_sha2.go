package health

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"fmt"

	"segue/proxy/wire"
)

// What caching_sha2_password says in an AuthMoreData, and what the client may ask for.
//
// https://dev.mysql.com/doc/dev/mysql-server/latest/page_caching_sha2_authentication_exchanges.html
const (
	sha2FastSuccess = 0x03 // the server had the password in its cache; OK follows
	sha2FullAuth    = 0x04 // it had not: it wants the password itself
	sha2RequestKey  = 0x02 // client: send me your public key
)

// cachingSHA2 is the client's first answer:
// SHA256(password) XOR SHA256(SHA256(SHA256(password)), salt); nil for an empty password.
func cachingSHA2(salt []byte, password string) []byte {
	if password == "" {
		return nil
	}
	stage1 := sha256.Sum256([]byte(password))
	stage2 := sha256.Sum256(stage1[:])
	h := sha256.New()
	h.Write(stage2[:])
	h.Write(salt[:min(len(salt), wire.SaltLen)])
	answer := h.Sum(nil)
	for i := range answer {
		answer[i] ^= stage1[i]
	}
	return answer
}

// more deals with an AuthMoreData. The full authentication sends the password encrypted with the server's public key.
// That keeps it from those who listen; somebody who answers in the server's place could learn it. The probing user
// therefore should have no privilege.
func (l *login) more(data []byte, seq uint8) error {
	switch {
	case l.plugin != wire.PluginCachingSHA2Password:
		return fmt.Errorf("%w: %s has more to say", errPlugin, short(l.plugin))
	case len(data) == 1 && data[0] == sha2FastSuccess:
		return nil
	case len(data) == 1 && data[0] == sha2FullAuth:
		return l.send(seq, []byte{sha2RequestKey})
	}
	encrypted, err := encryptPassword(l.password, l.salt, data)
	if err != nil {
		return err
	}
	return l.send(seq, encrypted)
}

// encryptPassword encrypts the password and its NUL, XORed with the salt, by the public key that the server sent as PEM.
func encryptPassword(password string, salt, publicPEM []byte) ([]byte, error) {
	block, _ := pem.Decode(publicPEM)
	if block == nil {
		return nil, fmt.Errorf("%w: the server's public key is no PEM", errPlugin)
	}
	parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%w: the server's public key: %w", errPlugin, err)
	}
	key, ok := parsed.(*rsa.PublicKey)
	if !ok || len(salt) == 0 {
		return nil, fmt.Errorf("%w: the server's public key is not RSA, or it sent no salt", errPlugin)
	}
	plain := append([]byte(password), 0)
	for i := range plain {
		plain[i] ^= salt[i%len(salt)]
	}
	encrypted, err := rsa.EncryptOAEP(sha1.New(), rand.Reader, key, plain, nil)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errPlugin, err)
	}
	return encrypted, nil
}

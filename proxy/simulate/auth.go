package simulate

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"encoding/pem"
	"sync"

	proto "segue/backend/wire"
)

// Authentication: mysql_native_password and, where SHA2 is played, caching_sha2_password; of a login and of a COM_CHANGE_USER.

// plugin is that of all accounts.
func (w *World) plugin() string {
	if w.plays(SHA2) {
		return proto.PluginCachingSHA2Password
	}
	return proto.PluginNativePassword
}

// answerTo is what somebody with a password answers to a salt.
func answerTo(plugin string, salt []byte, password string) []byte {
	if plugin == proto.PluginCachingSHA2Password {
		return proto.CachingSHA2Password(salt, []byte(password))
	}
	return proto.NativePassword(salt, []byte(password))
}

// password is that of the user who proves to be one, here.
func (b *backConn) password() (password string, known bool) {
	if b.s.other[b.user] {
		return "another", true
	}
	password, known = passwords[b.user]
	return password, known
}

// examine begins to find out if it is the user. done is called once.
func (b *backConn) examine(plugin string, answer []byte, done func(ok bool)) {
	want := b.s.w.plugin()
	if plugin == want {
		b.weigh(answer, done)
		return
	}
	b.exam = func(answer []byte) { b.weigh(answer, done) }
	for i := range b.salt { // another one
		b.salt[i] = b.salt[i]%120 + 1
	}
	b.says(proto.NewAuthSwitchRequest(want, b.salt).Append(nil))
	b.work()
}

// says sends a message of the authentication.
func (b *backConn) says(payload []byte) {
	var packet []byte
	packet, b.seq = proto.AppendPacket(nil, b.seq, payload)
	b.send(packet, false)
}

// examined takes the client's next message.
func (b *backConn) examined(payload []byte) {
	exam := b.exam
	b.exam = nil
	exam(payload)
}

// weigh takes the answer to the salt.
func (b *backConn) weigh(answer []byte, done func(ok bool)) {
	password, known := b.password()
	plugin := b.s.w.plugin()
	right := known && bytes.Equal(answer, answerTo(plugin, b.salt, password))
	switch {
	case plugin == proto.PluginNativePassword:
		done(right)
	case right && b.s.knows[b.user]:
		b.says([]byte{1, proto.SHA2FastSuccess})
		done(true)
	default:
		b.exam = func(request []byte) { b.givesKey(request, done) }
		b.says([]byte{1, proto.SHA2FullAuth})
		b.work()
	}
}

// givesKey takes what the client says to a request for the password itself.
func (b *backConn) givesKey(request []byte, done func(ok bool)) {
	if len(request) != 1 || request[0] != proto.SHA2RequestKey {
		if password, known := b.password(); known && bytes.Contains(request, []byte(password)) {
			b.s.w.fail("%s is sent a password in the clear", b.name)
		}
		done(false)
		return
	}
	b.exam = func(encrypted []byte) { done(b.decrypts(encrypted)) }
	b.says(append([]byte{1}, key().pem...))
	b.work()
}

func (b *backConn) decrypts(encrypted []byte) bool {
	plain, err := rsa.DecryptOAEP(sha1.New(), nil, key().RSA, encrypted, nil)
	if err != nil {
		return false
	}
	for i := range plain {
		plain[i] ^= b.salt[i%len(b.salt)]
	}
	password, known := b.password()
	if !known || string(plain) != password+"\x00" {
		return false
	}
	b.s.knows[b.user] = true
	return true
}

// keyPair is a server's.
type keyPair struct {
	RSA *rsa.PrivateKey
	pem []byte
}

// key is that of all servers. Nothing depends on which it is.
var key = sync.OnceValue(func() *keyPair {
	private, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		panic(err)
	}
	public, err := x509.MarshalPKIXPublicKey(&private.PublicKey)
	if err != nil {
		panic(err)
	}
	return &keyPair{private, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})}
})

// What the client does.

// proves is its answer to a salt, by which it is asked for from now on.
func (c *client) proves(user, plugin string, salt []byte) []byte {
	c.plugin, c.salt = plugin, salt
	return answerTo(plugin, salt, passwords[user])
}

// told takes an AuthMoreData, and returns what there is to be said; nil: nothing.
func (c *client) told(user string, data []byte) []byte {
	switch {
	case c.plugin != proto.PluginCachingSHA2Password || len(data) == 0:
		c.fail("it is told %x in the authentication, which is none of %s", data, c.plugin)
	case data[0] == proto.SHA2FastSuccess:
	case data[0] == proto.SHA2FullAuth:
		return []byte{proto.SHA2RequestKey}
	default:
		encrypted, err := proto.EncryptPassword([]byte(passwords[user]), c.salt, data)
		if err != nil {
			c.fail("it is given no key: %v", err)
		}
		return encrypted
	}
	return nil
}

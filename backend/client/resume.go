package client

import (
	"crypto/sha1"

	"segue/backend/wire"
)

// Secures reports whether TLS is to be put on the connection, if the server offers it.
func (v Via) Secures() bool { return v.secures() }

// ResumeLogin goes on with a login on the server that has greeted with g, which somebody else has begun as hello says: the server has asked for the plugin last, by the
// salt, and Answer takes what it asks for now.
func ResumeLogin(cred *Credential, g *wire.HandshakeV10, hello *wire.HandshakeResponse41, over Transport, plugin string, salt []byte) Login {
	return Login{
		cred: cred, hello: hello, caps: g.Capabilities & hello.Capabilities, ext: g.ExtCapabilities & hello.ExtCapabilities(),
		plugin: plugin, salt: salt, over: over,
	}
}

// NativeHash is SHA1(SHA1(password)), which mysql_native_password stores; false if the password is empty, or not known.
func (c *Credential) NativeHash() (hash [sha1.Size]byte, ok bool) {
	if c == nil || c.kind != CredentialNative && c.kind != CredentialPassword {
		return hash, false
	}
	return sha1.Sum(c.native[:]), true
}

// String names the transport.
func (t Transport) String() string {
	switch t {
	case TLS:
		return "tls"
	case UnixSocket:
		return "unix"
	default:
		return "tcp"
	}
}

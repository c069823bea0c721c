// Package secure says how a connection to a backend is secured: TLS in the words of MySQL's clients (--ssl-mode), with the certificates that are
// asked for and shown. It reads no file and opens no connection: a [Policy] is made of what the files hold, and gives a [crypto/tls.Config].
package secure

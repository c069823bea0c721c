package client

// Trust says to whom a password may be given that a server wants whole: in the full authentication of caching_sha2_password, which is due as long as the
// server does not have it in its cache. It is encrypted on the way, by the server's RSA key. The zero value trusts nobody.
type Trust struct {
	// Key is that key, as PEM, known from elsewhere: nobody but the server can make use of what is encrypted by it.
	Key string
	// AnyKey asks whoever answers for a key. It keeps the password from those who listen, and gives it to whoever answers in the server's place.
	AnyKey bool
}
